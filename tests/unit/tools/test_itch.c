/* SPDX-License-Identifier: MIT */
/*
 * Messages of ITCH 5.0, made by hand: what is a trade, of which order, and what is wrong.
 */
#include "tests/unit/tools/guard.h"
#include "tests/unit/tools/unit.h"
#include "tools/itch.h"
#include "tools/session.h"

enum { ORDERS = 4, LOCATE = 17 };

static const int64_t midnight = 1580360400000000000; /* 2020-01-30 in New York */
static const uint64_t opening = 34200000000123;      /* 09:30 and 123 ns */

static struct itch *itch;
static struct row row;
static uint8_t message[64];
static size_t message_len;

static void put(uint64_t value, size_t bytes)
{
    while (bytes-- > 0)
        message[message_len++] = (uint8_t)(value >> 8 * bytes);
}

static void put_text(const char *text, size_t len)
{
    size_t given = strlen(text);
    for (size_t i = 0; i < len; i++)
        message[message_len++] = i < given ? (uint8_t)text[i] : ' ';
}

static void begin(char type)
{
    message_len = 0;
    put((uint8_t)type, 1);
    put(LOCATE, 2);
    put(0, 2);
    put(opening, 6);
}

static enum row_result give(void)
{
    memset(&row, 0xa5, sizeof row);
    row.reason[0] = 0;
    return itch_read(itch, guard_copy(message, message_len), message_len, &row);
}

static enum row_result directory(const char *stock)
{
    begin('R');
    put_text(stock, 8);
    put_text("Q N", 20);
    return give();
}

static enum row_result add(char type, uint64_t ref, char side, uint32_t shares, uint32_t price)
{
    begin(type);
    put(ref, 8);
    put((uint8_t)side, 1);
    put(shares, 4);
    put_text("AAPL", 8);
    put(price, 4);
    if (type == 'F')
        put_text("GSCO", 4);
    return give();
}

static enum row_result execute(uint64_t ref, uint32_t shares, uint64_t match)
{
    begin('E');
    put(ref, 8);
    put(shares, 4);
    put(match, 8);
    return give();
}

static enum row_result execute_at(uint64_t ref, uint32_t shares, char printable, uint32_t price)
{
    begin('C');
    put(ref, 8);
    put(shares, 4);
    put(77, 8);
    put((uint8_t)printable, 1);
    put(price, 4);
    return give();
}

static enum row_result cancel(uint64_t ref, uint32_t shares)
{
    begin('X');
    put(ref, 8);
    put(shares, 4);
    return give();
}

static enum row_result delete (uint64_t ref) { begin('D'); put(ref, 8); return give(); }

static enum row_result replace(uint64_t ref, uint64_t new_ref, uint32_t shares, uint32_t price)
{
    begin('U');
    put(ref, 8);
    put(new_ref, 8);
    put(shares, 4);
    put(price, 4);
    return give();
}

static enum row_result hidden(const char *stock)
{
    begin('P');
    put(0, 8);
    put('B', 1);
    put(300, 4);
    put_text(stock, 8);
    put(3215000, 4);
    put(UINT64_C(1) << 60, 8);
    return give();
}

static void check(int64_t price, int64_t size, enum tick_side side, uint64_t id)
{
    assert_int_equal(row.symbol_len, 4);
    assert_memory_equal(row.symbol, "AAPL", 4);
    assert_int_equal(row.tick.price, price);
    assert_int_equal(row.tick.price_exp, -4);
    assert_int_equal(row.tick.size, size);
    assert_int_equal(row.tick.size_exp, 0);
    assert_int_equal(row.tick.side, side);
    assert_true(row.tick.has_id);
    assert_int_equal(row.tick.id, id);
    assert_int_equal(row.tick.ts_ns, midnight + (int64_t)opening);
}

#define rejected(result, why)                                                                      \
    do {                                                                                           \
        assert_int_equal((result), ROW_REJECTED);                                                  \
        assert_contains(row.reason, why);                                                          \
    } while (0)

static int start(void **state)
{
    (void)state;
    itch = itch_create(ORDERS);
    return itch_begin(itch, midnight) < 0 || directory("AAPL") != ROW_BLANK;
}

static int end(void **state)
{
    (void)state;
    itch_destroy(itch);
    return 0;
}

static void an_execution_has_its_orders_price_and_stock_and_the_other_side(void **state)
{
    (void)state;
    assert_int_equal(add('A', 1, 'B', 100, 3214500), ROW_BLANK);
    assert_int_equal(execute(1, 40, 9001), ROW_TICK);
    check(3214500, 40, TICK_SIDE_SELL, 9001);
    assert_int_equal(execute(1, 60, UINT64_MAX), ROW_TICK);
    check(3214500, 60, TICK_SIDE_SELL, UINT64_MAX);
    rejected(execute(1, 1, 3), "E: order 1 is not open");
    assert_int_equal(add('F', 2, 'S', 100, UINT32_MAX), ROW_BLANK);
    assert_int_equal(execute(2, 100, 5), ROW_TICK);
    check(UINT32_MAX, 100, TICK_SIDE_BUY, 5);
}

