/* SPDX-License-Identifier: MIT */
/*
 * crowd: one load process: its callers, their sockets' readiness, and the course of a run.
 *
 *     open all ─► ready ─► (warm-up) ─► from ─► measured time ─► to ─► drain ─► settle
 *
 * `from` and `to` come from tapebench's own process, through the shared stage, once every load
 * process is ready.
 */
#ifndef TAPEHEAD_BENCH_CROWD_H
#define TAPEHEAD_BENCH_CROWD_H

#include <stdint.h>

#include "bench/catalog.h"
#include "bench/ledger.h"
#include "bench/plan.h"

struct crowd_config {
    const struct plan *plan;
    const struct catalog *catalog;
    const uint32_t *hands; /* of all clients: plan->symbols_each numbers each */
    const struct stage *stage;
    struct ledger *ledger;
    uint32_t first; /* of its clients */
    uint32_t count; /* slow ones included: those from plan->clients on */
};

/* The slice of the measured time in which `now_ns` lies, and how long each is. */
int64_t slice_ns(const struct plan *plan);

/* Runs to the end. Returns 0, or -errno when it couldn't. */
int crowd_run(const struct crowd_config *config);

#endif
