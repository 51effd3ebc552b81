/* SPDX-License-Identifier: MIT */
/*
 * backoff: how long to wait before the next attempt to connect: exponential, with jitter, so that
 * clients that were cut off together don't come back together. Pure but for its seed.
 */
#ifndef TAPEHEAD_TOOLS_BACKOFF_H
#define TAPEHEAD_TOOLS_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_FIRST_MS = 250, BACKOFF_MAX_MS = 30000 };

struct backoff {
    uint64_t state; /* of the generator; not 0 */
    unsigned attempts;
};

/* `seed` any number. */
void backoff_init(struct backoff *backoff, uint64_t seed);

/* Of a step that doubles up to BACKOFF_MAX_MS, its half to its whole. */
uint32_t backoff_next_ms(struct backoff *backoff);

/* Anything from `low` to `high`, as a server asks for on shutdown. */
uint32_t backoff_within_ms(struct backoff *backoff, uint64_t low, uint64_t high);

/* The connection has held: the next wait is the first one again. */
void backoff_reset(struct backoff *backoff);

#endif
