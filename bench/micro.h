/* SPDX-License-Identifier: MIT */
/*
 * micro: small measurements of single rooms, in nanoseconds of CPU time an operation.
 */
#ifndef TAPEHEAD_BENCH_MICRO_H
#define TAPEHEAD_BENCH_MICRO_H

#include <stdint.h>

struct micro {
    const char *name;
    const char *operation;       /* what one is */
    void *(*begin)(void);        /* NULL on failure */
    uint64_t (*run)(void *self); /* some hundred microseconds' work; returns the operations done */
    void (*end)(void *self);
    int alone; /* 1: runs threads of its own, so wall time counts */
};

/* Each ends with an entry without a name. */
extern const struct micro micro_rings[];
extern const struct micro micro_bells[];
extern const struct micro micro_codecs[];
extern const struct micro micro_wires[];
extern const struct micro micro_fanouts[];

#endif
