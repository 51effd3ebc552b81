/* SPDX-License-Identifier: MIT */
/*
 * tick_copy: the ticks of a Kafka value, written again in either format: what is read of that must
 * be the same tick.
 */
#ifndef TAPEHEAD_TESTS_FUZZ_TICK_COPY_H
#define TAPEHEAD_TESTS_FUZZ_TICK_COPY_H

#include "schemas/tick_value.h"

struct tick_copies {
    struct {
        struct tick tick;
        char symbol[SYMBOL_LEN_MAX];
        uint8_t symbol_len;
    } ticks[VALUE_TICKS_MAX];
    int count;
};

typedef int value_read(const uint8_t *data, size_t len, value_emit *emit, void *arg);

/* Reads the value. Returns as `read` does, which must be true to tick_value.h. */
int tick_copies_read(struct tick_copies *copies, value_read *read, const uint8_t *data, size_t len);

/* Each as a value in both formats, and as it goes to clients. */
void tick_copies_check(const struct tick_copies *copies);

#endif
