/* SPDX-License-Identifier: MIT */
/*
 * target: what libFuzzer calls, again and again, with bytes of its making. A file of this folder
 * that stands in meson.build's list is one; it returns 0, or ends the process: by a CHECK, or by a
 * sanitizer.
 */
#ifndef TAPEHEAD_TESTS_FUZZ_TARGET_H
#define TAPEHEAD_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "tests/sim/dice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Chance that an input brings along: FNV-1a of its bytes. So a file of the corpus is in the format
 * that is tested, and nothing else. */
static inline struct dice target_dice(const uint8_t *data, size_t size)
{
    struct dice dice = {.state = 0xcbf29ce484222325u};
    for (size_t i = 0; i < size; i++)
        dice.state = (dice.state ^ data[i]) * 0x100000001b3u;
    return dice;
}

/* A block of just this size, so that AddressSanitizer sees whoever goes beyond; to be freed. */
static inline void *target_copy(const void *data, size_t size)
{
    void *copy = malloc(size);
    CHECK(copy || !size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

#endif
