/* SPDX-License-Identifier: MIT */
/*
 * account: whether every client got every tick, or was told which it didn't.
 *
 * A pair is the account between a client and a symbol: `next` is the seq that must come. A tick
 * beyond it that no gap has led up to is a hole. A range is what of a symbol was planned within the
 * measured time, as the client that saw most of it saw it. One load process; no descriptor.
 */
#ifndef TAPEHEAD_BENCH_ACCOUNT_H
#define TAPEHEAD_BENCH_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/ledger.h"
#include "bench/scan.h"

struct pair {
    uint64_t next; /* 0 before the first tick or snapshot */
    uint64_t base; /* what `next` was at first */
    uint32_t symbol;
};

/* A client's pairs: a table of open addressing, at most half full. */
struct pairs {
    struct pair *table;
    uint32_t mask;
    bool slow;  /* reads slowly by intent: counted apart */
    bool whole; /* must have everything, or be told, by the end */
};

struct range {
    uint64_t low; /* 0: none yet */
    uint64_t high;
};

struct account {
    struct ledger *ledger;
    struct range *ranges; /* by symbol */
    uint32_t symbols;
    struct slice *slice; /* now's; NULL outside the measured time */
    int64_t from_ns;     /* the measured time; INT64_MAX until it is known */
    int64_t to_ns;
    int64_t newest_ns; /* the latest planned instant seen */
    uint64_t unlisted; /* expected ticks of connections that are gone */
};

/* How many entries a table for `symbols` needs; a power of two. */
uint32_t pairs_size(uint32_t symbols);
void pairs_clear(struct pairs *pairs);
void pairs_add(struct pairs *pairs, uint32_t symbol);

/* A tick, snapshot or gap of `symbol`, read at `now_ns`. */
void account_message(struct account *account, struct pairs *pairs, const struct message *message,
                     uint32_t symbol, int64_t now_ns);

/* The connection ends: what it was to get until here. */
void account_leave(struct account *account, const struct pairs *pairs);

/* Whether the client has all of the measured time. */
bool account_is_complete(const struct account *account, const struct pairs *pairs);

/* At the end, for each client that still stands: adds to `expected` and `missing`. */
void account_settle(struct account *account, const struct pairs *pairs);

/* At the end, once: adds to `offered`. */
void account_close(struct account *account);

#endif
