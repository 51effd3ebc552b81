/* SPDX-License-Identifier: MIT */
/*
 * support: what the tests of schemas/ share: input that ends at a guard page, ticks caught from a
 * reader, a seeded generator of ticks.
 */
#ifndef TAPEHEAD_TESTS_UNIT_SCHEMAS_SUPPORT_H
#define TAPEHEAD_TESTS_UNIT_SCHEMAS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/tick_value.h"

enum { GUARD_LEN_MAX = 1 << 20, CAUGHT_MAX = 8 };

/* Copies `data` so that its last byte is the last before a page that can't be touched. One at a
 * time: the next call reuses the memory. */
const uint8_t *guard_place(const void *data, size_t len);

/* What a reader emitted; all are counted, the first CAUGHT_MAX kept. */
struct caught {
    int count;
    struct {
        struct tick tick;
        char symbol[SYMBOL_LEN_MAX + 1];
    } ticks[CAUGHT_MAX];
};

/* A value_emit; `arg` is a struct caught. Fails the test where a tick breaks the callback's
 * contract. */
void catch_tick(void *arg, const struct tick *tick, const char *symbol, size_t symbol_len);

/* A small generator; any seed but 0. */
uint64_t random_next(uint64_t *state);

/* A tick whose every field is a boundary or a random number of random width; what a reader doesn't
 * set is 0 if `as_value`. */
struct tick random_tick(uint64_t *state, bool as_value);

/* 1..32 bytes of a symbol's alphabet. Returns the length. */
size_t random_symbol(uint64_t *state, char out[SYMBOL_LEN_MAX + 1]);

/* Prices and sizes as venues send them; each ends where NULL follows. */
extern const char *const real_decimals[];

#endif
