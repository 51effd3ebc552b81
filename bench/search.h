/* SPDX-License-Identifier: MIT */
/*
 * search: the highest rate at which a quantile of the latency stays below a bound and every tick is
 * delivered: doubles until a trial fails, then halves the interval.
 */
#ifndef TAPEHEAD_BENCH_SEARCH_H
#define TAPEHEAD_BENCH_SEARCH_H

#include "bench/report.h"

enum { SEARCH_TRIALS_MAX = 20 };

/* report->trials has room for SEARCH_TRIALS_MAX. Prints each trial. Returns 0 or -errno. */
int search_run(struct report *report, struct plan *plan, FILE *out);

#endif
