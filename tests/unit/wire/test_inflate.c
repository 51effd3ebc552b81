/* SPDX-License-Identifier: MIT */
/* Tests of server/wire/inflate.c. */
#include "server/wire/inflate.h"
#include "support.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

/* As a client deflates with its own window, and RFC 7692, 7.2.1 says to send it. */
static size_t deflate_like_a_client(const void *data, size_t len, int window_bits, uint8_t *out,
                                    size_t size)
{
    z_stream stream = {
        .next_in = (Bytef *)data, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)size};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY), 0);
    assert_int_equal(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
    deflateEnd(&stream);
    return size - stream.avail_out - 4;
}

static int open_message(const uint8_t *data, size_t len, size_t max, struct bytes *out)
{
    struct inflate *inflate = inflate_create();
    assert_non_null(inflate);
    int rc = inflate_message(inflate, guard_place((const char *)data, len), len, max, out);
    inflate_destroy(inflate);
    return rc;
}

static void expect(const char *text, const uint8_t *data, size_t len)
{
    struct bytes out = {0};
    assert_int_equal(open_message(data, len, 1000, &out), 0);
    assert_int_equal(out.len, strlen(text));
    if (out.len)
        assert_memory_equal(out.data, text, out.len);
    bytes_finish(&out);
}

static void the_messages_that_rfc_7692_prints_are_inflated(void **state)
{
    (void)state;
    static const uint8_t one_block[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
    static const uint8_t stored[] = {0x00, 0x05, 0x00, 0xfa, 0xff, 0x48,
                                     0x65, 0x6c, 0x6c, 0x6f, 0x00};
    static const uint8_t marked_last[] = {0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00};
    static const uint8_t two_blocks[] = {0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff,
                                         0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00};
    static const uint8_t last_is_empty[] = {0x00, 0x05, 0x00, 0xfa, 0xff, 0x48,
                                            0x65, 0x6c, 0x6c, 0x6f, 0x01};
    static const uint8_t empty[] = {0x00};
    expect("Hello", one_block, sizeof one_block);
    expect("Hello", stored, sizeof stored);
    expect("Hello", marked_last, sizeof marked_last);
    expect("Hello", two_blocks, sizeof two_blocks);
    expect("Hello", last_is_empty, sizeof last_is_empty);
    expect("", empty, sizeof empty);
}

static void any_window_of_a_client_is_read(void **state)
{
    (void)state;
    static char text[200000];
    static uint8_t small[200000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i / 7 % 26);
    for (int bits = 9; bits <= 15; bits++) {
        struct bytes out = {0};
        size_t len = deflate_like_a_client(text, sizeof text, bits, small, sizeof small);
        assert_int_equal(open_message(small, len, sizeof text, &out), 0);
        assert_int_equal(out.len, sizeof text);
        assert_memory_equal(out.data, text, sizeof text);
        bytes_finish(&out);
    }
}

static void a_bomb_is_given_up_at_the_bound(void **state)
{
    (void)state;
    static char zeros[4 << 20];
    static uint8_t small[16384];
    size_t len = deflate_like_a_client(zeros, sizeof zeros, 15, small, sizeof small);
    struct bytes out = {0};
    assert_int_equal(open_message(small, len, 65536, &out), -EMSGSIZE);
    assert_true(out.cap <= 4 * 65536);
    bytes_finish(&out);
    assert_int_equal(open_message(small, len, sizeof zeros - 1, &out), -EMSGSIZE);
    bytes_finish(&out);
    assert_int_equal(open_message(small, len, sizeof zeros, &out), 0);
    bytes_finish(&out);
}

static void what_is_no_deflated_data_is_refused(void **state)
{
    (void)state;
    static const uint8_t reserved_block[] = {0x06};
    static const uint8_t too_far_back[] = {0xf2, 0x48, 0xcd, 0xc9, 0x01, 0x7f, 0x00};
    struct bytes out = {0};
    assert_int_equal(open_message(reserved_block, 1, 100, &out), -EBADMSG);
    assert_int_equal(open_message(too_far_back, sizeof too_far_back, 100, &out), -EBADMSG);
    bytes_finish(&out);
}

static void a_message_cut_short_is_refused_wherever_it_is_cut(void **state)
{
    (void)state;
    static const char text[] = "{\"op\":\"subscribe\",\"symbols\":[\"BTC-USD\",\"ETH-USD\"]}";
    uint8_t small[200];
    size_t len = deflate_like_a_client(text, sizeof text - 1, 15, small, sizeof small);
    for (size_t cut = 1; cut + 1 < len; cut++) {
        struct bytes out = {0};
        assert_int_equal(open_message(small, cut, 1000, &out), -EBADMSG);
        bytes_finish(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_messages_that_rfc_7692_prints_are_inflated),
        cmocka_unit_test(any_window_of_a_client_is_read),
        cmocka_unit_test(a_bomb_is_given_up_at_the_bound),
        cmocka_unit_test(what_is_no_deflated_data_is_refused),
        cmocka_unit_test(a_message_cut_short_is_refused_wherever_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
