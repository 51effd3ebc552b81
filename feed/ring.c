/* SPDX-License-Identifier: MIT */
#include "feed/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ring_init(struct ring *ring, uint64_t slots, uint32_t readers)
{
    if (slots == 0 || slots > UINT64_C(1) << 32 || readers > RING_READERS_MAX)
        return -EINVAL;
    uint64_t size = 1;
    while (size < slots)
        size <<= 1;
    memset(ring, 0, sizeof *ring);
    ring->slots = aligned_alloc(CACHE_LINE, size * sizeof *ring->slots);
    if (!ring->slots)
        return -ENOMEM;
    /* Touches every page now: the first lap pays no page fault on the tick path, and a limit on
     * memory is met at start. */
    memset(ring->slots, 0, size * sizeof *ring->slots);
    ring->mask = size - 1;
    ring->readers_count = readers;
    return 0;
}

void ring_finish(struct ring *ring)
{
    free(ring->slots);
    ring->slots = NULL;
}

/* Asks every reader how far it is. Costs F a cache miss each, hence only when the last answer is
 * used up. */
static uint64_t slowest_reader(struct ring *ring)
{
    uint64_t slowest = ring->written;
    for (uint32_t i = 0; i < ring->readers_count; i++) {
        /* Acquire pairs with ring_release()'s release of `released`: the reader has done its last
         * read of the slots before F writes over them. */
        uint64_t released = atomic_load_explicit(&ring->readers[i].released, memory_order_acquire);
        if (released < slowest)
            slowest = released;
    }
    return slowest;
}

uint64_t ring_room_now(struct ring *ring)
{
    ring->released_min = slowest_reader(ring);
    return ring->mask + 1 - (ring->written - ring->released_min);
}

uint64_t ring_room(struct ring *ring)
{
    uint64_t room = ring->mask + 1 - (ring->written - ring->released_min);
    return room ? room : ring_room_now(ring);
}

union ring_slot *ring_next(struct ring *ring)
{
    ASSERT(ring->written - ring->released_min <= ring->mask); /* invariant 1 */
    return &ring->slots[ring->written++ & ring->mask];
}

void ring_publish(struct ring *ring)
{
    /* Release pairs with ring_peek()'s acquire of `published`: the slots' bytes are visible before
     * a reader trusts the index. */
    atomic_store_explicit(&ring->published, ring->written, memory_order_release);
}

uint64_t ring_peek(struct ring *ring, uint32_t reader, const union ring_slot **slots)
{
    /* Relaxed: this thread wrote it. */
    uint64_t released = atomic_load_explicit(&ring->readers[reader].released, memory_order_relaxed);
    /* Acquire pairs with ring_publish()'s release of `published`. */
    uint64_t count = atomic_load_explicit(&ring->published, memory_order_acquire) - released;
    uint64_t first = released & ring->mask;
    uint64_t until_wrap = ring->mask + 1 - first;
    *slots = &ring->slots[first];
    return count < until_wrap ? count : until_wrap;
}

void ring_release(struct ring *ring, uint32_t reader, uint64_t count)
{
    _Atomic uint64_t *released = &ring->readers[reader].released;
    /* Relaxed: this thread wrote it. */
    uint64_t position = atomic_load_explicit(released, memory_order_relaxed) + count;
    /* Relaxed: only says that the caller peeked before; ring_peek() has synchronised. */
    ASSERT(position <= atomic_load_explicit(&ring->published, memory_order_relaxed));
    /* Release pairs with slowest_reader()'s acquire: F overwrites only what was read to the end. */
    atomic_store_explicit(released, position, memory_order_release);
}

uint64_t ring_published(struct ring *ring)
{
    /* Acquire pairs with ring_publish()'s release. */
    return atomic_load_explicit(&ring->published, memory_order_acquire);
}

uint64_t ring_released(struct ring *ring, uint32_t reader)
{
    /* Relaxed: this thread wrote it. */
    return atomic_load_explicit(&ring->readers[reader].released, memory_order_relaxed);
}

uint64_t ring_depth(const struct ring *ring, uint32_t reader)
{
    struct ring *r = (struct ring *)ring; /* C11's atomic loads take no const */
    /* Acquire pairs with ring_release()'s release: the `published` that the reader had seen by then
     * is seen below, so the difference never wraps. Hence this order of the two loads. */
    uint64_t released = atomic_load_explicit(&r->readers[reader].released, memory_order_acquire);
    /* Relaxed: a metric, the slots aren't read. */
    return atomic_load_explicit(&r->published, memory_order_relaxed) - released;
}
