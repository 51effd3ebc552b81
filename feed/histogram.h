/* SPDX-License-Identifier: MIT */
/*
 * histogram: counts of nanoseconds in log-linear buckets: 16 to each power of two, so a bucket is
 * at most 1/16 wide. One thread writes, any thread reads; histograms of several threads add up
 * bucket by bucket.
 */
#ifndef TAPEHEAD_FEED_HISTOGRAM_H
#define TAPEHEAD_FEED_HISTOGRAM_H

#include <stdint.h>

#include "feed/base.h"

enum { HISTOGRAM_BUCKETS = 61 * 16 };

struct histogram {
    counter buckets[HISTOGRAM_BUCKETS];
    counter sum_ns;
};

static inline uint32_t histogram_bucket(uint64_t ns)
{
    if (ns < 16)
        return (uint32_t)ns;
    uint32_t exponent = 63 - (uint32_t)__builtin_clzll(ns);
    return (exponent - 3) * 16 + (uint32_t)(ns >> (exponent - 4) & 15);
}

/* The first value that is beyond bucket `i`. */
static inline uint64_t histogram_bound(uint32_t i)
{
    if (i < 16)
        return i + 1;
    return (uint64_t)(16 + i % 16 + 1) << (i / 16 - 1);
}

/* A negative duration (a clock was set back) counts as 0. */
static inline void histogram_add(struct histogram *histogram, int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    counter_add(&histogram->buckets[histogram_bucket(value)], 1);
    counter_add(&histogram->sum_ns, value);
}

static inline uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        count += counter_get(&histogram->buckets[i]);
    return count;
}

/* What `share` (0 to 1) of all did not exceed, in nanoseconds, at most 1/16 too high; 0 when there
 * are none. */
static inline uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)((double)histogram_count(histogram) * share), seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += counter_get(&histogram->buckets[i]);
        if (seen > wanted)
            return histogram_bound(i);
    }
    return 0;
}

#endif
