/* SPDX-License-Identifier: MIT */
#include "tools/columns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "feed/base.h"
#include "feed/log.h"
#include "schemas/decimal.h"

enum { COLUMN_ALIASES_MAX = 6, COLUMN_SHOWN_MAX = 80 };

/* What --map calls each field, and the names that venues' files use for it. */
static const struct {
    const char *key;
    const char *aliases[COLUMN_ALIASES_MAX];
} fields[COLUMN_FIELDS] = {
    [COLUMN_SYMBOL] = {"s", {"s", "symbol", "ticker", "instrument", "pair"}},
    [COLUMN_PRICE] = {"p", {"p", "price"}},
    [COLUMN_SIZE] = {"q", {"q", "size", "quantity", "qty", "amount", "volume"}},
    [COLUMN_SIDE] = {"side", {"side", "taker_side", "direction"}},
    [COLUMN_ID] = {"id", {"id", "trade_id", "tradeid"}},
    [COLUMN_TIME] = {"t", {"t", "timestamp", "time", "ts", "date"}},
};

static bool is_required(const struct columns *columns, size_t field)
{
    return field == COLUMN_PRICE || field == COLUMN_SIZE || field == COLUMN_TIME ||
           (field == COLUMN_SYMBOL && !columns->symbol);
}

static int map_one(struct columns *columns, const char *part, size_t len, char *error, size_t size)
{
    const char *equals = memchr(part, '=', len);
    size_t key_len = equals ? (size_t)(equals - part) : len;
    size_t name_len = equals ? len - key_len - 1 : 0;
    for (size_t i = 0; i < COLUMN_FIELDS; i++) {
        if (strlen(fields[i].key) != key_len || memcmp(fields[i].key, part, key_len) != 0)
            continue;
        if (name_len == 0 || name_len >= COLUMN_NAME_MAX)
            break;
        memcpy(columns->names[i], equals + 1, name_len);
        columns->names[i][name_len] = 0;
        return 0;
    }
    snprintf(error, size, "--map \"%.*s\" is not FIELD=COLUMN with a field of s, p, q, side, id, t",
             (int)len, part);
    return -EINVAL;
}

int columns_map(struct columns *columns, const char *map, char *error, size_t error_size)
{
    for (;;) {
        size_t len = strcspn(map, ",");
        int result = map_one(columns, map, len, error, error_size);
        if (result < 0 || map[len] == 0)
            return result;
        map += len + 1;
    }
}

static bool is_named(const char *text, size_t len, const char *name)
{
    return strlen(name) == len && strncasecmp(text, name, len) == 0;
}

static int place_of(const struct csv *header, const char *name)
{
    for (uint32_t i = 0; i < header->fields_count; i++) {
        size_t len;
        const char *text = csv_field(header, i, &len);
        /* Spreadsheets open their files with a byte order mark. */
        if (i == 0 && len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
            text += 3, len -= 3;
        if (is_named(text, len, name))
            return (int)i;
    }
    return -1;
}

int columns_find(struct columns *columns, const struct csv *header, char *error, size_t error_size)
{
    for (size_t i = 0; i < COLUMN_FIELDS; i++) {
        const char *mapped = columns->names[i];
        columns->places[i] = *mapped ? place_of(header, mapped) : -1;
        if (*mapped && columns->places[i] < 0) {
            snprintf(error, error_size, "there is no column \"%s\" (--map %s=%s)", mapped,
                     fields[i].key, mapped);
            return -EINVAL;
        }
        for (size_t a = 0; !*mapped && a < COLUMN_ALIASES_MAX && columns->places[i] < 0; a++)
            if (fields[i].aliases[a])
                columns->places[i] = place_of(header, fields[i].aliases[a]);
        if (columns->places[i] < 0 && is_required(columns, i)) {
            snprintf(error, error_size,
                     "there is no column \"%s\" in the header; name it with --map %s=COLUMN%s",
                     fields[i].aliases[1], fields[i].key,
                     i == COLUMN_SYMBOL ? ", or give --symbol" : "");
            return -EINVAL;
        }
    }
    return 0;
}

/* A field's text without blanks around it. Returns false when the record is too short to have it.
 */
static bool field_text(const struct csv *record, int place, const char **text, size_t *len)
{
    if (place < 0 || (uint32_t)place >= record->fields_count)
        return false;
    *text = csv_field(record, (uint32_t)place, len);
    while (*len > 0 && **text == ' ')
        (*text)++, (*len)--;
    while (*len > 0 && (*text)[*len - 1] == ' ')
        (*len)--;
    return true;
}

static enum row_result set_side(struct row *row, const char *text, size_t len)
{
    static const struct {
        const char *name;
        enum tick_side side;
    } sides[] = {
        {"", TICK_SIDE_NONE},   {"none", TICK_SIDE_NONE}, {"n", TICK_SIDE_NONE},
        {"buy", TICK_SIDE_BUY}, {"b", TICK_SIDE_BUY},     {"sell", TICK_SIDE_SELL},
        {"s", TICK_SIDE_SELL},
    };
    for (size_t i = 0; i < ARRAY_LEN(sides); i++)
        if (is_named(text, len, sides[i].name)) {
            row->tick.side = sides[i].side;
            return ROW_TICK;
        }
    char shown[COLUMN_SHOWN_MAX];
    return row_reject(row, "side %s is none of buy, sell, none",
                      log_quote(text, (uint32_t)len, shown, sizeof shown));
}

static enum row_result set_id(struct row *row, const char *text, size_t len)
{
    uint64_t id = 0;
    for (size_t i = 0; i < len; i++) {
        char shown[COLUMN_SHOWN_MAX];
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(id, UINT64_C(10), &id) ||
            __builtin_add_overflow(id, digit, &id))
            return row_reject(row, "id %s is not a whole number below 2^64",
                              log_quote(text, (uint32_t)len, shown, sizeof shown));
    }
    row->tick.id = id;
    row->tick.has_id = len > 0;
    return ROW_TICK;
}

