/* SPDX-License-Identifier: MIT */
/*
 * launch: the server under test as a child process, pinned to its core, fed by the simulator.
 */
#ifndef TAPEHEAD_BENCH_LAUNCH_H
#define TAPEHEAD_BENCH_LAUNCH_H

#include <sys/types.h>

#include "bench/plan.h"

/* Pins the calling process; -1 leaves it. */
void launch_pin(int cpu);

/* Starts plan->server at `rate` and waits for its ready line; sets plan's host and port from it.
 * Returns the process, or -errno after saying what failed. */
pid_t launch_server(struct plan *plan, double rate);

/* Ends it, by force after a while. */
void launch_stop(pid_t server);

#endif
