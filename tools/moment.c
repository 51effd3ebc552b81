/* SPDX-License-Identifier: MIT */
#include "tools/moment.h"

#include <string.h>

#include "schemas/decimal.h"
#include "schemas/digits.h"
#include "schemas/instant.h"

enum { SECOND_EXPONENT = 9, MICRO_DIGITS_MIN = 15 };

bool moment_seconds(const char *text, size_t len, int64_t *ns)
{
    struct decimal time;
    if (decimal_parse(text, len, &time) != 0)
        return false;
    int exponent = time.exponent + SECOND_EXPONENT;
    int64_t value = time.mantissa;
    for (; exponent < 0 && value != 0; exponent++, value /= 10)
        if (value % 10 != 0)
            return false;
    for (; exponent > 0 && value != 0; exponent--)
        if (__builtin_mul_overflow(value, INT64_C(10), &value))
            return false;
    *ns = value;
    return true;
}

bool moment_milli_or_micro(const char *text, size_t len, int64_t *ns)
{
    uint64_t value;
    int64_t scale = len >= MICRO_DIGITS_MIN ? 1000 : 1000000;
    return digits_parse(text, len, &value) && !__builtin_mul_overflow(value, scale, ns);
}

bool moment_rfc3339(const char *text, size_t len, int64_t *ns)
{
    char copy[INSTANT_TEXT_MAX];
    if (len >= sizeof copy || memchr(text, 0, len))
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    return instant_parse(copy, ns) == 0;
}
