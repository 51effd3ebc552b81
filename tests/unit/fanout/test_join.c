/* SPDX-License-Identifier: MIT */
/* Tests of server/fanout/pair.c and gather.c: from a replay to live ticks. */
#include "ear.h"

#include <string.h>

enum { A, B, C };

static const uint16_t WHOLE = UINT16_MAX; /* a mark's index: all of its message's ticks */

static struct history_mark mark(uint32_t partition, uint64_t offset, uint16_t index)
{
    return (struct history_mark){.pos = tick_pos(partition, offset), .index = index};
}

static void join_all(struct ear *ear, const char *text, const struct history_mark *marks,
                     uint32_t count)
{
    const struct fanout_request request = {
        .terms = {.mode = TERMS_ALL}, .played = marks, .played_count = count};
    assert_int_equal(fanout_subscribe(&ear->fanout, 0, text, strlen(text), &request), FANOUT_OK);
}

static void join(struct ear *ear, const char *text, struct history_mark played)
{
    join_all(ear, text, &played, 1);
}

static bool remembers(struct ear *ear, const char *text, struct history_mark played)
{
    const struct fanout_request request = {.played = &played, .played_count = 1};
    return fanout_remembers(&ear->fanout, text, strlen(text), &request);
}

/* Ticks of the symbol at offsets `from`…`to` of partition 0. */
static void ticks(struct ear *ear, uint32_t symbol, uint64_t from, uint64_t to)
{
    for (uint64_t offset = from; offset <= to; offset++)
        ear_tick(ear, symbol, 0, offset, 0);
}

static void the_last_tick_played_goes_first_then_what_came_since_then_live(void **state)
{
    (void)state;
    struct ear *ear = ear_create(100, ENCODE_JSON);
    ticks(ear, A, 1, 6);
    assert_true(remembers(ear, "A", mark(0, 3, WHOLE)));
    join(ear, "A", mark(0, 3, WHOLE));
    ear_send_all(ear);
    ticks(ear, A, 7, 8);
    ear_send_all(ear);
    ear_expect(ear, "A=3 A4 A5 A6 A7 A8");
    ear_destroy(ear);
}

static void ticks_that_come_between_the_join_and_its_send_come_once(void **state)
{
    (void)state;
    struct ear *ear = ear_create(100, ENCODE_MSGPACK);
    ticks(ear, A, 1, 6);
    join(ear, "A", mark(0, 5, WHOLE));
    ticks(ear, A, 7, 8);
    ear_send_all(ear);
    ear_expect(ear, "A=5 A6 A7 A8");
    ear_destroy(ear);
}

static void of_a_partition_that_was_not_played_all_comes(void **state)
{
    (void)state;
    struct ear *ear = ear_create(3, ENCODE_JSON);
    ticks(ear, A, 1, 2);
    assert_true(remembers(ear, "A", mark(7, 9, WHOLE)));
    join(ear, "A", mark(7, 9, WHOLE));
    ticks(ear, A, 3, 3);
    ear_send_all(ear);
    ear_expect(ear, "A1 A2 A3");
    ticks(ear, B, 1, 2);
    assert_false(remembers(ear, "A", mark(7, 9, WHOLE)));
    ear_destroy(ear);
}

static void where_nothing_came_since_there_is_the_snapshot_alone(void **state)
{
    (void)state;
    struct ear *ear = ear_create(100, ENCODE_JSON);
    ticks(ear, A, 1, 3);
    for (uint64_t offset = 3; offset < 6; offset++) {
        assert_true(remembers(ear, "A", mark(0, offset, WHOLE)));
        join(ear, "A", mark(0, offset, WHOLE));
        ear_send_all(ear);
        ear_expect(ear, "A=3");
        assert_int_equal(fanout_unsubscribe(&ear->fanout, 0, "A", 1), FANOUT_OK);
    }
    join(ear, "A", mark(0, 9, WHOLE));
    ear_send_all(ear);
    ticks(ear, A, 10, 11);
    ear_send_all(ear);
    ear_expect(ear, "A=3 A4 A5");
    ear_destroy(ear);
}

static void a_symbol_forgotten_but_played_to_its_end_begins_with_its_newest_tick(void **state)
{
    (void)state;
    struct ear *ear = ear_create(4, ENCODE_JSON);
    ticks(ear, A, 1, 2);
    ticks(ear, B, 3, 8);
    assert_true(remembers(ear, "A", mark(0, 8, WHOLE)));
    join(ear, "A", mark(0, 8, WHOLE));
    ear_send_all(ear);
    ear_expect(ear, "A=2");
    ticks(ear, A, 9, 10);
    ear_send_all(ear);
    ear_expect(ear, "A3 A4");
    ear_destroy(ear);
}

static void a_symbol_forgotten_that_trades_before_its_snapshot_goes_on_without(void **state)
{
    (void)state;
    struct ear *ear = ear_create(4, ENCODE_JSON);
    ticks(ear, A, 1, 2);
    ticks(ear, B, 3, 8);
    join(ear, "A", mark(0, 8, WHOLE));
    ticks(ear, A, 9, 10);
    ear_send_all(ear);
    ear_expect(ear, "A3 A4");
    ear_destroy(ear);
}

