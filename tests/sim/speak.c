/* SPDX-License-Identifier: MIT */
/* speak: see speak.h. */
#include "tests/sim/speak.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "feed/base.h"
#include "tests/sim/world.h"

enum { FIN = 0x80, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, MASKED = 0x80 };

void speak(struct speaker *speaker, const void *data, uint32_t len)
{
    pipe_put(&speaker->out, data, len);
    speaker->said += len;
}

/* ---- HTTP ---- */

void speak_upgrade(struct speaker *speaker, const char *query)
{
    char text[1024];
    int len =
        snprintf(text, sizeof text,
                 "GET /ws%s HTTP/1.1\r\nHost: sim\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                 query, speaker->msgpack ? "Sec-WebSocket-Protocol: tapehead.msgpack\r\n" : "");
    speak(speaker, text, (uint32_t)len);
}

void speak_request(struct speaker *speaker, const char *path, bool keep_alive)
{
    char text[512];
    int len = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: sim\r\n%s\r\n", path,
                       keep_alive ? "" : "Connection: close\r\n");
    speak(speaker, text, (uint32_t)len);
}

/* ---- frames ---- */

void speak_frame(struct speaker *speaker, uint8_t first, const void *data, uint32_t len)
{
    uint8_t header[8] = {first, (uint8_t)(MASKED | (len < 126 ? len : 126)), (uint8_t)(len >> 8),
                         (uint8_t)len};
    uint32_t header_len = len < 126 ? 2 : 4;
    uint32_t mask = roll(0, UINT32_MAX - 1);
    memcpy(header + header_len, &mask, 4);
    speak(speaker, header, header_len + 4);
    const uint8_t *bytes = data;
    for (uint32_t i = 0; i < len; i++) {
        uint8_t byte = bytes[i] ^ header[header_len + i % 4];
        speak(speaker, &byte, 1);
    }
}

void speak_ping(struct speaker *speaker)
{
    uint32_t number = speaker->pings++;
    speak_frame(speaker, FIN | PING, &number, sizeof number);
}

void speak_close(struct speaker *speaker, uint16_t code)
{
    uint8_t data[] = {(uint8_t)(code >> 8), (uint8_t)code};
    speak_frame(speaker, FIN | CLOSE, data, sizeof data);
}

static void speak_message(struct speaker *speaker, const uint8_t *data, uint32_t len)
{
    uint8_t opcode = speaker->msgpack ? BINARY : TEXT;
    while (len > 1 && chance(speaker->fragments)) {
        uint32_t piece = roll(0, len - 1);
        speak_frame(speaker, opcode, data, piece);
        if (chance(30))
            speak_ping(speaker);
        data += piece;
        len -= piece;
        opcode = 0;
    }
    speak_frame(speaker, FIN | opcode, data, len);
}

/* ---- commands ---- */

struct text {
    uint8_t bytes[2048];
    uint32_t len;
    bool msgpack;
};

static void put(struct text *text, const void *data, size_t len)
{
    CHECK(text->len + len <= sizeof text->bytes);
    memcpy(text->bytes + text->len, data, len);
    text->len += (uint32_t)len;
}

static void put_word(struct text *text, const char *word)
{
    uint8_t head[] = {0xd9, (uint8_t)strlen(word)};
    if (text->msgpack)
        put(text, head, 2);
    else
        put(text, "\"", 1);
    put(text, word, strlen(word));
    if (!text->msgpack)
        put(text, "\"", 1);
}

static void put_number(struct text *text, uint32_t number)
{
    uint8_t packed[] = {0xce, (uint8_t)(number >> 24), (uint8_t)(number >> 16),
                        (uint8_t)(number >> 8), (uint8_t)number};
    char decimal[16];
    if (text->msgpack)
        put(text, packed, sizeof packed);
    else
        put(text, decimal, (size_t)snprintf(decimal, sizeof decimal, "%u", number));
}

static void put_truth(struct text *text, bool truth)
{
    uint8_t packed = truth ? 0xc3 : 0xc2;
    if (text->msgpack)
        put(text, &packed, 1);
    else
        put(text, truth ? "true" : "false", truth ? 4 : 5);
}

