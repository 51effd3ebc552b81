/* SPDX-License-Identifier: MIT */
/* Tests of schemas/tick_value.c. */
#include "support.h"

#include <string.h>

#include "schemas/tick_json.h"
#include "schemas/tick_msgpack.h"

static void every_error_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 1; a < VALUE_ERROR_COUNT; a++) {
        assert_string_not_equal(value_error_name(-a), "unknown");
        for (int b = 1; b < a; b++)
            assert_string_not_equal(value_error_name(-a), value_error_name(-b));
    }
    assert_string_equal(value_error_name(VALUE_DECIMAL_RANGE), "decimal_range");
    assert_string_equal(value_error_name(0), "unknown");
    assert_string_equal(value_error_name(3), "unknown");
    assert_string_equal(value_error_name(-VALUE_ERROR_COUNT), "unknown");
}

static void gap_reasons_are_named_as_on_the_wire(void **state)
{
    (void)state;
    assert_string_equal(gap_reason_name(GAP_SLOW_CLIENT), "slow_client");
    assert_string_equal(gap_reason_name(GAP_OVERLOAD), "overload");
    assert_string_equal(gap_reason_name(GAP_HISTORY), "history");
    assert_string_equal(gap_reason_name(GAP_SOURCE), "source");
    assert_string_equal(gap_reason_name(GAP_REASON_COUNT), "unknown");
}

static void a_symbol_is_1_to_32_bytes_of_the_alphabet(void **state)
{
    const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:@";
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char symbol = (char)byte;
        bool expected = byte != 0 && strchr(alphabet, byte) != NULL;
        assert_int_equal(symbol_is_valid(&symbol, 1), expected);
    }
    const char *long_name = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456";
    assert_true(symbol_is_valid(long_name, 32));
    assert_false(symbol_is_valid(long_name, 33));
    assert_false(symbol_is_valid(long_name, 0));
    assert_true(symbol_is_valid("binance:BTCUSDT", 15));
    assert_false(symbol_is_valid("X Y", 3));
    assert_false(symbol_is_valid("BTC-*", 5));
}

static void a_pattern_is_a_name_or_a_beginning_with_a_star(void **state)
{
    (void)state;
    assert_true(symbol_matches("BTC-USD", "BTC-USD", 7));
    assert_false(symbol_matches("BTC-USD", "BTC-USD", 6));
    assert_false(symbol_matches("BTC", "BTC-USD", 7));
    assert_true(symbol_matches("BTC-*", "BTC-USD", 7));
    assert_true(symbol_matches("BTC-*", "BTC-", 4));
    assert_false(symbol_matches("BTC-*", "BTC", 3));
    assert_true(symbol_matches("*", "A", 1));
    assert_false(symbol_matches("", "A", 1));
}

static void the_first_byte_tells_the_format(void **state)
{
    struct tick tick = {.price = 5, .size = 1, .ts_ns = 1};
    uint8_t out[VALUE_TICK_MAX];
    struct caught caught = {0};
    (void)state;
    size_t len = tick_json_write_value(&tick, "A", 1, out);
    assert_int_equal(tick_value_read(out, len, catch_tick, &caught), 1);
    assert_true(tick_msgpack_read(out, len, catch_tick, &caught) < 0);
    caught.count = 0;
    len = tick_msgpack_write_value(&tick, "A", 1, out);
    assert_int_equal(tick_value_read(out, len, catch_tick, &caught), 1);
    assert_int_equal(tick_json_read(out, len, catch_tick, &caught), VALUE_SYNTAX);
    assert_int_equal(caught.count, 1);
}

static void a_tombstone_is_empty_in_every_format(void **state)
{
    (void)state;
    assert_int_equal(tick_value_read(NULL, 0, catch_tick, NULL), VALUE_EMPTY);
    assert_int_equal(tick_json_read(NULL, 0, catch_tick, NULL), VALUE_EMPTY);
    assert_int_equal(tick_msgpack_read(NULL, 0, catch_tick, NULL), VALUE_EMPTY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_of_its_own),
        cmocka_unit_test(gap_reasons_are_named_as_on_the_wire),
        cmocka_unit_test(a_symbol_is_1_to_32_bytes_of_the_alphabet),
        cmocka_unit_test(a_pattern_is_a_name_or_a_beginning_with_a_star),
        cmocka_unit_test(the_first_byte_tells_the_format),
        cmocka_unit_test(a_tombstone_is_empty_in_every_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
