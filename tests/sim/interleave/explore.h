/* SPDX-License-Identifier: MIT */
/*
 * explore: runs a few threads through every interleaving of their atomic operations.
 *
 * Each thread is a fiber that stops before each operation. At every stop the explorer may let any
 * thread go on, or let a store that waits in a thread's store buffer reach memory: stores are
 * buffered, first in first out, exchanges drain the buffer first. That is the memory of x86-64
 * (total store order; Owens, Sarkar, Sewell 2009), and contains all sequentially consistent runs;
 * reorderings that only weaker machines make are not explored.
 *
 * Depth first. A state that was met before is not gone into again: shared memory and, for each
 * thread, a hash of all it has read, from which its own state follows.
 */
#ifndef TAPEHEAD_TESTS_SIM_INTERLEAVE_EXPLORE_H
#define TAPEHEAD_TESTS_SIM_INTERLEAVE_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPLORE_THREADS_MAX = 4 };

struct explore_model {
    uint32_t threads;
    void (*reset)(void);          /* the shared memory, as it is at the start */
    void (*run)(uint32_t thread); /* a thread's whole life */
    uint64_t (*hash)(void);       /* of the shared memory */
    /* Whether only this thread ever writes there: then its loads of it are nobody's concern. */
    bool (*is_own)(uint32_t thread, const void *at);
    void (*ended)(void); /* all threads have: is all as it should be? */
};

struct explore_count {
    uint64_t runs;
    uint64_t states;
    uint64_t steps;
    uint32_t depth_max;
};

/* Explores everything. A run in which all wait for ever fails as "a lost wake-up". */
struct explore_count explore(const struct explore_model *model);

/* For threads: others may go on here. */
void explore_point(void);

/* For threads: waits until `ready` says so, with all that this thread has stored in memory. */
void explore_wait(bool (*ready)(uint32_t thread));

/* For threads, at a point at which all that a thread still knows of what it has read is `state` and
 * the shared memory: runs that differ only before it are one from here on. */
void explore_milestone(uint64_t state);

/* Prints the schedule that led here, and exits with 1. */
_Noreturn void explore_fail(const char *what);

uint64_t explore_mix(uint64_t hash, uint64_t value);

#endif
