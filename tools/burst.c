/* SPDX-License-Identifier: MIT */
#include "tools/burst.h"

#include <string.h>

void burst_init(struct burst *burst, uint32_t window_ms)
{
    memset(burst, 0, sizeof *burst);
    burst->window_ms = window_ms;
    burst->now_ms = INT64_MIN;
}

static uint32_t *count_of(struct burst *burst, int64_t ms)
{
    return &burst->counts[(uint64_t)ms % burst->window_ms];
}

/* Moves the window on, emptying the milliseconds that it leaves. */
static void move_to(struct burst *burst, int64_t ms)
{
    if (burst->now_ms == INT64_MIN || ms - burst->now_ms >= burst->window_ms) {
        memset(burst->counts, 0, sizeof burst->counts);
        burst->sum = 0;
        burst->now_ms = ms;
    }
    while (burst->now_ms < ms) {
        uint32_t *count = count_of(burst, ++burst->now_ms);
        burst->sum -= *count;
        *count = 0;
    }
}

void burst_add(struct burst *burst, int64_t ns)
{
    int64_t ms = ns / 1000000;
    if (ms != burst->now_ms)
        move_to(burst, ms);
    ++*count_of(burst, ms);
    if (++burst->sum > burst->worst) {
        burst->worst = burst->sum;
        burst->worst_ns = ns;
    }
}
