/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "server/fanout/topics.h"

enum { SUBSCRIBERS = 6, HOLDS = 40 };

struct scene {
    struct topics topics;
    uint32_t lists[SUBSCRIBERS];
};

static void scene_init(struct scene *scene, uint32_t holds)
{
    assert_int_equal(topics_init(&scene->topics, holds), 0);
    memset(scene->lists, 0xff, sizeof scene->lists);
}

static uint32_t hold(struct scene *scene, uint32_t subscriber, const char *text, bool snapshot)
{
    const struct terms terms = {.snapshot = snapshot};
    return topics_hold(&scene->topics, &scene->lists[subscriber], subscriber, text, strlen(text),
                       terms);
}

static uint32_t find(const struct scene *scene, uint32_t subscriber, const char *text)
{
    return topics_find(&scene->topics, subscriber, text, strlen(text));
}

static void release(struct scene *scene, uint32_t subscriber, const char *text)
{
    uint32_t index = find(scene, subscriber, text);
    assert_int_not_equal(index, TOPIC_NONE);
    topics_release(&scene->topics, &scene->lists[subscriber], index);
}

/* How often each subscriber is found for a symbol. */
struct takers {
    uint32_t times[SUBSCRIBERS];
    uint32_t snapshots;
};

static void take(void *arg, const struct hold *hold)
{
    struct takers *takers = arg;
    takers->times[hold->subscriber]++;
    takers->snapshots += hold->terms.snapshot;
}

static struct takers takers_of(const struct scene *scene, const char *symbol)
{
    struct takers takers = {0};
    topics_each_matching(&scene->topics, symbol, strlen(symbol), take, &takers);
    return takers;
}

static bool matches(const char *text, const char *symbol)
{
    struct topic topic = {.len = (uint8_t)strlen(text)};
    memcpy(topic.text, text, topic.len);
    return topic_matches(&topic, symbol, strlen(symbol));
}

static void a_symbol_matches_itself_only(void **state)
{
    (void)state;
    assert_true(matches("BTC-USD", "BTC-USD"));
    assert_false(matches("BTC-USD", "BTC-USDT"));
    assert_false(matches("BTC-USD", "BTC-US"));
    assert_false(matches("BTC-USD", "btc-usd"));
}

static void a_prefix_matches_what_begins_with_it(void **state)
{
    (void)state;
    assert_true(matches("BTC-*", "BTC-USD"));
    assert_true(matches("BTC-*", "BTC-"));
    assert_false(matches("BTC-*", "BTC"));
    assert_false(matches("BTC-*", "ETH-USD"));
}

static void a_star_matches_all(void **state)
{
    (void)state;
    assert_true(matches("*", "A"));
    assert_true(matches("*", "01234567890123456789012345678901"));
}

static void a_new_symbol_finds_all_who_wait_for_it(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HOLDS);
    hold(&scene, 0, "BTC-USD", true);
    hold(&scene, 1, "BTC-*", false);
    hold(&scene, 2, "*", false);
    hold(&scene, 3, "BTC-USDT", false);
    hold(&scene, 4, "BTC-USD*", false);
    hold(&scene, 5, "ETH*", false);
    const struct takers takers = takers_of(&scene, "BTC-USD");
    const uint32_t expected[SUBSCRIBERS] = {1, 1, 1, 0, 1, 0};
    assert_memory_equal(takers.times, expected, sizeof expected);
    assert_int_equal(takers.snapshots, 1);
    topics_finish(&scene.topics);
}

static void one_with_overlapping_topics_is_found_for_each(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HOLDS);
    hold(&scene, 3, "*", false);
    hold(&scene, 3, "B*", false);
    hold(&scene, 3, "BTC", false);
    assert_int_equal(takers_of(&scene, "BTC").times[3], 3);
    assert_int_equal(takers_of(&scene, "BT").times[3], 2);
    assert_int_equal(takers_of(&scene, "A").times[3], 1);
    topics_finish(&scene.topics);
}

static void the_longest_symbol_and_pattern_are_kept_whole(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HOLDS);
    hold(&scene, 0, "ABCDEFGHIJABCDEFGHIJABCDEFGHIJ12", false);
    hold(&scene, 1, "ABCDEFGHIJABCDEFGHIJABCDEFGHIJ12*", false);
    const struct takers takers = takers_of(&scene, "ABCDEFGHIJABCDEFGHIJABCDEFGHIJ12");
    assert_int_equal(takers.times[0] + takers.times[1], 2);
    assert_int_not_equal(find(&scene, 1, "ABCDEFGHIJABCDEFGHIJABCDEFGHIJ12*"), TOPIC_NONE);
    topics_finish(&scene.topics);
}

static void one_subscriber_does_not_find_the_hold_of_another(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HOLDS);
    hold(&scene, 0, "A", false);
    assert_int_equal(find(&scene, 1, "A"), TOPIC_NONE);
    assert_int_equal(find(&scene, 0, "A*"), TOPIC_NONE);
    assert_int_not_equal(find(&scene, 0, "A"), TOPIC_NONE);
    assert_int_equal(find(&scene, 0, ""), TOPIC_NONE);
    topics_finish(&scene.topics);
}

