/* SPDX-License-Identifier: MIT */
/*
 * stage: one simulated worker that serves /echo, too, and a feed for it; whoever drives it brings
 * the clients. For what no dice plan: see transcripts.c.
 */
#ifndef TAPEHEAD_TESTS_SIM_STAGE_H
#define TAPEHEAD_TESTS_SIM_STAGE_H

#include "server/worker.h"
#include "tests/sim/fiber.h"
#include "tests/sim/truth.h"

struct stage {
    struct config config;
    struct truth truth;
    struct cluster cluster;
    struct decks decks; /* none */
    struct feed *feed;
    struct worker worker;
    struct worker_metrics metrics;
    const struct worker_metrics *metrics_list[1];
    struct client_stats *stats_memory;
    struct stats_table stats;
    struct fiber fiber;
};

/* `stage` is zeroed. Its world is that of seed 1. */
void stage_begin(struct stage *stage);

/* One round: the feed and the worker run until they yield, and time passes. */
void stage_act(struct stage *stage);

/* Shuts it down, and checks that everything was given back. */
void stage_end(struct stage *stage);

#endif
