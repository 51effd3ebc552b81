/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "feed/symbols.h"

static void ids_are_dense_in_order_of_first_sight(void **state)
{
    (void)state;
    struct symbols s;
    assert_int_equal(symbols_init(&s, 10, 1), 0);
    assert_int_equal(symbols_intern(&s, "BTC-USD", 7), 0);
    assert_int_equal(symbols_intern(&s, "ETH-USD", 7), 1);
    assert_int_equal(symbols_intern(&s, "BTC-USD", 7), 0);
    assert_int_equal(symbols_intern(&s, "BTC-USD!", 7), 0);
    assert_int_equal(symbols_find(&s, "ETH-USD", 7), 1);
    assert_true(symbols_find(&s, "SOL-USD", 7) == SYMBOL_NONE);
    symbols_finish(&s);
}

static void names_that_begin_alike_are_told_apart_at_every_length(void **state)
{
    (void)state;
    struct symbols s;
    const char *longest = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    assert_int_equal(symbols_init(&s, SYMBOL_LEN_MAX, 1), 0);
    for (uint32_t len = 1; len <= SYMBOL_LEN_MAX; len++)
        assert_int_equal(symbols_intern(&s, longest, len), len - 1);
    for (uint32_t len = 1; len <= SYMBOL_LEN_MAX; len++)
        assert_int_equal(symbols_find(&s, longest, len), len - 1);
    assert_true(symbols_find(&s, longest, 0) == SYMBOL_NONE);
    assert_true(symbols_find(&s, longest, SYMBOL_LEN_MAX + 1) == SYMBOL_NONE);
    symbols_finish(&s);
}

static void a_full_table_refuses_new_names_and_keeps_the_old(void **state)
{
    (void)state;
    struct symbols s;
    char name[16];
    assert_int_equal(symbols_init(&s, 10000, 99), 0);
    for (uint32_t i = 0; i < 10000; i++) {
        int len = snprintf(name, sizeof name, "S%u", i);
        assert_int_equal(symbols_intern(&s, name, (size_t)len), i);
    }
    assert_true(symbols_intern(&s, "ONE-MORE", 8) == SYMBOL_NONE);
    for (uint32_t i = 0; i < 10000; i++) {
        int len = snprintf(name, sizeof name, "S%u", i);
        assert_int_equal(symbols_intern(&s, name, (size_t)len), i);
    }
    symbols_finish(&s);
    assert_int_equal(symbols_init(&s, 0, 1), -EINVAL);
    assert_int_equal(symbols_init(&s, (1u << TICK_ID_BITS) + 1, 1), -EINVAL);
}

static void a_symbol_that_waits_keeps_its_turn_and_only_its_newest_tick(void **state)
{
    (void)state;
    struct symbols s;
    assert_int_equal(symbols_init(&s, 3, 1), 0);
    for (int i = 0; i < 3; i++)
        symbols_intern(&s, &"ABC"[i], 1);
    assert_null(symbols_waiting(&s));
    assert_false(symbols_wait(&s, &(struct tick){.symbol = 1, .seq = 10}));
    assert_false(symbols_wait(&s, &(struct tick){.symbol = 0, .seq = 20}));
    assert_true(symbols_wait(&s, &(struct tick){.symbol = 1, .seq = 11}));
    assert_int_equal(symbols_waiting(&s)->newest.seq, 11);
    symbols_waiting_pop(&s);
    assert_int_equal(symbols_waiting(&s)->newest.seq, 20);
    assert_false(symbols_wait(&s, &(struct tick){.symbol = 1, .seq = 12}));
    symbols_waiting_pop(&s);
    assert_int_equal(symbols_waiting(&s)->newest.seq, 12);
    symbols_waiting_pop(&s);
    assert_null(symbols_waiting(&s));
    symbols_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_dense_in_order_of_first_sight),
        cmocka_unit_test(names_that_begin_alike_are_told_apart_at_every_length),
        cmocka_unit_test(a_full_table_refuses_new_names_and_keeps_the_old),
        cmocka_unit_test(a_symbol_that_waits_keeps_its_turn_and_only_its_newest_tick),
    };
    return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
