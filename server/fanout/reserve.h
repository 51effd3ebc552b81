/* SPDX-License-Identifier: MIT */
/*
 * reserve: zeroed memory for the most that a table may come to hold; what isn't used isn't
 * resident. At start only, and on the thread that starts.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_RESERVE_H
#define TAPEHEAD_SERVER_FANOUT_RESERVE_H

#include <stddef.h>
#include <sys/mman.h>

/* Returns NULL when there is no room. */
static inline void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* `memory` may be NULL. */
static inline void unreserve(void *memory, size_t bytes)
{
    if (memory)
        munmap(memory, bytes);
}

#endif
