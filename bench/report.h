/* SPDX-License-Identifier: MIT */
/*
 * report: trials as text for people, JSON for machines, and a page with curves.
 */
#ifndef TAPEHEAD_BENCH_REPORT_H
#define TAPEHEAD_BENCH_REPORT_H

#include <stdio.h>

#include "bench/machine.h"
#include "bench/plan.h"
#include "bench/trial.h"

struct report {
    const struct plan *plan;
    struct machine machine;
    struct trial *trials;
    uint32_t trials_count;
    double found_rate; /* --find-max: the highest that held; 0: none */
    bool found_void;   /* the next above it failed because its trial was void */
};

void report_head(const struct report *report, FILE *out);
void report_trial(const struct report *report, const struct trial *trial, FILE *out);
void report_end(const struct report *report, FILE *out);

/* Both write the whole. */
void report_json(const struct report *report, FILE *out);
void report_html(const struct report *report, FILE *out);

/* The quantiles that every report shows. */
struct quantile {
    const char *name;
    double share;
};

enum { QUANTILES = 6 };
extern const struct quantile quantiles[QUANTILES];

#endif
