/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint8_t *guard_place(const void *data, size_t len)
{
    static uint8_t *end;
    if (!end) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        uint8_t *base = mmap(NULL, GUARD_MAX + page, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (base == MAP_FAILED || mprotect(base + GUARD_MAX, page, PROT_NONE) != 0)
            abort();
        end = base + GUARD_MAX;
    }
    if (len > GUARD_MAX)
        abort();
    if (len > 0)
        memcpy(end - len, data, len);
    return end - len;
}

static int digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

long hex_parse(const char *text, uint8_t *out, size_t size)
{
    size_t len = 0;
    while (*text) {
        if (*text == ' ' || *text == '\n') {
            text++;
            continue;
        }
        int high = digit(text[0]);
        int low = high < 0 ? -1 : digit(text[1]);
        if (low < 0)
            return -1;
        text += 2;
        unsigned long times = 1;
        if (*text == '*')
            times = strtoul(text + 1, (char **)&text, 10);
        if (times > size - len)
            return -1;
        memset(out + len, high << 4 | low, times);
        len += times;
    }
    return (long)len;
}

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

uint64_t fuzz_seed(uint64_t seed)
{
    return from_environment("TAPEHEAD_SEED", seed);
}

uint64_t fuzz_rounds(uint64_t rounds)
{
    return from_environment("TAPEHEAD_ROUNDS", rounds);
}
