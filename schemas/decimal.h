/* SPDX-License-Identifier: MIT */
/*
 * decimal: exact decimals, an int64 mantissa and an int8 power of ten. Pure; no thread, no clock.
 *
 * "61685.99000000" is 6168599000000 * 10^-8 and prints as the same digits again. What doesn't fit
 * is an error, never a rounding.
 */
#ifndef TAPEHEAD_SCHEMAS_DECIMAL_H
#define TAPEHEAD_SCHEMAS_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

struct decimal {
    int64_t mantissa;
    int8_t exponent;
};

enum decimal_error {
    DECIMAL_SYNTAX = -1,   /* not a decimal number */
    DECIMAL_OVERFLOW = -2, /* well formed, but the mantissa or exponent doesn't fit */
};

enum { DECIMAL_TEXT_MAX = 160 }; /* sign, 19 digits and up to 128 zeros or places, point */

/* Reads all `len` bytes of `text`: -?digits[.digits][(e|E)[+-]digits]. Returns 0 or a
 * decimal_error;
 * `*out` is untouched on error. */
int decimal_parse(const char *text, size_t len, struct decimal *out);

/* Writes the digits to `out`, at least DECIMAL_TEXT_MAX bytes, no terminator. Returns the length.
 * Never uses an exponent: 5 * 10^3 prints as 5000. */
size_t decimal_print(int64_t mantissa, int8_t exponent, char *out);

#endif
