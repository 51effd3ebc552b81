/* SPDX-License-Identifier: MIT */
/*
 * CSV's columns as the fields of a tick.
 */
#include "tests/unit/tools/unit.h"
#include "tools/columns.h"

static struct csv csv;
static struct columns columns;
static struct row row;
static char error[256];

static void record(const char *line)
{
    enum csv_result result;
    csv_reset(&csv);
    csv_feed(&csv, line, strlen(line), &result);
    if (result == CSV_MORE)
        result = csv_end(&csv);
    assert_int_equal(result, CSV_RECORD);
}

static int find(const char *header, const char *map)
{
    const char *symbol = columns.symbol;
    enum time_unit unit = columns.unit;
    memset(&columns, 0, sizeof columns);
    columns.symbol = symbol;
    columns.unit = unit;
    if (map && columns_map(&columns, map, error, sizeof error) < 0)
        return -EINVAL;
    record(header);
    return columns_find(&columns, &csv, error, sizeof error);
}

static enum row_result read_row(const char *line)
{
    record(line);
    return columns_read(&columns, &csv, &row);
}

static int start(void **state)
{
    (void)state;
    memset(&columns, 0, sizeof columns);
    columns.unit = TIME_NS;
    return 0;
}

static void the_usual_names_are_found_whatever_their_case(void **state)
{
    (void)state;
    assert_int_equal(find("\xef\xbb\xbfTimestamp,SYMBOL,Price,Qty,Side,Trade_ID", NULL), 0);
    assert_int_equal(read_row("17,BTC-USD,61685.9900,0.20,sell,18446744073709551615"), ROW_TICK);
    assert_int_equal(row.tick.ts_ns, 17);
    assert_int_equal(row.symbol_len, 7);
    assert_memory_equal(row.symbol, "BTC-USD", 7);
    assert_int_equal(row.tick.price, 616859900);
    assert_int_equal(row.tick.price_exp, -4);
    assert_int_equal(row.tick.size, 20);
    assert_int_equal(row.tick.size_exp, -2);
    assert_int_equal(row.tick.side, TICK_SIDE_SELL);
    assert_true(row.tick.has_id);
    assert_true(row.tick.id == UINT64_MAX);
}

static void a_map_names_the_columns(void **state)
{
    (void)state;
    assert_int_equal(find("a,b,c,d,price", "s=a,p=b,q=c,t=d"), 0);
    assert_int_equal(read_row("X,1,2,3,9"), ROW_TICK);
    assert_int_equal(row.tick.price, 1);
    assert_false(row.tick.has_id);
    assert_int_equal(row.tick.side, TICK_SIDE_NONE);
}

static void what_is_wrong_with_a_map_or_header_is_named(void **state)
{
    (void)state;
    assert_int_equal(find("a", "x=a"), -EINVAL);
    assert_contains(error, "\"x=a\"");
    assert_int_equal(find("a", "s="), -EINVAL);
    assert_int_equal(find("s,p,q,t", "p=cost"), -EINVAL);
    assert_contains(error, "\"cost\"");
    assert_int_equal(find("s,q,t", NULL), -EINVAL);
    assert_contains(error, "\"price\"");
    assert_int_equal(find("p,q,t", NULL), -EINVAL);
    assert_contains(error, "--symbol");
}

static void one_symbol_may_serve_every_row(void **state)
{
    (void)state;
    columns.symbol = "BTC-USD";
    assert_int_equal(find("p,q,t", NULL), 0);
    assert_int_equal(read_row("1,2,3"), ROW_TICK);
    assert_memory_equal(row.symbol, "BTC-USD", 7);
}

static void times_are_scaled_exactly(void **state)
{
    (void)state;
    static const struct {
        enum time_unit unit;
        const char *text;
        int64_t ns; /* -1: refused */
    } cases[] = {
        {TIME_S, "1723161255", 1723161255000000000},
        {TIME_S, "1723161255.342", 1723161255342000000},
        {TIME_S, "1723161255.123456789", 1723161255123456789},
        {TIME_S, "1.1234567899", 1123456789},
        {TIME_MS, "1723161255342", 1723161255342000000},
        {TIME_MS, "1723161255342.5", 1723161255342500000},
        {TIME_US, "1723161255342001", 1723161255342001000},
        {TIME_NS, "1723161255342001002", 1723161255342001002},
        {TIME_NS, "0", 0},
        {TIME_S, "1e3", 1000000000000},
        {TIME_S, "1723161255342", -1},
        {TIME_NS, "", -1},
        {TIME_NS, "2024-08-08", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char line[64];
        columns.unit = cases[i].unit;
        assert_int_equal(find("t,s,p,q", NULL), 0);
        snprintf(line, sizeof line, "%s,X,1,1", cases[i].text);
        enum row_result result = read_row(line);
        assert_int_equal(result, cases[i].ns < 0 ? ROW_REJECTED : ROW_TICK);
        if (result == ROW_TICK)
            assert_int_equal(row.tick.ts_ns, cases[i].ns);
    }
}

static void a_rejected_row_says_which_value(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"A B,1,1,1,buy,1", "s \"A B\""},
        {",1,1,1,buy,1", "s \"\""},
        {"X,abc,1,1,buy,1", "p \"abc\""},
        {"X,1,,1,buy,1", "q \"\""},
        {"X,99999999999999999999,1,1,buy,1", "more digits than fit"},
        {"X,1,1,1,up,1", "side \"up\""},
        {"X,1,1,1,buy,-1", "id \"-1\""},
        {"X,1,1,1,buy,18446744073709551616", "id \"18446744073709551616\""},
        {"X,1,1", "3 fields"},
    };
    assert_int_equal(find("s,p,q,t,side,id", NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(read_row(wrong[i][0]), ROW_REJECTED);
        assert_contains(row.reason, wrong[i][1]);
    }
    assert_int_equal(read_row("\n"), ROW_BLANK);
    assert_int_equal(read_row(" X , 1 ,-2, 1 , B , \n"), ROW_TICK);
    assert_int_equal(row.tick.size, -2);
    assert_false(row.tick.has_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_usual_names_are_found_whatever_their_case, start),
        cmocka_unit_test_setup(a_map_names_the_columns, start),
        cmocka_unit_test_setup(what_is_wrong_with_a_map_or_header_is_named, start),
        cmocka_unit_test_setup(one_symbol_may_serve_every_row, start),
        cmocka_unit_test_setup(times_are_scaled_exactly, start),
        cmocka_unit_test_setup(a_rejected_row_says_which_value, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
