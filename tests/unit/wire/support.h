/* SPDX-License-Identifier: MIT */
/*
 * support: what the tests of server/wire share: input that ends at a guard page, hex as the
 * transcripts write it, seeded randomness.
 */
#ifndef TAPEHEAD_TESTS_UNIT_WIRE_SUPPORT_H
#define TAPEHEAD_TESTS_UNIT_WIRE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After the rest, which it needs and does not include. */
#include <cmocka.h>

enum { GUARD_MAX = 256 * 1024 };

/* Copies `data` so that its last byte stands before a page that faults. The copy is overwritten by
 * the next call. */
uint8_t *guard_place(const void *data, size_t len);

/* "89 84 00000000 74617065 00*126", blanks ignored, `*n` repeats a byte. Returns the bytes written,
 * or -1 where malformed. */
long hex_parse(const char *text, uint8_t *out, size_t size);

/* xorshift64*; the seed must not be 0. */
uint64_t random_next(uint64_t *seed);
static inline uint64_t random_below(uint64_t *seed, uint64_t bound)
{
    return (random_next(seed) >> 11) % bound;
}

/* TAPEHEAD_SEED from the environment, else `seed`; TAPEHEAD_ROUNDS, else `rounds`. */
uint64_t fuzz_seed(uint64_t seed);
uint64_t fuzz_rounds(uint64_t rounds);

/* Fails the test with the command that replays one round from its seed. */
#define fuzz_assert(condition, test, seed)                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s: replay with TAPEHEAD_ROUNDS=1 TAPEHEAD_SEED=%llu %s", #condition,        \
                     (unsigned long long)(seed), test);                                            \
    } while (0)

#endif
