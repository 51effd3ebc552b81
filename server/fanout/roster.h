/* SPDX-License-Identifier: MIT */
/*
 * roster: who takes a symbol, in one format: (pair, subscriber) in blocks of a cache line, so that
 * a tick's round can be prefetched. In no particular order. Worker thread only.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_ROSTER_H
#define TAPEHEAD_SERVER_FANOUT_ROSTER_H

#include <stdint.h>

#define ROSTER_NONE UINT32_MAX

enum { ROSTER_BLOCK_ENTRIES = 7 };

struct roster_block {
    struct {
        uint32_t pair;
        uint32_t subscriber;
    } entries[ROSTER_BLOCK_ENTRIES];
    uint32_t next;
    uint32_t count; /* only the first block of a roster may be less than full */
};

_Static_assert(sizeof(struct roster_block) == 64, "a block is one cache line");

struct roster_pool {
    struct roster_block *blocks;
    uint32_t count;
    uint32_t used_max;
    uint32_t free;
};

/* A place in a roster, kept by the pair that stands there. */
struct roster_place {
    uint32_t block;
    uint32_t slot;
};

/* Enough blocks for `entries` spread over `rosters`. */
uint64_t roster_blocks_needed(uint64_t entries, uint64_t rosters);

/* Returns 0 or -ENOMEM. What isn't used isn't resident. */
int roster_pool_init(struct roster_pool *pool, uint32_t blocks);
void roster_pool_finish(struct roster_pool *pool);

/* `*first` is the roster: a block, or ROSTER_NONE. */
struct roster_place roster_add(struct roster_pool *pool, uint32_t *first, uint32_t pair,
                               uint32_t subscriber);

/* Returns the pair that has moved to `place` (its place must be updated), or ROSTER_NONE. */
uint32_t roster_remove(struct roster_pool *pool, uint32_t *first, struct roster_place place);

#endif