static void a_released_hold_is_found_no_more_and_others_stay(void **state)
{
    (void)state;
    static const char *const texts[] = {"A", "B", "C"};
    for (int first = 0; first < 3; first++) {
        struct scene scene;
        scene_init(&scene, HOLDS);
        for (int i = 0; i < 3; i++) {
            hold(&scene, 0, texts[i], false);
            hold(&scene, (uint32_t)i, "X*", false);
        }
        release(&scene, 0, texts[first]);
        release(&scene, (uint32_t)first, "X*");
        for (int i = 0; i < 3; i++) {
            assert_int_equal(find(&scene, 0, texts[i]) == TOPIC_NONE, i == first);
            assert_int_equal(takers_of(&scene, "XY").times[i], i != first);
        }
        topics_finish(&scene.topics);
    }
}

static void a_full_pool_refuses_and_a_release_makes_room(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 3);
    hold(&scene, 0, "A", false);
    hold(&scene, 0, "B", false);
    hold(&scene, 1, "B", false);
    assert_int_equal(hold(&scene, 2, "A", false), TOPIC_NONE);
    assert_int_equal(hold(&scene, 2, "C", false), TOPIC_NONE);
    assert_int_equal(takers_of(&scene, "C").times[2], 0);
    release(&scene, 0, "A");
    assert_int_not_equal(hold(&scene, 2, "C", false), TOPIC_NONE);
    assert_int_equal(takers_of(&scene, "C").times[2], 1);
    assert_int_equal(scene.topics.holds_live, 3);
    topics_finish(&scene.topics);
}

/* A small world of texts, so that they collide, overlap, and are held by several. */
static void random_text(uint64_t *random, char *out, bool pattern)
{
    size_t len = random_below(random, 4);
    len += !pattern && len == 0;
    for (size_t i = 0; i < len; i++)
        out[i] = "AB-"[random_below(random, 3)];
    if (pattern)
        out[len++] = '*';
    out[len] = 0;
}

struct naive {
    struct {
        bool live;
        uint32_t subscriber;
        char text[8];
    } holds[HOLDS];
    uint32_t live;
};

static int naive_find(const struct naive *naive, uint32_t subscriber, const char *text)
{
    for (int i = 0; i < HOLDS; i++)
        if (naive->holds[i].live && naive->holds[i].subscriber == subscriber &&
            strcmp(naive->holds[i].text, text) == 0)
            return i;
    return -1;
}

static bool naive_matches(const char *text, const char *symbol)
{
    size_t len = strlen(text);
    return text[len - 1] == '*' ? strncmp(text, symbol, len - 1) == 0 : strcmp(text, symbol) == 0;
}

static void naive_hold(struct naive *naive, uint32_t subscriber, const char *text)
{
    int i = 0;
    while (naive->holds[i].live)
        i++;
    naive->holds[i].live = true;
    naive->holds[i].subscriber = subscriber;
    strcpy(naive->holds[i].text, text);
    naive->live++;
}

static void step(struct scene *scene, struct naive *naive, uint64_t *random, uint64_t seed)
{
    char text[8];
    uint32_t subscriber = (uint32_t)random_below(random, SUBSCRIBERS);
    random_text(random, text, random_below(random, 2));
    int known = naive_find(naive, subscriber, text);
    model_assert((find(scene, subscriber, text) != TOPIC_NONE) == (known >= 0), seed);
    if (known >= 0) {
        release(scene, subscriber, text);
        naive->holds[known].live = false;
        naive->live--;
    } else if (hold(scene, subscriber, text, false) != TOPIC_NONE) {
        naive_hold(naive, subscriber, text);
    } else {
        model_assert(naive->live == HOLDS, seed);
    }
    model_assert(scene->topics.holds_live == naive->live, seed);
}

static void check(const struct scene *scene, const struct naive *naive, uint64_t *random,
                  uint64_t seed)
{
    char symbol[8];
    random_text(random, symbol, false);
    struct takers takers = takers_of(scene, symbol);
    for (int i = 0; i < HOLDS; i++)
        if (naive->holds[i].live && naive_matches(naive->holds[i].text, symbol))
            takers.times[naive->holds[i].subscriber]--;
    for (int i = 0; i < SUBSCRIBERS; i++)
        model_assert(takers.times[i] == 0, seed);
}

static void round_against_naive(uint64_t seed)
{
    uint64_t random = seed;
    struct scene scene;
    struct naive naive = {0};
    scene_init(&scene, HOLDS);
    scene.topics.buckets_mask = seed % 2 ? 1 : scene.topics.buckets_mask; /* long chains, too */
    for (int i = 0; i < 3000; i++) {
        step(&scene, &naive, &random, seed);
        check(&scene, &naive, &random, seed);
    }
    scene.topics.buckets_mask = 1023; /* what topics_init() reserved */
    topics_finish(&scene.topics);
}

static void any_order_of_calls_agrees_with_a_naive_table(void **state)
{
    (void)state;
    model_run(700, 20, round_against_naive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_symbol_matches_itself_only),
        cmocka_unit_test(a_prefix_matches_what_begins_with_it),
        cmocka_unit_test(a_star_matches_all),
        cmocka_unit_test(a_new_symbol_finds_all_who_wait_for_it),
        cmocka_unit_test(one_with_overlapping_topics_is_found_for_each),
        cmocka_unit_test(the_longest_symbol_and_pattern_are_kept_whole),
        cmocka_unit_test(one_subscriber_does_not_find_the_hold_of_another),
        cmocka_unit_test(a_released_hold_is_found_no_more_and_others_stay),
        cmocka_unit_test(a_full_pool_refuses_and_a_release_makes_room),
        cmocka_unit_test(any_order_of_calls_agrees_with_a_naive_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
