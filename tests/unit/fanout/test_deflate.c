/* SPDX-License-Identifier: MIT */
/* Tests of server/fanout/deflate.c, and of the deflated formats of encode.c. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "server/fanout/encode.h"

/* With the smallest window that a client can have asked for. */
static size_t inflate_back(const uint8_t *data, size_t len, uint8_t *out, size_t size)
{
    static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};
    z_stream stream = {.next_out = out, .avail_out = (uInt)size};
    assert_int_equal(inflateInit2(&stream, -9), Z_OK);
    stream.next_in = (Bytef *)data;
    stream.avail_in = (uInt)len;
    assert_int_equal(inflate(&stream, Z_SYNC_FLUSH), Z_OK);
    stream.next_in = (Bytef *)tail;
    stream.avail_in = sizeof tail;
    int rc = inflate(&stream, Z_SYNC_FLUSH);
    assert_true(rc == Z_OK || rc == Z_BUF_ERROR);
    assert_int_equal(stream.avail_in, 0);
    inflateEnd(&stream);
    return size - stream.avail_out;
}

static void what_is_deflated_comes_back_and_is_shorter(void **state)
{
    (void)state;
    struct deflate *deflate = deflate_create();
    uint8_t text[3000], small[3000], back[3001];
    for (uint32_t len = 0; len <= sizeof text; len += 1 + len / 8)
        for (uint32_t variety = 1; variety <= 256; variety *= 4) {
            for (uint32_t i = 0; i < len; i++)
                text[i] = (uint8_t)((i * 2654435761u >> 16) % variety);
            uint32_t used = deflate_payload(deflate, text, len, small);
            assert_true(used < len || used == 0);
            if (used) {
                assert_int_equal(inflate_back(small, used, back, sizeof back), len);
                assert_memory_equal(back, text, len);
            }
        }
    deflate_destroy(deflate);
}

static void each_payload_stands_alone(void **state)
{
    (void)state;
    static const char text[] = "abcabcabcabcabcabcabcabcabcabcabcabc";
    struct deflate *deflate = deflate_create();
    uint8_t first[sizeof text], second[sizeof text];
    uint32_t len = deflate_payload(deflate, text, sizeof text - 1, first);
    assert_true(len > 0);
    assert_int_equal(deflate_payload(deflate, text, sizeof text - 1, second), len);
    assert_memory_equal(first, second, len);
    deflate_destroy(deflate);
}

static void a_tick_s_frame_says_whether_it_is_deflated(void **state)
{
    (void)state;
    struct deflate *deflate = deflate_create();
    const struct tick tick = {.price = 6168599,
                              .price_exp = -2,
                              .size = 100000,
                              .size_exp = -8,
                              .ts_ns = INT64_C(1763800000000000000),
                              .seq = 7};
    for (int format = ENCODE_JSON; format <= ENCODE_MSGPACK; format++) {
        uint8_t plain[ENCODE_MAX], frame[ENCODE_MAX], back[ENCODE_MAX];
        uint32_t plain_skip, skip;
        struct encoding encoding = {.format = format};
        uint32_t plain_len =
            encode_tick(plain, &plain_skip, encoding, &tick, "BTC-USD", 7, WIRE_TRADE);
        encoding = (struct encoding){.format = format + ENCODE_DEFLATED, .deflate = deflate};
        uint32_t len = encode_tick(frame, &skip, encoding, &tick, "BTC-USD", 7, WIRE_TRADE);
        bool deflated = frame[skip] & 0x40;
        assert_int_equal(frame[skip] & 0x8f, plain[plain_skip]);
        assert_true(len <= plain_len);
        assert_int_equal(deflated, len < plain_len);
        const uint8_t *payload = plain + plain_skip + (plain[plain_skip + 1] == 126 ? 4 : 2);
        size_t payload_len = (size_t)(plain + plain_skip + plain_len - payload);
        if (deflated) {
            uint32_t header = frame[skip + 1] == 126 ? 4 : 2;
            size_t got = inflate_back(frame + skip + header, len - header, back, sizeof back);
            assert_int_equal(got, payload_len);
            assert_memory_equal(back, payload, got);
        }
        if (format == ENCODE_JSON)
            assert_true(deflated);
    }
    deflate_destroy(deflate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_deflated_comes_back_and_is_shorter),
        cmocka_unit_test(each_payload_stands_alone),
        cmocka_unit_test(a_tick_s_frame_says_whether_it_is_deflated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
