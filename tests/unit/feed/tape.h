/* SPDX-License-Identifier: MIT */
/*
 * tape: a worker's view of a feed for tests: reads the ring, learns the names, and checks on the
 * way what always holds: names precede ticks, ids are dense, seq only rises.
 */
#ifndef TAPEHEAD_TESTS_UNIT_FEED_TAPE_H
#define TAPEHEAD_TESTS_UNIT_FEED_TAPE_H

#include <stdbool.h>

#include "feed/feed.h"

enum { TAPE_SYMBOLS_MAX = 4096, TAPE_TICKS_MAX = 1 << 20 };

struct tape_symbol {
    char name[SYMBOL_LEN_MAX + 1];
    uint64_t seq;     /* the last seen */
    uint64_t skipped; /* seqs jumped over */
    struct tick last;
};

struct tape {
    struct feed *feed;
    uint32_t reader;
    struct tape_symbol symbols[TAPE_SYMBOLS_MAX];
    uint32_t symbols_count;
    uint64_t ticks_count, quiet_count;
    struct tick *ticks; /* all of them, in order */
};

struct tape *tape_create(struct feed *feed, uint32_t reader);
void tape_destroy(struct tape *tape);

/* Reads what is there; returns how many ticks came. */
uint64_t tape_read(struct tape *tape);

/* Reads until `count` ticks have come in all; false after `timeout_ms`. */
bool tape_read_until(struct tape *tape, uint64_t count, int timeout_ms);

/* Waits until a metric has reached `value`; false after `timeout_ms`. */
bool tape_wait_metric(const counter *metric, uint64_t value, int timeout_ms);

const struct tape_symbol *tape_symbol(const struct tape *tape, const char *name);
uint64_t tape_skipped(const struct tape *tape);

#endif
