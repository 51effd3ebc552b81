/* SPDX-License-Identifier: MIT */
/* stream: see stream.h. */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

long stream_read(const uint8_t *data, size_t len, struct stream_frame *frame)
{
    if (len >= 1 && data[0] != 0x81 && data[0] != 0x82)
        return -1;
    if (len < 2)
        return 0;
    size_t header = 2, payload = data[1];
    if (payload > 126)
        return -1;
    if (payload == 126) {
        if (len < 4)
            return 0;
        header = 4;
        payload = (size_t)data[2] << 8 | data[3];
        if (payload < 126)
            return -1;
    }
    if (len < header + payload)
        return 0;
    *frame =
        (struct stream_frame){.text = data[0] == 0x81, .payload = data + header, .len = payload};
    return (long)(header + payload);
}

/* ---- JSON: a member's value by its name, in a message whose strings have no escapes ---- */

static const char *member(const struct stream_frame *frame, const char *name, size_t *len)
{
    char quoted[32] = "\"";
    strcat(strcat(quoted, name), "\":");
    const char *end = (const char *)frame->payload + frame->len;
    const char *at = memmem(frame->payload, frame->len, quoted, strlen(quoted));
    if (!at)
        return NULL;
    at += strlen(quoted);
    bool string = at < end && *at == '"';
    at += string;
    *len = 0;
    while (at + *len < end && (string ? at[*len] != '"' : at[*len] >= '0' && at[*len] <= '9'))
        ++*len;
    return at;
}

static bool json_text(const struct stream_frame *frame, const char *name, char *out, size_t size)
{
    size_t len;
    const char *value = member(frame, name, &len);
    if (!value || len >= size)
        return false;
    memcpy(out, value, len);
    out[len] = 0;
    return true;
}

static bool json_number(const struct stream_frame *frame, const char *name, uint64_t *out)
{
    char digits[24];
    if (!json_text(frame, name, digits, sizeof digits) || !digits[0])
        return false;
    *out = strtoull(digits, NULL, 10);
    return true;
}

static bool parse_json(const struct stream_frame *frame, struct stream_message *message)
{
    char type[16];
    if (!frame->len || frame->payload[frame->len - 1] != '}' ||
        !json_text(frame, "type", type, sizeof type) ||
        !json_text(frame, "symbol", message->symbol, sizeof message->symbol))
        return false;
    if (strcmp(type, "gap") == 0) {
        message->kind = STREAM_GAP;
        return json_number(frame, "from", &message->from) &&
               json_number(frame, "to", &message->to) &&
               json_number(frame, "count", &message->count) &&
               json_text(frame, "reason", message->reason, sizeof message->reason);
    }
    message->kind = strcmp(type, "snapshot") == 0 ? STREAM_SNAPSHOT : STREAM_TRADE;
    return (message->kind == STREAM_SNAPSHOT || strcmp(type, "trade") == 0) &&
           json_number(frame, "seq", &message->seq);
}

/* ---- msgpack: unsigned integers and strings, one after the other ---- */

struct unpacker {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static uint64_t unpack_bytes(struct unpacker *unpacker, int width)
{
    uint64_t value = 0;
    if (unpacker->end - unpacker->at < width) {
        unpacker->bad = true;
        return 0;
    }
    while (width-- > 0)
        value = value << 8 | *unpacker->at++;
    return value;
}

static uint64_t unpack_number(struct unpacker *unpacker)
{
    uint8_t form = (uint8_t)unpack_bytes(unpacker, 1);
    if (form < 0x80)
        return form;
    if (form >= 0xcc && form <= 0xcf)
        return unpack_bytes(unpacker, 1 << (form - 0xcc));
    unpacker->bad = true;
    return 0;
}

static void unpack_text(struct unpacker *unpacker, char *out, size_t size)
{
    uint8_t form = (uint8_t)unpack_bytes(unpacker, 1);
    size_t len = form == 0xd9 ? unpack_bytes(unpacker, 1) : form & 0x1f;
    if ((form != 0xd9 && form >> 5 != 5) || len >= size ||
        len > (size_t)(unpacker->end - unpacker->at)) {
        unpacker->bad = true;
        return;
    }
    memcpy(out, unpacker->at, len);
    out[len] = 0;
    unpacker->at += len;
}

static bool unpack_word(struct unpacker *unpacker, const char *word)
{
    char text[16] = "";
    unpack_text(unpacker, text, sizeof text);
    return !unpacker->bad && strcmp(text, word) == 0;
}

static bool parse_packed_gap(struct unpacker *unpacker, struct stream_message *message)
{
    message->kind = STREAM_GAP;
    if (!unpack_word(unpacker, "type") || !unpack_word(unpacker, "gap") ||
        !unpack_word(unpacker, "symbol"))
        return false;
    unpack_text(unpacker, message->symbol, sizeof message->symbol);
    if (!unpack_word(unpacker, "from"))
        return false;
    message->from = unpack_number(unpacker);
    if (!unpack_word(unpacker, "to"))
        return false;
    message->to = unpack_number(unpacker);
    if (!unpack_word(unpacker, "count"))
        return false;
    message->count = unpack_number(unpacker);
    if (!unpack_word(unpacker, "reason"))
        return false;
    unpack_text(unpacker, message->reason, sizeof message->reason);
    return !unpacker->bad && unpacker->at == unpacker->end;
}

static bool parse_packed(const struct stream_frame *frame, struct stream_message *message)
{
    struct unpacker unpacker = {.at = frame->payload, .end = frame->payload + frame->len};
    uint8_t form = (uint8_t)unpack_bytes(&unpacker, 1);
    if (form == 0x86)
        return parse_packed_gap(&unpacker, message);
    uint64_t type = unpack_number(&unpacker);
    unpack_text(&unpacker, message->symbol, sizeof message->symbol);
    message->seq = unpack_number(&unpacker);
    message->kind = type == 2 ? STREAM_SNAPSHOT : STREAM_TRADE;
    return !unpacker.bad && (form == 0x9d || form == 0x9e) && (type == 1 || type == 2);
}

bool stream_parse(const struct stream_frame *frame, struct stream_message *message)
{
    *message = (struct stream_message){0};
    return frame->text ? parse_json(frame, message) : parse_packed(frame, message);
}
