/* SPDX-License-Identifier: MIT */
/*
 * Lines of Binance's raw streams: good, odd, wrong and cut short.
 */
#include "tests/unit/tools/guard.h"
#include "tests/unit/tools/unit.h"
#include "tools/binance.h"

static struct row row;

static enum row_result read_line(const char *line)
{
    size_t len = strlen(line);
    memset(&row, 0xa5, sizeof row);
    row.reason[0] = 0;
    return binance_read((const char *)guard_copy(line, len), len, &row);
}

#define TRADE                                                                                      \
    "{\"e\":\"trade\",\"E\":1723161255343,\"s\":\"BTCUSDT\",\"t\":3735683259,"                     \
    "\"p\":\"61837.63000000\",\"q\":\"0.02000000\",\"T\":1723161255342,\"m\":true,\"M\":true}"

static void check_trade(void)
{
    assert_int_equal(row.symbol_len, 7);
    assert_memory_equal(row.symbol, "BTCUSDT", 7);
    assert_int_equal(row.tick.price, 6183763000000);
    assert_int_equal(row.tick.price_exp, -8);
    assert_int_equal(row.tick.size, 2000000);
    assert_int_equal(row.tick.size_exp, -8);
    assert_int_equal(row.tick.side, TICK_SIDE_SELL);
    assert_true(row.tick.has_id);
    assert_int_equal(row.tick.id, 3735683259);
    assert_int_equal(row.tick.ts_ns, 1723161255342000000);
    assert_int_equal(row.tick.index, 0);
}

static void a_recorded_line_is_a_tick(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "1723161254087896568 {\"stream\":\"btcusdt@trade\",\"data\":" TRADE "}\n",
        "{\"stream\":\"btcusdt@trade\",\"data\":" TRADE "}",
        TRADE,
        "  17\t" TRADE " \r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_int_equal(read_line(lines[i]), ROW_TICK);
        check_trade();
    }
}

static void the_aggressor_buys_when_the_buyer_was_not_the_maker(void **state)
{
    (void)state;
    assert_int_equal(
        read_line(
            "{\"e\":\"trade\",\"s\":\"X\",\"t\":1,\"p\":\"1\",\"q\":\"2\",\"T\":3,\"m\":false}"),
        ROW_TICK);
    assert_int_equal(row.tick.side, TICK_SIDE_BUY);
}

static void an_aggregate_trade_has_its_own_id(void **state)
{
    (void)state;
    assert_int_equal(read_line("{\"e\":\"aggTrade\",\"s\":\"X\",\"a\":9,\"f\":1,\"p\":\"1\",\"q\":"
                               "\"2\",\"T\":3,\"m\":false}"),
                     ROW_TICK);
    assert_int_equal(row.tick.id, 9);
}

static void blank_lines_are_nothing(void **state)
{
    (void)state;
    assert_int_equal(read_line(""), ROW_BLANK);
    assert_int_equal(read_line(" \r\n"), ROW_BLANK);
}

static void what_is_no_trade_is_rejected_with_a_reason(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"junk", "not JSON"},
        {"123", "not JSON"},
        {"123 ", "not JSON"},
        {"{\"e\":\"trade\"", "not JSON"},
        {"{\"e\":\"trade\",\"e\":\"trade\"}", "not JSON"},
        {"[]", "no event"},
        {"{\"result\":null,\"id\":1}", "no event"},
        {"{\"stream\":\"x\",\"data\":[1]}", "no event"},
        {"{\"e\":\"depthUpdate\",\"s\":\"X\"}", "\"depthUpdate\""},
        {"{\"e\":\"trade\",\"t\":1,\"p\":\"1\",\"q\":\"2\",\"T\":3,\"m\":true}",
         "\"s\" is missing"},
        {"{\"e\":\"trade\",\"s\":\"X Y\",\"t\":1,\"p\":\"1\",\"q\":\"2\",\"T\":3,\"m\":true}",
         "s \"X Y\""},
        {"{\"e\":\"trade\",\"s\":\"X\",\"t\":1,\"p\":1.5,\"q\":\"2\",\"T\":3,\"m\":true}",
         "\"p\" is not a string"},
        {"{\"e\":\"trade\",\"s\":\"X\",\"t\":1,\"p\":\"x\",\"q\":\"2\",\"T\":3,\"m\":true}",
         "p \"x\""},
        {"{\"e\":\"trade\",\"s\":\"X\",\"t\":1,\"p\":\"1\",\"q\":\"\",\"T\":3,\"m\":true}",
         "q \"\""},
        {"{\"e\":\"trade\",\"s\":\"X\",\"t\":-1,\"p\":\"1\",\"q\":\"2\",\"T\":3,\"m\":true}",
         "\"t\" is negative"},
        {"{\"e\":\"trade\",\"s\":\"X\",\"t\":1,\"p\":\"1\",\"q\":\"2\",\"m\":true}",
         "\"T\" is missing"},
        {"{\"e\":\"trade\",\"s\":\"X\",\"t\":1,\"p\":\"1\",\"q\":\"2\",\"T\":9223372036854775807,"
         "\"m\":true}",
         "\"T\""},
        {"{\"e\":\"trade\",\"s\":\"X\",\"t\":1,\"p\":\"1\",\"q\":\"2\",\"T\":3}",
         "\"m\" is missing"},
        {"{\"e\":\"trade\",\"s\":\"X\",\"t\":1,\"p\":\"1\",\"q\":\"2\",\"T\":3,\"m\":1}",
         "\"m\" is not true"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        if (read_line(wrong[i][0]) != ROW_REJECTED)
            fail_msg("%s was taken", wrong[i][0]);
        assert_contains(row.reason, wrong[i][1]);
    }
}

static void a_line_cut_anywhere_is_rejected(void **state)
{
    (void)state;
    for (size_t len = 1; len < strlen(TRADE); len++)
        assert_int_equal(binance_read((const char *)guard_copy(TRADE, len), len, &row),
                         ROW_REJECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_line_is_a_tick),
        cmocka_unit_test(the_aggressor_buys_when_the_buyer_was_not_the_maker),
        cmocka_unit_test(an_aggregate_trade_has_its_own_id),
        cmocka_unit_test(blank_lines_are_nothing),
        cmocka_unit_test(what_is_no_trade_is_rejected_with_a_reason),
        cmocka_unit_test(a_line_cut_anywhere_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
