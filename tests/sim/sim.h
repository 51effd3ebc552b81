/* SPDX-License-Identifier: MIT */
/*
 * sim: one seed: a server of one or two workers, a feed, and clients, from start to shutdown.
 *
 *     plan ─► rounds: time passes, F and the workers run until they yield, clients act ─┐
 *                └─ after each step of a worker: invariants, check.h                    │
 *     report ◄─ finish ◄─ shutdown, which may also come mid-way ◄─ accounts ◄─ rest ◄──┘
 */
#ifndef TAPEHEAD_TESTS_SIM_SIM_H
#define TAPEHEAD_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

/* What a seed, or many, came to; added up. */
struct sim_tally {
    uint64_t ticks;    /* read by clients */
    uint64_t gaps;     /* read by clients */
    uint64_t merged;   /* by the feed */
    uint64_t dropped;  /* from queues */
    uint64_t shorts;   /* sends that took less than all */
    uint64_t stale;    /* completions of earlier generations */
    uint64_t upgraded; /* clients */
    uint64_t accounts; /* that were complete at rest or at shutdown */
    uint64_t closes;   /* with a code */
};

/* Returns if nothing is wrong; see fail(). */
void sim_run(uint64_t seed, bool trace, struct sim_tally *tally);

#endif
