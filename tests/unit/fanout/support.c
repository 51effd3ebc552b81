/* SPDX-License-Identifier: MIT */
/* support: see support.h. */
#include "support.h"

#include <stdlib.h>

uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1d;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value ? strtoull(value, NULL, 0) : otherwise;
}

uint64_t model_seed(uint64_t seed)
{
    return from_environment("TAPEHEAD_SEED", seed);
}

uint64_t model_rounds(uint64_t rounds)
{
    return from_environment("TAPEHEAD_ROUNDS", rounds);
}

void model_run(uint64_t seed, uint64_t rounds, void (*round)(uint64_t seed))
{
    seed = model_seed(seed);
    for (uint64_t left = model_rounds(rounds); left > 0; left--)
        round(seed++);
}
