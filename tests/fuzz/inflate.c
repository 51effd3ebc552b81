/* SPDX-License-Identifier: MIT */
/*
 * inflate: the bytes as a deflated message, and as a payload to deflate and inflate again. Never is
 * there more than was allowed, and what came before stays as it was.
 */
#include "server/wire/inflate.h"

#include <errno.h>
#include <zlib.h>

#include "server/fanout/deflate.h"
#include "tests/fuzz/target.h"

enum { ROOM = 100000 }; /* more than deflate makes of the longest input that is likely */

static const char before[] = "what was there";

/* The message alone, behind `before` in `out`. */
static int inflate_behind(struct inflate *inflate, const uint8_t *data, size_t len, size_t max,
                          struct bytes *out)
{
    *out = (struct bytes){0};
    bytes_append(out, before, sizeof before);
    int rc = inflate_message(inflate, data, len, max, out);
    CHECK(rc == 0 || rc == -EMSGSIZE || rc == -EBADMSG);
    CHECK(!out->failed && out->len >= sizeof before);
    CHECK(memcmp(out->data, before, sizeof before) == 0);
    size_t got = out->len - sizeof before;
    CHECK(got <= max + 1); /* that one tells that there is too much */
    CHECK((got > max) == (rc == -EMSGSIZE));
    return rc;
}

static void check_round_trip(struct deflate *deflate, struct inflate *inflate, const uint8_t *data,
                             size_t len)
{
    struct bytes out;
    uint8_t *deflated = malloc(len);
    CHECK(deflated || !len);
    uint32_t n = deflate_payload(deflate, data, (uint32_t)len, deflated);
    CHECK(n < len || n == 0);
    if (n > 0) {
        uint8_t *copy = target_copy(deflated, n);
        CHECK(inflate_behind(inflate, copy, n, len, &out) == 0);
        CHECK(out.len - sizeof before == len && !memcmp(out.data + sizeof before, data, len));
        bytes_finish(&out);
        CHECK(inflate_behind(inflate, copy, n, len - 1, &out) == -EMSGSIZE);
        bytes_finish(&out);
        free(copy);
    }
    free(deflated);
}

/* With less room it is too much, or as bad as before; and what came of it is the same as far as it
 * goes. */
static void check_bounds(struct inflate *inflate, const uint8_t *data, size_t len, int rc,
                         const struct bytes *whole)
{
    size_t got = whole->len - sizeof before;
    struct dice dice = target_dice(data, len);
    size_t maxes[] = {got, got ? got - 1 : 0, dice_below(&dice, (uint32_t)got + 1)};
    for (size_t i = 0; i < ARRAY_LEN(maxes); i++) {
        struct bytes out;
        int less_rc = inflate_behind(inflate, data, len, maxes[i], &out);
        CHECK(less_rc == (got > maxes[i] ? -EMSGSIZE : rc));
        CHECK(out.len <= whole->len && memcmp(out.data, whole->data, out.len) == 0);
        bytes_finish(&out);
    }
}

/* Inflates `len` bytes more, over the ends of streams. */
static int go_on(z_stream *stream, size_t len)
{
    int rc;
    stream->avail_in = (uInt)len;
    do
        rc = inflate(stream, Z_SYNC_FLUSH);
    while (rc == Z_STREAM_END && stream->avail_in && inflateReset(stream) == Z_OK);
    if (rc == Z_STREAM_END)
        inflateReset(stream);
    return rc;
}

/* The same by another way: behind a message that is whole, a last, empty block is the end of a
 * stream, and behind no other. */
static void check_meaning(const uint8_t *data, size_t len, int rc, const struct bytes *out)
{
    static const uint8_t end[] = {0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff};
    enum { TAIL = 4 };
    static uint8_t expected[2 * ROOM];
    struct bytes message = {0};
    z_stream stream = {.next_out = expected, .avail_out = sizeof expected};
    bytes_append(&message, data, len);
    bytes_append(&message, end, sizeof end);
    CHECK(!message.failed && inflateInit2(&stream, -15) == Z_OK);
    stream.next_in = message.data;
    int end_rc = go_on(&stream, len + TAIL);
    size_t got = sizeof expected - stream.avail_out;
    if (end_rc == Z_OK || end_rc == Z_BUF_ERROR || end_rc == Z_STREAM_END)
        end_rc = go_on(&stream, sizeof end - TAIL);
    bool whole = end_rc == Z_STREAM_END && !stream.avail_in;
    CHECK(rc == (got > ROOM ? -EMSGSIZE : whole ? 0 : -EBADMSG));
    CHECK(rc != 0 ||
          (got == out->len - sizeof before && !memcmp(expected, out->data + sizeof before, got)));
    inflateEnd(&stream);
    bytes_finish(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct deflate *deflate;
    static struct inflate *inflate;
    if (!inflate) {
        deflate = deflate_create();
        inflate = inflate_create();
        CHECK(deflate && inflate);
    }
    struct bytes out;
    int rc = inflate_behind(inflate, data, size, ROOM, &out);
    check_meaning(data, size, rc, &out);
    if (rc != -EMSGSIZE)
        check_bounds(inflate, data, size, rc, &out);
    if (rc == 0)
        check_round_trip(deflate, inflate, out.data + sizeof before, out.len - sizeof before);
    bytes_finish(&out);
    check_round_trip(deflate, inflate, data, size);
    /* Short ones come closest to the length that they have undeflated. */
    struct dice dice = target_dice(data, size);
    for (int i = 0; i < 4; i++)
        check_round_trip(deflate, inflate, data,
                         dice_below(&dice, (uint32_t)(size < 64 ? size : 64) + 1));
    return 0;
}