static void a_symbol_never_seen_begins_with_its_first_tick(void **state)
{
    (void)state;
    struct ear *ear = ear_create(100, ENCODE_JSON);
    ticks(ear, A, 1, 2);
    assert_true(remembers(ear, "B", mark(0, 2, WHOLE)));
    join(ear, "B", mark(0, 2, WHOLE));
    ear_send_all(ear);
    ear_expect(ear, "");
    ticks(ear, B, 3, 4);
    ear_send_all(ear);
    ear_expect(ear, "B1 B2");
    ear_destroy(ear);
}

static void a_symbol_that_began_after_the_mark_comes_from_its_first_tick_on(void **state)
{
    (void)state;
    struct ear *ear = ear_create(100, ENCODE_JSON);
    ticks(ear, A, 1, 2);
    ticks(ear, B, 3, 4);
    assert_true(remembers(ear, "B", mark(0, 2, WHOLE)));
    join(ear, "B", mark(0, 2, WHOLE));
    ear_send_all(ear);
    ear_expect(ear, "B1 B2");
    ear_destroy(ear);
}

static void a_mark_before_what_is_kept_is_not_remembered(void **state)
{
    (void)state;
    struct ear *ear = ear_create(4, ENCODE_JSON);
    ticks(ear, A, 1, 10);
    assert_false(remembers(ear, "A", mark(0, 5, WHOLE)));
    assert_true(remembers(ear, "A", mark(0, 7, WHOLE)));
    assert_true(remembers(ear, "A", mark(0, 10, WHOLE)));
    assert_false(remembers(ear, "*", mark(0, 5, WHOLE)));
    assert_true(remembers(ear, "B*", mark(0, 5, WHOLE)));
    assert_false(remembers(ear, "A", mark(1, 5, WHOLE))); /* not its partition: all is wanted */
    /* Joined all the same, what is missing is told. */
    join(ear, "A", mark(0, 5, WHOLE));
    ear_send_all(ear);
    ear_expect(ear, "A[1-6 history] A7 A8 A9 A10");
    ear_destroy(ear);
}

static void each_partition_has_its_own_mark(void **state)
{
    (void)state;
    struct ear *ear = ear_create(100, ENCODE_JSON);
    for (uint64_t offset = 1; offset <= 4; offset++) {
        ear_tick(ear, A, 0, offset, 0);
        ear_tick(ear, B, 4096 + 3, 100 + offset, 0);
        ear_tick(ear, C, 7, offset, 0);
    }
    const struct history_mark marks[] = {mark(4096 + 3, 103, WHOLE), mark(0, 1, WHOLE)};
    join_all(ear, "A", marks, 2);
    join_all(ear, "B", marks, 2);
    join_all(ear, "C", marks, 2); /* of a partition that wasn't played: all */
    ear_send_all(ear);
    ear_tick(ear, C, 7, 5, 0);
    ear_send_all(ear);
    ear_expect(ear, "A=1 A2 A3 A4 B=3 B4 C1 C2 C3 C4 C5");
    ear_destroy(ear);
}

static void a_pattern_joins_all_that_it_matches_and_what_comes_later(void **state)
{
    (void)state;
    struct ear *ear = ear_create(100, ENCODE_JSON);
    ticks(ear, A, 1, 3);
    ticks(ear, B, 4, 5);
    join(ear, "*", mark(0, 4, WHOLE));
    ticks(ear, C, 6, 6);
    ear_send_all(ear);
    ticks(ear, A, 7, 7);
    ear_send_all(ear);
    ear_expect(ear, "A=3 B=1 B2 C1 A4");
    ear_destroy(ear);
}

static void a_mark_may_lie_within_a_message(void **state)
{
    (void)state;
    struct ear *ear = ear_create(100, ENCODE_JSON);
    for (uint16_t index = 0; index < 5; index++)
        ear_tick(ear, A, 0, 50, index);
    join(ear, "A", mark(0, 50, 1));
    ear_send_all(ear);
    ear_expect(ear, "A=2 A3 A4 A5");
    ear_destroy(ear);
}

/* What is forgotten after the join, and before it is sent, is missing: no more and no less. */
static void what_history_forgets_before_a_slow_client_reads_is_told_exactly(void **state)
{
    (void)state;
    static const char *const heard[] = {
        "A=3 A4 A5 A6",
        "A=3 A4 A5 A6 A7",
        "A4 A5 A6 A7 A8",
        "A[4-4 history] A5 A6 A7 A8 A9",
        "A[4-5 history] A6 A7 A8 A9 A10",
    };
    static const char *const next[] = {"A7", "A8", "A9", "A10", "A11"};
    for (uint64_t more = 0; more < sizeof heard / sizeof heard[0]; more++) {
        struct ear *ear = ear_create(5, ENCODE_JSON);
        ticks(ear, A, 1, 6);
        join(ear, "A", mark(0, 3, WHOLE));
        if (more)
            ticks(ear, A, 7, 6 + more);
        ear_send_all(ear);
        ear_expect(ear, heard[more]);
        ticks(ear, A, 50, 50);
        ear_send_all(ear);
        ear_expect(ear, next[more]);
        ear_destroy(ear);
    }
}

