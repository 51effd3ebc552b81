/* SPDX-License-Identifier: MIT */
/*
 * transcripts: runs tests/spec/ .txt files against a simulated worker: each case on /echo, by steps
 * and at once, over a kind io and an unkind one; each violation also on /ws, by a client that is
 * subscribed and in the middle of its stream. The language is in tests/spec/README.md; the files
 * are the arguments.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "feed/log.h"
#include "tests/sim/link.h"
#include "tests/sim/sim_io.h"
#include "tests/sim/stage.h"
#include "tests/sim/world.h"
#include "tests/spec/transcript.h"

enum {
    CASES_MAX = 512,
    ROUNDS_MAX = 20000, /* in which what is expected must have come */
    TOLD_MAX = 20,      /* failures; the rest is counted */
    MESSAGE_MAX = 64 * 1024,
    HEAD_MAX = 1024,
    TEXT = 1,
    BINARY = 2,
    CLOSE = 8,
    PING = 9,
    PONG = 10,
    RSV1 = 0x40,
};

enum way { BY_STEPS, AT_ONCE, AMID_STREAM };

struct caller {
    const struct transcript *transcript;
    enum way way;
    bool unkind;
    struct link link;
    struct pipe in; /* what it has read */
    uint32_t used;  /* of that, by the last frame */
    bool deflate;
    bool over; /* the connection has ended as it should */
    char head[HEAD_MAX];
    char why[512]; /* what went wrong; empty while nothing has */
};

struct told {
    uint8_t opcode;
    const uint8_t *bytes; /* all of it */
    size_t len;
    const uint8_t *payload; /* inflated */
    size_t payload_len;
};

/* ---- the caller ---- */

static void nobody_asks(void *owner)
{
    (void)owner;
}

