/* SPDX-License-Identifier: MIT */
/*
 * trial: one measurement at one rate: starts the server where asked to, the load processes, sees
 * them through, and judges whether the figures may be believed.
 */
#ifndef TAPEHEAD_BENCH_TRIAL_H
#define TAPEHEAD_BENCH_TRIAL_H

#include "bench/ledger.h"
#include "bench/plan.h"
#include "bench/usage.h"

enum { REASONS_MAX = 12, REASON_LEN_MAX = 160 };

struct trial {
    double rate;
    double seconds;
    struct ledger *ledger; /* all load processes' */
    struct curve latency;
    struct usage empty; /* the server before the first connection */
    struct usage before;
    struct usage after;
    uint64_t rss_bytes[SLICES_MAX]; /* the server's, as last seen in each slice; 0: not looked at */
    uint64_t socket_bytes;          /* before the first connection */
    uint64_t socket_bytes_max;      /* in the measured time */
    bool server_known;

    bool is_void;
    uint32_t reasons_count; /* why it is void, or what to beware of */
    char reasons[REASONS_MAX][REASON_LEN_MAX];
};

/* Returns 0 with the trial filled, or -errno after saying what failed. */
int trial_run(struct trial *trial, struct plan *plan, double rate);
void trial_finish(struct trial *trial);

/* Derived figures. */
double trial_delivered(const struct trial *trial);       /* a second */
double trial_server_cores(const struct trial *trial);    /* CPU seconds a second */
double trial_load_cores(const struct trial *trial);      /* the same, of the load */
double trial_load_busy(const struct trial *trial);       /* 0 to 1: ran, or waited for its core */
double trial_cpu_per_million(const struct trial *trial); /* the server's, a million deliveries */
double trial_reach(const struct trial *trial);           /* 0 to 1 */

#endif
