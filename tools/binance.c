/* SPDX-License-Identifier: MIT */
#include "tools/binance.h"

#include <jansson.h>
#include <string.h>

#include "feed/log.h"
#include "tools/jsonline.h"

static enum row_result read_trade(const json_t *trade, struct row *row);

enum row_result binance_read(const char *line, size_t len, struct row *row)
{
    memset(&row->tick, 0, sizeof row->tick);
    jsonline_strip(&line, &len);
    if (len == 0)
        return ROW_BLANK;
    json_error_t error;
    json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        char shown[160];
        return row_reject(row, "not JSON: %s",
                          log_quote(error.text, (uint32_t)strlen(error.text), shown, sizeof shown));
    }
    const json_t *data = json_object_get(root, "data");
    enum row_result result = read_trade(data ? data : root, row);
    json_decref(root);
    return result;
}

/* Finds a member that must be there and of this type. */
static const json_t *need(struct row *row, const json_t *trade, const char *name, json_type type)
{
    const json_t *value = json_object_get(trade, name);
    if (!value)
        row_reject(row, "\"%s\" is missing", name);
    else if (json_typeof(value) != type)
        row_reject(row, "\"%s\" is not %s", name, type == JSON_STRING ? "a string" : "an integer");
    else
        return value;
    return NULL;
}

/* Returns the trade's kind by its event name: the member that holds its id, or NULL. */
static const char *id_name(const json_t *trade, struct row *row)
{
    const char *event = json_string_value(json_object_get(trade, "e"));
    char shown[64];
    if (event && strcmp(event, "trade") == 0)
        return "t";
    if (event && strcmp(event, "aggTrade") == 0)
        return "a";
    if (event)
        row_reject(row, "not a trade but an event %s",
                   log_quote(event, (uint32_t)strlen(event), shown, sizeof shown));
    else
        row_reject(row, "not a trade: no event \"e\"");
    return NULL;
}

static enum row_result read_numbers(const json_t *trade, const char *id, struct row *row)
{
    const json_t *trade_id = need(row, trade, id, JSON_INTEGER);
    if (!trade_id)
        return ROW_REJECTED;
    const json_t *time = need(row, trade, "T", JSON_INTEGER);
    if (!time)
        return ROW_REJECTED;
    if (json_integer_value(trade_id) < 0)
        return row_reject(row, "\"%s\" is negative", id);
    row->tick.id = (uint64_t)json_integer_value(trade_id);
    row->tick.has_id = 1;
    if (__builtin_mul_overflow((int64_t)json_integer_value(time), INT64_C(1000000),
                               &row->tick.ts_ns))
        return row_reject(row, "\"T\" is not a time in milliseconds");
    return ROW_TICK;
}

static enum row_result read_trade(const json_t *trade, struct row *row)
{
    const char *id = id_name(trade, row);
    if (!id)
        return ROW_REJECTED;
    static const struct {
        const char *name;
        enum row_result (*set)(struct row *, const char *, const char *, size_t);
    } texts[] = {{"s", row_set_symbol}, {"p", row_set_price}, {"q", row_set_size}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const json_t *text = need(row, trade, texts[i].name, JSON_STRING);
        if (!text || texts[i].set(row, texts[i].name, json_string_value(text),
                                  json_string_length(text)) != ROW_TICK)
            return ROW_REJECTED;
    }
    const json_t *maker = json_object_get(trade, "m");
    if (!json_is_boolean(maker))
        return row_reject(row, "\"m\" is %s", maker ? "not true or false" : "missing");
    /* The buyer was the maker: the seller came later and took the price. */
    row->tick.side = json_is_true(maker) ? TICK_SIDE_SELL : TICK_SIDE_BUY;
    return read_numbers(trade, id, row);
}
