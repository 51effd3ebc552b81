/* SPDX-License-Identifier: MIT */
/*
 * check: the invariants of architecture.md that show in a worker's state, asserted at each point at
 * which a simulated worker can be interrupted.
 */
#ifndef TAPEHEAD_TESTS_SIM_CHECK_H
#define TAPEHEAD_TESTS_SIM_CHECK_H

#include "server/worker.h"

void check_worker(const struct worker *worker);

/* Who sleeps over unread slots has been rung for. Also after F has run. */
void check_wake_up(const struct worker *worker);

/* After worker_run(): what was taken from a pool has been given back. */
void check_worker_finished(const struct worker *worker);

#endif