static void where_history_forgets_it_all_only_the_last_is_missing_no_more(void **state)
{
    (void)state;
    struct ear *ear = ear_create(3, ENCODE_JSON);
    ticks(ear, A, 1, 3);
    join(ear, "A", mark(0, 2, WHOLE));
    ticks(ear, B, 4, 6);
    ear_send_all(ear);
    ear_expect(ear, "A[3-3 history]");
    ticks(ear, A, 7, 7);
    ear_send_all(ear);
    ear_expect(ear, "A4");
    ear_destroy(ear);
}

/* ---- sends that break off ---- */

/* Joins two symbols, each with history; live ticks follow. */
static struct ear *prepare_join(int format)
{
    struct ear *ear = ear_create(100, format);
    ticks(ear, A, 1, 4);
    ticks(ear, B, 5, 7);
    ticks(ear, A, 8, 9);
    ear_control(ear, 1, 30);
    join(ear, "A", mark(0, 3, WHOLE));
    join(ear, "B", mark(0, 6, WHOLE));
    return ear;
}

static void break_off(int format, uint32_t taken)
{
    struct ear *ear = prepare_join(format);
    assert_true(ear_send(ear, taken));
    ticks(ear, B, 10, 10);
    ear_send_all(ear);
    ear_expect(ear, "#1 A=3 A4 A5 A6 B=2 B3 B4");
    ear_destroy(ear);
}

static void a_join_that_breaks_off_at_any_byte_goes_on_there(void **state)
{
    (void)state;
    for (int format = ENCODE_JSON; format <= ENCODE_MSGPACK; format++) {
        struct ear *ear = prepare_join(format);
        uint32_t len = ear_gather(ear)->len;
        ear_destroy(ear);
        for (uint32_t taken = 0; taken <= len; taken++)
            break_off(format, taken);
    }
}

static void a_join_that_leaves_byte_by_byte_is_whole(void **state)
{
    (void)state;
    for (uint32_t bytes_max = 1; bytes_max < 900; bytes_max += 97) {
        struct ear *ear = prepare_join(ENCODE_JSON);
        ear->bytes_max = bytes_max;
        while (ear_send(ear, 1))
            continue;
        ear_expect(ear, "#1 A=3 A4 A5 A6 B=2 B3");
        ear_destroy(ear);
    }
}

static void a_snapshot_that_is_forgotten_after_a_short_send_is_left_out(void **state)
{
    (void)state;
    struct ear *ear = ear_create(3, ENCODE_JSON);
    ticks(ear, A, 1, 4);
    join(ear, "A", mark(0, 3, WHOLE));
    assert_true(ear_send(ear, 0));
    ticks(ear, A, 5, 6);
    ear_send_all(ear);
    ear_expect(ear, "A4 A5 A6");
    ear_destroy(ear);
}

static void a_client_that_leaves_while_it_joins_is_sent_nothing_more(void **state)
{
    (void)state;
    struct ear *ear = prepare_join(ENCODE_JSON);
    assert_int_equal(fanout_unsubscribe(&ear->fanout, 0, "A", 1), FANOUT_OK);
    ear_send_all(ear);
    ear_expect(ear, "#1 B=2 B3");
    ear_destroy(ear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_tick_played_goes_first_then_what_came_since_then_live),
        cmocka_unit_test(ticks_that_come_between_the_join_and_its_send_come_once),
        cmocka_unit_test(of_a_partition_that_was_not_played_all_comes),
        cmocka_unit_test(where_nothing_came_since_there_is_the_snapshot_alone),
        cmocka_unit_test(a_symbol_forgotten_but_played_to_its_end_begins_with_its_newest_tick),
        cmocka_unit_test(a_symbol_forgotten_that_trades_before_its_snapshot_goes_on_without),
        cmocka_unit_test(a_symbol_never_seen_begins_with_its_first_tick),
        cmocka_unit_test(a_symbol_that_began_after_the_mark_comes_from_its_first_tick_on),
        cmocka_unit_test(a_mark_before_what_is_kept_is_not_remembered),
        cmocka_unit_test(each_partition_has_its_own_mark),
        cmocka_unit_test(a_pattern_joins_all_that_it_matches_and_what_comes_later),
        cmocka_unit_test(a_mark_may_lie_within_a_message),
        cmocka_unit_test(what_history_forgets_before_a_slow_client_reads_is_told_exactly),
        cmocka_unit_test(where_history_forgets_it_all_only_the_last_is_missing_no_more),
        cmocka_unit_test(a_join_that_breaks_off_at_any_byte_goes_on_there),
        cmocka_unit_test(a_join_that_leaves_byte_by_byte_is_whole),
        cmocka_unit_test(a_snapshot_that_is_forgotten_after_a_short_send_is_left_out),
        cmocka_unit_test(a_client_that_leaves_while_it_joins_is_sent_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
