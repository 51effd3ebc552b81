/* SPDX-License-Identifier: MIT */
/*
 * encode: a tick or a gap as a ready-made WebSocket frame, in either format. Pure; allocates
 * nothing.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_ENCODE_H
#define TAPEHEAD_SERVER_FANOUT_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "schemas/tick_value.h"

enum { ENCODE_JSON, ENCODE_MSGPACK, ENCODE_FORMATS };

enum { ENCODE_MAX = WIRE_TICK_MAX + 4 };

/* The frame's bytes begin at `out + *skip` (the header's length isn't known before the payload's).
 * `out` holds ENCODE_MAX bytes. Returns the length of the frame. */
uint32_t encode_tick(uint8_t *out, uint32_t *skip, int format, const struct tick *tick,
                     const char *symbol, size_t symbol_len, enum wire_tick_type type);

uint32_t encode_gap(uint8_t *out, uint32_t *skip, int format, const struct wire_gap *gap,
                    const char *symbol, size_t symbol_len);

#endif
