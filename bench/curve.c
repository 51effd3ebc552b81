/* SPDX-License-Identifier: MIT */
#include "bench/curve.h"

uint64_t curve_floor(uint32_t i)
{
    if (i < CURVE_STEPS)
        return i;
    uint32_t power = i / CURVE_STEPS - 1;
    return (uint64_t)(CURVE_STEPS + i % CURVE_STEPS) << power;
}

void curve_merge(struct curve *into, const struct curve *from)
{
    for (uint32_t i = 0; i < CURVE_BUCKETS; i++)
        into->counts[i] += from->counts[i];
    into->total += from->total;
    into->sum_ns += from->sum_ns;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
}

uint64_t curve_quantile(const struct curve *curve, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)curve->total + 0.5);
    uint64_t seen = 0;
    if (wanted < 1)
        wanted = 1;
    for (uint32_t i = 0; i < CURVE_BUCKETS; i++) {
        seen += curve->counts[i];
        if (seen < wanted)
            continue;
        uint64_t bound = i + 1 < CURVE_BUCKETS ? curve_floor(i + 1) : curve->max_ns;
        return bound < curve->max_ns ? bound : curve->max_ns;
    }
    return curve->max_ns;
}
