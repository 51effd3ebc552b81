/* SPDX-License-Identifier: MIT */
/*
 * lane: the bytes of one client's control messages, whole WebSocket frames (or HTTP answers), first
 * in first out. They never wait behind ticks and are never dropped; a lane that would pass its
 * bound is the caller's cue to close the client. An empty lane holds no memory. Worker thread only.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_LANE_H
#define TAPEHEAD_SERVER_FANOUT_LANE_H

#include <stdbool.h>
#include <stdint.h>

struct lane {
    uint8_t *data;
    uint32_t head; /* bytes already sent */
    uint32_t len;  /* bytes waiting, from head */
    uint32_t cap;
};

/* What all lanes of a worker may hold together. */
struct lane_budget {
    uint64_t used;
    uint64_t max;
};

/* Returns false, and takes nothing, when `len` more would pass `bound`, the budget, or memory. */
bool lane_append(struct lane *lane, struct lane_budget *budget, const void *data, uint32_t len,
                 uint32_t bound);

/* The first `len` bytes are sent. */
void lane_consume(struct lane *lane, struct lane_budget *budget, uint32_t len);
void lane_finish(struct lane *lane, struct lane_budget *budget);

#endif
