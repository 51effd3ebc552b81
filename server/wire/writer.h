/* SPDX-License-Identifier: MIT */
/*
 * writer: a message of maps, lists, numbers and text, written as JSON or msgpack into one
 * WebSocket frame. The caller says everything once, so the two formats cannot drift:
 *
 *     writer_open(&writer, out, format);
 *     writer_map(&writer, 2);                    sizes are msgpack's need: they must be kept
 *     writer_key(&writer, "type"), writer_word(&writer, "pong");
 *     writer_key(&writer, "ts"), writer_integer(&writer, 5);
 *     writer_end(&writer);
 *     writer_close(&writer);                     the frame is in `out`, whole, or `out` has failed
 */
#ifndef TAPEHEAD_SERVER_WIRE_WRITER_H
#define TAPEHEAD_SERVER_WIRE_WRITER_H

#include "server/wire/bytes.h"
#include "server/wire/command.h"

enum { WRITER_DEPTH_MAX = 8 };

struct writer {
    struct bytes *out;
    enum wire_format format;
    size_t start; /* where in `out` the frame begins */
    bool comma;   /* JSON: another value stands before the next */
    uint8_t depth;
    char closers[WRITER_DEPTH_MAX]; /* JSON: what ends each open map or list */
};

void writer_open(struct writer *writer, struct bytes *out, enum wire_format format);
void writer_close(struct writer *writer);

void writer_map(struct writer *writer, uint32_t pairs);
void writer_list(struct writer *writer, uint32_t elements);
void writer_end(struct writer *writer);
void writer_key(struct writer *writer, const char *key);
void writer_integer(struct writer *writer, int64_t value);
void writer_unsigned(struct writer *writer, uint64_t value);

/* A finite one. Integral: as writer_integer() does, without a point. Else in JSON the shortest
 * decimal that reads back the same, in msgpack a float64. */
void writer_number(struct writer *writer, double value);

/* Text from outside: each sequence that is not UTF-8 becomes U+FFFD. */
void writer_text(struct writer *writer, const char *text, size_t len);
void writer_word(struct writer *writer, const char *word);

#endif
