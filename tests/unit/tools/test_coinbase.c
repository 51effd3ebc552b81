/* SPDX-License-Identifier: MIT */
/*
 * Lines of Coinbase's two streams: good, odd, wrong and cut short.
 */
#include "tests/unit/tools/taken.h"
#include "tests/unit/tools/unit.h"
#include "tools/coinbase.h"

static struct taken taken;

#define BODY                                                                                       \
    "\"product_id\":\"BTC-USD\",\"price\":\"61685.9900\",\"size\":\"0.00012000\","                 \
    "\"time\":\"2024-08-08T23:54:15.342001Z\""
#define MATCH                                                                                      \
    "{\"type\":\"match\",\"trade_id\":684105521,\"sequence\":87,\"maker_order_id\":\"5c\","        \
    "\"side\":\"sell\"," BODY "}"
#define TRADES(trades)                                                                             \
    "{\"channel\":\"market_trades\",\"client_id\":\"\",\"timestamp\":\"2024-08-08T23:54:16Z\","    \
    "\"sequence_num\":4,\"events\":[{\"type\":\"update\",\"trades\":[" trades "]}]}"

static const int64_t instant = 1723161255342001000;

static void read_line(const char *line)
{
    taken_read(&taken, coinbase_read, line, strlen(line));
}

static void a_match_is_a_tick_whose_aggressor_is_not_the_maker(void **state)
{
    (void)state;
    static const char *const lines[] = {MATCH, MATCH "\r\n", "1723161255400000000 " MATCH "\n"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        read_line(lines[i]);
        assert_int_equal(taken.count, 1);
        taken_is(&taken, 0, "BTC-USD", "61685.9900", "0.00012000", TICK_SIDE_BUY, instant);
        assert_true(taken.rows[0].tick.has_id);
        assert_int_equal(taken.rows[0].tick.id, 684105521);
    }
    read_line("{\"type\":\"last_match\",\"trade_id\":1,\"side\":\"buy\"," BODY "}");
    taken_is(&taken, 0, "BTC-USD", "61685.9900", "0.00012000", TICK_SIDE_SELL, instant);
}

static void each_of_several_market_trades_is_a_tick(void **state)
{
    (void)state;
    read_line(TRADES("{\"trade_id\":\"684105521\",\"side\":\"BUY\"," BODY
                     "},{\"trade_id\":\"34b080bf-fcfd\",\"side\":\"SELL\"," BODY "}"));
    assert_int_equal(taken.count, 2);
    taken_is(&taken, 0, "BTC-USD", "61685.9900", "0.00012000", TICK_SIDE_SELL, instant);
    assert_int_equal(taken.rows[0].tick.id, 684105521);
    taken_is(&taken, 1, "BTC-USD", "61685.9900", "0.00012000", TICK_SIDE_BUY, instant);
    assert_false(taken.rows[1].tick.has_id);
}

static void a_bad_trade_costs_none_of_its_neighbours(void **state)
{
    (void)state;
    read_line(TRADES("{\"side\":\"BUY\"," BODY "},{\"side\":\"UP\"," BODY
                     "},{\"side\":\"SELL\"," BODY "}"));
    assert_int_equal(taken.count, 3);
    assert_int_equal(taken.results[0], ROW_TICK);
    assert_int_equal(taken.results[1], ROW_REJECTED);
    assert_contains(taken.rows[1].reason, "trades[1]: side \"UP\"");
    assert_int_equal(taken.results[2], ROW_TICK);
}

static void blank_lines_heartbeats_and_answers_are_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        " \r\n",
        "{\"type\":\"subscriptions\",\"channels\":[]}",
        "{\"type\":\"heartbeat\"}",
        "{\"channel\":\"heartbeats\",\"events\":[]}",
        "{\"channel\":\"subscriptions\"}",
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
        {MATCH MATCH, "not JSON"},
        {"[]", "neither \"type\" nor \"channel\""},
        {"{}", "neither"},
        {"{\"type\":\"received\"}", "\"received\""},
        {"{\"type\":1}", "\"type\" is not a string"},
        {"{\"type\":\"match\",\"type\":\"match\"}", "\"type\" stands twice"},
        {"{\"channel\":\"level2\",\"events\":[]}", "\"level2\""},
        {"{\"channel\":\"market_trades\"}", "\"events\" is missing"},
        {"{\"channel\":\"market_trades\",\"events\":[1]}", "events[0]: not an object"},
        {"{\"channel\":\"market_trades\",\"events\":[{}]}", "events[0]: \"trades\" is missing"},
        {TRADES("7"), "trades[0]: not a trade"},
        {"{\"type\":\"match\",\"side\":\"buy\"}", "\"product_id\" is missing"},
        {"{\"type\":\"match\",\"side\":\"buy\",\"side\":\"buy\"," BODY "}",
         "\"side\" stands twice"},
        {"{\"type\":\"match\"," BODY "}", "\"side\" is missing"},
        {"{\"type\":\"match\",\"side\":true," BODY "}", "\"side\" is not a string"},
        {"{\"type\":\"match\",\"side\":\"buy\",\"trade_id\":-1," BODY "}", "trade_id \"-1\""},
        {"{\"type\":\"match\",\"side\":\"buy\",\"product_id\":\"X\",\"price\":\"1,5\",\"size\":"
         "\"1\","
         "\"time\":\"2024-08-08T23:54:15Z\"}",
         "price \"1,5\""},
        {"{\"type\":\"match\",\"side\":\"buy\",\"product_id\":\"X\",\"price\":\"1\",\"size\":\"1\","
         "\"time\":\"yesterday\"}",
         "time \"yesterday\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        taken_rejects(&taken, coinbase_read, wrong[i][0], wrong[i][1]);
}

static void a_line_cut_anywhere_is_rejected(void **state)
{
    (void)state;
    for (size_t len = 1; len < strlen(MATCH); len++) {
        taken_read(&taken, coinbase_read, MATCH, len);
        assert_int_equal(taken.count, 1);
        assert_int_equal(taken.results[0], ROW_REJECTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_is_a_tick_whose_aggressor_is_not_the_maker),
        cmocka_unit_test(each_of_several_market_trades_is_a_tick),
        cmocka_unit_test(a_bad_trade_costs_none_of_its_neighbours),
        cmocka_unit_test(blank_lines_heartbeats_and_answers_are_nothing),
        cmocka_unit_test(what_is_no_trade_is_rejected_with_a_reason),
        cmocka_unit_test(a_line_cut_anywhere_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
