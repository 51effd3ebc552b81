/* SPDX-License-Identifier: MIT */
/*
 * sendq: what waits for one client: frame numbers in wire order, in blocks from its worker's pool,
 * so that an idle client holds no memory. Worker thread only.
 *
 *      first ─► [ . . e e e e ] ─► [ e e e e e e ] ─► [ e e . . . . ] ◄─ last
 *                   ^ head                                 ^ tail
 *
 * It knows nothing of what is in the frames. Bounds are the caller's to keep.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_SENDQ_H
#define TAPEHEAD_SERVER_FANOUT_SENDQ_H

#include <stdbool.h>
#include <stdint.h>

#define SENDQ_NONE UINT32_MAX

struct sendq_entry {
    uint32_t frame; /* see frame.h */
    uint32_t pair;  /* whose: see topics.h */
    uint32_t len;   /* the frame's bytes, known even when it has been forgotten */
};

enum { SENDQ_BLOCK_ENTRIES = 21 };

struct sendq_block {
    struct sendq_entry entries[SENDQ_BLOCK_ENTRIES];
    uint32_t next;
};

struct sendq_pool {
    struct sendq_block *blocks;
    uint32_t count;
    uint32_t used_max; /* blocks below this have been handed out before */
    uint32_t free;     /* list through `next` */
    uint64_t entries;  /* waiting in all queues */
    uint64_t bytes;
};

struct sendq {
    uint32_t first; /* block, or SENDQ_NONE when empty */
    uint32_t last;
    uint16_t head; /* index of the first entry in `first` */
    uint16_t tail; /* index after the last entry in `last` */
    uint32_t count;
    uint32_t bytes;
};

/* How many blocks hold `entries` of each of `queues` at the worst. */
uint64_t sendq_blocks_needed(uint64_t queues, uint64_t entries);

/* Returns 0 or -ENOMEM. What isn't used isn't resident. */
int sendq_pool_init(struct sendq_pool *pool, uint32_t blocks);
void sendq_pool_finish(struct sendq_pool *pool);

void sendq_init(struct sendq *queue);

/* The pool is sized for every queue at its bound, so these cannot fail. */
void sendq_push(struct sendq *queue, struct sendq_pool *pool, struct sendq_entry entry);
void sendq_push_front(struct sendq *queue, struct sendq_pool *pool, struct sendq_entry entry);

/* The queue must not be empty. */
struct sendq_entry sendq_peek(const struct sendq *queue, const struct sendq_pool *pool);
struct sendq_entry sendq_pop(struct sendq *queue, struct sendq_pool *pool);

#endif
