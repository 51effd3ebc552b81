/* SPDX-License-Identifier: MIT */
#include "tests/unit/tools/guard.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "feed/base.h"

uint8_t *guard_copy(const void *data, size_t len)
{
    static uint8_t *room; /* mapped once, for all tests of a program */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    CHECK(len <= GUARD_MAX);
    if (!room) {
        room = mmap(NULL, GUARD_MAX + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0);
        CHECK(room != MAP_FAILED);
        CHECK(mprotect(room + GUARD_MAX, page, PROT_NONE) == 0);
    }
    uint8_t *copy = room + GUARD_MAX - len;
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}
