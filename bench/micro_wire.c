/* SPDX-License-Identifier: MIT */
/* micro_wire: what clients send, parsed: WebSocket frames and the opening request. See micro.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro.h"
#include "server/wire/http.h"
#include "server/wire/ws.h"

enum { FRAMES = 512, PAYLOAD = 64, FRAME = 6 + PAYLOAD, LONG = 16384, REQUESTS = 256 };

struct wire_micro {
    struct ws_parser parser;
    uint64_t sum;
    uint8_t frames[FRAMES * FRAME]; /* as sent */
    uint8_t input[FRAMES * FRAME];  /* unmasked in place */
    uint8_t message[8 + LONG];
    char request[1024];
};

static void put_frame(uint8_t *at, int i)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    char text[128];
    snprintf(text, sizeof text,
             "{\"op\":\"subscribe\",\"id\":%d,\"symbols\":[\"BTC-USD\",\"ETH-*\"]}%32s", i, "");
    at[0] = 0x80 | WS_TEXT;
    at[1] = 0x80 | PAYLOAD;
    memcpy(at + 2, mask, 4);
    for (int j = 0; j < PAYLOAD; j++)
        at[6 + j] = (uint8_t)(text[j] ^ mask[j % 4]);
}

static void *begin(void)
{
    struct wire_micro *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    for (int i = 0; i < FRAMES; i++)
        put_frame(self->frames + (size_t)i * FRAME, i);
    self->message[0] = 0x80 | WS_BINARY;
    self->message[1] = 0x80 | 126;
    self->message[2] = LONG >> 8;
    snprintf(
        self->request, sizeof self->request,
        "GET /ws?symbols=BTC-USD HTTP/1.1\r\nHost: stream.example.com\r\nOrigin: "
        "https://example.com\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0\r\n"
        "Accept: */*\r\nAccept-Language: en-US,en;q=0.5\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: tapehead.json\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nCache-Control: no-cache\r\n\r\n");
    return self;
}

static void parse(struct wire_micro *self, uint8_t *data, size_t len)
{
    struct ws_event event;
    do {
        size_t used = ws_parse(&self->parser, data, len, &event);
        data += used;
        len -= used;
        self->sum += event.kind == WS_DATA ? event.len : 0;
    } while (event.kind != WS_NEED_MORE && event.kind != WS_ERROR);
}

static uint64_t frames(void *arg)
{
    struct wire_micro *self = arg;
    memcpy(self->input, self->frames, sizeof self->input);
    ws_parser_init(&self->parser, 65536);
    parse(self, self->input, sizeof self->input);
    return FRAMES;
}

/* The mask is unmasked and masked in turn: its bytes don't matter. */
static uint64_t kilobytes(void *arg)
{
    struct wire_micro *self = arg;
    ws_parser_init(&self->parser, 65536);
    parse(self, self->message, sizeof self->message);
    return LONG / 1024;
}

static uint64_t requests(void *arg)
{
    struct wire_micro *self = arg;
    struct http_request request;
    char out[HTTP_ANSWER_HEAD_MAX];
    size_t len = strlen(self->request);
    for (int i = 0; i < REQUESTS; i++) {
        size_t scanned = 0;
        int used = http_parse_request((const uint8_t *)self->request, len, &scanned, &request);
        if (used > 0)
            self->sum +=
                http_write_upgrade(out, request.websocket_key, request.protocol, HTTP_DEFLATE_NONE);
    }
    return REQUESTS;
}

const struct micro micro_wires[] = {
    {"parse.frame", "command of 64 bytes", begin, frames, free, 0},
    {"parse.kilobyte", "KiB of a long message", begin, kilobytes, free, 0},
    {"parse.request", "opening request, and its answer", begin, requests, free, 0},
    {0},
};
