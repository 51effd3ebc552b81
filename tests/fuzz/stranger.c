/* SPDX-License-Identifier: MIT */
/* stranger: see stranger.h. */
#include "tests/fuzz/stranger.h"

#include <jansson.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "feed/base.h"
#include "tests/sim/world.h"

enum { FIN = 0x80, DEFLATED = 0x40, TEXT = 1, BINARY = 2, CLOSE = 8, PONG = 10 };
enum { INFLATED_MAX = 1 << 20 };

static void on_delivered(void *owner)
{
    (void)owner;
}

void stranger_dial(struct stranger *stranger, uint8_t how, uint32_t room)
{
    char text[512];
    *stranger = (struct stranger){.state = STRANGER_DIALLED,
                                  .msgpack = how & STRANGER_MSGPACK,
                                  .deflate = how & STRANGER_DEFLATE,
                                  .echo = how & STRANGER_ECHO};
    stranger->link.down_max = room;
    stranger->link.on_delivered = on_delivered;
    stranger->speaker.msgpack = stranger->msgpack;
    if (how & STRANGER_MUTE) {
        stranger->state = STRANGER_DEAF;
        return;
    }
    int len = snprintf(text, sizeof text,
                       "GET %s%s HTTP/1.1\r\nHost: fuzz\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s\r\n",
                       stranger->echo ? "/echo" : "/ws", how & STRANGER_QUERY ? "?symbols=*" : "",
                       stranger->msgpack ? "Sec-WebSocket-Protocol: tapehead.msgpack\r\n" : "",
                       stranger->deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    speak(&stranger->speaker, text, (uint32_t)len);
}

void stranger_finish(struct stranger *stranger)
{
    link_finish(&stranger->link);
    pipe_finish(&stranger->speaker.out);
    pipe_finish(&stranger->in);
    pipe_finish(&stranger->echoes);
}

/* ---- speaking ---- */

void stranger_frame(struct stranger *stranger, uint8_t first, const void *data, uint32_t len)
{
    stranger->rambles = true;
    speak_frame(&stranger->speaker, first, data, len);
}

void stranger_bytes(struct stranger *stranger, const void *data, uint32_t len)
{
    /* A request of its own may have an answer of any form: HEAD, say. */
    if (stranger->state == STRANGER_DIALLED)
        stranger->state = STRANGER_DEAF;
    stranger->rambles = true;
    speak(&stranger->speaker, data, len);
}

/* zlib as RFC 7692, 7.2.1 has it. Returns the length. */
static uint32_t deflate_raw(const void *data, uint32_t len, uint8_t *out, uint32_t size)
{
    z_stream stream = {0};
    CHECK(deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    stream.next_in = (Bytef *)data;
    stream.avail_in = len;
    stream.next_out = out;
    stream.avail_out = size;
    CHECK(deflate(&stream, Z_SYNC_FLUSH) == Z_OK && !stream.avail_in && stream.avail_out);
    deflateEnd(&stream);
    return size - stream.avail_out - 4;
}

void stranger_message(struct stranger *stranger, const void *data, uint32_t len, bool deflated)
{
    uint8_t first = FIN | (stranger->msgpack ? BINARY : TEXT), out[8192];
    pipe_put(&stranger->echoes, &len, sizeof len);
    pipe_put(&stranger->echoes, data, len);
    if (deflated && stranger->deflate && len <= sizeof out / 2) {
        len = deflate_raw(data, len, out, sizeof out);
        data = out;
        first |= DEFLATED;
    }
    speak_frame(&stranger->speaker, first, data, len);
}

void stranger_write(struct stranger *stranger, uint32_t max)
{
    struct pipe *out = &stranger->speaker.out;
    uint32_t len = out->len < max ? out->len : max;
    struct link *link = &stranger->link;
    if (!len || link->up_ended || link->closed || link->reset)
        return;
    pipe_put(&link->up, pipe_bytes(out), len);
    pipe_take(out, len);
}

/* ---- listening: by other people's libraries ---- */

static void check_json(const uint8_t *data, uint32_t len)
{
    json_error_t error;
    json_t *root =
        json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    REQUIRE(json_is_object(root) && json_is_string(json_object_get(root, "type")),
            "a message that is no JSON object with a type: %.*s", (int)len, (const char *)data);
    json_decref(root);
}

static void check_msgpack(const uint8_t *data, uint32_t len)
{
    msgpack_unpacked unpacked;
    size_t used = 0;
    msgpack_unpacked_init(&unpacked);
    bool good =
        msgpack_unpack_next(&unpacked, (const char *)data, len, &used) == MSGPACK_UNPACK_SUCCESS &&
        used == len;
    REQUIRE(good && (unpacked.data.type == MSGPACK_OBJECT_MAP ||
                     unpacked.data.type == MSGPACK_OBJECT_ARRAY),
            "a message of %u bytes that is no msgpack map or array", len);
    msgpack_unpacked_destroy(&unpacked);
}

static void take_echo(struct stranger *stranger, const uint8_t *data, uint32_t len)
{
    uint32_t said;
    if (stranger->rambles)
        return;
    REQUIRE(stranger->echoes.len >= sizeof said, "an echo of nothing");
    memcpy(&said, pipe_bytes(&stranger->echoes), sizeof said);
    pipe_take(&stranger->echoes, sizeof said);
    REQUIRE(said == len && (!len || !memcmp(pipe_bytes(&stranger->echoes), data, len)),
            "an echo of %u bytes that is not what was said, of %u", len, said);
    pipe_take(&stranger->echoes, said);
}

static void take_message(struct stranger *stranger, uint8_t opcode, const uint8_t *data,
                         uint32_t len)
{
    REQUIRE(opcode == (stranger->msgpack ? BINARY : TEXT) || (stranger->echo && stranger->rambles),
            "a message of opcode %u", opcode);
    if (stranger->echo)
        take_echo(stranger, data, len);
    else if (stranger->msgpack)
        check_msgpack(data, len);
    else
        check_json(data, len);
}

static void take_deflated(struct stranger *stranger, uint8_t opcode, const uint8_t *data,
                          uint32_t len)
{
    static uint8_t out[INFLATED_MAX];
    static const uint8_t tail[] = {0, 0, 0xff, 0xff};
    z_stream stream = {0};
    CHECK(inflateInit2(&stream, -15) == Z_OK);
    stream.next_out = out;
    stream.avail_out = sizeof out;
    stream.next_in = (Bytef *)data;
    stream.avail_in = len;
    bool good = inflate(&stream, Z_SYNC_FLUSH) == Z_OK && !stream.avail_in;
    stream.next_in = (Bytef *)tail;
    stream.avail_in = sizeof tail;
    int rc = inflate(&stream, Z_SYNC_FLUSH);
    good &= (rc == Z_OK || rc == Z_BUF_ERROR) && !stream.avail_in;
    inflateEnd(&stream);
    REQUIRE(good, "a frame of %u bytes that isn't deflated data", len);
    take_message(stranger, opcode, out, (uint32_t)(sizeof out - stream.avail_out));
}

static void take_frame(struct stranger *stranger, uint8_t first, const uint8_t *data, uint32_t len)
{
    uint8_t opcode = first & 15;
    REQUIRE((first & 0xb0) == FIN, "a frame that begins with %02x", first);
    REQUIRE(opcode == TEXT || opcode == BINARY || (opcode >= CLOSE && opcode <= PONG && len < 126),
            "a frame of opcode %u and %u bytes", opcode, len);
    REQUIRE(!(first & DEFLATED) || (stranger->deflate && opcode < CLOSE),
            "a deflated frame of opcode %u that nobody agreed on", opcode);
    if (opcode == CLOSE)
        stranger->state = STRANGER_CLOSED;
    else if (first & DEFLATED)
        take_deflated(stranger, opcode, data, len);
    else if (opcode < CLOSE)
        take_message(stranger, opcode, data, len);
}

/* Returns whether there was a whole one. */
static bool next_frame(struct stranger *stranger)
{
    const uint8_t *data = pipe_bytes(&stranger->in);
    uint32_t have = stranger->in.len;
    if (have < 2)
        return false;
    uint32_t header = data[1] == 127 ? 10 : data[1] == 126 ? 4 : 2;
    REQUIRE(data[1] < 128, "a masked frame");
    if (have < header)
        return false;
    uint64_t len = header == 2 ? data[1] : 0;
    for (uint32_t i = 2; i < header; i++)
        len = len << 8 | data[i];
    REQUIRE(header == (len < 126     ? 2u
                       : len < 65536 ? 4u
                                     : 10u),
            "a frame of %u bytes with a header of %u", (unsigned)len, header);
    if (have < header + len)
        return false;
    take_frame(stranger, data[0], data + header, (uint32_t)len);
    pipe_take(&stranger->in, header + (uint32_t)len);
    return true;
}

static void take_answer(struct stranger *stranger)
{
    const uint8_t *data = pipe_bytes(&stranger->in);
    const uint8_t *end = stranger->in.len ? memmem(data, stranger->in.len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return;
    uint32_t head = (uint32_t)(end + 4 - data);
    REQUIRE(head > 12 && memcmp(data, "HTTP/1.1 ", 9) == 0, "an answer that isn't HTTP/1.1");
    bool open = memcmp(data + 9, "101", 3) == 0;
    bool agreed = memmem(data, head, "permessage-deflate", 18) != NULL;
    REQUIRE(!agreed || stranger->deflate, "an extension that nobody offered");
    stranger->state = open ? STRANGER_OPEN : STRANGER_DEAF;
    stranger->deflate = agreed;
    pipe_take(&stranger->in, head);
}

void stranger_read(struct stranger *stranger, uint32_t max)
{
    struct pipe *down = &stranger->link.down;
    uint32_t len = down->len < max ? down->len : max;
    if (!len)
        return;
    if (stranger->state != STRANGER_DEAF)
        pipe_put(&stranger->in, pipe_bytes(down), len);
    pipe_take(down, len);
    if (stranger->state == STRANGER_DIALLED)
        take_answer(stranger);
    while (stranger->state == STRANGER_OPEN && next_frame(stranger))
        ;
    REQUIRE(stranger->state != STRANGER_CLOSED || !stranger->in.len,
            "%u bytes after the close frame", stranger->in.len);
}
