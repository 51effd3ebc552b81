/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <string.h>

#include "tools/ticktext.h"

static struct tape_item item = {
    .tick = {.price = 6168599000000,
             .price_exp = -8,
             .size = -5,
             .size_exp = 2,
             .side = TICK_SIDE_SELL,
             .has_id = 1,
             .id = 918,
             .ts_ns = 1723161255342123456,
             .rts_ns = 1723161255343000000,
             .index = 2},
    .symbol = "BTC-USD...",
    .symbol_len = 7,
};

static void expect(size_t (*write)(const struct tape_item *, const char *, char *),
                   const char *expected)
{
    char out[TICKTEXT_MAX];
    size_t len = write(&item, "trades", out);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
}

static void a_tick_is_written_to_the_last_digit_in_each_form(void **state)
{
    (void)state;
    item.tick.pos = tick_pos(4096 + 3, 77);
    expect(ticktext_line, "2024-08-08T23:54:15.343000000Z 2024-08-08T23:54:15.342123456Z BTC-USD "
                          "61685.99000000 -500 sell 918 trades/3@77:2\n");
    expect(ticktext_csv, "1723161255343000000,1723161255342123456,BTC-USD,61685.99000000,-500,sell,"
                         "918,trades,3,77,2\n");
    expect(ticktext_json, "{\"s\":\"BTC-USD\",\"p\":\"61685.99000000\",\"q\":[-5,2],\"side\":"
                          "\"sell\",\"id\":\"918\",\"t\":1723161255342123456,\"r\":"
                          "1723161255343000000,\"pos\":[\"trades\",3,77,2]}\n");
}

static void what_is_not_there_is_left_out(void **state)
{
    (void)state;
    struct tape_item whole = item;
    item.tick.pos = tick_pos(0, 0);
    item.tick.has_id = 0;
    item.tick.index = 0;
    item.tick.side = TICK_SIDE_NONE;
    item.tick.ts_ns = -1;
    expect(ticktext_line, "2024-08-08T23:54:15.343000000Z -1 BTC-USD 61685.99000000 -500 none - "
                          "trades/0@0\n");
    expect(ticktext_csv, "1723161255343000000,-1,BTC-USD,61685.99000000,-500,none,,trades,0,0,0\n");
    expect(ticktext_json,
           "{\"s\":\"BTC-USD\",\"p\":\"61685.99000000\",\"q\":[-5,2],\"side\":"
           "\"none\",\"t\":-1,\"r\":1723161255343000000,\"pos\":[\"trades\",0,0]}\n");
    item = whole;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tick_is_written_to_the_last_digit_in_each_form),
        cmocka_unit_test(what_is_not_there_is_left_out),
    };
    return cmocka_run_group_tests_name("ticktext", tests, NULL, NULL);
}