/* `members` is the map's size in msgpack; in JSON a comma or brace stands before each key. */
static void put_key(struct text *text, bool first, uint8_t members, const char *key)
{
    uint8_t map = 0x80 | members;
    if (first && text->msgpack)
        put(text, &map, 1);
    if (!text->msgpack)
        put(text, first ? "{" : ",", 1);
    put_word(text, key);
    if (!text->msgpack)
        put(text, ":", 1);
}

static void put_specs(struct text *text, const struct ask *ask)
{
    uint8_t list = (uint8_t)(0x90 | ask->specs_count);
    put(text, text->msgpack ? (const void *)&list : "[", 1);
    for (uint32_t i = 0; i < ask->specs_count; i++) {
        if (i && !text->msgpack)
            put(text, ",", 1);
        put_word(text, spec_text(ask->specs[i]));
    }
    if (!text->msgpack)
        put(text, "]", 1);
}

static void put_since(struct text *text, const struct ask *ask)
{
    char pos[64];
    for (uint32_t i = 0; i < ask->since_count; i++) {
        const struct since *since = &ask->since[i];
        int len = snprintf(pos, sizeof pos, "%u:%" PRIu64, (unsigned)(since->pos >> 48),
                           since->pos & 0xffffffffffff);
        if (since->index)
            snprintf(pos + len, sizeof pos - (size_t)len, ":%u", since->index);
        put_key(text, i == 0, (uint8_t)ask->since_count, truth_name(since->symbol));
        put_word(text, pos);
    }
    if (!text->msgpack)
        put(text, "}", 1);
}

/* What only a subscribe has. */
static void put_terms(struct text *text, const struct ask *ask)
{
    static const char *const modes[] = {"all", "latest", "strict"};
    put_key(text, false, 0, "snapshot");
    put_truth(text, ask->snapshot);
    put_key(text, false, 0, "mode");
    put_word(text, modes[ask->mode]);
    if (ask->interval_ms) {
        put_key(text, false, 0, "interval_ms");
        put_number(text, ask->interval_ms);
    }
    if (ask->since_count) {
        put_key(text, false, 0, "since");
        put_since(text, ask);
    }
}

static const char *op_of(const struct ask *ask)
{
    switch (ask->kind) {
    case ASK_SUBSCRIBE: return "subscribe";
    case ASK_UNSUBSCRIBE:
    case ASK_UNSUBSCRIBE_ALL: return "unsubscribe";
    case ASK_LIST: return "list";
    case ASK_PING: return "ping";
    case ASK_CONFIGURE: return "configure";
    case ASK_NONSENSE: break;
    }
    return "sing";
}

static void put_command(struct text *text, const struct ask *ask)
{
    bool has_specs = ask->kind == ASK_SUBSCRIBE || ask->kind == ASK_UNSUBSCRIBE;
    bool subscribe = ask->kind == ASK_SUBSCRIBE, configure = ask->kind == ASK_CONFIGURE;
    uint32_t terms = subscribe ? 2u + (ask->interval_ms != 0) + (ask->since_count != 0) : 0;
    uint8_t members = (uint8_t)(1 + (ask->id != 0) + has_specs + terms + configure);
    put_key(text, true, members, "op");
    put_word(text, op_of(ask));
    if (ask->id) {
        put_key(text, false, 0, "id");
        put_number(text, ask->id);
    }
    if (has_specs) {
        put_key(text, false, 0, "symbols");
        put_specs(text, ask);
    }
    if (subscribe)
        put_terms(text, ask);
    if (configure) {
        put_key(text, false, 0, "max_delay_ms");
        put_number(text, ask->max_delay_ms);
    }
    if (!text->msgpack)
        put(text, "}", 1);
}

void speak_ask(struct speaker *speaker, struct ask *ask)
{
    struct text text = {.msgpack = speaker->msgpack};
    put_command(&text, ask);
    if (ask->kind == ASK_NONSENSE && chance(50))
        text.len = roll(1, text.len - 1);
    speak_message(speaker, text.bytes, text.len);
    ask->end = speaker->said;
}
