/* SPDX-License-Identifier: MIT */
/*
 * curve: how often each duration occurred, in log-linear buckets: 64 to each power of two, so what
 * is read from it is at most 1/64 too high. Plain counts: curves of several processes add up bucket
 * by bucket, and so do those of several runs (the JSON report holds the raw counts).
 */
#ifndef TAPEHEAD_BENCH_CURVE_H
#define TAPEHEAD_BENCH_CURVE_H

#include <stdint.h>

enum {
    CURVE_STEPS_LOG2 = 6,
    CURVE_STEPS = 1 << CURVE_STEPS_LOG2,
    CURVE_BUCKETS = 39 * CURVE_STEPS, /* up to 2^44 ns, five hours */
};

struct curve {
    uint64_t counts[CURVE_BUCKETS];
    uint64_t total;
    uint64_t sum_ns;
    uint64_t max_ns;
};

static inline uint32_t curve_bucket(uint64_t ns)
{
    if (ns < CURVE_STEPS)
        return (uint32_t)ns;
    uint32_t exponent = 63 - (uint32_t)__builtin_clzll(ns);
    uint32_t step = (uint32_t)(ns >> (exponent - CURVE_STEPS_LOG2)) & (CURVE_STEPS - 1);
    uint32_t bucket = (exponent - CURVE_STEPS_LOG2 + 1) * CURVE_STEPS + step;
    return bucket < CURVE_BUCKETS ? bucket : CURVE_BUCKETS - 1;
}

/* A negative duration (a clock was set back) counts as 0. */
static inline void curve_add(struct curve *curve, int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    curve->counts[curve_bucket(value)]++;
    curve->total++;
    curve->sum_ns += value;
    if (value > curve->max_ns)
        curve->max_ns = value;
}

/* The smallest value of bucket `i`. */
uint64_t curve_floor(uint32_t i);

void curve_merge(struct curve *into, const struct curve *from);

/* The duration that `share` (0 to 1) of all did not exceed, in nanoseconds; 0 when there are none.
 */
uint64_t curve_quantile(const struct curve *curve, double share);

#endif
