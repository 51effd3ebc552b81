/* SPDX-License-Identifier: MIT */
#include "bench/scan.h"

#include <stdbool.h>
#include <string.h>

/* ---- JSON ---- */

#define TRADE    "{\"type\":\"trade\",\"symbol\":\""
#define SNAPSHOT "{\"type\":\"snapshot\",\"symbol\":\""
#define GAP      "{\"type\":\"gap\",\"symbol\":\""
#define ERROR    "{\"type\":\"error\""

enum {
    MICROS_DIGITS = 16, /* of a time in microseconds since 1970, from 2001 to 2286 */
    /* ,"ts":<16>,"rts":<16>} as a message ends */
    TAIL_LEN = 5 + MICROS_DIGITS + 7 + MICROS_DIGITS + 1,
};

static uint64_t load64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Eight digits at once: pairs, then fours, then all; Lemire, "Quickly parsing eight digits". */
static uint64_t eight_digits(const uint8_t *at)
{
    uint64_t v = load64(at) - 0x3030303030303030;
    v = v * 10 + (v >> 8);
    return ((v & 0x000000ff000000ff) * 0x000f424000000064 +
            (v >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >>
           32;
}

/* Digits up to the first other byte. */
static uint64_t digits(const uint8_t **at, const uint8_t *end)
{
    uint64_t value = 0;
    while (*at < end && **at >= '0' && **at <= '9')
        value = value * 10 + (uint64_t)(*(*at)++ - '0');
    return value;
}

/* Sets *at behind the first `key` in the input. */
static bool seek(const uint8_t **at, const uint8_t *end, const char *key)
{
    size_t len = strlen(key);
    const uint8_t *found = memmem(*at, (size_t)(end - *at), key, len);
    if (!found)
        return false;
    *at = found + len;
    return true;
}

static bool starts_with(const uint8_t *data, size_t len, const char *prefix, size_t prefix_len)
{
    return len >= prefix_len && memcmp(data, prefix, prefix_len) == 0;
}

#define STARTS(prefix) starts_with(data, len, prefix, sizeof prefix - 1)

/* The event time is looked for where it always stands: two times from the end. */
static bool json_time(const uint8_t *at, const uint8_t *end, int64_t *ts_ns)
{
    const uint8_t *tail = end - TAIL_LEN;
    if (tail >= at && memcmp(tail, ",\"ts\":", 6) == 0)
        tail += 6;
    else if (tail > at && memcmp(tail - 1, ",\"ts\":", 6) == 0)
        tail += 5;
    else
        tail = NULL;
    if (tail && tail[MICROS_DIGITS] == ',') {
        uint64_t micros = eight_digits(tail) * 100000000 + eight_digits(tail + 8);
        *ts_ns = (int64_t)micros * 1000;
        return true;
    }
    if (!seek(&at, end, "\"ts\":"))
        return false;
    *ts_ns = (int64_t)digits(&at, end) * 1000;
    return true;
}

/* From the symbol's first byte on. */
static bool json_tick(const uint8_t *at, const uint8_t *end, struct message *message)
{
    const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
    if (!quote)
        return false;
    message->symbol = at;
    message->symbol_len = (uint32_t)(quote - at);
    at = quote;
    if (end - at > 9 && memcmp(at, "\",\"seq\":", 8) == 0)
        at += 8;
    else if (!seek(&at, end, "\"seq\":"))
        return false;
    message->seq = digits(&at, end);
    return json_time(at, end, &message->ts_ns);
}

static bool json_gap(const uint8_t *at, const uint8_t *end, struct message *message)
{
    const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
    if (!quote)
        return false;
    message->symbol = at;
    message->symbol_len = (uint32_t)(quote - at);
    at = quote;
    if (!seek(&at, end, "\"from\":"))
        return false;
    message->seq = digits(&at, end);
    if (!seek(&at, end, "\"to\":"))
        return false;
    message->to = digits(&at, end);
    return message->to >= message->seq;
}

/* A message of another server: a tick when it has a symbol, a seq and a time. */
static void json_foreign(const uint8_t *at, const uint8_t *end, struct message *message)
{
    bool typed = end - at > 8 && memcmp(at, "{\"type\":", 8) == 0;
    message->kind = MESSAGE_OTHER;
    if (!typed && seek(&at, end, "\"symbol\":\"") && json_tick(at, end, message))
        message->kind = MESSAGE_TRADE;
}

void scan_json(const uint8_t *data, size_t len, struct message *message)
{
    const uint8_t *end = data + len;
    bool good = true;
    if (STARTS(TRADE)) {
        message->kind = MESSAGE_TRADE;
        good = json_tick(data + sizeof TRADE - 1, end, message);
    } else if (STARTS(SNAPSHOT)) {
        message->kind = MESSAGE_SNAPSHOT;
        good = json_tick(data + sizeof SNAPSHOT - 1, end, message);
    } else if (STARTS(GAP)) {
        message->kind = MESSAGE_GAP;
        good = json_gap(data + sizeof GAP - 1, end, message);
    } else if (STARTS(ERROR)) {
        message->kind = MESSAGE_ERROR;
    } else {
        json_foreign(data, end, message);
    }
    if (!good)
        message->kind = MESSAGE_BROKEN;
}

size_t scan_line(const uint8_t *data, size_t len, struct message *message)
{
    const uint8_t *trade = memmem(data, len, TRADE, sizeof TRADE - 1);
    *message = (struct message){.kind = MESSAGE_OTHER};
    if (!trade)
        return len;
    const uint8_t *end = memchr(trade, '\n', (size_t)(data + len - trade));
    if (!end)
        end = data + len;
    scan_json(trade, (size_t)(end - trade), message);
    return end < data + len ? (size_t)(end - data) + 1 : len;
}

/* ---- msgpack ---- */

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static uint64_t big_endian(struct reader *reader, uint32_t bytes)
{
    uint64_t value = 0;
    if (reader->end - reader->at < (ptrdiff_t)bytes) {
        reader->bad = true;
        return 0;
    }
    while (bytes--)
        value = value << 8 | *reader->at++;
    return value;
}

/* An integer or nil, as two's complement; the only scalars of a tick that aren't its symbol. */
static uint64_t integer(struct reader *reader)
{
    uint8_t lead = reader->at < reader->end ? *reader->at++ : 0xc1;
    if (lead < 0x80 || lead >= 0xe0)
        return (uint64_t)(int64_t)(int8_t)lead;
    switch (lead) {
    case 0xc0: return 0;
    case 0xcc: return big_endian(reader, 1);
    case 0xcd: return big_endian(reader, 2);
    case 0xce: return big_endian(reader, 4);
    case 0xcf:
    case 0xd3: return big_endian(reader, 8);
    case 0xd0: return (uint64_t)(int64_t)(int8_t)big_endian(reader, 1);
    case 0xd1: return (uint64_t)(int64_t)(int16_t)big_endian(reader, 2);
    case 0xd2: return (uint64_t)(int64_t)(int32_t)big_endian(reader, 4);
    default: reader->bad = true; return 0;
    }
}

static const uint8_t *text(struct reader *reader, uint32_t *len)
{
    uint8_t lead = reader->at < reader->end ? *reader->at++ : 0xc1;
    if ((lead & 0xe0) == 0xa0)
        *len = lead & 0x1f;
    else if (lead == 0xd9)
        *len = (uint32_t)big_endian(reader, 1);
    else
        reader->bad = true;
    const uint8_t *start = reader->at;
    if (reader->bad || reader->end - start < (ptrdiff_t)*len) {
        reader->bad = true;
        return start;
    }
    reader->at += *len;
    return start;
}

/* The array of the protocol's table: seq is at index 2, ts at 11. */
static void msgpack_tick(struct reader *reader, struct message *message)
{
    uint64_t type = integer(reader);
    message->symbol = text(reader, &message->symbol_len);
    message->seq = integer(reader);
    for (int index = 3; index < 11; index++)
        integer(reader);
    message->ts_ns = (int64_t)integer(reader);
    message->kind = type == 1 ? MESSAGE_TRADE : MESSAGE_SNAPSHOT;
    if (reader->bad || type < 1 || type > 2)
        message->kind = MESSAGE_BROKEN;
}

static bool is(const uint8_t *data, uint32_t len, const char *word)
{
    return len == strlen(word) && memcmp(data, word, len) == 0;
}

/* {"type":"gap","symbol":…,"from":…,"to":…, …}, in this order. */
static void msgpack_map(struct reader *reader, struct message *message)
{
    uint32_t key_len = 0, type_len = 0;
    text(reader, &key_len);
    const uint8_t *type = text(reader, &type_len);
    message->kind = MESSAGE_OTHER;
    if (reader->bad)
        return;
    if (is(type, type_len, "error"))
        message->kind = MESSAGE_ERROR;
    if (!is(type, type_len, "gap"))
        return;
    text(reader, &key_len);
    message->symbol = text(reader, &message->symbol_len);
    text(reader, &key_len);
    message->seq = integer(reader);
    text(reader, &key_len);
    message->to = integer(reader);
    message->kind = reader->bad ? MESSAGE_BROKEN : MESSAGE_GAP;
}

void scan_msgpack(const uint8_t *data, size_t len, struct message *message)
{
    struct reader reader = {.at = data + 1, .end = data + len};
    uint8_t lead = len ? data[0] : 0;
    if (lead == 0x9d || lead == 0x9e)
        msgpack_tick(&reader, message);
    else if ((lead & 0xf0) == 0x80)
        msgpack_map(&reader, message);
    else
        message->kind = MESSAGE_OTHER;
}
