/* SPDX-License-Identifier: MIT */
/*
 * intake: how much of a worker's time its clients' input has. What it costs is theirs to choose,
 * within their limits, and they may be many: so a turn takes 50 us of it, give or take one input,
 * and where there are ticks, it then rests three times as long as it took, which leaves it a
 * quarter of the time. It costs ticks not only that time, but caches and the core's other threads.
 * While ticks wait, which it would make wait longer, it rests five times as long as that. Worker
 * thread only.
 */
#ifndef TAPEHEAD_SERVER_INTAKE_H
#define TAPEHEAD_SERVER_INTAKE_H

#include <stdint.h>

struct worker;

/* Once a turn. */
void intake_take(struct worker *worker);

/* How long a worker with nothing else to do sleeps: until its next input, `wait_ns` at most. */
int64_t intake_wait_ns(const struct worker *worker, int64_t wait_ns);

#endif
