/* SPDX-License-Identifier: MIT */
#include "bench/request.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* "A,B,C", or "*" for all of them. Returns the length, or -1. */
static int put_symbols(char *out, size_t size, const struct plan *plan,
                       const struct catalog *catalog, const uint32_t *hand)
{
    size_t at = 0;
    if (plan->symbols_each == catalog->count)
        return snprintf(out, size, "*");
    for (uint32_t i = 0; i < plan->symbols_each; i++) {
        const struct catalog_name *name = &catalog->names[hand[i]];
        if (at + name->len + 2 > size)
            return -1;
        if (i)
            out[at++] = ',';
        memcpy(out + at, name->text, name->len);
        at += name->len;
    }
    out[at] = 0;
    return (int)at;
}

int request_write(char *out, const struct plan *plan, const struct catalog *catalog,
                  const uint32_t *hand)
{
    char symbols[REQUEST_MAX - 512] = "";
    const char *name = "", *path = plan->target;
    if (plan->symbols_each) {
        if (put_symbols(symbols, sizeof symbols, plan, catalog, hand) < 0)
            return -1;
        name = strchr(path, '?') ? "&symbols=" : "?symbols=";
    }
    int len =
        snprintf(out, REQUEST_MAX,
                 "GET %s%s%s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "Sec-WebSocket-Protocol: tapehead.%s\r\n%s\r\n",
                 path, name, symbols, plan->host, plan->port, plan->msgpack ? "msgpack" : "json",
                 plan->deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    return len < REQUEST_MAX ? len : -1;
}

static size_t json_configure(uint8_t *out, uint32_t ms)
{
    return (size_t)snprintf((char *)out, 56, "{\"op\":\"configure\",\"max_delay_ms\":%u}", ms);
}

static size_t msgpack_configure(uint8_t *out, uint32_t ms)
{
    static const char head[] = "\x82\xa2op\xa9"
                               "configure\xac"
                               "max_delay_ms\xcd";
    size_t len = sizeof head - 1;
    memcpy(out, head, len);
    out[len] = (uint8_t)(ms >> 8);
    out[len + 1] = (uint8_t)ms;
    return len + 2;
}

/* A mask of zeros leaves the bytes as they are (RFC 6455, 5.3). */
size_t configure_write(uint8_t *out, const struct plan *plan)
{
    size_t len = plan->msgpack ? msgpack_configure(out + 6, plan->max_delay_ms)
                               : json_configure(out + 6, plan->max_delay_ms);
    memset(out, 0, 6);
    out[0] = plan->msgpack ? 0x82 : 0x81;
    out[1] = (uint8_t)(0x80 | len);
    return 6 + len;
}

/* What NATS and Centrifugo are told of each symbol. */
static const struct greeting {
    const char *head, *comma, *symbol, *tail;
} greetings[] = {
    [PROTOCOL_NATS] = {"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n", "",
                       "%sSUB %.*s %u\r\n", ""},
    [PROTOCOL_CENTRIFUGO] = {"{\"subs\":{", ",", "%s\"%.*s\":{}", "}}"},
};

int greeting_write(uint8_t *out, const struct plan *plan, const struct catalog *catalog,
                   const uint32_t *hand)
{
    const struct greeting *greeting = &greetings[plan->protocol];
    char *text = (char *)out + 8;
    size_t size = GREETING_MAX - 8, at;
    if (plan->protocol == PROTOCOL_TAPEHEAD)
        return 0;
    at = (size_t)snprintf(text, size, "%s", greeting->head);
    for (uint32_t i = 0; i < plan->symbols_each && at < size; i++) {
        const struct catalog_name *name = &catalog->names[hand[i]];
        at += (size_t)snprintf(text + at, size - at, greeting->symbol, i ? greeting->comma : "",
                               (int)name->len, name->text, i);
    }
    if (at < size)
        at += (size_t)snprintf(text + at, size - at, "%s", greeting->tail);
    if (at >= size)
        return -1;
    memset(out, 0, 8);
    out[0] = plan->protocol == PROTOCOL_NATS ? 0x82 : 0x81;
    out[1] = 0x80 | 126;
    out[2] = (uint8_t)(at >> 8);
    out[3] = (uint8_t)at;
    return (int)(8 + at);
}
