/* SPDX-License-Identifier: MIT */
/*
 * truth: what really happened: every tick that the feed took, in a plain list a symbol, and which
 * of them it merged; and what each worker can have seen of them, from a copy of the ring.
 *
 * It is also the source that the feed polls: a script of bursts and pauses from the dice. It knows
 * the server's code only as a caller: what it says is told again by no code that it checks.
 */
#ifndef TAPEHEAD_TESTS_SIM_TRUTH_H
#define TAPEHEAD_TESTS_SIM_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/source.h"

enum { TRUTH_SYMBOLS = 12, TRUTH_WORKERS = 2, TRUTH_PARTITIONS = 4 };

struct truth_tick {
    struct tick tick;
    bool merged;                   /* a newer one took its place while the ring was full */
    uint64_t order[TRUTH_WORKERS]; /* how many ticks each worker had read with it; 0: not yet */
};

struct truth_symbol {
    const char *name;
    struct truth_tick *ticks; /* seq 1 is the first */
    uint64_t count;
    uint64_t cap;
};

/* Up to where a worker has read. */
struct truth_view {
    uint64_t cursor;             /* in the ring */
    uint64_t ticks;              /* read, of all symbols */
    uint64_t seq[TRUTH_SYMBOLS]; /* the last seen of each; 0 for none */
    bool named[TRUTH_SYMBOLS];   /* its name has been read */
};

struct truth_script {
    uint32_t symbols;     /* how many of them ever tick */
    uint32_t quiet;       /* warm-up: so many of the first */
    uint32_t ticks;       /* in all */
    uint32_t burst_max;   /* in one poll */
    uint32_t busy;        /* percent of polls that bring any */
    uint32_t interrupted; /* percent: F is interrupted between two ticks */
};

struct truth {
    struct source source; /* first: the feed's view of it */
    struct truth_script script;
    struct feed *feed;
    struct feed_metrics *metrics;
    struct source_sink sink;
    struct truth_symbol symbols[TRUTH_SYMBOLS];
    uint32_t emitted;
    uint64_t offsets[TRUTH_PARTITIONS];
    uint16_t indices[TRUTH_PARTITIONS]; /* within one message */
    uint32_t refused;
    bool ended; /* the script is to go on no longer */

    union ring_slot *copies; /* of the ring's slots as they were published */
    uint64_t seen;           /* how many have been copied, since the start */
    uint32_t ids[TRUTH_SYMBOLS];
    uint32_t ids_count; /* the ring's symbol id to our symbol */
    uint64_t ring_seq[TRUTH_SYMBOLS];
    struct truth_view views[TRUTH_WORKERS];
    uint32_t workers;
};

void truth_init(struct truth *truth, const struct truth_script *script, uint32_t workers);

/* Once the feed has been made from truth->source. */
void truth_watch(struct truth *truth, struct feed *feed);
void truth_finish(struct truth *truth);

/* The name of the symbol with this number. */
const char *truth_name(uint32_t symbol);

/* The symbol with this name, or TRUTH_SYMBOLS. */
uint32_t truth_find(const char *name, uint32_t len);

const struct truth_tick *truth_tick(const struct truth *truth, uint32_t symbol, uint64_t seq);

/* Brings the worker's view up to what it has released of the ring. */
void truth_follow(struct truth *truth, uint32_t worker);

/* Invariant 1: what isn't read yet stands in the ring as it was published. */
void truth_check_ring(struct truth *truth);

/* Whether the script is through, and every worker has read all that was taken. */
bool truth_is_settled(const struct truth *truth);

#endif
