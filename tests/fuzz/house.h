/* SPDX-License-Identifier: MIT */
/*
 * house: a server of one worker and its feed, simulated as in tests/sim, for a driver that says
 * what happens in it and when. The rooms' own checks hold after every step.
 */
#ifndef TAPEHEAD_TESTS_FUZZ_HOUSE_H
#define TAPEHEAD_TESTS_FUZZ_HOUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/config.h"
#include "server/stats.h"
#include "server/worker.h"
#include "tests/sim/fiber.h"
#include "tests/sim/link.h"
#include "tests/sim/sim_io.h"
#include "tests/sim/truth.h"

/* What of it an input chooses: a bit or two each. */
struct house_plan {
    uint8_t sizes;   /* of queues, ring, arena */
    uint8_t limits;  /* of commands, subscriptions and addresses, times */
    uint8_t manners; /* of the io, and of the feed */
};

struct house {
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

/* In a world that has begun. */
void house_open(struct house *house, const struct house_plan *plan);
void house_connect(struct house *house, struct link *link);

/* F, if it is to run, and the worker, if it has anything to do, run until they yield; then a moment
 * passes. */
void house_act(struct house *house, bool feed_runs);

/* From here on the feed has no more ticks, and the io is kind. */
void house_calm_down(struct house *house);
bool house_is_at_rest(const struct house *house);

/* As main.c does at SIGTERM: the feed first. */
void house_stop(struct house *house);
bool house_is_done(const struct house *house);

/* All given back. */
void house_close(struct house *house);

#endif
