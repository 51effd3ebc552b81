/* SPDX-License-Identifier: MIT */
/*
 * support: what the tests of server/fanout share: seeded randomness, and a model's failure that
 * says how to replay it.
 */
#ifndef TAPEHEAD_TESTS_UNIT_FANOUT_SUPPORT_H
#define TAPEHEAD_TESTS_UNIT_FANOUT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After the rest, which it needs and does not include. */
#include <cmocka.h>

/* xorshift64*; the seed must not be 0. */
uint64_t random_next(uint64_t *seed);
static inline uint64_t random_below(uint64_t *seed, uint64_t bound)
{
    return (random_next(seed) >> 11) % bound;
}

/* TAPEHEAD_SEED from the environment, else `seed`; TAPEHEAD_ROUNDS, else `rounds`. */
uint64_t model_seed(uint64_t seed);
uint64_t model_rounds(uint64_t rounds);

/* Fails the test with the command that replays its round from its seed. */
#define model_assert(condition, seed)                                                              \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s: replay with TAPEHEAD_ROUNDS=1 TAPEHEAD_SEED=%llu", #condition,           \
                     (unsigned long long)(seed));                                                  \
    } while (0)

/* Calls `round` with one seed after another. */
void model_run(uint64_t seed, uint64_t rounds, void (*round)(uint64_t seed));

#endif
