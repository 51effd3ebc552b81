/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <string.h>

#include "feed/base.h"
#include "schemas/tick_json.h"
#include "schemas/tick_msgpack.h"
#include "server/fanout/encode.h"
#include "stream.h"

static const char long_symbol[] = "ABCDEFGHIJABCDEFGHIJABCDEFGHIJ12";

struct encoded {
    uint8_t out[ENCODE_MAX + 64];
    uint32_t skip, len;
    struct stream_frame frame;
};

/* The frame must be read back whole, and nothing may be written beyond the promised bound. */
static void read_back(struct encoded *encoded, int format)
{
    for (size_t i = ENCODE_MAX; i < sizeof encoded->out; i++)
        assert_int_equal(encoded->out[i], 0xee);
    assert_true(encoded->skip + encoded->len <= ENCODE_MAX);
    long len = stream_read(encoded->out + encoded->skip, encoded->len, &encoded->frame);
    assert_int_equal(len, encoded->len);
    assert_int_equal(encoded->frame.text, format == ENCODE_JSON);
}

static struct encoding encoding_of(int format)
{
    return (struct encoding){.format = format};
}

static void encode_a_gap(struct encoded *encoded, int format, struct wire_gap gap,
                         const char *symbol, size_t len)
{
    memset(encoded->out, 0xee, sizeof encoded->out);
    encoded->len = encode_gap(encoded->out, &encoded->skip, encoding_of(format), &gap, symbol, len);
    read_back(encoded, format);
}

static void encode_a_tick(struct encoded *encoded, int format, const struct tick *tick,
                          const char *symbol, enum wire_tick_type type)
{
    memset(encoded->out, 0xee, sizeof encoded->out);
    encoded->len = encode_tick(encoded->out, &encoded->skip, encoding_of(format), tick, symbol,
                               strlen(symbol), type);
    read_back(encoded, format);
}

/* The widest of everything, but for what `narrower` takes off the sequence numbers. */
static struct wire_gap wide_gap(int narrower)
{
    struct wire_gap gap = {.from = 1, .to = UINT64_MAX, .reason = GAP_SLOW_CLIENT};
    while (narrower-- > 0)
        gap.to /= 10;
    return gap;
}

static uint32_t header_of(const struct encoded *encoded)
{
    return encoded->len - (uint32_t)encoded->frame.len;
}

static void a_json_header_is_short_up_to_125_bytes(void **state)
{
    (void)state;
    bool seen_125 = false, seen_126 = false;
    for (size_t len = 1; len <= SYMBOL_LEN_MAX; len++) {
        struct encoded gap;
        encode_a_gap(&gap, ENCODE_JSON, wide_gap(5), long_symbol, len);
        assert_int_equal(header_of(&gap), gap.frame.len <= 125 ? 2 : 4);
        seen_125 |= gap.frame.len == 125;
        seen_126 |= gap.frame.len == 126;
    }
    assert_true(seen_125 && seen_126);
}

static void a_json_frame_begins_where_its_header_fits(void **state)
{
    (void)state;
    struct encoded brief;
    encode_a_gap(&brief, ENCODE_JSON, wide_gap(15), "A", 1);
    assert_int_equal(header_of(&brief), 2);
    assert_int_equal(brief.skip, 2);
    const struct tick tick = {.seq = 1};
    struct encoded usual;
    encode_a_tick(&usual, ENCODE_JSON, &tick, long_symbol, WIRE_TRADE);
    assert_int_equal(header_of(&usual), 4);
    assert_int_equal(usual.skip, 0);
}

/* The widest of the protocol's msgpack messages. None reaches 126 bytes, so the long header behind
 * a msgpack payload is never written; should a field be added, this says so. */
static void the_widest_msgpack_messages_have_a_short_header(void **state)
{
    (void)state;
    const struct tick tick = {.price = INT64_MIN,
                              .size = INT64_MIN,
                              .ts_ns = INT64_MIN,
                              .rts_ns = INT64_MIN,
                              .id = UINT64_MAX,
                              .seq = UINT64_MAX,
                              .pos = UINT64_MAX,
                              .side = TICK_SIDE_SELL,
                              .has_id = 1,
                              .index = UINT16_MAX,
                              .price_exp = INT8_MIN,
                              .size_exp = INT8_MIN};
    struct encoded trade;
    encode_a_tick(&trade, ENCODE_MSGPACK, &tick, long_symbol, WIRE_TRADE);
    assert_int_equal(header_of(&trade), 2);
    assert_int_equal(trade.skip, 0);
    struct encoded gap;
    encode_a_gap(&gap, ENCODE_MSGPACK, wide_gap(0), long_symbol, 32);
    assert_int_equal(header_of(&gap), 2);
    assert_int_equal(gap.skip, 0);
}

