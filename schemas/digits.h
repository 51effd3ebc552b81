/* SPDX-License-Identifier: MIT */
/*
 * digits: unsigned integers to and from decimal text, the inner loop of every JSON number and of
 * every decimal. Pure.
 */
#ifndef TAPEHEAD_SCHEMAS_DIGITS_H
#define TAPEHEAD_SCHEMAS_DIGITS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { DIGITS_MAX = 20 }; /* of a uint64 */

/* Eight bytes as one integer, the first lowest, for the two below. */
static inline uint64_t digits_load8(const void *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

/* Whether all eight bytes are digits: each has 3 for its high nibble, and still has when 6 is
 * added. */
static inline bool digits_all8(uint64_t word)
{
    const uint64_t nibbles = 0xf0f0f0f0f0f0f0f0;
    const uint64_t threes = 0x3030303030303030;
    return (word & nibbles) == threes && ((word + 0x0606060606060606) & nibbles) == threes;
}

/* Their value: neighbours are joined to pairs, to fours, to eight, each step one multiplication
 * (after Langdale and Lemire, "Parsing Gigabytes of JSON per Second"). */
static inline uint64_t digits_value8(uint64_t word)
{
    word = (word & 0x0f0f0f0f0f0f0f0f) * (10 << 8 | 1) >> 8;
    word = (word & 0x00ff00ff00ff00ff) * (100 << 16 | 1) >> 16;
    return (word & 0x0000ffff0000ffff) * ((uint64_t)10000 << 32 | 1) >> 32;
}

/* How many digits `value` prints as; 1 for zero. */
unsigned digits_count(uint64_t value);

/* Writes `value` as exactly `count` digits, as digits_count() told. */
void digits_write(uint64_t value, unsigned count, char *out);

/* Writes `value` to `out`, at most DIGITS_MAX bytes, no terminator. Returns the length. */
size_t digits_print(uint64_t value, char *out);

/* Reads all `len` bytes as digits; false, and `*out` untouched, where one isn't, there is none, or
 * the value doesn't fit. */
bool digits_parse(const char *text, size_t len, uint64_t *out);

/* The same with an optional leading minus. */
bool digits_parse_signed(const char *text, size_t len, int64_t *out);

#endif
