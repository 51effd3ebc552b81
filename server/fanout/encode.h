/* SPDX-License-Identifier: MIT */
/*
 * encode: a tick or a gap as a ready-made WebSocket frame, in each format: JSON or msgpack, plain
 * or deflated. Pure; allocates nothing.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_ENCODE_H
#define TAPEHEAD_SERVER_FANOUT_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/tick_value.h"
#include "server/fanout/deflate.h"

enum {
    ENCODE_JSON,
    ENCODE_MSGPACK,
    ENCODE_DEFLATED, /* added to one of the two: for those who negotiated permessage-deflate */
    ENCODE_FORMATS = 2 * ENCODE_DEFLATED
};

static inline bool encode_is_msgpack(int format)
{
    return format % ENCODE_DEFLATED == ENCODE_MSGPACK;
}

enum { ENCODE_MAX = WIRE_TICK_MAX + 4 };

/* How a frame is to be made. */
struct encoding {
    int format;
    struct deflate *deflate; /* needed only by the deflated formats */
};

/* The frame's bytes begin at `out + *skip` (the header's length isn't known before the payload's).
 * `out` holds ENCODE_MAX bytes. A payload that deflating would not make smaller stays plain.
 * Returns the length of the frame. */
uint32_t encode_tick(uint8_t *out, uint32_t *skip, struct encoding encoding,
                     const struct tick *tick, const char *symbol, size_t symbol_len,
                     enum wire_tick_type type);

uint32_t encode_gap(uint8_t *out, uint32_t *skip, struct encoding encoding,
                    const struct wire_gap *gap, const char *symbol, size_t symbol_len);

#endif
