/* SPDX-License-Identifier: MIT */
/* tick_value: see tick_value.h. */
#include "schemas/tick_value.h"

#include <string.h>

#include "schemas/tick_json.h"
#include "schemas/tick_msgpack.h"

const char *value_error_name(int error)
{
    static const char *const names[VALUE_ERROR_COUNT] = {
        [-VALUE_EMPTY] = "empty",
        [-VALUE_SYNTAX] = "syntax",
        [-VALUE_SHAPE] = "shape",
        [-VALUE_SYMBOL] = "symbol",
        [-VALUE_PRICE] = "price",
        [-VALUE_SIZE] = "size",
        [-VALUE_DECIMAL_RANGE] = "decimal_range",
        [-VALUE_SIDE] = "side",
        [-VALUE_ID] = "id",
        [-VALUE_TIME] = "time",
        [-VALUE_TOO_MANY] = "too_many",
    };
    if (error >= 0 || error <= -VALUE_ERROR_COUNT)
        return "unknown";
    return names[-error];
}

bool symbol_is_valid(const char *symbol, size_t len)
{
    static const bool allowed[256] = {
        ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1,
        ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1,
        ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1,
        ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1,
        ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1,
        ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1,
        ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1,
        ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['.'] = 1, ['_'] = 1,
        ['-'] = 1, ['/'] = 1, [':'] = 1, ['@'] = 1,
    };
    if (len < 1 || len > SYMBOL_LEN_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!allowed[(unsigned char)symbol[i]])
            return false;
    return true;
}

bool symbol_matches(const char *pattern, const char *symbol, size_t len)
{
    size_t pattern_len = strlen(pattern);
    bool beginning = pattern_len > 0 && pattern[pattern_len - 1] == '*';
    pattern_len -= beginning;
    return (beginning ? pattern_len <= len : pattern_len == len) &&
           memcmp(pattern, symbol, pattern_len) == 0;
}

bool symbol_matches_any(const char *const *patterns, size_t count, const char *symbol, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (symbol_matches(patterns[i], symbol, len))
            return true;
    return false;
}

int tick_value_read(const uint8_t *data, size_t len, value_emit *emit, void *arg)
{
    if (len == 0)
        return VALUE_EMPTY;
    return data[0] >= 0x80 ? tick_msgpack_read(data, len, emit, arg)
                           : tick_json_read(data, len, emit, arg);
}

const char *gap_reason_name(enum gap_reason reason)
{
    static const char *const names[GAP_REASON_COUNT] = {
        [GAP_SLOW_CLIENT] = "slow_client",
        [GAP_OVERLOAD] = "overload",
        [GAP_HISTORY] = "history",
        [GAP_SOURCE] = "source",
    };
    return (unsigned)reason < GAP_REASON_COUNT ? names[reason] : "unknown";
}
