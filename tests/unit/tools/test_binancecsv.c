/* SPDX-License-Identifier: MIT */
/*
 * Records of Binance's public files, and what tells that they are such.
 */
#include "tests/unit/tools/unit.h"
#include "tools/binancecsv.h"
#include "tools/moment.h"

static struct csv csv;
static struct row row;

static void record(const char *line)
{
    enum csv_result result;
    csv_reset(&csv);
    csv_feed(&csv, line, strlen(line), &result);
    if (result == CSV_MORE)
        result = csv_end(&csv);
    assert_int_equal(result, CSV_RECORD);
}

static enum row_result read_row(enum binancecsv which, const char *line)
{
    record(line);
    return binancecsv_read(which, "BTCUSDT", &csv, &row);
}

static void a_trade_is_a_tick_of_the_files_symbol(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "3735683259,61837.63000000,0.02000000,1236.75260000,1723161255342,True,True\n",
        "3735683259,61837.63000000,0.02000000,1236.75260000,1723161255342000,true,true\r\n",
        "3735683259,61837.63000000,0.02000000,1236.75260000,1723161255342,true",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_int_equal(read_row(BINANCECSV_TRADES, lines[i]), ROW_TICK);
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
    }
}

static void an_aggregate_trade_has_two_more_ids_before_its_time(void **state)
{
    (void)state;
    assert_int_equal(
        read_row(BINANCECSV_AGG_TRADES, "9,1.50,2.0,100,103,1735689600123456,False,True"),
        ROW_TICK);
    assert_int_equal(row.tick.id, 9);
    assert_int_equal(row.tick.side, TICK_SIDE_BUY);
    assert_int_equal(row.tick.ts_ns, 1735689600123456000);
    assert_int_equal(read_row(BINANCECSV_AGG_TRADES, "9,1.50,2.0,100,103,1735689600123,false"),
                     ROW_TICK);
    assert_int_equal(row.tick.ts_ns, 1735689600123000000);
}

static void a_rejected_row_says_which_value(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"1,2,3", "3 fields, not 6 or 7"},
        {"1,2,3,4,5,true,true,8", "8 fields"},
        {"x,2,3,4,5,true,true", "id \"x\""},
        {"1,x,3,4,5,true,true", "price \"x\""},
        {"1,2,,4,5,true,true", "qty \"\""},
        {"1,2,3,4,-5,true,true", "time \"-5\""},
        {"1,2,3,4,99999999999999999999,true,true", "time \"99999999999999999999\""},
        {"1,2,3,4,5,1,true", "isBuyerMaker \"1\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(read_row(BINANCECSV_TRADES, wrong[i][0]), ROW_REJECTED);
        assert_contains(row.reason, wrong[i][1]);
    }
    assert_int_equal(read_row(BINANCECSV_TRADES, "\n"), ROW_BLANK);
}

static void the_files_name_tells_symbol_and_content(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *symbol; /* NULL: not told */
        enum binancecsv which;
    } names[] = {
        {"BTCUSDT-trades-2024-08-09.csv", "BTCUSDT", BINANCECSV_TRADES},
        {"/data-trades-/x/BTCUSD_PERP-aggTrades-2024-08.csv.gz", "BTCUSD_PERP",
         BINANCECSV_AGG_TRADES},
        {"BTCUSDT.csv", NULL, 0},
        {"-trades-2024.csv", NULL, 0},
        {"B TC-trades-2024.csv", NULL, 0},
        {"BTCUSDT-trades-2024.json", NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char symbol[SYMBOL_LEN_MAX + 1];
        enum binancecsv which;
        assert_int_equal(binancecsv_symbol(names[i].path, symbol), names[i].symbol != NULL);
        if (!names[i].symbol)
            continue;
        assert_string_equal(symbol, names[i].symbol);
        assert_true(binancecsv_is_named(names[i].path, &which));
        assert_int_equal(which, names[i].which);
    }
}

static void a_first_record_tells_header_and_content(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool header;
        int which; /* -1: neither */
    } firsts[] = {
        {"id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch", true, BINANCECSV_TRADES},
        {"id,price,qty,quote_qty,time,is_buyer_maker", true, BINANCECSV_TRADES},
        {"agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
         true, BINANCECSV_AGG_TRADES},
        {"1,2,3,4,5,True,False", false, BINANCECSV_TRADES},
        {"1,2,3,4,5,6,true", false, BINANCECSV_AGG_TRADES},
        {"1,2,3,4,5,6,False,True", false, BINANCECSV_AGG_TRADES},
        {"1,2,3,4,5,6,7", false, -1},
        {"x,2,3,4,5,true,true", false, -1},
        {"symbol,price,qty,taker,trade,when", false, -1},
        {"id,price,qty,side,time,symbol", true, -1},
        {"1", false, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++) {
        enum binancecsv which;
        record(firsts[i].line);
        assert_int_equal(binancecsv_is_header(&csv), firsts[i].header);
        assert_int_equal(binancecsv_is_one(&csv, &which), firsts[i].which >= 0);
        if (firsts[i].which >= 0)
            assert_int_equal(which, firsts[i].which);
    }
}

static void times_are_read_digit_by_digit(void **state)
{
    (void)state;
    static const struct {
        bool (*read)(const char *, size_t, int64_t *);
        const char *text;
        int64_t ns; /* -1: refused */
    } cases[] = {
        {moment_seconds, "1534614057.321597", 1534614057321597000},
        {moment_seconds, "1534614057.321597123", 1534614057321597123},
        {moment_seconds, "7.3215971230", 7321597123},
        {moment_seconds, "7.3215971231", -1},
        {moment_seconds, "1534614057", 1534614057000000000},
        {moment_seconds, "0.0000000000", 0},
        {moment_seconds, "99999999999", -1},
        {moment_seconds, "", -1},
        {moment_milli_or_micro, "1723161255342", 1723161255342000000},
        {moment_milli_or_micro, "99999999999999", -1},
        {moment_milli_or_micro, "100000000000000", 100000000000000000},
        {moment_milli_or_micro, "1735689600123456", 1735689600123456000},
        {moment_milli_or_micro, "1.5", -1},
        {moment_rfc3339, "2024-08-08T23:54:15.342001999Z", 1723161255342001999},
        {moment_rfc3339, "2024-08-09T01:54:15+02:00", 1723161255000000000},
        {moment_rfc3339, "2024-08-08T23:54:15.3420019991Z", -1},
        {moment_rfc3339, "2024-08-08T23:54:15.342Z                              ", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ns = -1;
        assert_int_equal(cases[i].read(cases[i].text, strlen(cases[i].text), &ns),
                         cases[i].ns >= 0);
        if (cases[i].ns >= 0)
            assert_int_equal(ns, cases[i].ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trade_is_a_tick_of_the_files_symbol),
        cmocka_unit_test(an_aggregate_trade_has_two_more_ids_before_its_time),
        cmocka_unit_test(a_rejected_row_says_which_value),
        cmocka_unit_test(the_files_name_tells_symbol_and_content),
        cmocka_unit_test(a_first_record_tells_header_and_content),
        cmocka_unit_test(times_are_read_digit_by_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
