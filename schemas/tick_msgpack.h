/* SPDX-License-Identifier: MIT */
/*
 * tick_msgpack: ticks as msgpack, from Kafka values and to the wire. Pure; no thread, and no
 * allocation on the way to the wire.
 */
#ifndef TAPEHEAD_SCHEMAS_TICK_MSGPACK_H
#define TAPEHEAD_SCHEMAS_TICK_MSGPACK_H

#include "schemas/tick_value.h"

/* As tick_json_read(): a map, or an array of maps. `p` and `q` are decimal strings or [mantissa,
 * exponent]. */
int tick_msgpack_read(const uint8_t *data, size_t len, value_emit *emit, void *arg);

/* As tick_json_write_value(); `p` and `q` are written as [mantissa, exponent]. */
size_t tick_msgpack_write_value(const struct tick *tick, const char *symbol, size_t symbol_len,
                                uint8_t *out);

/* A tick as a capture file has it (tape.md): a Kafka value with "r" and "pos" added, so that
 * readers of Kafka values read it too. tick.pos holds the number within its topic; seq, symbol,
 * quiet and kind aren't kept. */
struct tick_taped {
    struct tick tick;
    const char *topic; /* when read: in the input */
    uint8_t topic_len;
    uint8_t symbol_len;
    char symbol[SYMBOL_LEN_MAX];
};

enum { TAPED_TICK_MAX = VALUE_TICK_MAX };

/* Writes one; `out` holds at least TAPED_TICK_MAX bytes. Returns the length. */
size_t tick_msgpack_write_taped(const struct tick *tick, const char *symbol, size_t symbol_len,
                                const char *topic, size_t topic_len, uint8_t *out);

/* Reads the one at the front of `data`, which may go on. Returns its length, or a negative enum
 * value_error: VALUE_SHAPE too where "r" or "pos" is missing or isn't what it should be. */
int tick_msgpack_read_taped(const uint8_t *data, size_t len, struct tick_taped *out);

/* As tick_json_write(): the array of the protocol's table, type 1 for a trade, 2 for a snapshot; an
 * array of 13, and of 14 with the index appended where it isn't 0. */
size_t tick_msgpack_write(const struct tick *tick, const char *symbol, size_t symbol_len,
                          enum wire_tick_type type, uint8_t *out);

/* The gap message as a msgpack map with the keys of the JSON one. */
size_t tick_msgpack_write_gap(const struct wire_gap *gap, const char *symbol, size_t symbol_len,
                              uint8_t *out);

#endif
