/* SPDX-License-Identifier: MIT */
/*
 * request: the writing half of message.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/message.h"

/* What is being written; `len` runs on past `size`, so that one look at the end tells whether it
 * fitted. */
struct request {
    uint8_t *out;
    size_t size;
    size_t len;
};

static void put(struct request *request, const void *data, size_t len)
{
    if (request->len + len <= request->size)
        memcpy(request->out + request->len, data, len);
    request->len += len;
}

static void put_byte(struct request *request, uint8_t byte)
{
    put(request, &byte, 1);
}

static void put_string(struct request *request, enum wire_format format, const char *text)
{
    size_t len = strlen(text);
    if (format == WIRE_JSON)
        put_byte(request, '"');
    else if (len < 32)
        put_byte(request, (uint8_t)(0xa0 | len));
    else
        put(request, (const uint8_t[]){0xd9, (uint8_t)len}, 2);
    put(request, text, len);
    if (format == WIRE_JSON)
        put_byte(request, '"');
}

static void put_json(struct request *request, int64_t id, const char *const *symbols, size_t count)
{
    char head[80];
    int len =
        snprintf(head, sizeof head, "{\"op\":\"subscribe\",\"id\":%" PRId64 ",\"symbols\":[", id);
    put(request, head, (size_t)len);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put_byte(request, ',');
        put_string(request, WIRE_JSON, symbols[i]);
    }
    put(request, "]}", 2);
}

static void put_msgpack(struct request *request, int64_t id, const char *const *symbols,
                        size_t count)
{
    put_byte(request, 0x83);
    put_string(request, WIRE_MSGPACK, "op");
    put_string(request, WIRE_MSGPACK, "subscribe");
    put_string(request, WIRE_MSGPACK, "id");
    put_byte(request, 0xd3);
    for (int shift = 56; shift >= 0; shift -= 8)
        put_byte(request, (uint8_t)((uint64_t)id >> shift));
    put_string(request, WIRE_MSGPACK, "symbols");
    put(request, (const uint8_t[]){0xdc, (uint8_t)(count >> 8), (uint8_t)count}, 3);
    for (size_t i = 0; i < count; i++)
        put_string(request, WIRE_MSGPACK, symbols[i]);
}

size_t message_write_subscribe(enum wire_format format, int64_t id, const char *const *symbols,
                               size_t count, uint8_t *out, size_t size)
{
    struct request request = {.out = out, .size = size};
    if (count > UINT16_MAX)
        return 0;
    if (format == WIRE_JSON)
        put_json(&request, id, symbols, count);
    else
        put_msgpack(&request, id, symbols, count);
    return request.len <= size ? request.len : 0;
}
