/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "server/fanout/fanout.h"

enum { SYMBOLS = 400, TOPICS = 60 };

static struct fanout *make(void)
{
    static struct fanout fanout;
    struct fanout_config config = {.subscribers_max = 1,
                                   .symbols_max = SYMBOLS,
                                   .pairs_max = 16,
                                   .holds_max = 16,
                                   .queue_frames_max = 4,
                                   .queue_bytes_max = 4096,
                                   .control_bytes_max = 4096,
                                   .control_budget = 4096,
                                   .arena_bytes = 65536,
                                   .arena_frames = 16,
                                   .history_ticks = 16};
    assert_int_equal(fanout_init(&fanout, &config), 0);
    return &fanout;
}

static void add(struct fanout *fanout, const char *name)
{
    fanout_symbol(fanout, fanout->symbols_count, name, (uint32_t)strlen(name));
}

static struct name_range find(struct fanout *fanout, const char *text)
{
    return names_matching(fanout, text, strlen(text));
}

static void a_name_finds_its_symbol_and_no_other(void **state)
{
    (void)state;
    struct fanout *fanout = make();
    assert_int_equal(find(fanout, "A").count, 0);
    assert_int_equal(find(fanout, "*").count, 0);
    add(fanout, "BTC-USD");
    add(fanout, "BTC");
    add(fanout, "AAPL");
    struct name_range range = find(fanout, "BTC");
    assert_int_equal(range.count, 1);
    assert_int_equal(range.symbols[0], 1);
    assert_int_equal(find(fanout, "BT").count, 0);
    assert_int_equal(find(fanout, "BTC-").count, 0);
    assert_int_equal(find(fanout, "ZZ").count, 0);
    fanout_finish(fanout);
}

static void a_pattern_finds_what_begins_with_it_by_name(void **state)
{
    (void)state;
    struct fanout *fanout = make();
    add(fanout, "BTC-USD");
    add(fanout, "BTC");
    add(fanout, "BTA");
    add(fanout, "BTC-\xc3\xa9");
    add(fanout, "BTD");
    struct name_range range = find(fanout, "BTC*");
    assert_int_equal(range.count, 3);
    assert_int_equal(range.symbols[0], 1);
    assert_int_equal(range.symbols[1], 0);
    assert_int_equal(range.symbols[2], 3); /* bytes of more than 127 are the last */
    assert_int_equal(find(fanout, "*").count, 5);
    assert_int_equal(find(fanout, "BTC-USD*").count, 1);
    assert_int_equal(find(fanout, "BTC-USDT*").count, 0);
    fanout_finish(fanout);
}

/* Few letters, so that names begin alike. */
static void random_text(char *text, int longest)
{
    int len = 1 + rand() % longest;
    for (int i = 0; i < len; i++)
        text[i] = "AB-\x7f\x80\xff"[rand() % 6];
    text[len] = 0;
}

static bool is_known(const struct fanout *fanout, const char *name)
{
    for (uint32_t i = 0; i < fanout->symbols_count; i++)
        if (fanout->symbols[i].len == strlen(name) &&
            memcmp(fanout->symbols[i].name, name, strlen(name)) == 0)
            return true;
    return false;
}

static void check(struct fanout *fanout, const char *text)
{
    struct topic topic = {.len = (uint8_t)strlen(text)};
    memcpy(topic.text, text, topic.len);
    bool found[SYMBOLS] = {false};
    struct name_range range = find(fanout, text);
    for (uint32_t i = 0; i < range.count; i++) {
        assert_false(found[range.symbols[i]]);
        found[range.symbols[i]] = true;
    }
    for (uint32_t i = 0; i < fanout->symbols_count; i++)
        assert_int_equal(found[i],
                         topic_matches(&topic, fanout->symbols[i].name, fanout->symbols[i].len));
}

static void whatever_symbols_come_and_whenever_it_finds_what_a_walk_finds(void **state)
{
    (void)state;
    srand(20261128);
    struct fanout *fanout = make();
    while (fanout->symbols_count < SYMBOLS) {
        for (int come = rand() % 40; come > 0 && fanout->symbols_count < SYMBOLS; come--) {
            char name[16];
            random_text(name, 7);
            if (!is_known(fanout, name))
                add(fanout, name);
        }
        for (int i = 0; i < TOPICS; i++) {
            char text[16];
            random_text(text, 6);
            if (rand() % 2)
                strcat(text, "*");
            check(fanout, text);
        }
        check(fanout, "*");
    }
    fanout_finish(fanout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_finds_its_symbol_and_no_other),
        cmocka_unit_test(a_pattern_finds_what_begins_with_it_by_name),
        cmocka_unit_test(whatever_symbols_come_and_whenever_it_finds_what_a_walk_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