/* mantissa * 10^exponent units as nanoseconds; what is finer than one is cut off. */
static bool scale_time(struct decimal time, enum time_unit unit, int64_t *ns)
{
    int exponent = time.exponent + 9 - 3 * (int)unit;
    int64_t value = time.mantissa;
    for (; exponent < 0 && value != 0; exponent++)
        value /= 10;
    for (; exponent > 0 && value != 0; exponent--)
        if (__builtin_mul_overflow(value, INT64_C(10), &value))
            return false;
    *ns = value;
    return true;
}

static enum row_result set_time(const struct columns *columns, struct row *row, const char *text,
                                size_t len)
{
    static const char *const units[] = {"seconds", "milliseconds", "microseconds", "nanoseconds"};
    struct decimal time;
    if (decimal_parse(text, len, &time) == 0 && scale_time(time, columns->unit, &row->tick.ts_ns))
        return ROW_TICK;
    char shown[COLUMN_SHOWN_MAX];
    return row_reject(row, "t %s is not a time in %s since 1970",
                      log_quote(text, (uint32_t)len, shown, sizeof shown), units[columns->unit]);
}

static enum row_result set_field(const struct columns *columns, struct row *row, size_t field,
                                 const char *text, size_t len)
{
    switch ((enum column_field)field) {
    case COLUMN_SYMBOL: return row_set_symbol(row, "s", text, len);
    case COLUMN_PRICE: return row_set_price(row, "p", text, len);
    case COLUMN_SIZE: return row_set_size(row, "q", text, len);
    case COLUMN_SIDE: return set_side(row, text, len);
    case COLUMN_ID: return set_id(row, text, len);
    case COLUMN_TIME: return set_time(columns, row, text, len);
    case COLUMN_FIELDS: break;
    }
    return ROW_TICK;
}

enum row_result columns_read(const struct columns *columns, const struct csv *record,
                             struct row *row)
{
    memset(&row->tick, 0, sizeof row->tick);
    if (record->fields_count == 1 && record->ends[0] == 0)
        return ROW_BLANK;
    for (size_t i = 0; i < COLUMN_FIELDS; i++) {
        const char *text;
        size_t len;
        if (columns->places[i] < 0)
            continue;
        if (!field_text(record, columns->places[i], &text, &len))
            return row_reject(row, "%u fields, but \"%s\" is field %d", record->fields_count,
                              fields[i].key, columns->places[i] + 1);
        if (set_field(columns, row, i, text, len) != ROW_TICK)
            return ROW_REJECTED;
    }
    if (columns->places[COLUMN_SYMBOL] < 0)
        return row_set_symbol(row, "--symbol", columns->symbol, strlen(columns->symbol));
    return ROW_TICK;
}
