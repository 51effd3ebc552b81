/* SPDX-License-Identifier: MIT */
/* Tests of the writers in schemas/tick_json.c; jansson judges what they write. */
#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "schemas/decimal.h"
#include "schemas/tick_json.h"

static const struct tick binance = {
    .price = 6183763000000,
    .price_exp = -8,
    .size = 2000000,
    .size_exp = -8,
    .ts_ns = 1723161255342000000,
    .rts_ns = 1723161254087896568,
    .id = 3735683259,
    .has_id = 1,
    .side = TICK_SIDE_SELL,
    .seq = 918,
    .pos = (uint64_t)3 << 48 | 123456789,
};

static void assert_writes(const struct tick *tick, enum wire_tick_type type, const char *expected)
{
    char out[WIRE_TICK_MAX + 1];
    size_t len = tick_json_write(tick, "BTC-USD", 7, type, (uint8_t *)out);
    assert_true(len <= WIRE_TICK_MAX);
    out[len] = '\0';
    assert_string_equal(out, expected);
}

static void a_trade_is_written_as_the_protocol_says(void **state)
{
    (void)state;
    assert_writes(&binance, WIRE_TRADE,
                  "{\"type\":\"trade\",\"symbol\":\"BTC-USD\",\"seq\":918,\"pos\":\"3:123456789\","
                  "\"price\":\"61837.63000000\",\"size\":\"0.02000000\",\"side\":\"sell\","
                  "\"id\":\"3735683259\",\"ts\":1723161255342000,\"rts\":1723161254087896}");
}

static void a_snapshot_differs_by_its_type_and_an_absent_id_is_left_out(void **state)
{
    struct tick tick = binance;
    (void)state;
    tick.has_id = 0;
    tick.side = TICK_SIDE_NONE;
    assert_writes(
        &tick, WIRE_SNAPSHOT,
        "{\"type\":\"snapshot\",\"symbol\":\"BTC-USD\",\"seq\":918,\"pos\":\"3:123456789\","
        "\"price\":\"61837.63000000\",\"size\":\"0.02000000\",\"side\":\"none\","
        "\"ts\":1723161255342000,\"rts\":1723161254087896}");
}

static void a_tick_within_an_array_bears_its_index_in_pos(void **state)
{
    struct tick tick = {.index = 12, .side = TICK_SIDE_BUY, .seq = 1, .price = 5, .price_exp = 3};
    (void)state;
    assert_writes(&tick, WIRE_TRADE,
                  "{\"type\":\"trade\",\"symbol\":\"BTC-USD\",\"seq\":1,\"pos\":\"0:0:12\","
                  "\"price\":\"5000\",\"size\":\"0\",\"side\":\"buy\",\"ts\":0,\"rts\":0}");
}

static void microseconds_are_rounded_down_on_both_sides_of_1970(void **state)
{
    static const struct {
        int64_t ns;
        const char *us;
    } cases[] = {
        {999, "\"ts\":0,"},    {1000, "\"ts\":1,"},
        {-1, "\"ts\":-1,"},    {-1000, "\"ts\":-1,"},
        {-1001, "\"ts\":-2,"}, {INT64_MAX, "\"ts\":9223372036854775,"},
        {0, "\"ts\":0,"},      {INT64_MIN, "\"ts\":-9223372036854776,"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[WIRE_TICK_MAX + 1];
        struct tick tick = {.ts_ns = cases[i].ns};
        out[tick_json_write(&tick, "A", 1, WIRE_TRADE, (uint8_t *)out)] = '\0';
        assert_non_null(strstr(out, cases[i].us));
    }
}

/* Whether member `key` is the string `expected`, or absent where that is NULL. */
static void assert_text(json_t *object, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!expected)
        assert_null(json_object_get(object, key));
    else if (!text || strcmp(text, expected) != 0)
        fail_msg("%s is %s, not %s", key, text ? text : "absent", expected);
}

static void assert_decimal(json_t *object, const char *key, int64_t mantissa, int8_t exponent)
{
    char text[DECIMAL_TEXT_MAX + 1];
    text[decimal_print(mantissa, exponent, text)] = '\0';
    assert_text(object, key, text);
}

static int64_t floor_micros(int64_t ns)
{
    return (int64_t)(((__int128)ns + ((__int128)1 << 64) * 1000) / 1000 - ((__int128)1 << 64));
}

static void assert_jansson_agrees(const struct tick *tick, const char *symbol, const char *text,
                                  size_t len)
{
    static const char *const sides[] = {"none", "buy", "sell"};
    char expected[64];
    json_error_t error;
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        fail_msg("%s: %.*s", error.text, (int)len, text);
    assert_int_equal(json_object_size(object), tick->has_id ? 10 : 9);
    assert_text(object, "symbol", symbol);
    assert_text(object, "side", sides[tick->side]);
    assert_decimal(object, "price", tick->price, tick->price_exp);
    assert_decimal(object, "size", tick->size, tick->size_exp);
    sprintf(expected, "%" PRIu64, tick->id);
    assert_text(object, "id", tick->has_id ? expected : NULL);
    int at = sprintf(expected, "%u:%" PRIu64, tick_partition(tick), tick_offset(tick));
    if (tick->index)
        sprintf(expected + at, ":%u", tick->index);
    assert_text(object, "pos", expected);
    assert_true((uint64_t)json_integer_value(json_object_get(object, "seq")) == tick->seq);
    assert_true(json_integer_value(json_object_get(object, "ts")) == floor_micros(tick->ts_ns));
    assert_true(json_integer_value(json_object_get(object, "rts")) == floor_micros(tick->rts_ns));
    json_decref(object);
}

