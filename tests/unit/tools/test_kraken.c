/* SPDX-License-Identifier: MIT */
/*
 * Lines of both versions of Kraken's stream: good, odd, wrong and cut short.
 */
#include "tests/unit/tools/taken.h"
#include "tests/unit/tools/unit.h"
#include "tools/kraken.h"

static struct taken taken;

#define FIRST                                                                                      \
    "[337,[[\"5541.20000\",\"0.15850568\",\"1534614057.321597\",\"s\",\"l\",\"\"],"                \
    "[\"6060.00000\",\"0.02455000\",\"1534614057.324998\",\"b\",\"m\",\"\"]],\"trade\","           \
    "\"XBT/USD\"]"
#define TRADE(price, qty)                                                                          \
    "{\"symbol\":\"BTC/USD\",\"side\":\"buy\",\"price\":" price ",\"qty\":" qty ","                \
    "\"ord_type\":\"limit\",\"trade_id\":4665846,"                                                 \
    "\"timestamp\":\"2024-08-08T23:54:15.342001Z\"}"
#define SECOND(trades) "{\"channel\":\"trade\",\"type\":\"update\",\"data\":[" trades "]}"

static const int64_t instant = 1723161255342001000;

static void read_line(const char *line)
{
    taken_read(&taken, kraken_read, line, strlen(line));
}

static void each_trade_of_the_first_version_is_a_tick_at_its_exact_time(void **state)
{
    (void)state;
    static const char *const lines[] = {FIRST, "1534614057400000000 " FIRST "\n"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        read_line(lines[i]);
        assert_int_equal(taken.count, 2);
        taken_is(&taken, 0, "XBT/USD", "5541.20000", "0.15850568", TICK_SIDE_SELL,
                 1534614057321597000);
        taken_is(&taken, 1, "XBT/USD", "6060.00000", "0.02455000", TICK_SIDE_BUY,
                 1534614057324998000);
        assert_false(taken.rows[0].tick.has_id);
    }
}

/* 0.1 and 61685.9 are no doubles, and 2^53 + 1 isn't either. */
static void bare_numbers_of_the_second_version_keep_their_digits(void **state)
{
    (void)state;
    static const char *const digits[][2] = {
        {"61685.9", "61685.9"},
        {"61685.90", "61685.90"},
        {"0.10000000", "0.10000000"},
        {"9007199254740993", "9007199254740993"},
        {"1e-8", "0.00000001"},
        {"922337203685477.5807", "922337203685477.5807"},
        {"3", "3"},
        {"-0.5", "-0.5"},
    };
    for (size_t i = 0; i < ARRAY_LEN(digits); i++) {
        char line[512];
        snprintf(line, sizeof line, SECOND(TRADE("%s", "%s")), digits[i][0], digits[i][0]);
        read_line(line);
        assert_int_equal(taken.count, 1);
        taken_is(&taken, 0, "BTC/USD", digits[i][1], digits[i][1], TICK_SIDE_BUY, instant);
        assert_int_equal(taken.rows[0].tick.id, 4665846);
    }
}

static void a_bad_trade_costs_none_of_its_neighbours(void **state)
{
    (void)state;
    read_line(SECOND(TRADE("1", "1") "," TRADE("1", "null") "," TRADE("2", "\"2\"")));
    assert_int_equal(taken.count, 3);
    assert_int_equal(taken.results[1], ROW_REJECTED);
    assert_contains(taken.rows[1].reason, "data[1]: \"qty\" is not a string or a number");
    taken_is(&taken, 2, "BTC/USD", "2", "2", TICK_SIDE_BUY, instant);
    read_line("[1,[[\"1\",\"1\",\"x\",\"s\"],[\"1\",\"1\",\"1\",\"s\"]],\"trade\",\"X/Y\"]");
    assert_int_equal(taken.results[0], ROW_REJECTED);
    assert_contains(taken.rows[0].reason, "trades[0]: time \"x\"");
    taken_is(&taken, 1, "X/Y", "1", "1", TICK_SIDE_SELL, 1000000000);
}

static void blank_lines_heartbeats_states_and_answers_are_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "\n",
        "{\"event\":\"heartbeat\"}",
        "{\"event\":\"systemStatus\",\"status\":\"online\"}",
        "{\"event\":\"subscriptionStatus\",\"channelID\":337}",
        "{\"channel\":\"heartbeat\"}",
        "{\"channel\":\"status\",\"type\":\"update\",\"data\":[]}",
        "{\"method\":\"subscribe\",\"success\":true}",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        read_line(lines[i]);
        assert_int_equal(taken.count, 0);
    }
}

static void what_is_no_trade_is_rejected_with_a_reason(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"junk", "not JSON"},
        {FIRST "]", "not JSON"},
        {"17", "neither an array nor an object"},
        {"{}", "no \"channel\""},
        {"{\"channel\":\"book\",\"data\":[]}", "channel \"book\""},
        {"{\"event\":\"error\"}", "event \"error\""},
        {"{\"channel\":\"trade\"}", "\"data\" is missing"},
        {"{\"channel\":\"trade\",\"data\":{}}", "\"data\" is not an array"},
        {"{\"channel\":\"trade\",\"channel\":\"trade\"}", "\"channel\" stands twice"},
        {SECOND("1"), "data[0]: not a trade"},
        {SECOND("{\"symbol\":\"X\"}"), "data[0]: \"price\" is missing"},
        {SECOND(TRADE("99999999999999999999", "1")), "more digits than fit"},
        {"[]", "0 elements"},
        {"[1,2,3,4,5,6,7,8,9]", "9 elements"},
        {"[1,{\"b\":[]},\"book-10\",\"XBT/USD\"]", "channel \"book-10\""},
        {"[1,{},\"trade\",\"XBT/USD\"]", "no array of trades"},
        {"[1,[],\"trade\",7]", "\"pair\" is not a string"},
        {"[1,[[]],\"trade\",\"X Y\"]", "pair \"X Y\""},
        {"[1,[[\"1\",\"2\",\"3\"]],\"trade\",\"X/Y\"]", "trades[0]: not an array of price"},
        {"[1,[[\"1\",\"2\",\"3.1234567891\",\"s\"]],\"trade\",\"X/Y\"]", "time \"3.1234567891\""},
        {"[1,[[\"1\",\"2\",\"3\",\"\"]],\"trade\",\"X/Y\"]", "side \"\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        taken_rejects(&taken, kraken_read, wrong[i][0], wrong[i][1]);
}

static void a_line_cut_anywhere_is_rejected(void **state)
{
    (void)state;
    static const char *const lines[] = {FIRST, SECOND(TRADE("1.5", "2"))};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        for (size_t len = 1; len < strlen(lines[i]); len++) {
            taken_read(&taken, kraken_read, lines[i], len);
            assert_int_equal(taken.count, 1);
            assert_int_equal(taken.results[0], ROW_REJECTED);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_trade_of_the_first_version_is_a_tick_at_its_exact_time),
        cmocka_unit_test(bare_numbers_of_the_second_version_keep_their_digits),
        cmocka_unit_test(a_bad_trade_costs_none_of_its_neighbours),
        cmocka_unit_test(blank_lines_heartbeats_states_and_answers_are_nothing),
        cmocka_unit_test(what_is_no_trade_is_rejected_with_a_reason),
        cmocka_unit_test(a_line_cut_anywhere_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