static void an_execution_with_a_price_has_that_one(void **state)
{
    (void)state;
    add('A', 1, 'S', 100, 3214500);
    assert_int_equal(execute_at(1, 30, 'Y', 3214400), ROW_TICK);
    check(3214400, 30, TICK_SIDE_BUY, 77);
}

static void what_is_not_printable_is_counted_and_takes_its_shares(void **state)
{
    (void)state;
    add('A', 1, 'S', 100, 3214500);
    assert_int_equal(execute_at(1, 100, 'N', 3214400), ROW_BLANK);
    assert_int_equal(itch_counts(itch)->unprintable, 1);
    rejected(execute(1, 1, 1), "order 1 is not open");
    add('A', 2, 'S', 100, 3214500);
    rejected(execute_at(2, 1, '?', 1), "printable 0x3f");
}

static void cancelled_shares_are_gone_and_with_the_last_the_order(void **state)
{
    (void)state;
    add('A', 1, 'B', 100, 3214500);
    assert_int_equal(cancel(1, 60), ROW_BLANK);
    rejected(execute(1, 41, 1), "E: 41 shares of order 1, which has 40");
    assert_int_equal(execute(1, 10, 1), ROW_TICK);
    assert_int_equal(cancel(1, 30), ROW_BLANK);
    rejected(cancel(1, 1), "X: order 1 is not open");
    add('A', 2, 'B', 100, 3214500);
    assert_int_equal(delete (2), ROW_BLANK);
    rejected(delete (2), "D: order 2 is not open");
}

static void a_replaced_order_keeps_side_and_stock(void **state)
{
    (void)state;
    add('A', 1, 'B', 100, 3214500);
    assert_int_equal(replace(1, 2, 500, 3214600), ROW_BLANK);
    rejected(execute(1, 1, 1), "order 1 is not open");
    assert_int_equal(execute(2, 500, 8), ROW_TICK);
    check(3214600, 500, TICK_SIDE_SELL, 8);
    rejected(replace(1, 3, 1, 1), "U: order 1 is not open");
}

static void a_trade_with_a_hidden_order_has_no_side(void **state)
{
    (void)state;
    assert_int_equal(hidden("AAPL"), ROW_TICK);
    check(3215000, 300, TICK_SIDE_NONE, UINT64_C(1) << 60);
    rejected(hidden("MSFT"), "P: stock \"MSFT    \", but 17 is AAPL's number");
}

static void orders_beyond_the_bound_are_refused_by_its_name(void **state)
{
    (void)state;
    for (uint64_t ref = 1; ref <= ORDERS; ref++)
        assert_int_equal(add('A', ref, 'B', 1, 1), ROW_BLANK);
    rejected(add('A', 5, 'B', 1, 1), "A: order 5 is one too many: 4 are open; raise --orders-max");
    rejected(add('A', 4, 'B', 1, 1), "order 4 is open already");
    assert_int_equal(replace(1, 6, 1, 1), ROW_BLANK);
    assert_int_equal(execute(6, 1, 1), ROW_TICK);
    assert_int_equal(add('A', 5, 'B', 1, 1), ROW_BLANK);
}

static void what_is_malformed_is_rejected_with_a_reason(void **state)
{
    (void)state;
    rejected(add('A', 1, 'x', 1, 1), "A: side 0x78");
    add('A', 1, 'B', 1, 1);
    begin('z');
    rejected(give(), "type 0x7a is none of ITCH 5.0's");
    begin('D');
    rejected(give(), "D: 11 bytes, not 19");
    message_len = 0;
    rejected(give(), "no bytes");
    begin('D');
    memset(message + 5, 0xff, 6);
    put(1, 8);
    rejected(give(), "beyond a day");
    begin('D');
    message[2] = LOCATE + 1;
    put(1, 8);
    rejected(give(), "D: order 1 is of stock 17, not 18");
    assert_int_equal(delete (1), ROW_BLANK);
}

static void every_type_is_refused_at_every_other_length(void **state)
{
    (void)state;
    for (int type = 0; type < 256; type++)
        for (size_t len = 1; len <= ITCH_LEN_MAX; len++) {
            begin((char)type);
            memset(message + 11, 'B', sizeof message - 11);
            message_len = len;
            enum row_result result = give();
            if (itch_length((uint8_t)type) != len)
                assert_int_equal(result, ROW_REJECTED);
        }
}

