/* SPDX-License-Identifier: MIT */
/* mob_kinds: what each kind of hostile client does. See mob.h. What each is answered is insisted on
 * by tests/e2e/test_hostile.py; here they are many. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/mob.h"
#include "feed/base.h"
#include "server/fanout/deflate.h"

enum {
    BLOCK = 8192,      /* bytes of a flood that are sent at a time */
    ENDLESS = 1 << 20, /* blocks */
    PATIENT = 20000,   /* milliseconds */
    NAMES = 1500,
    BOMB = 4 << 20,
};

struct text {
    const char *data;
    size_t len;
};

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/* Frames bear a mask of zeros, which leaves the bytes as they are (RFC 6455, 5.3). */
static const struct sketch {
    struct mob_kind kind;
    struct text first;
    struct text one; /* a block is as many of it as go in, or a single one where it has its pace */
} sketches[] = {
    {{"connections", .at_once = 40, .stay_ms = 0}, {0}, {0}},
    {{"deaths", .at_once = 20, .target = "/ws?symbols=*", .stay_ms = 200, .dies = true},
     TEXT("\x81\xfe\x10\0\0\0\0\0{"),
     {0}},
    {{"slow headers", .at_once = 40, .blocks = ENDLESS, .every_ms = 100, .stay_ms = PATIENT},
     TEXT("GET /ws HTTP/1.1\r\nHost: x\r\n"),
     TEXT("X-A: b\r\n")},
    {{"slow bodies", .at_once = 40, .target = "/ws", .blocks = ENDLESS, .every_ms = 100,
      .stay_ms = 3000},
     TEXT("\x81\xfe\x10\0\0\0\0\0{"),
     TEXT(" ")},
    {{"half-open", .at_once = 40, .target = "/ws?symbols=*", .stay_ms = PATIENT, .deaf = true},
     TEXT("\x81\xfe\x10\0\0\0\0\0{"),
     {0}},
    {{"reads nothing", .at_once = 20, .target = "/ws?symbols=*", .stay_ms = PATIENT,
      .receive_bytes = 16384, .deaf = true},
     {0},
     {0}},
    {{"asks, reads nothing", .at_once = 4, .blocks = ENDLESS, .stay_ms = 2000, .deaf = true},
     {0},
     TEXT("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")},
    {{"requests", .at_once = 4, .blocks = ENDLESS, .stay_ms = 2000},
     {0},
     TEXT("GET /v1/symbols HTTP/1.1\r\nHost: x\r\n\r\n")},
    {{"pings", .at_once = 8, .target = "/ws", .blocks = ENDLESS, .stay_ms = PATIENT},
     {0},
     TEXT("\x89\x84\0\0\0\0ping")},
    {{"pongs", .at_once = 8, .target = "/ws", .blocks = ENDLESS, .stay_ms = 2000},
     {0},
     TEXT("\x8a\x80\0\0\0\0")},
    {{"messages", .at_once = 8, .target = "/ws", .blocks = ENDLESS, .stay_ms = PATIENT},
     {0},
     TEXT("\x81\x8d\0\0\0\0{\"op\":\"list\"}")},
    {{"subscriptions", .at_once = 8, .target = "/ws", .blocks = ENDLESS, .stay_ms = PATIENT},
     {0},
     {0}},
    {{"tiny fragments", .at_once = 8, .target = "/ws", .blocks = ENDLESS, .stay_ms = PATIENT},
     TEXT("\x01\x81\0\0\0\0{"),
     TEXT("\0\x81\0\0\0\0 ")},
    {{"empty fragments", .at_once = 8, .target = "/ws", .blocks = ENDLESS, .stay_ms = 2000},
     TEXT("\x01\x80\0\0\0\0"),
     TEXT("\0\x80\0\0\0\0")},
    {{"4 GiB headers", .at_once = 4, .target = "/ws", .stay_ms = PATIENT},
     TEXT("\x81\xff\0\0\0\x01\0\0\0\0\0\0\0\0{"),
     {0}},
    {{"bombs", .at_once = 4, .target = "/ws",
      .fields = "Sec-WebSocket-Extensions: permessage-deflate\r\n", .stay_ms = PATIENT},
     {0},
     {0}},
    {{"unmasked", .at_once = 4, .target = "/ws", .stay_ms = PATIENT}, TEXT("\x81\x02{}"), {0}},
    {{"noise", .at_once = 4, .stay_ms = PATIENT}, TEXT("\xff\xfe\x80 \x01\r\n\r\n\x7f"), {0}},
    {{"TLS", .at_once = 4, .stay_ms = PATIENT},
     TEXT("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
     {0}},
};

/* ---- those that no literal can say ---- */

static void put_frame(struct bytes *out, uint8_t first, const void *data, size_t len)
{
    uint8_t head[8] = {first, 0x80 | 126, (uint8_t)(len >> 8), (uint8_t)len};
    CHECK(len >= 126 && len <= UINT16_MAX);
    bytes_append(out, head, sizeof head);
    bytes_append(out, data, len);
}

/* More names than are allowed, every other one a pattern. */
static void put_subscribe(struct bytes *out)
{
    struct bytes text = {0};
    bytes_printf(&text, "{\"op\":\"subscribe\",\"symbols\":[");
    for (int i = 0; i < NAMES; i++)
        bytes_printf(&text, "%s\"X%d%s\"", i ? "," : "", i, i % 2 ? "*" : "");
    bytes_printf(&text, "]}");
    put_frame(out, 0x81, text.data, text.len);
    bytes_finish(&text);
}

static void put_bomb(struct bytes *out)
{
    struct deflate *deflate = deflate_create();
    uint8_t *zeros = calloc(1, BOMB), *bomb = malloc(BOMB);
    uint32_t len = deflate && zeros && bomb ? deflate_payload(deflate, zeros, BOMB, bomb) : 0;
    if (len)
        put_frame(out, 0xc1, bomb, len);
    out->failed |= !len;
    free(zeros);
    free(bomb);
    deflate_destroy(deflate);
}

/* ---- all of them ---- */

static void fill(struct mob_kind *kind, const struct sketch *sketch)
{
    *kind = sketch->kind;
    bytes_append(&kind->first, sketch->first.data, sketch->first.len);
    while (sketch->one.len && (!kind->block_holds ||
                               (!kind->every_ms && kind->block.len + sketch->one.len <= BLOCK))) {
        bytes_append(&kind->block, sketch->one.data, sketch->one.len);
        kind->block_holds++;
    }
    if (strcmp(kind->name, "bombs") == 0)
        put_bomb(&kind->first);
    if (strcmp(kind->name, "subscriptions") == 0) {
        put_subscribe(&kind->block);
        kind->block_holds = 1;
    }
}

int mob_kinds(struct mob_kind *kinds)
{
    int count = (int)ARRAY_LEN(sketches);
    bool failed = false;
    for (int i = 0; i < count; i++) {
        fill(&kinds[i], &sketches[i]);
        failed |= kinds[i].first.failed || kinds[i].block.failed;
    }
    return failed ? -ENOMEM : count;
}

void mob_kinds_finish(struct mob_kind *kinds, int count)
{
    for (int i = 0; i < count; i++) {
        bytes_finish(&kinds[i].first);
        bytes_finish(&kinds[i].block);
    }
}