/* Returns false: the first reason counts. */
static bool wrong(struct caller *caller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool wrong(struct caller *caller, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (!caller->why[0])
        vsnprintf(caller->why, sizeof caller->why, format, list);
    va_end(list);
    return false;
}

/* One round; what has come down is read. */
static void pass(struct stage *stage, struct caller *caller)
{
    struct pipe *down = &caller->link.down;
    stage_act(stage);
    pipe_put(&caller->in, pipe_bytes(down), down->len);
    pipe_take(down, down->len);
}

static uint32_t unread(const struct caller *caller)
{
    return caller->in.len - caller->used;
}

static const uint8_t *reading_at(const struct caller *caller)
{
    return pipe_bytes(&caller->in) + caller->used;
}

/* Waits for `len` bytes behind what has been used. */
static bool await(struct stage *stage, struct caller *caller, uint32_t len)
{
    for (uint32_t i = 0; unread(caller) < len; i++) {
        if (i == ROUNDS_MAX || (caller->link.down_ended && !caller->link.down.len))
            return wrong(caller, "%u bytes come where %u are expected%s", unread(caller), len,
                         caller->link.down_ended ? ", then the end" : "");
        pass(stage, caller);
    }
    return true;
}

/* Until the worker sleeps and nothing is under way. */
static void rest(struct stage *stage, struct caller *caller)
{
    for (uint32_t i = 0; i < ROUNDS_MAX; i++) {
        if (sim_io_is_quiet(stage->worker.io) && !caller->link.up.len)
            return;
        pass(stage, caller);
    }
}

static bool require_silence(struct stage *stage, struct caller *caller)
{
    if (caller->way == AMID_STREAM)
        return true;
    rest(stage, caller);
    return !unread(caller) ||
           wrong(caller, "%u bytes more than expected: %02x…", unread(caller), *reading_at(caller));
}

/* Each message stands alone: no window is kept. Returns the bytes in `out`, -1 where unsound. */
static long inflate_alone(const uint8_t *data, size_t len, uint8_t *out, size_t size)
{
    static uint8_t whole[MESSAGE_MAX + 1024];
    z_stream stream = {0};
    CHECK(len + 4 <= sizeof whole && inflateInit2(&stream, -15) == Z_OK);
    memcpy(whole, data, len);
    memcpy(whole + len, "\0\0\xff\xff", 4);
    stream.next_in = whole;
    stream.avail_in = (uInt)(len + 4);
    stream.next_out = out;
    stream.avail_out = (uInt)size;
    int rc = inflate(&stream, Z_SYNC_FLUSH);
    long made = rc == Z_OK && !stream.avail_in ? (long)(size - stream.avail_out) : -1;
    inflateEnd(&stream);
    return made;
}

static bool unpack(struct caller *caller, struct told *frame)
{
    static uint8_t inflated[MESSAGE_MAX + 1024];
    if (!(frame->bytes[0] & RSV1))
        return true;
    long len = inflate_alone(frame->payload, frame->payload_len, inflated, sizeof inflated);
    if (len < 0)
        return wrong(caller, "a message that doesn't inflate");
    frame->payload = inflated;
    frame->payload_len = (size_t)len;
    return true;
}

/* The next whole frame, as the server may send it; valid until the next call. */
static bool read_frame(struct stage *stage, struct caller *caller, struct told *frame)
{
    pipe_take(&caller->in, caller->used);
    caller->used = 0;
    if (!await(stage, caller, 2))
        return false;
    uint8_t second = reading_at(caller)[1];
    uint32_t header = second < 126 ? 2 : second == 126 ? 4 : 10;
    if (!await(stage, caller, header))
        return false;
    const uint8_t *bytes = reading_at(caller);
    uint64_t len = header == 2 ? second : 0;
    for (uint32_t i = 2; i < header; i++)
        len = len << 8 | bytes[i];
    uint8_t opcode = bytes[0] & 15, reserved = bytes[0] & 0x70;
    bool message = opcode == TEXT || opcode == BINARY;
    bool control = opcode >= CLOSE && opcode <= PONG && len < 126;
    uint64_t least = header == 2 ? 0 : header == 4 ? 126 : 65536;
    if (!(bytes[0] & 0x80) || second & 0x80 || !(message || control) || len < least ||
        (reserved && !(reserved == RSV1 && message && caller->deflate)))
        return wrong(caller, "a frame header %02x %02x of %" PRIu64 " bytes", bytes[0], second,
                     len);
    if (len > MESSAGE_MAX || !await(stage, caller, header + (uint32_t)len))
        return wrong(caller, "a frame of %" PRIu64 " bytes", len);
    caller->used = header + (uint32_t)len;
    bytes = pipe_bytes(&caller->in);
    *frame = (struct told){.opcode = opcode,
                           .bytes = bytes,
                           .len = caller->used,
                           .payload = bytes + header,
                           .payload_len = (size_t)len};
    return unpack(caller, frame);
}

/* Amid a stream messages are not the case's affair. */
static bool next_frame(struct stage *stage, struct caller *caller, struct told *frame)
{
    do
        if (!read_frame(stage, caller, frame))
            return false;
    while (caller->way == AMID_STREAM && frame->opcode < CLOSE);
    return true;
}

/* ---- what is expected ---- */

static bool expect_end(struct stage *stage, struct caller *caller)
{
    caller->over = true;
    for (uint32_t i = 0; i < ROUNDS_MAX && !caller->link.down_ended; i++)
        pass(stage, caller);
    if (!caller->link.down_ended || caller->link.reset)
        return wrong(caller, caller->link.reset ? "the connection is torn" : "it goes on");
    return !unread(caller) || wrong(caller, "%u bytes follow the end", unread(caller));
}

static bool expect_answer(struct stage *stage, struct caller *caller, unsigned status)
{
    uint32_t len = 0;
    const uint8_t *end = NULL;
    while (!end) {
        if (++len == HEAD_MAX || !await(stage, caller, len))
            return wrong(caller, "no answer");
        end = memmem(reading_at(caller), len, "\r\n\r\n", 4);
    }
    memcpy(caller->head, reading_at(caller), len);
    caller->head[len] = '\0';
    caller->deflate = strstr(caller->head, "\r\nSec-WebSocket-Extensions:") != NULL;
    caller->used += len;
    const char *body = strstr(caller->head, "\r\nContent-Length: ");
    uint32_t body_len = body ? (uint32_t)strtoul(body + 18, NULL, 10) : 0;
    if (!await(stage, caller, body_len))
        return false;
    caller->used += body_len;
    return strncmp(caller->head, "HTTP/1.1 ", 9) == 0 &&
                   strtoul(caller->head + 9, NULL, 10) == status
               ? true
               : wrong(caller, "the answer is %.40s", caller->head);
}

static bool expect_frame(struct stage *stage, struct caller *caller,
                         const struct expected *expected)
{
    struct told frame = {0};
    if (!next_frame(stage, caller, &frame))
        return false;
    bool is_bytes = expected->kind == EXPECT_BYTES;
    uint8_t opcode = expected->kind == EXPECT_TEXT ? TEXT : BINARY;
    const uint8_t *data = is_bytes ? frame.bytes : frame.payload;
    size_t len = is_bytes ? frame.len : frame.payload_len;
    if ((!is_bytes && frame.opcode != opcode) || len != expected->len ||
        memcmp(data, expected->bytes, len) != 0)
        return wrong(caller, "%zu bytes of opcode %u, %02x…, instead of %zu, %02x…", len,
                     frame.opcode, len ? data[0] : 0, expected->len,
                     expected->len ? expected->bytes[0] : 0);
    return frame.opcode != CLOSE || expect_end(stage, caller);
}

static bool expect_close(struct stage *stage, struct caller *caller, unsigned code)
{
    struct told frame = {0};
    if (!next_frame(stage, caller, &frame))
        return false;
    if (frame.opcode != CLOSE || frame.payload_len < 2 ||
        (unsigned)(frame.payload[0] << 8 | frame.payload[1]) != code)
        return wrong(caller, "a frame %02x %02x %02x %02x instead of close %u", frame.bytes[0],
                     frame.bytes[1], frame.len > 2 ? frame.bytes[2] : 0,
                     frame.len > 3 ? frame.bytes[3] : 0, code);
    return expect_end(stage, caller);
}

static bool expect(struct stage *stage, struct caller *caller, const struct expected *expected)
{
    switch (expected->kind) {
    case EXPECT_TEXT:
    case EXPECT_BINARY: return caller->way == AMID_STREAM || expect_frame(stage, caller, expected);
    case EXPECT_BYTES: return expect_frame(stage, caller, expected);
    case EXPECT_CLOSE: return expect_close(stage, caller, expected->number);
    case EXPECT_ANSWER: return expect_answer(stage, caller, expected->number);
    case EXPECT_FIELD:
    case EXPECT_WITHOUT_FIELD:
        return transcript_field_holds(expected, caller->head) ||
               wrong(caller, "without%s %s, the answer is\n%s",
                     expected->kind == EXPECT_FIELD ? "" : " lack of", expected->text,
                     caller->head);
    case EXPECT_END: return expect_end(stage, caller);
    }
    return false;
}

/* ---- a case ---- */

/* Whether its first message is binary, so that a client of /ws has to be one of msgpack. */
static bool speaks_binary(const struct transcript *transcript)
{
    const uint8_t *data = transcript->input;
    size_t len = transcript->input_len;
    while (len >= 2 && (data[0] & 15) >= CLOSE && 6u + (data[1] & 127) <= len) {
        len -= 6u + (data[1] & 127);
        data += 6u + (data[1] & 127);
    }
    return len > 0 && (data[0] & 15) == BINARY;
}

static bool is_trade(const struct told *frame)
{
    static const char json[] = "{\"type\":\"trade\"";
    const uint8_t *data = frame->payload;
    if (frame->payload_len < sizeof json)
        return false;
    return memcmp(data, json, sizeof json - 1) == 0 || ((data[0] & 0xf0) == 0x90 && data[1] == 1);
}

static bool open_websocket(struct stage *stage, struct caller *caller)
{
    bool streaming = caller->way == AMID_STREAM;
    char request[512];
    int len = snprintf(
        request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: sim\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s\r\n",
        streaming ? "/ws?symbols=*" : "/echo",
        caller->transcript->deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "",
        streaming && speaks_binary(caller->transcript)
            ? "Sec-WebSocket-Protocol: tapehead.msgpack\r\n"
            : "");
    pipe_put(&caller->link.up, request, (uint32_t)len);
    if (!expect_answer(stage, caller, 101))
        return false;
    if (caller->deflate != caller->transcript->deflate)
        return wrong(caller, "%s", caller->head);
    struct told frame = {0};
    while (streaming && !is_trade(&frame))
        if (!read_frame(stage, caller, &frame))
            return false;
    return true;
}

static bool talk_by_steps(struct stage *stage, struct caller *caller)
{
    const struct transcript *transcript = caller->transcript;
    size_t fed = 0, done = 0;
    for (size_t i = 0; i < transcript->steps_count; i++) {
        const struct step *step = &transcript->steps[i];
        if (!require_silence(stage, caller))
            return false;
        pipe_put(&caller->link.up, transcript->input + fed, (uint32_t)(step->input_end - fed));
        fed = step->input_end;
        while (done < step->expected_end)
            if (!expect(stage, caller, &transcript->expected[done++]))
                return false;
    }
    return true;
}

static bool talk_at_once(struct stage *stage, struct caller *caller)
{
    const struct transcript *transcript = caller->transcript;
    pipe_put(&caller->link.up, transcript->input, (uint32_t)transcript->input_len);
    for (size_t i = 0; i < transcript->expected_count; i++)
        if (!expect(stage, caller, &transcript->expected[i]))
            return false;
    return true;
}

/* Nothing more comes: what answers a ping now is its pong. */
static bool finish_talk(struct stage *stage, struct caller *caller)
{
    static const uint8_t ping[] = {0x80 | PING, 0x81, 0, 0, 0, 0, 42};
    static const uint8_t pong[] = {0x80 | PONG, 1, 42};
    struct told frame = {0};
    if (!require_silence(stage, caller))
        return false;
    if (caller->over || strncmp(caller->head, "HTTP/1.1 101 ", 13) != 0)
        return true;
    pipe_put(&caller->link.up, ping, sizeof ping);
    if (!next_frame(stage, caller, &frame))
        return false;
    return (frame.len == sizeof pong && memcmp(frame.bytes, pong, sizeof pong) == 0) ||
           wrong(caller, "a frame %02x comes unexpected", frame.bytes[0]);
}

/* The caller leaves, and its socket with it. */
static void hang_up(struct stage *stage, struct caller *caller)
{
    caller->link.up_ended = true;
    stage->truth.ended = true;
    for (uint32_t i = 0; !caller->link.closed; i++) {
        REQUIRE(i < ROUNDS_MAX, "%s: the socket isn't closed", caller->transcript->name);
        pass(stage, caller);
    }
    rest(stage, caller); /* what was pinned is let go of */
    link_finish(&caller->link);
    pipe_finish(&caller->in);
}

static bool run(struct stage *stage, const struct transcript *transcript, enum way way, bool unkind)
{
    static const struct sim_io_manners manners[] = {{.yield = 50, .buffers_max = 64},
                                                    {.short_send = 50,
                                                     .again = 2,
                                                     .late = 10,
                                                     .hold_back = 20,
                                                     .no_buffers = 2,
                                                     .few_events = 20,
                                                     .copied = 10,
                                                     .yield = 50,
                                                     .buffers_max = 4}};
    static const char *const ways[] = {"by steps", "at once", "amid a stream"};
    static struct caller caller; /* large */
    static unsigned told;
    caller = (struct caller){.transcript = transcript, .way = way, .unkind = unkind};
    caller.link.down_max = unkind ? 3000 : 200000;
    caller.link.on_delivered = nobody_asks;
    sim_io_set_manners(stage->worker.io, &manners[unkind]);
    stage->truth.ended = way != AMID_STREAM;
    sim_io_connect(stage->worker.io, &caller.link);
    bool good = transcript->handshake || open_websocket(stage, &caller);
    good = good &&
           (way == BY_STEPS ? talk_by_steps(stage, &caller) : talk_at_once(stage, &caller)) &&
           finish_talk(stage, &caller);
    hang_up(stage, &caller);
    if (!good && told++ < TOLD_MAX)
        fprintf(stderr, "%s: %s, %s%s: %s\n", transcript->file, transcript->name, ways[way],
                unkind ? ", unkindly" : "", caller.why);
    return good;
}

static bool is_violation(const struct transcript *transcript)
{
    bool closes = false;
    for (size_t i = 0; i < transcript->expected_count; i++)
        closes |= transcript->expected[i].kind == EXPECT_CLOSE;
    return closes && !transcript->handshake;
}

int main(int argc, char **argv)
{
    static struct stage stage;
    static struct transcript transcripts[CASES_MAX];
    size_t count = 0, bad = 0, runs = 0;
    for (int i = 1; i < argc; i++)
        count = transcript_read(argv[i], transcripts, count, CASES_MAX);
    log_set_level(LOG_LEVEL_ERROR);
    stage_begin(&stage);
    for (size_t i = 0; i < count; i++) {
        for (int unkind = 0; unkind <= 1; unkind++) {
            enum way last = is_violation(&transcripts[i]) ? AMID_STREAM : AT_ONCE;
            for (enum way way = BY_STEPS; way <= last; way++, runs++)
                bad += !run(&stage, &transcripts[i], way, unkind);
        }
    }
    stage_end(&stage);
    for (size_t i = 0; i < count; i++)
        transcript_finish(&transcripts[i]);
    printf("%zu transcripts, %zu runs, %zu failed\n", count, runs, bad);
    return count > 0 && bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