static void the_widest_json_tick_fits(void **state)
{
    (void)state;
    const struct tick tick = {.price = INT64_MIN,
                              .size = INT64_MIN,
                              .ts_ns = INT64_MIN,
                              .rts_ns = INT64_MIN,
                              .id = UINT64_MAX,
                              .seq = UINT64_MAX,
                              .pos = UINT64_MAX,
                              .side = TICK_SIDE_SELL,
                              .has_id = 1,
                              .index = UINT16_MAX,
                              .price_exp = INT8_MAX,
                              .size_exp = INT8_MIN};
    struct encoded trade;
    encode_a_tick(&trade, ENCODE_JSON, &tick, long_symbol, WIRE_SNAPSHOT);
    struct stream_message message;
    assert_true(stream_parse(&trade.frame, &message));
    assert_int_equal(message.kind, STREAM_SNAPSHOT);
    assert_string_equal(message.symbol, long_symbol);
    assert_true(message.seq == UINT64_MAX);
}

static void a_payload_is_what_its_codec_writes(void **state)
{
    (void)state;
    const struct tick tick = {
        .price = 6168599, .price_exp = -2, .size = 2, .seq = 77, .ts_ns = 12345678};
    uint8_t expected[WIRE_TICK_MAX];
    struct encoded json;
    encode_a_tick(&json, ENCODE_JSON, &tick, "BTC-USD", WIRE_TRADE);
    assert_int_equal(json.frame.len, tick_json_write(&tick, "BTC-USD", 7, WIRE_TRADE, expected));
    assert_memory_equal(json.frame.payload, expected, json.frame.len);
    struct encoded packed;
    encode_a_tick(&packed, ENCODE_MSGPACK, &tick, "BTC-USD", WIRE_TRADE);
    assert_int_equal(packed.frame.len,
                     tick_msgpack_write(&tick, "BTC-USD", 7, WIRE_TRADE, expected));
    assert_memory_equal(packed.frame.payload, expected, packed.frame.len);
}

static void a_gap_is_read_back_in_both_formats(void **state)
{
    (void)state;
    for (int format = 0; format < ENCODE_DEFLATED; format++) {
        for (size_t len = 1; len <= SYMBOL_LEN_MAX; len++) {
            const struct wire_gap gap = {.from = 920, .to = 951, .reason = GAP_OVERLOAD};
            struct encoded encoded;
            encode_a_gap(&encoded, format, gap, long_symbol, len);
            struct stream_message message;
            assert_true(stream_parse(&encoded.frame, &message));
            assert_int_equal(message.kind, STREAM_GAP);
            assert_int_equal(strlen(message.symbol), len);
            assert_int_equal(message.from, 920);
            assert_int_equal(message.to, 951);
            assert_int_equal(message.count, 32);
            assert_string_equal(message.reason, "overload");
        }
    }
}

static void ticks_of_any_size_are_read_back(void **state)
{
    (void)state;
    uint64_t random = 9;
    for (int i = 0; i < 20000; i++) {
        struct tick tick = {.seq = random_next(&random) >> random_below(&random, 64),
                            .price = (int64_t)random_next(&random) >> random_below(&random, 64),
                            .price_exp = (int8_t)random_next(&random),
                            .pos = random_next(&random)};
        struct encoded encoded;
        encode_a_tick(&encoded, i % 2, &tick, "A", WIRE_TRADE);
        struct stream_message message;
        assert_true(stream_parse(&encoded.frame, &message));
        assert_true(message.seq == tick.seq);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_header_is_short_up_to_125_bytes),
        cmocka_unit_test(a_json_frame_begins_where_its_header_fits),
        cmocka_unit_test(the_widest_msgpack_messages_have_a_short_header),
        cmocka_unit_test(the_widest_json_tick_fits),
        cmocka_unit_test(a_payload_is_what_its_codec_writes),
        cmocka_unit_test(a_gap_is_read_back_in_both_formats),
        cmocka_unit_test(ticks_of_any_size_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
