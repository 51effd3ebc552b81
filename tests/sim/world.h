/* SPDX-License-Identifier: MIT */
/*
 * world: what lies outside of the server in a simulated run: time, descriptors, threads and chance.
 *
 * The linker puts it in the place of the C library's functions (--wrap, see meson.build), so the
 * server's own source runs unchanged: clocks read virtual time, an eventfd is a counter, a thread
 * is a fiber that runs when the driver resumes it. Nothing here or behind it blocks or asks the
 * kernel.
 */
#ifndef TAPEHEAD_TESTS_SIM_WORLD_H
#define TAPEHEAD_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/dice.h"
#include "tests/sim/fiber.h"

enum {
    WORLD_FD = 1 << 20, /* descriptors from here on are the world's */
    WORLD_BELLS_MAX = 8,
    WORLD_LISTENERS_MAX = 8,
    WORLD_LISTEN_FD = WORLD_FD + WORLD_BELLS_MAX,
};

struct world {
    uint64_t seed;
    struct dice dice;
    int64_t now_ns;
    bool trace;
    uint64_t bells[WORLD_BELLS_MAX]; /* eventfds' counters */
    uint32_t bells_count;
    bool listener_closed[WORLD_LISTENERS_MAX];
    struct fiber feed; /* thread F */
    bool feed_runs;
};

/* The one global: what it stands in for takes no argument that could lead to it. */
extern struct world world;

void world_begin(uint64_t seed, bool trace);
void world_end(void);

/* A run of the dice of this world. */
bool chance(uint32_t percent);
uint32_t roll(uint32_t low, uint32_t high);

/* The seed's failure: says what, the seed and how to see it again, and exits with 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail(__VA_ARGS__);                                                                     \
    } while (0)

/* A line of the replay, on standard output. */
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define TRACE(...)                                                                                 \
    do {                                                                                           \
        if (world.trace)                                                                           \
            trace(__VA_ARGS__);                                                                    \
    } while (0)

#endif
