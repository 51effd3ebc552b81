/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <string.h>

#include "server/fanout/lane.h"

static const uint32_t no_bound = 1 << 20;

static void assert_waits(const struct lane *lane, const void *data, uint32_t len)
{
    assert_int_equal(lane->len, len);
    if (len)
        assert_memory_equal(lane->data + lane->head, data, len);
}

static void bytes_wait_in_the_order_they_came(void **state)
{
    (void)state;
    struct lane lane = {0};
    struct lane_budget budget = {.max = 1 << 20};
    assert_true(lane_append(&lane, &budget, "one ", 4, no_bound));
    assert_true(lane_append(&lane, &budget, "two", 3, no_bound));
    assert_waits(&lane, "one two", 7);
    lane_finish(&lane, &budget);
}

static void a_message_that_would_pass_the_bound_is_refused_whole(void **state)
{
    (void)state;
    struct lane lane = {0};
    struct lane_budget budget = {.max = 1 << 20};
    assert_false(lane_append(&lane, &budget, "12345678901", 11, 10));
    assert_true(lane_append(&lane, &budget, "123456", 6, 10));
    assert_false(lane_append(&lane, &budget, "12345", 5, 10));
    assert_waits(&lane, "123456", 6);
    assert_true(lane_append(&lane, &budget, "7890", 4, 10));
    assert_waits(&lane, "1234567890", 10);
    lane_consume(&lane, &budget, 1);
    assert_true(lane_append(&lane, &budget, "a", 1, 10));
    assert_false(lane_append(&lane, &budget, "b", 1, 10));
    assert_waits(&lane, "234567890a", 10);
    lane_finish(&lane, &budget);
}

static void an_empty_lane_holds_no_memory(void **state)
{
    (void)state;
    struct lane lane = {0};
    struct lane_budget budget = {.max = 1 << 20};
    assert_true(lane_append(&lane, &budget, "abc", 3, no_bound));
    assert_int_equal(budget.used, lane.cap);
    lane_consume(&lane, &budget, 3);
    assert_null(lane.data);
    assert_int_equal(budget.used, 0);
    lane_finish(&lane, &budget); /* and may be finished twice */
    assert_int_equal(budget.used, 0);
}

static void lanes_together_keep_within_the_budget(void **state)
{
    (void)state;
    static const uint8_t data[4000];
    struct lane lanes[8] = {0};
    struct lane_budget budget = {.max = 10000};
    uint32_t refused = 0;
    for (int i = 0; i < 8; i++) {
        refused += !lane_append(&lanes[i], &budget, data, sizeof data, no_bound);
        assert_true(budget.used <= budget.max);
    }
    assert_int_equal(refused, 6);
    assert_null(lanes[7].data);
    lane_finish(&lanes[0], &budget);
    assert_true(lane_append(&lanes[7], &budget, data, sizeof data, no_bound));
    for (int i = 0; i < 8; i++)
        lane_finish(&lanes[i], &budget);
    assert_int_equal(budget.used, 0);
}

static void a_refusal_by_the_budget_loses_nothing_that_waits(void **state)
{
    (void)state;
    char more[600];
    memset(more, 'x', sizeof more);
    struct lane lane = {0};
    struct lane_budget budget = {.max = 512};
    assert_true(lane_append(&lane, &budget, "abcdef", 6, no_bound));
    lane_consume(&lane, &budget, 2);
    assert_false(lane_append(&lane, &budget, more, sizeof more, no_bound));
    assert_waits(&lane, "cdef", 4);
    assert_true(lane_append(&lane, &budget, more, 508, no_bound));
    assert_int_equal(lane.len, 512);
    assert_memory_equal(lane.data + lane.head, "cdefxx", 6);
    lane_finish(&lane, &budget);
}

static void what_was_sent_makes_room_before_the_lane_grows(void **state)
{
    (void)state;
    char data[512];
    memset(data, 'a', sizeof data);
    struct lane lane = {0};
    struct lane_budget budget = {.max = 1 << 20};
    assert_true(lane_append(&lane, &budget, data, 512, no_bound));
    uint32_t cap = lane.cap;
    for (int i = 0; i < 1000; i++) {
        lane_consume(&lane, &budget, 100);
        assert_true(lane_append(&lane, &budget, data, 100, no_bound));
    }
    assert_int_equal(lane.cap, cap);
    assert_int_equal(lane.len, 512);
    lane_finish(&lane, &budget);
}

static void what_is_left_is_right_at_every_split(void **state)
{
    (void)state;
    uint8_t data[700];
    for (uint32_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    struct lane_budget budget = {.max = 1 << 20};
    for (uint32_t split = 0; split <= sizeof data; split++) {
        struct lane lane = {0};
        assert_true(lane_append(&lane, &budget, data, sizeof data, no_bound));
        lane_consume(&lane, &budget, split);
        assert_waits(&lane, data + split, (uint32_t)sizeof data - split);
        assert_true(lane_append(&lane, &budget, data, 400, no_bound));
        assert_memory_equal(lane.data + lane.head + lane.len - 400, data, 400);
        lane_consume(&lane, &budget, (uint32_t)sizeof data - split);
        assert_waits(&lane, data, 400);
        lane_finish(&lane, &budget);
        assert_int_equal(budget.used, 0);
    }
}

/* The stream is the numbers' low bytes: what leaves must be the next of it. */
static void round_against_stream(uint64_t seed)
{
    uint64_t random = seed;
    struct lane lane = {0};
    struct lane_budget budget = {.max = 3000};
    uint8_t in = 0, out = 0, data[1500];
    for (int step = 0; step < 5000; step++) {
        uint32_t len = 1 + (uint32_t)random_below(&random, sizeof data);
        for (uint32_t i = 0; i < len; i++)
            data[i] = (uint8_t)(in + i);
        if (lane_append(&lane, &budget, data, len, 2000))
            in = (uint8_t)(in + len);
        model_assert(lane.len <= 2000 && budget.used <= 3000 && budget.used == lane.cap, seed);
        uint32_t sent = (uint32_t)random_below(&random, lane.len + 1);
        for (uint32_t i = 0; i < sent; i++)
            model_assert(lane.data[lane.head + i] == out++, seed);
        lane_consume(&lane, &budget, sent);
    }
    lane_finish(&lane, &budget);
    model_assert(budget.used == 0, seed);
}

static void any_order_of_calls_keeps_the_stream(void **state)
{
    (void)state;
    model_run(500, 20, round_against_stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_wait_in_the_order_they_came),
        cmocka_unit_test(a_message_that_would_pass_the_bound_is_refused_whole),
        cmocka_unit_test(an_empty_lane_holds_no_memory),
        cmocka_unit_test(lanes_together_keep_within_the_budget),
        cmocka_unit_test(a_refusal_by_the_budget_loses_nothing_that_waits),
        cmocka_unit_test(what_was_sent_makes_room_before_the_lane_grows),
        cmocka_unit_test(what_is_left_is_right_at_every_split),
        cmocka_unit_test(any_order_of_calls_keeps_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
