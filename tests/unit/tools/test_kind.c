/* SPDX-License-Identifier: MIT */
/*
 * What a file is taken for when nobody says.
 */
#include "tests/unit/tools/guard.h"
#include "tests/unit/tools/unit.h"
#include "tools/kind.h"

static enum kind guess(const char *path, const char *head, size_t len, bool mapped)
{
    return kind_guess(path, guard_copy(head, len), len, mapped);
}

static void the_first_line_that_tells_decides(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        enum kind kind;
    } heads[] = {
        {"17 {\"stream\":\"x\",\"data\":{\"e\":\"trade\"}}\n", KIND_BINANCE},
        {"{\"e\":\"aggTrade\",\"s\":\"X\"}", KIND_BINANCE},
        {"{\"type\":\"subscriptions\",\"channels\":[]}\n", KIND_COINBASE},
        {"17 {\"type\":\"match\",\"product_id\":\"BTC-USD\"}\n", KIND_COINBASE},
        {"{\"channel\":\"market_trades\",\"events\":[]}\n", KIND_COINBASE},
        {"{\"event\":\"systemStatus\"}\n", KIND_KRAKEN},
        {"[1,[],\"trade\",\"X/Y\"]\n", KIND_KRAKEN},
        {"{\"channel\":\"status\",\"data\":[]}\n", KIND_KRAKEN},
        {"junk\n\n{\"type\":\"update\"}\n{\"method\":\"subscribe\"}\n{\"e\":1}\n", KIND_KRAKEN},
        {"1,2,3,4,5,True,True\n", KIND_BINANCE_TRADES_CSV},
        {"1,2,3,4,5,6,False,True\n", KIND_BINANCE_AGG_TRADES_CSV},
        {"[]\n[1,\"x\"]\n{\"event\":1}\n", KIND_KRAKEN},
        {"[1,2]\n{\"e\":\"trade\"}\n", KIND_BINANCE},
        {"junk\n", KIND_BINANCE},
        {"{\"e\":\"trade\"", KIND_BINANCE},
        {"", KIND_BINANCE},
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        assert_int_equal(guess("-", heads[i].head, strlen(heads[i].head), false), heads[i].kind);
}

static void a_map_or_a_name_makes_csv(void **state)
{
    (void)state;
    static const char trades[] = "1,2,3,4,5,True,True\n";
    static const char other[] = "s,p,q,t\n";
    assert_int_equal(guess("x.csv.gz", other, strlen(other), false), KIND_CSV);
    assert_int_equal(guess("x.csv", trades, strlen(trades), false), KIND_BINANCE_TRADES_CSV);
    assert_int_equal(guess("x.csv", trades, strlen(trades), true), KIND_CSV);
    assert_int_equal(guess("-", other, strlen(other), true), KIND_CSV);
    assert_int_equal(guess("x.jsonl", "{\"e\":1}\n", 8, true), KIND_BINANCE);
    assert_int_equal(guess("X-aggTrades-2024-08.csv", other, strlen(other), false),
                     KIND_BINANCE_AGG_TRADES_CSV);
}

static void itch_is_known_by_its_first_message_or_its_name(void **state)
{
    (void)state;
    static const char system_event[] = "\0\14S\0\0\0\0\1\2\3\4\5\6O";
    assert_int_equal(guess("-", system_event, sizeof system_event - 1, false), KIND_ITCH);
    assert_int_equal(guess("-", "\0\13S", 3, false), KIND_BINANCE);
    assert_int_equal(guess("-", "\0\14", 2, false), KIND_BINANCE);
    assert_int_equal(guess("01302020.NASDAQ_ITCH50", "junk", 4, false), KIND_ITCH);
    assert_true(kind_is_zip((const uint8_t *)"PK\3\4", 4));
    assert_false(kind_is_zip((const uint8_t *)"PK\3", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_that_tells_decides),
        cmocka_unit_test(a_map_or_a_name_makes_csv),
        cmocka_unit_test(itch_is_known_by_its_first_message_or_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
