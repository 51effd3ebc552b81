/* SPDX-License-Identifier: MIT */
/* digits: see digits.h. Prints two digits a division, from a table: half the multiplications of one
 * a division, and no branch that depends on the digit. */
#include "schemas/digits.h"

#include <string.h>

static const char pairs[200] = "00010203040506070809"
                               "10111213141516171819"
                               "20212223242526272829"
                               "30313233343536373839"
                               "40414243444546474849"
                               "50515253545556575859"
                               "60616263646566676869"
                               "70717273747576777879"
                               "80818283848586878889"
                               "90919293949596979899";

unsigned digits_count(uint64_t value)
{
    /* The first is 0, not 1, so that zero counts as one digit. */
    static const uint64_t powers[DIGITS_MAX] = {
        0,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
        100000000000000000,
        1000000000000000000,
        10000000000000000000U,
    };
    /* 1233/4096 is log10(2), close enough for 64 bits; the table settles the one digit in doubt. */
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned guess = bits * 1233 >> 12;
    return guess + 1 - (value < powers[guess]);
}

void digits_write(uint64_t value, unsigned count, char *out)
{
    char *at = out + count;
    while (value >= 100) {
        at -= 2;
        memcpy(at, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(at - 2, pairs + value * 2, 2);
    else
        at[-1] = (char)('0' + value);
}

size_t digits_print(uint64_t value, char *out)
{
    unsigned count = digits_count(value);
    digits_write(value, count, out);
    return count;
}

bool digits_parse(const char *text, size_t len, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i + 8 <= len && i < 16; i += 8) {
        uint64_t word = digits_load8(text + i);
        if (!digits_all8(word))
            return false;
        value = value * 100000000 + digits_value8(word);
    }
    for (; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    if (len == 0)
        return false;
    *out = value;
    return true;
}

bool digits_parse_signed(const char *text, size_t len, int64_t *out)
{
    bool negative = len > 0 && text[0] == '-';
    uint64_t magnitude;
    if (!digits_parse(text + negative, len - negative, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    /* Negated as unsigned: INT64_MIN has no positive twin. */
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}
