/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <string.h>

#include "schemas/tick_msgpack.h"

static const struct tick trade = {
    .price = -6168599000000,
    .price_exp = -8,
    .size = INT64_MAX,
    .size_exp = 127,
    .side = TICK_SIDE_SELL,
    .has_id = 1,
    .id = UINT64_MAX,
    .ts_ns = 1723161255342123456,
    .rts_ns = 1723161255342999999,
    .index = 4095,
};

static void a_taped_tick_is_read_back_to_the_last_digit(void **state)
{
    (void)state;
    uint8_t out[TAPED_TICK_MAX];
    char topic[250];
    memset(topic, 't', 249);
    struct tick tick = trade;
    tick.pos = tick_pos(4095, 0xffffffffffff);
    for (int i = 0; i < 3; i++) {
        struct tick_taped read;
        size_t len = tick_msgpack_write_taped(&tick, "BTC-USD.LONGEST_NAME-THERE-MAY_B", 32, topic,
                                              249, out);
        assert_true(len < sizeof out);
        assert_int_equal(tick_msgpack_read_taped(out, len, &read), len);
        assert_memory_equal(&read.tick, &tick, sizeof tick);
        assert_int_equal(read.symbol_len, 32);
        assert_memory_equal(read.symbol, "BTC-USD.LONGEST_NAME-THERE-MAY_B", 32);
        assert_true(read.topic_len == 249 && memcmp(read.topic, topic, 249) == 0);
        /* Cut short anywhere, it is none. */
        for (size_t cut = 0; cut < len; cut++)
            assert_true(tick_msgpack_read_taped(out, cut, &read) < 0);
        tick.index = 0;
        tick.has_id = 0;
        tick.id = 0;
        tick.ts_ns = i ? 0 : -1;
    }
}

static void take(void *arg, const struct tick *tick, const char *symbol, size_t symbol_len)
{
    struct tick expected = trade;
    assert_memory_equal(symbol, "X", 1);
    assert_int_equal(symbol_len, 1);
    expected.index = 0;
    expected.rts_ns = 0;
    assert_memory_equal(tick, &expected, sizeof expected);
    ++*(int *)arg;
}

static void readers_of_kafka_values_read_a_taped_tick_too(void **state)
{
    (void)state;
    uint8_t out[TAPED_TICK_MAX];
    int taken = 0;
    size_t len = tick_msgpack_write_taped(&trade, "X", 1, "trades", 6, out);
    assert_int_equal(tick_msgpack_read(out, len, take, &taken), 1);
    assert_int_equal(taken, 1);
}

static void a_tick_without_position_or_receive_time_is_no_taped_one(void **state)
{
    (void)state;
    uint8_t out[VALUE_TICK_MAX];
    struct tick_taped read;
    size_t len = tick_msgpack_write_value(&trade, "X", 1, out);
    assert_int_equal(tick_msgpack_read_taped(out, len, &read), VALUE_SHAPE);
    const char bad[][16] = {
        "\x81\xa3pos\x93\xa1t\1\xff", /* an offset below 0 */
        "\x81\xa3pos\x92\xa1t\1",     /* none */
        "\x81\xa3pos\xa3"
        "1:2",                /* as the wire has it */
        "\x82\xa1r\1\xa1r\1", /* twice */
        "\x81\xa1r\xa1"
        "1",      /* as text */
        "\x91\1", /* no map */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(tick_msgpack_read_taped((const uint8_t *)bad[i], 16, &read), VALUE_SHAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_taped_tick_is_read_back_to_the_last_digit),
        cmocka_unit_test(readers_of_kafka_values_read_a_taped_tick_too),
        cmocka_unit_test(a_tick_without_position_or_receive_time_is_no_taped_one),
    };
    return cmocka_run_group_tests_name("tick_taped", tests, NULL, NULL);
}
