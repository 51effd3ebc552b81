/* SPDX-License-Identifier: MIT */
#include "tools/jsontrade.h"

#include <string.h>

#include "feed/log.h"
#include "schemas/digits.h"
#include "tools/moment.h"

static enum row_result set_id(struct json_place place, const char *name, struct row *row)
{
    struct json_value value;
    if (!place.at)
        return ROW_TICK;
    if (jsonline_need(place, name, true, row, &value) != ROW_TICK)
        return ROW_REJECTED;
    row->tick.has_id = digits_parse(value.item.text, value.item.len, &row->tick.id);
    if (row->tick.has_id || value.item.kind == JSON_KIND_TEXT)
        return ROW_TICK;
    char shown[80];
    return row_reject(row, "%s %s is not a whole number below 2^64", name,
                      log_quote(value.item.text, (uint32_t)value.item.len, shown, sizeof shown));
}

static enum row_result set_time(const struct json_value *value, const char *name, struct row *row)
{
    const struct json_item *item = &value->item;
    char shown[80];
    if (moment_rfc3339(item->text, item->len, &row->tick.ts_ns))
        return ROW_TICK;
    return row_reject(row, "%s %s is not a time as 2024-08-09T00:05:00.123456Z", name,
                      log_quote(item->text, (uint32_t)item->len, shown, sizeof shown));
}

static enum row_result set_member(enum jsontrade_member member, struct json_place place,
                                  const struct jsontrade_names *names, struct row *row)
{
    const char *name = names->members[member];
    struct json_value value;
    bool or_number = member == TRADE_PRICE || member == TRADE_SIZE;
    if (member == TRADE_ID)
        return set_id(place, name, row);
    if (jsonline_need(place, name, or_number, row, &value) != ROW_TICK)
        return ROW_REJECTED;
    switch (member) {
    case TRADE_SYMBOL: return row_set_symbol(row, name, value.item.text, value.item.len);
    case TRADE_PRICE: return row_set_price(row, name, value.item.text, value.item.len);
    case TRADE_SIZE: return row_set_size(row, name, value.item.text, value.item.len);
    case TRADE_SIDE: return jsonline_side(&value, name, names->makers_side, row);
    case TRADE_TIME: return set_time(&value, name, row);
    case TRADE_ID:
    case TRADE_MEMBERS: break;
    }
    return ROW_TICK;
}

enum row_result jsontrade_read(struct json_place place, const struct jsontrade_names *names,
                               struct row *row)
{
    struct json_place members[TRADE_MEMBERS];
    memset(&row->tick, 0, sizeof row->tick);
    if (*place.at != '{')
        return row_reject(row, "not a trade: no object");
    const char *twice = jsonline_members(place, names->members, TRADE_MEMBERS, members);
    if (twice)
        return row_reject(row, "\"%s\" stands twice", twice);
    for (int i = 0; i < TRADE_MEMBERS; i++)
        if (set_member((enum jsontrade_member)i, members[i], names, row) != ROW_TICK)
            return ROW_REJECTED;
    return ROW_TICK;
}

int jsontrade_each(struct json_place array, const char *name, const struct jsontrade_names *names,
                   struct row *row, row_take *take, void *arg)
{
    struct json_list list;
    struct json_place trade;
    int error = 0;
    jsonline_list(array, &list);
    for (size_t i = 0; error >= 0 && jsonline_next(&list, &trade); i++) {
        enum row_result result = jsontrade_read(trade, names, row);
        if (result == ROW_REJECTED)
            jsonline_blame(row, name, i);
        error = take(arg, result);
    }
    return error;
}
