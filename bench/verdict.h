/* SPDX-License-Identifier: MIT */
/*
 * verdict: whether a trial's figures may be believed. They may not where the load itself was the
 * limit, or where a client lost a tick and wasn't told.
 */
#ifndef TAPEHEAD_BENCH_VERDICT_H
#define TAPEHEAD_BENCH_VERDICT_H

#include "bench/plan.h"
#include "bench/trial.h"

/* Sets is_void and reasons. */
void verdict_reach(struct trial *trial, const struct plan *plan);

#endif
