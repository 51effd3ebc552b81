/* SPDX-License-Identifier: MIT */
/*
 * clock: the two clocks. Wall time is what ticks carry; monotonic time is what timers run on.
 */
#ifndef TAPEHEAD_FEED_CLOCK_H
#define TAPEHEAD_FEED_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Nanoseconds since 1970 UTC (CLOCK_REALTIME). */
static inline int64_t clock_wall_ns(void)
{
    return clock_read_ns(CLOCK_REALTIME);
}

/* Nanoseconds since some past instant, never backwards (CLOCK_MONOTONIC). */
static inline int64_t clock_mono_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

/* Until that instant of clock_mono_ns(), or a signal. */
static inline void clock_sleep_until(int64_t mono_ns)
{
    struct timespec t = {.tv_sec = mono_ns / 1000000000, .tv_nsec = mono_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

#endif
