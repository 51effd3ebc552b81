/* SPDX-License-Identifier: MIT */
/*
 * burst: the most ticks in any window of so many milliseconds, to the millisecond. Pure.
 */
#ifndef TAPEHEAD_TOOLS_BURST_H
#define TAPEHEAD_TOOLS_BURST_H

#include <stdint.h>

enum { BURST_MS_MAX = 1000 };

struct burst {
    uint32_t window_ms;
    int64_t now_ms;                /* the latest millisecond seen */
    uint64_t sum;                  /* in the window that ends with it */
    uint32_t counts[BURST_MS_MAX]; /* of each millisecond, by its remainder */
    uint64_t worst;
    int64_t worst_ns; /* where that window ends */
};

/* `window_ms` is at most BURST_MS_MAX. */
void burst_init(struct burst *burst, uint32_t window_ms);

/* One more tick, at an instant that isn't before the last one. */
void burst_add(struct burst *burst, int64_t ns);

#endif
