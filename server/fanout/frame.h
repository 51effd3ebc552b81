/* SPDX-License-Identifier: MIT */
/*
 * frame: a worker's encoded WebSocket frames, kept in the order in which they were made. Worker
 * thread only.
 *
 *      bytes   [ ......|f7 f8 f9 f10 f11 ... f19|...... ]   round and round; a frame never wraps
 *                      ^ oldest                 ^ next
 *
 * A frame is known by a number that only rises (modulo 2^32). Making room for a new frame forgets
 * the oldest ones: queues refer to frames by number, so whoever still waits for a forgotten one
 * finds out when its number is looked up, and is told. Nothing is counted or freed: the slow pay,
 * never the fast.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_FRAME_H
#define TAPEHEAD_SERVER_FANOUT_FRAME_H

#include <stdbool.h>
#include <stdint.h>

/* One tick, or one gap of several that the feed owes. */
struct frame {
    uint64_t first_seq; /* the account that it settles: first_seq…seq of its symbol */
    uint64_t seq;
    int64_t rts_ns;
    uint64_t start; /* in bytes since the arena began */
    uint32_t symbol;
    uint16_t len;
    bool gap; /* not a tick: the feed's own gap */
};

struct frames {
    uint8_t *bytes;
    uint64_t bytes_mask; /* size - 1 */
    uint64_t end;        /* bytes handed out since the beginning */
    struct frame *ring;
    uint32_t ring_mask;
    uint32_t next; /* number of the next frame */
    uint32_t oldest;
};

enum { FRAME_LEN_MAX = 1024 };

/* Both sizes are rounded up to powers of two. Returns 0 or -ENOMEM. */
int frames_init(struct frames *frames, uint64_t bytes, uint32_t count);
void frames_finish(struct frames *frames);

/* Room for FRAME_LEN_MAX bytes of the next frame; the oldest may be forgotten for it. */
uint8_t *frames_begin(struct frames *frames);

/* The next frame is `len` bytes at the address that frames_begin() gave, plus `skip`. Returns its
 * number. */
uint32_t frames_commit(struct frames *frames, uint32_t skip, uint32_t len,
                       const struct frame *what);

/* NULL when it has been forgotten. */
const struct frame *frames_find(const struct frames *frames, uint32_t number);

uint8_t *frames_bytes(const struct frames *frames, const struct frame *frame);

#endif
