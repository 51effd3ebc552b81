/* SPDX-License-Identifier: MIT */
/*
 * claims: who may take how much memory, a line a claimant; their sum is what the process is held
 * to. Filled at start by each noun for itself, from the configuration alone.
 */
#ifndef TAPEHEAD_FEED_CLAIMS_H
#define TAPEHEAD_FEED_CLAIMS_H

#include <stdint.h>

enum { CLAIMS_MAX = 32 };

struct claim {
    const char *what; /* static */
    uint64_t bytes;
};

struct claims {
    struct claim list[CLAIMS_MAX];
    uint32_t count;
};

void claims_add(struct claims *claims, const char *what, uint64_t bytes);

/* Bytes of all claims together. */
uint64_t claims_sum(const struct claims *claims);

#endif
