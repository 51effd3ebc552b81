/* SPDX-License-Identifier: MIT */
/*
 * sim: a seeded market: bursty arrivals, symbols of unequal popularity, prices that walk on their
 * tick size. The same seed gives the same ticks; what time it is, is the caller's affair. Pure.
 */
#ifndef TAPEHEAD_FEED_SIM_H
#define TAPEHEAD_FEED_SIM_H

#include <stddef.h>
#include <stdint.h>

#include "schemas/tick.h"

struct sim_config {
    uint64_t seed;    /* 1 */
    double rate;      /* ticks a second on average; 5000 */
    uint32_t symbols; /* 50 */
    double burst;     /* how bursty: 0 evenly spaced, 1 the default: arrivals cluster */
};

struct sim;

/* Reads "seed=1,rate=5000,symbols=50,burst=1", any subset in any order, "" for the defaults.
 * Returns 0, or -EINVAL with a sentence that names the key. */
int sim_config_parse(const char *text, struct sim_config *config, char *error, size_t error_size);

struct sim *sim_create(const struct sim_config *config);
void sim_destroy(struct sim *sim);

/* The next tick: `ts_ns` is its planned instant, in nanoseconds from the start of the simulation.
 * `*symbol` points into sim, a terminated name such as "BTC-USD". id, side, price and size are set;
 * pos is partition 0 and a running offset. */
void sim_next(struct sim *sim, struct tick *tick, const char **symbol);

#endif