static void jansson_reads_back_what_was_written(void **state)
{
    uint64_t seed = 1723161255;
    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < 30000; i++) {
        char symbol[SYMBOL_LEN_MAX + 1];
        char out[WIRE_TICK_MAX + 1];
        struct tick tick = random_tick(&seed, false);
        tick.seq &= INT64_MAX; /* jansson's integers are signed */
        size_t symbol_len = random_symbol(&seed, symbol);
        memset(out, '#', sizeof out);
        size_t len = tick_json_write(&tick, symbol, symbol_len, WIRE_TRADE, (uint8_t *)out);
        assert_true(len <= WIRE_TICK_MAX);
        assert_int_equal(out[len], '#');
        assert_jansson_agrees(&tick, symbol, out, len);
    }
}

static void the_longest_tick_fits_its_bound(void **state)
{
    struct tick tick = {.price = INT64_MIN,
                        .size = INT64_MIN,
                        .price_exp = 127,
                        .size_exp = 127,
                        .ts_ns = INT64_MIN,
                        .rts_ns = INT64_MIN,
                        .id = UINT64_MAX,
                        .has_id = 1,
                        .seq = UINT64_MAX,
                        .pos = UINT64_MAX,
                        .index = UINT16_MAX,
                        .side = TICK_SIDE_SELL};
    const char *symbol = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    uint8_t out[WIRE_TICK_MAX * 2];
    (void)state;
    assert_true(tick_json_write(&tick, symbol, 32, WIRE_SNAPSHOT, out) <= WIRE_TICK_MAX);
    assert_true(tick_json_write_value(&tick, symbol, 32, out) <= VALUE_TICK_MAX);
    tick.price_exp = tick.size_exp = -128;
    assert_true(tick_json_write(&tick, symbol, 32, WIRE_SNAPSHOT, out) <= WIRE_TICK_MAX);
    assert_true(tick_json_write_value(&tick, symbol, 32, out) <= VALUE_TICK_MAX);
    struct wire_gap gap = {UINT64_MAX, UINT64_MAX, GAP_SLOW_CLIENT};
    assert_true(tick_json_write_gap(&gap, symbol, 32, out) <= WIRE_TICK_MAX);
}

static void a_gap_names_exactly_what_is_missing(void **state)
{
    static const enum gap_reason reasons[] = {GAP_SLOW_CLIENT, GAP_OVERLOAD, GAP_HISTORY,
                                              GAP_SOURCE};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct wire_gap gap = {920, 951, reasons[i]};
        char out[WIRE_TICK_MAX + 1];
        char expected[WIRE_TICK_MAX];
        out[tick_json_write_gap(&gap, "BTC-USD", 7, (uint8_t *)out)] = '\0';
        sprintf(expected,
                "{\"type\":\"gap\",\"symbol\":\"BTC-USD\",\"from\":920,\"to\":951,\"count\":32,"
                "\"reason\":\"%s\"}",
                gap_reason_name(reasons[i]));
        assert_string_equal(out, expected);
    }
}

static void a_value_is_written_as_producers_do(void **state)
{
    char out[VALUE_TICK_MAX + 1];
    (void)state;
    out[tick_json_write_value(&binance, "BTCUSDT", 7, (uint8_t *)out)] = '\0';
    assert_string_equal(
        out, "{\"s\":\"BTCUSDT\",\"p\":\"61837.63000000\",\"q\":\"0.02000000\",\"side\":\"sell\","
             "\"id\":\"3735683259\",\"t\":1723161255342000000}");
}

static void values_survive_writing_and_reading(void **state)
{
    uint64_t seed = 99;
    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < 50000; i++) {
        char symbol[SYMBOL_LEN_MAX + 1];
        uint8_t out[VALUE_TICK_MAX];
        struct caught caught = {0};
        struct tick tick = random_tick(&seed, true);
        size_t symbol_len = random_symbol(&seed, symbol);
        size_t len = tick_json_write_value(&tick, symbol, symbol_len, out);
        assert_int_equal(tick_json_read(guard_place(out, len), len, catch_tick, &caught), 1);
        assert_memory_equal(&caught.ticks[0].tick, &tick, sizeof tick);
        assert_string_equal(caught.ticks[0].symbol, symbol);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trade_is_written_as_the_protocol_says),
        cmocka_unit_test(a_snapshot_differs_by_its_type_and_an_absent_id_is_left_out),
        cmocka_unit_test(a_tick_within_an_array_bears_its_index_in_pos),
        cmocka_unit_test(microseconds_are_rounded_down_on_both_sides_of_1970),
        cmocka_unit_test(jansson_reads_back_what_was_written),
        cmocka_unit_test(the_longest_tick_fits_its_bound),
        cmocka_unit_test(a_gap_names_exactly_what_is_missing),
        cmocka_unit_test(a_value_is_written_as_producers_do),
        cmocka_unit_test(values_survive_writing_and_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
