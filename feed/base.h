/* SPDX-License-Identifier: MIT */
/*
 * base: the few words that every file uses: CHECK, ASSERT, counters with one writer, cache lines.
 */
#ifndef TAPEHEAD_FEED_BASE_H
#define TAPEHEAD_FEED_BASE_H

#include <stdatomic.h>
#include <stdint.h>

#define CACHE_LINE 64

/* Says where, and aborts. */
_Noreturn void check_failed(const char *condition, const char *file, int line);

/* Guards against corruption; stays in release builds. */
#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define ASSERT(condition) ((void)sizeof(condition))
#else
#define ASSERT(condition) CHECK(condition)
#endif

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* A metric: one thread writes, any thread reads. A plain add would cost a locked instruction; with
 * one writer a relaxed load and store is exact. Relaxed, for nothing is ordered by a metric. */
typedef _Atomic uint64_t counter;

static inline void counter_add(counter *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void counter_set(counter *c, uint64_t value)
{
    atomic_store_explicit(c, value, memory_order_relaxed);
}

static inline uint64_t counter_get(const counter *c)
{
    return atomic_load_explicit((counter *)c, memory_order_relaxed);
}

#endif
