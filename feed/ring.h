/* SPDX-License-Identifier: MIT */
/*
 * ring: ticks from thread F to the workers; one writer, up to RING_READERS_MAX readers, each of
 * which sees every slot, in order, once.
 *
 *            released[1]        released[0]              published      written
 *                 |                  |                       |             |
 *      . . . . . [#|# # # # # # # # #|# # # # # # # # # # # #|+ + + + + + +|. . . .
 *        free      unread by 1         unread by both         F's own, not
 *                                                             yet visible
 *
 * Positions only rise; slot = position & mask. F writes slots from `written` on, makes them visible
 * all at once by storing `published`, and never passes the slowest reader by more than the ring's
 * size: it asks ring_room() first, and where there is none it conflates (feed.c), it never waits.
 *
 * A slot is a tick, or a record that the ticks after it rely on: a symbol's name precedes its first
 * tick.
 */
#ifndef TAPEHEAD_FEED_RING_H
#define TAPEHEAD_FEED_RING_H

#include <stdint.h>

#include "feed/base.h"
#include "schemas/tick.h"

enum { RING_READERS_MAX = 64 };

enum ring_kind {
    RING_TICK = 0,
    RING_SYMBOL = 1, /* struct ring_symbol */
};

/* The name of symbol `symbol`; ids are dense and arrive in order. */
struct ring_symbol {
    char name[SYMBOL_LEN_MAX];
    uint32_t len;
};

union ring_slot {
    struct tick tick;          /* tick.kind and tick.symbol are valid in every kind */
    struct ring_symbol symbol; /* lies within the tick's first 40 bytes */
};

_Static_assert(sizeof(union ring_slot) == sizeof(struct tick), "a record fits a tick");

struct ring_reader {
    _Alignas(CACHE_LINE) _Atomic uint64_t released; /* this reader writes, F reads */
};

struct ring {
    union ring_slot *slots;
    uint64_t mask;
    uint32_t readers_count;

    /* F only */
    _Alignas(CACHE_LINE) uint64_t written;
    uint64_t released_min; /* the slowest reader when F last looked */

    _Alignas(CACHE_LINE) _Atomic uint64_t published; /* F writes, readers read */
    struct ring_reader readers[RING_READERS_MAX];
};

/* `slots` is rounded up to a power of two. Returns 0 or -errno. */
int ring_init(struct ring *ring, uint64_t slots, uint32_t readers);
void ring_finish(struct ring *ring);

/* F: how many slots may be written now. */
uint64_t ring_room(struct ring *ring);

/* F: the same, asking every reader: ring_room() may know less, as long as that is not 0. */
uint64_t ring_room_now(struct ring *ring);

/* F: the next slot to fill; needs ring_room() > 0. Not visible before ring_publish(). */
union ring_slot *ring_next(struct ring *ring);

/* F: makes everything written visible. The caller then rings the doorbells. */
void ring_publish(struct ring *ring);

/* Reader: the unread slots that lie side by side; 0 when there are none. They stay valid and
 * unchanged until released. */
uint64_t ring_peek(struct ring *ring, uint32_t reader, const union ring_slot **slots);

/* Reader: done with the first `count` slots of the last peek. */
void ring_release(struct ring *ring, uint32_t reader, uint64_t count);

/* Any thread: the position behind the last slot that readers can see. */
uint64_t ring_published(struct ring *ring);

/* Reader: its own position: everything before it was released. */
uint64_t ring_released(struct ring *ring, uint32_t reader);

/* Any thread, for metrics: published and not yet released by this reader. */
uint64_t ring_depth(const struct ring *ring, uint32_t reader);

#endif
