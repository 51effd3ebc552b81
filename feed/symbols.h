/* SPDX-License-Identifier: MIT */
/*
 * symbols: thread F's table of symbols: name to dense id, the last `seq` given, and one tick that
 * may wait while the ring is full.
 *
 * Ids are given in order of first sight, from 0, and never change. Everything is allocated at the
 * start; a table that is full refuses new names and keeps serving those it knows.
 *
 * Those that wait form a queue in the order in which each began to wait:
 *
 *      waiting_first -> [ETH newest=918] -> [BTC newest=7021] -> [SOL newest=44] <- waiting_last
 *
 * A newer tick of a symbol that waits already takes the older one's place: it keeps its turn.
 */
#ifndef TAPEHEAD_FEED_SYMBOLS_H
#define TAPEHEAD_FEED_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/tick.h"

#define SYMBOL_NONE UINT32_MAX /* no id */

struct symbol {
    struct tick newest;        /* meaningful while `waiting` */
    char name[SYMBOL_LEN_MAX]; /* padded with zeros, not terminated */
    uint64_t seq;              /* the last given; 0 before the first tick */
    uint32_t waiting_next;     /* id, or SYMBOL_NONE */
    uint8_t len;
    bool waiting;
    bool announced; /* its name is in the ring */
};

struct symbols_bucket {
    uint32_t hash;
    uint32_t id_plus_one; /* 0 is free */
};

struct symbols {
    struct symbol *table; /* by id */
    struct symbols_bucket *buckets;
    uint64_t seed;
    uint32_t mask; /* of buckets */
    uint32_t count;
    uint32_t max;
    uint32_t waiting_first, waiting_last, waiting_count;
};

/* For at most `max` symbols (1 to 2^24). `seed` keeps producers from choosing names that collide.
 * Returns 0, or -errno. */
int symbols_init(struct symbols *symbols, uint32_t max, uint64_t seed);

/* Accepts a zeroed table. */
void symbols_finish(struct symbols *symbols);

/* The id of `name`, 1 to SYMBOL_LEN_MAX bytes; a new name gets the next id. SYMBOL_NONE where the
 * table is full. */
uint32_t symbols_intern(struct symbols *symbols, const char *name, size_t len);

/* As symbols_intern(), but SYMBOL_NONE for a name not seen before. */
uint32_t symbols_find(const struct symbols *symbols, const char *name, size_t len);

/* Lets `tick` wait; tick->symbol is set. Returns whether it took the place of an older one. */
bool symbols_wait(struct symbols *symbols, const struct tick *tick);

/* The symbol that has waited longest, or NULL. */
struct symbol *symbols_waiting(const struct symbols *symbols);

/* The one that symbols_waiting() returned waits no longer. */
void symbols_waiting_pop(struct symbols *symbols);

/* Bytes that a table of `max` symbols claims. */
uint64_t symbols_memory(uint32_t max);

#endif
