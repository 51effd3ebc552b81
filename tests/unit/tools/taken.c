/* SPDX-License-Identifier: MIT */
#include "tests/unit/tools/taken.h"

#include "schemas/decimal.h"
#include "tests/unit/tools/guard.h"
#include "tests/unit/tools/unit.h"

static int take(void *arg, enum row_result result)
{
    struct taken *taken = arg;
    assert_true(taken->count < TAKEN_MAX);
    taken->results[taken->count] = result;
    taken->rows[taken->count++] = taken->row;
    return 0;
}

void taken_read(struct taken *taken, taken_reader *read, const char *line, size_t len)
{
    memset(taken, 0xa5, sizeof *taken);
    taken->row.reason[0] = 0;
    taken->count = 0;
    const char *copy = (const char *)guard_copy(line, len);
    assert_int_equal(read(copy, len, &taken->row, take, taken), 0);
}

static void check_decimal(int64_t mantissa, int8_t exponent, const char *text)
{
    char digits[DECIMAL_TEXT_MAX + 1] = "";
    digits[decimal_print(mantissa, exponent, digits)] = 0;
    assert_string_equal(digits, text);
}

void taken_is(const struct taken *taken, size_t i, const char *symbol, const char *price,
              const char *size, enum tick_side side, int64_t ts_ns)
{
    const struct row *row = &taken->rows[i];
    assert_true(i < taken->count);
    if (taken->results[i] != ROW_TICK)
        fail_msg("rejected: %s", row->reason);
    assert_int_equal(row->symbol_len, strlen(symbol));
    assert_memory_equal(row->symbol, symbol, row->symbol_len);
    check_decimal(row->tick.price, row->tick.price_exp, price);
    check_decimal(row->tick.size, row->tick.size_exp, size);
    assert_int_equal(row->tick.side, side);
    assert_int_equal(row->tick.ts_ns, ts_ns);
}

void taken_rejects(struct taken *taken, taken_reader *read, const char *line, const char *why)
{
    taken_read(taken, read, line, strlen(line));
    if (taken->count != 1 || taken->results[0] != ROW_REJECTED)
        fail_msg("%s was taken", line);
    assert_contains(taken->rows[0].reason, why);
}