static void other_messages_are_nothing_but_counted(void **state)
{
    (void)state;
    static const char others[] = "SHYLVWKJhQBINO";
    for (const char *type = others; *type; type++) {
        begin(*type);
        while (message_len < itch_length((uint8_t)*type))
            put(0, 1);
        assert_int_equal(give(), ROW_BLANK);
    }
    assert_int_equal(itch_counts(itch)->messages, strlen(others) + 1);
    assert_int_equal(itch_counts(itch)->crosses, 1);
    assert_int_equal(itch_counts(itch)->broken, 1);
    assert_int_equal(itch_counts(itch)->trades, 0);
}

static void a_new_file_begins_with_nothing_open(void **state)
{
    (void)state;
    add('A', 1, 'B', 1, 1);
    assert_int_equal(itch_begin(itch, midnight), 0);
    rejected(execute(1, 1, 1), "order 1 is not open");
    assert_int_equal(directory("MSFT"), ROW_BLANK);
}

static void every_stock_has_a_symbol(void **state)
{
    (void)state;
    static const char *const stocks[][2] = {
        {"AAPL    ", "AAPL"},    {"BRK.B   ", "BRK.B"},    {"BAC-L   ", "BAC-L"},
        {"AAM+    ", "AAM/WS"},  {"AAM+A   ", "AAM/WSA"},  {"AAM=    ", "AAM/U"},
        {"X^#     ", "X/RT/WI"}, {"ABCDEFGH", "ABCDEFGH"}, {"TEST~   ", "TEST/TEST"},
        {"        ", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(stocks); i++) {
        char symbol[64];
        size_t len = itch_symbol((const uint8_t *)stocks[i][0], symbol);
        assert_int_equal(len, strlen(stocks[i][1]));
        assert_memory_equal(symbol, stocks[i][1], len);
    }
    itch_begin(itch, midnight);
    rejected(directory(""), "R: stock \"        \" is not a symbol");
    rejected(directory("A B"), "R: stock \"A B     \"");
}

static void the_day_begins_at_new_yorks_midnight(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *date;
        int64_t seconds; /* -1: no day */
    } days[] = {
        {"/x/01302020.NASDAQ_ITCH50.gz", "2020-01-30", 1580360400},
        {"20190730.BX_ITCH_50.gz", "2019-07-30", 1564459200},
        {"S081321-v50.txt.gz", "2021-08-13", 1628827200},
        {"02292000.NASDAQ_ITCH50", "2000-02-29", 951800400},
        /* Clocks change: hours are counted as the clocks show them after it. */
        {"03082020.NASDAQ_ITCH50", "2020-03-08", 1583640000},
        {"02302020.NASDAQ_ITCH50", "2020-02-30", -1},
        {"13012020.NASDAQ_ITCH50", "2020-13-01", -1},
        {"1302020.NASDAQ_ITCH50", "2020-1-30", -1},
        {"trades.gz", "2020-01-30Z", -1},
    };
    setenv("TZ", "Asia/Tokyo", 1);
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        struct session_date date;
        char error[128];
        int64_t ns;
        for (int named = 0; named <= 1; named++) {
            bool found =
                named ? session_of_name(days[i].name, &date) : session_parse(days[i].date, &date);
            assert_int_equal(found, days[i].seconds >= 0);
            if (!found)
                continue;
            assert_int_equal(session_midnight(&date, &ns, error, sizeof error), 0);
            assert_int_equal(ns, days[i].seconds * 1000000000);
        }
    }
    assert_string_equal(getenv("TZ"), "Asia/Tokyo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_execution_has_its_orders_price_and_stock_and_the_other_side, start, end),
        cmocka_unit_test_setup_teardown(an_execution_with_a_price_has_that_one, start, end),
        cmocka_unit_test_setup_teardown(what_is_not_printable_is_counted_and_takes_its_shares,
                                        start, end),
        cmocka_unit_test_setup_teardown(cancelled_shares_are_gone_and_with_the_last_the_order,
                                        start, end),
        cmocka_unit_test_setup_teardown(a_replaced_order_keeps_side_and_stock, start, end),
        cmocka_unit_test_setup_teardown(a_trade_with_a_hidden_order_has_no_side, start, end),
        cmocka_unit_test_setup_teardown(orders_beyond_the_bound_are_refused_by_its_name, start,
                                        end),
        cmocka_unit_test_setup_teardown(what_is_malformed_is_rejected_with_a_reason, start, end),
        cmocka_unit_test_setup_teardown(every_type_is_refused_at_every_other_length, start, end),
        cmocka_unit_test_setup_teardown(other_messages_are_nothing_but_counted, start, end),
        cmocka_unit_test_setup_teardown(a_new_file_begins_with_nothing_open, start, end),
        cmocka_unit_test_setup_teardown(every_stock_has_a_symbol, start, end),
        cmocka_unit_test(the_day_begins_at_new_yorks_midnight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
