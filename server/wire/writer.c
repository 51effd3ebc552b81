/* SPDX-License-Identifier: MIT */
#include "server/wire/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/utf8.h"
#include "server/wire/ws.h"

enum { DIGITS_MAX = 17 };                  /* any double reads back from so many */
static const double INTEGRAL_MAX = 0x1p53; /* beyond, not every integer is a double */

void writer_open(struct writer *writer, struct bytes *out, enum wire_format format)
{
    *writer = (struct writer){.out = out, .format = format, .start = out->len};
    /* The payload's length, and so the header's, is known at the end: leave room for the longest.
     */
    if (bytes_reserve(out, WS_HEADER_MAX))
        out->len += WS_HEADER_MAX;
}

void writer_close(struct writer *writer)
{
    struct bytes *out = writer->out;
    if (out->failed) {
        /* Half a frame would corrupt the stream. */
        out->len = writer->start;
        return;
    }
    uint8_t *frame = out->data + writer->start;
    size_t payload_len = out->len - writer->start - WS_HEADER_MAX;
    enum ws_opcode opcode = writer->format == WIRE_JSON ? WS_TEXT : WS_BINARY;
    size_t header_len = ws_header_len(payload_len);
    memmove(frame + header_len, frame + WS_HEADER_MAX, payload_len);
    ws_write_header(frame, opcode, payload_len);
    out->len = writer->start + header_len + payload_len;
}

static void put_byte(struct writer *writer, uint8_t byte)
{
    bytes_append(writer->out, &byte, 1);
}

/* A type byte and `size` bytes of value, the highest first. */
static void put_value(struct writer *writer, uint8_t type, uint64_t value, size_t size)
{
    uint8_t packed[9] = {type};
    for (size_t i = size; i > 0; i--, value >>= 8)
        packed[i] = (uint8_t)value;
    bytes_append(writer->out, packed, 1 + size);
}

static void separate(struct writer *writer)
{
    if (writer->comma)
        put_byte(writer, ',');
    writer->comma = true;
}

static void open_json(struct writer *writer, char opener, char closer)
{
    separate(writer);
    put_byte(writer, (uint8_t)opener);
    writer->comma = false;
    if (writer->depth < WRITER_DEPTH_MAX)
        writer->closers[writer->depth] = closer;
    writer->depth++;
}

void writer_map(struct writer *writer, uint32_t pairs)
{
    if (writer->format == WIRE_JSON)
        open_json(writer, '{', '}');
    else if (pairs < 16)
        put_byte(writer, (uint8_t)(0x80 | pairs));
    else if (pairs < 0x10000)
        put_value(writer, 0xde, pairs, 2);
    else
        put_value(writer, 0xdf, pairs, 4);
}

void writer_list(struct writer *writer, uint32_t elements)
{
    if (writer->format == WIRE_JSON)
        open_json(writer, '[', ']');
    else if (elements < 16)
        put_byte(writer, (uint8_t)(0x90 | elements));
    else if (elements < 0x10000)
        put_value(writer, 0xdc, elements, 2);
    else
        put_value(writer, 0xdd, elements, 4);
}

void writer_end(struct writer *writer)
{
    if (writer->format != WIRE_JSON || writer->depth == 0)
        return;
    writer->depth--;
    put_byte(writer, (uint8_t)writer->closers[writer->depth]);
    writer->comma = true;
}

void writer_key(struct writer *writer, const char *key)
{
    writer_word(writer, key);
    if (writer->format != WIRE_JSON)
        return;
    put_byte(writer, ':');
    writer->comma = false;
}

void writer_unsigned(struct writer *writer, uint64_t value)
{
    if (writer->format == WIRE_JSON) {
        separate(writer);
        bytes_printf(writer->out, "%llu", (unsigned long long)value);
    } else if (value < 0x80) {
        put_byte(writer, (uint8_t)value);
    } else if (value <= UINT8_MAX) {
        put_value(writer, 0xcc, value, 1);
    } else if (value <= UINT16_MAX) {
        put_value(writer, 0xcd, value, 2);
    } else if (value <= UINT32_MAX) {
        put_value(writer, 0xce, value, 4);
    } else {
        put_value(writer, 0xcf, value, 8);
    }
}

