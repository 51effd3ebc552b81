/* SPDX-License-Identifier: MIT */
#include "bench/ledger.h"

#include <stddef.h>

/* The counters lie side by side, from `opened` to `storms_count`, so that none can be forgotten. */
static void merge_counters(struct ledger *into, const struct ledger *from)
{
    size_t count =
        (offsetof(struct ledger, storms_count) - offsetof(struct ledger, opened)) / sizeof(counter);
    counter *sums = &into->opened;
    const counter *terms = &from->opened;
    uint64_t code =
        counter_get(&from->close_code) ? counter_get(&from->close_code) : into->close_code;
    for (size_t i = 0; i < count; i++)
        counter_add(&sums[i], counter_get(&terms[i]));
    counter_set(&into->close_code, code);
}

/* A storm is over when the slowest process's is. */
static void merge_storms(struct ledger *into, const struct ledger *from)
{
    uint64_t count = counter_get(&from->storms_count);
    if (count > counter_get(&into->storms_count))
        counter_set(&into->storms_count, count);
    for (uint64_t i = 0; i < count; i++)
        if (from->storms_ns[i] > into->storms_ns[i])
            into->storms_ns[i] = from->storms_ns[i];
}

void ledger_merge(struct ledger *into, const struct ledger *from)
{
    merge_counters(into, from);
    merge_storms(into, from);
    curve_merge(&into->connect, &from->connect);
    curve_merge(&into->handshake, &from->handshake);
    curve_merge(&into->snapshot, &from->snapshot);
    curve_merge(&into->turn, &from->turn);
    for (uint32_t i = 0; i < SLICES_MAX; i++) {
        counter_add(&into->slices[i].arrived, counter_get(&from->slices[i].arrived));
        counter_add(&into->slices[i].announced, counter_get(&from->slices[i].announced));
        curve_merge(&into->slices[i].latency, &from->slices[i].latency);
    }
}

void ledger_latency(const struct ledger *ledger, struct curve *curve)
{
    *curve = (struct curve){0};
    for (uint32_t i = 0; i < SLICES_MAX; i++)
        curve_merge(curve, &ledger->slices[i].latency);
}
