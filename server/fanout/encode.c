/* SPDX-License-Identifier: MIT */
/* encode: see encode.h. */
#include "server/fanout/encode.h"

#include <string.h>

#include "feed/base.h"
#include "schemas/tick_json.h"
#include "schemas/tick_msgpack.h"

enum {
    FIN_TEXT = 0x81, /* RFC 6455, 5.2: one unfragmented frame */
    FIN_BINARY = 0x82,
    RSV1 = 0x40,     /* RFC 7692, 6 */
    SHORT_MAX = 125, /* the longest payload with a header of 2 bytes */
};

/* Where the payload will most likely begin: right behind its header. JSON ticks are longer than 125
 * bytes, msgpack ones shorter; the other case moves the header (leaving a hole of two bytes before
 * it) or the payload. */
static uint32_t payload_offset(int format)
{
    return encode_is_msgpack(format) ? 2 : 4;
}

/* Returns the bit that tells of a deflated payload, or 0 when it stays as it is. */
static uint8_t deflate_in_place(struct deflate *deflate, uint8_t *payload, size_t *len)
{
    uint8_t small[WIRE_TICK_MAX];
    uint32_t used = deflate_payload(deflate, payload, (uint32_t)*len, small);
    if (!used)
        return 0;
    memcpy(payload, small, used);
    *len = used;
    return RSV1;
}

static uint32_t put_header(uint8_t *out, uint32_t *skip, struct encoding encoding, size_t len)
{
    CHECK(len <= WIRE_TICK_MAX);
    uint8_t first = encode_is_msgpack(encoding.format) ? FIN_BINARY : FIN_TEXT;
    uint32_t offset = payload_offset(encoding.format);
    if (encoding.format >= ENCODE_DEFLATED)
        first |= deflate_in_place(encoding.deflate, out + offset, &len);
    uint32_t header = len <= SHORT_MAX ? 2 : 4;
    if (header > offset) {
        memmove(out + header, out + offset, len);
        offset = header;
    }
    *skip = offset - header;
    out += *skip;
    out[0] = first;
    if (header == 2) {
        out[1] = (uint8_t)len;
    } else {
        out[1] = 126;
        out[2] = (uint8_t)(len >> 8);
        out[3] = (uint8_t)len;
    }
    return header + (uint32_t)len;
}

uint32_t encode_tick(uint8_t *out, uint32_t *skip, struct encoding encoding,
                     const struct tick *tick, const char *symbol, size_t symbol_len,
                     enum wire_tick_type type)
{
    uint8_t *payload = out + payload_offset(encoding.format);
    size_t len = encode_is_msgpack(encoding.format)
                     ? tick_msgpack_write(tick, symbol, symbol_len, type, payload)
                     : tick_json_write(tick, symbol, symbol_len, type, payload);
    return put_header(out, skip, encoding, len);
}

uint32_t encode_gap(uint8_t *out, uint32_t *skip, struct encoding encoding,
                    const struct wire_gap *gap, const char *symbol, size_t symbol_len)
{
    uint8_t *payload = out + payload_offset(encoding.format);
    size_t len = encode_is_msgpack(encoding.format)
                     ? tick_msgpack_write_gap(gap, symbol, symbol_len, payload)
                     : tick_json_write_gap(gap, symbol, symbol_len, payload);
    return put_header(out, skip, encoding, len);
}