void writer_integer(struct writer *writer, int64_t value)
{
    if (value >= 0) {
        writer_unsigned(writer, (uint64_t)value);
    } else if (writer->format == WIRE_JSON) {
        separate(writer);
        bytes_printf(writer->out, "%lld", (long long)value);
    } else if (value >= -32) {
        put_byte(writer, (uint8_t)value);
    } else if (value >= INT8_MIN) {
        put_value(writer, 0xd0, (uint64_t)value, 1);
    } else if (value >= INT16_MIN) {
        put_value(writer, 0xd1, (uint64_t)value, 2);
    } else if (value >= INT32_MIN) {
        put_value(writer, 0xd2, (uint64_t)value, 4);
    } else {
        put_value(writer, 0xd3, (uint64_t)value, 8);
    }
}

static void put_real(struct writer *writer, double value)
{
    char text[32];
    int digits = 0;
    do
        snprintf(text, sizeof text, "%.*g", ++digits, value);
    while (digits < DIGITS_MAX && strtod(text, NULL) != value);
    separate(writer);
    bytes_append(writer->out, text, strlen(text));
}

void writer_number(struct writer *writer, double value)
{
    bool small = value >= -INTEGRAL_MAX && value <= INTEGRAL_MAX;
    if (small && (double)(int64_t)value == value) {
        writer_integer(writer, (int64_t)value);
    } else if (writer->format == WIRE_JSON) {
        put_real(writer, value);
    } else {
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        put_value(writer, 0xcb, bits, 8);
    }
}

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* The length of the next piece of text: characters that stand for themselves in every format
 * (*sound), any other character (*sound), or the longest start of one that its next byte breaks
 * (Unicode 3.9, "maximal subpart"), at least a byte. `len` is not 0. */
static size_t next_piece(const uint8_t *text, size_t len, bool *sound)
{
    struct utf8 utf8 = {0};
    size_t i = 0;
    while (i < len && is_plain(text[i]))
        i++;
    *sound = true;
    if (i > 0)
        return i;
    do {
        *sound = utf8_feed(&utf8, text + i, 1);
        if (!*sound)
            return i > 0 ? i : 1;
        i++;
    } while (i < len && !utf8_complete(&utf8));
    *sound = utf8_complete(&utf8);
    return i;
}

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

static void put_json_text(struct writer *writer, const uint8_t *text, size_t len)
{
    put_byte(writer, '"');
    for (size_t i = 0, piece; i < len; i += piece) {
        bool sound;
        piece = next_piece(text + i, len - i, &sound);
        if (!sound)
            bytes_append(writer->out, replacement, 3);
        else if (text[i] == '"' || text[i] == '\\')
            bytes_printf(writer->out, "\\%c", text[i]);
        else if (text[i] < 0x20)
            bytes_printf(writer->out, "\\u%04x", text[i]);
        else
            bytes_append(writer->out, text + i, piece);
    }
    put_byte(writer, '"');
}

static void put_msgpack_text(struct writer *writer, const uint8_t *text, size_t len)
{
    bool sound;
    size_t written = 0;
    for (size_t i = 0, piece; i < len; i += piece) {
        piece = next_piece(text + i, len - i, &sound);
        written += sound ? piece : 3;
    }
    if (written < 32)
        put_byte(writer, (uint8_t)(0xa0 | written));
    else if (written <= UINT8_MAX)
        put_value(writer, 0xd9, written, 1);
    else if (written <= UINT16_MAX)
        put_value(writer, 0xda, written, 2);
    else
        put_value(writer, 0xdb, written, 4);
    for (size_t i = 0, piece; i < len; i += piece) {
        piece = next_piece(text + i, len - i, &sound);
        bytes_append(writer->out, sound ? (const void *)(text + i) : replacement,
                     sound ? piece : 3);
    }
}

void writer_text(struct writer *writer, const char *text, size_t len)
{
    if (writer->format == WIRE_JSON) {
        separate(writer);
        put_json_text(writer, (const uint8_t *)text, len);
    } else {
        put_msgpack_text(writer, (const uint8_t *)text, len);
    }
}

void writer_word(struct writer *writer, const char *word)
{
    writer_text(writer, word, strlen(word));
}
