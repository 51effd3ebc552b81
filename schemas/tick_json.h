/* SPDX-License-Identifier: MIT */
/*
 * tick_json: ticks as JSON, from Kafka values and to the wire. Pure; no thread, no allocation.
 */
#ifndef TAPEHEAD_SCHEMAS_TICK_JSON_H
#define TAPEHEAD_SCHEMAS_TICK_JSON_H

#include "schemas/tick_value.h"

/* Reads a Kafka value: one object {"s","p","q","side","id","t"} or an array of them. Calls `emit`
 * for each tick in order. Returns the number of ticks, or a negative enum value_error: then nothing
 * was emitted. */
int tick_json_read(const uint8_t *data, size_t len, value_emit *emit, void *arg);

/* Writes one Kafka value (one object). `out` holds at least VALUE_TICK_MAX bytes. Returns the
 * length. */
size_t tick_json_write_value(const struct tick *tick, const char *symbol, size_t symbol_len,
                             uint8_t *out);

/* Writes the wire message of a tick: "type":"trade", or "snapshot". `out` holds at least
 * WIRE_TICK_MAX bytes. Returns the length. */
size_t tick_json_write(const struct tick *tick, const char *symbol, size_t symbol_len,
                       enum wire_tick_type type, uint8_t *out);

/* Writes the wire message {"type":"gap",…}; the same bound. */
size_t tick_json_write_gap(const struct wire_gap *gap, const char *symbol, size_t symbol_len,
                           uint8_t *out);

#endif
