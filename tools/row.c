/* SPDX-License-Identifier: MIT */
#include "tools/row.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "feed/log.h"
#include "schemas/decimal.h"

enum { ROW_SHOWN_MAX = 80 }; /* bytes of a bad value that are shown */

enum row_result row_reject(struct row *row, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(row->reason, sizeof row->reason, format, args);
    va_end(args);
    return ROW_REJECTED;
}

enum row_result row_set_symbol(struct row *row, const char *name, const char *text, size_t len)
{
    char shown[ROW_SHOWN_MAX];
    if (!symbol_is_valid(text, len))
        return row_reject(row, "%s %s is not a symbol (1 to 32 of A-Z a-z 0-9 . _ - / : @)", name,
                          log_quote(text, (uint32_t)len, shown, sizeof shown));
    memcpy(row->symbol, text, len);
    row->symbol_len = len;
    return ROW_TICK;
}

static enum row_result read_decimal(struct row *row, const char *name, const char *text, size_t len,
                                    struct decimal *out)
{
    char shown[ROW_SHOWN_MAX];
    int error = decimal_parse(text, len, out);
    if (error == 0)
        return ROW_TICK;
    return row_reject(row, "%s %s %s", name, log_quote(text, (uint32_t)len, shown, sizeof shown),
                      error == DECIMAL_OVERFLOW ? "has more digits than fit"
                                                : "is not a decimal number");
}

enum row_result row_set_price(struct row *row, const char *name, const char *text, size_t len)
{
    struct decimal value = {0};
    enum row_result result = read_decimal(row, name, text, len, &value);
    row->tick.price = value.mantissa;
    row->tick.price_exp = value.exponent;
    return result;
}

enum row_result row_set_size(struct row *row, const char *name, const char *text, size_t len)
{
    struct decimal value = {0};
    enum row_result result = read_decimal(row, name, text, len, &value);
    row->tick.size = value.mantissa;
    row->tick.size_exp = value.exponent;
    return result;
}
