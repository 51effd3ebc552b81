/* SPDX-License-Identifier: MIT */
/* decimal: see decimal.h. The digits are summed as an integer and the point is only counted, so
 * nothing is ever rounded. */
#include "schemas/decimal.h"

#include <stdbool.h>
#include <string.h>

#include "schemas/digits.h"

/* A sum that has left the int64 range for good; larger than any mantissa, so the range check sees
 * it. */
#define SATURATED UINT64_MAX

/* Adds the digits at `at` to `*sum`. Returns the first byte that isn't one. */
static const char *take_digits(const char *at, const char *end, uint64_t *sum)
{
    /* Above these one more digit, or eight, may wrap; with one more it is out of int64's range
     * anyhow. */
    const uint64_t limit = (UINT64_MAX - 9) / 10;
    const uint64_t limit8 = (UINT64_MAX - 99999999) / 100000000;
    uint64_t value = *sum;
    for (; end - at >= 8 && value <= limit8; at += 8) {
        uint64_t word = digits_load8(at);
        if (!digits_all8(word))
            break;
        value = value * 100000000 + digits_value8(word);
    }
    for (; at < end; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';
        if (digit > 9)
            break;
        value = value <= limit ? value * 10 + digit : SATURATED;
    }
    *sum = value;
    return at;
}

/* Reads [+-]digits. Returns the first byte after it, NULL where there is no digit. `*out` saturates
 * far outside of what an exponent may be. */
static const char *take_exponent(const char *at, const char *end, int64_t *out)
{
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    uint64_t magnitude = 0;
    const char *after = take_digits(at, end, &magnitude);
    if (after == at)
        return NULL;
    const uint64_t far = (uint64_t)1 << 62;
    int64_t value = (int64_t)(magnitude < far ? magnitude : far);
    *out = negative ? -value : value;
    return after;
}

int decimal_parse(const char *text, size_t len, struct decimal *out)
{
    const char *end = text + len;
    bool negative = len > 0 && *text == '-';
    const char *start = text + negative;
    uint64_t magnitude = 0;
    int64_t exponent = 0;
    const char *at = take_digits(start, end, &magnitude);
    if (at == start)
        return DECIMAL_SYNTAX;
    int64_t places = 0;
    if (at < end && *at == '.') {
        start = at + 1;
        at = take_digits(start, end, &magnitude);
        places = at - start;
        if (places == 0)
            return DECIMAL_SYNTAX;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at = take_exponent(at + 1, end, &exponent);
        if (!at)
            return DECIMAL_SYNTAX;
    }
    if (at != end)
        return DECIMAL_SYNTAX;
    exponent -= places;
    if (magnitude > (uint64_t)INT64_MAX + negative || exponent < INT8_MIN || exponent > INT8_MAX)
        return DECIMAL_OVERFLOW;
    out->mantissa = (int64_t)(negative ? 0 - magnitude : magnitude);
    out->exponent = (int8_t)exponent;
    return 0;
}

/* Prints `count` digits with the last `places` after a point; count > places > 0. */
static size_t print_split(uint64_t magnitude, unsigned count, unsigned places, char *out)
{
    unsigned whole = count - places;
    digits_write(magnitude, count, out + 1);
    memmove(out, out + 1, whole);
    out[whole] = '.';
    return count + 1;
}

/* Prints 0.000ddd; places >= count. */
static size_t print_fraction(uint64_t magnitude, unsigned count, unsigned places, char *out)
{
    memcpy(out, "0.", 2);
    memset(out + 2, '0', places - count);
    digits_write(magnitude, count, out + 2 + places - count);
    return 2 + places;
}

size_t decimal_print(int64_t mantissa, int8_t exponent, char *out)
{
    char *at = out;
    uint64_t magnitude = (uint64_t)mantissa;
    if (mantissa < 0) {
        *at++ = '-';
        magnitude = 0 - magnitude;
    }
    unsigned count = digits_count(magnitude);
    if (exponent < 0) {
        unsigned places = (unsigned)-exponent;
        at += count > places ? print_split(magnitude, count, places, at)
                             : print_fraction(magnitude, count, places, at);
        return (size_t)(at - out);
    }
    digits_write(magnitude, count, at);
    at += count;
    /* Zero of any positive exponent is one zero. */
    size_t zeros = magnitude ? (size_t)exponent : 0;
    memset(at, '0', zeros);
    return (size_t)(at - out) + zeros;
}
