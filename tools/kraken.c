/* SPDX-License-Identifier: MIT */
#include "tools/kraken.h"

#include <string.h>

#include "feed/base.h"
#include "feed/log.h"
#include "tools/jsontrade.h"
#include "tools/moment.h"

static const struct jsontrade_names names = {
    .members = {"symbol", "price", "qty", "side", "trade_id", "timestamp"},
};

enum { MEMBER_CHANNEL, MEMBER_DATA, MEMBER_EVENT, MEMBER_METHOD, MEMBER_COUNT };

/* Elements of the first version's message, and of a trade in it. */
enum {
    ELEMENTS_MAX = 8,
    ELEMENTS_TRADE = 4,
    PRICE = 0,
    VOLUME = 1,
    TIME = 2,
    SIDE = 3,
    FIELDS = 4
};

/* Returns how many elements there are, the first `max` of them in `out`. */
static size_t elements(struct json_place array, struct json_place *out, size_t max)
{
    struct json_list list;
    struct json_place element;
    size_t count = 0;
    jsonline_list(array, &list);
    for (; jsonline_next(&list, &element); count++)
        if (count < max)
            out[count] = element;
    return count;
}

static enum row_result set_field(size_t field, struct json_place place, struct row *row)
{
    static const char *const fields[FIELDS] = {"price", "volume", "time", "side"};
    const char *name = fields[field];
    struct json_value value;
    char shown[80];
    if (jsonline_need(place, name, field != SIDE, row, &value) != ROW_TICK)
        return ROW_REJECTED;
    const struct json_item *item = &value.item;
    switch (field) {
    case PRICE: return row_set_price(row, name, item->text, item->len);
    case VOLUME: return row_set_size(row, name, item->text, item->len);
    case SIDE: return jsonline_side(&value, name, false, row);
    default: break;
    }
    if (moment_seconds(item->text, item->len, &row->tick.ts_ns))
        return ROW_TICK;
    return row_reject(row, "%s %s is not a time in seconds since 1970", name,
                      log_quote(item->text, (uint32_t)item->len, shown, sizeof shown));
}

/* The symbol stands already: it is the message's. */
static enum row_result read_trade(struct json_place trade, struct row *row)
{
    struct json_place fields[FIELDS];
    memset(&row->tick, 0, sizeof row->tick);
    if (*trade.at != '[' || elements(trade, fields, FIELDS) < FIELDS)
        return row_reject(row, "not an array of price, volume, time and side");
    for (size_t i = 0; i < FIELDS; i++)
        if (set_field(i, fields[i], row) != ROW_TICK)
            return ROW_REJECTED;
    return ROW_TICK;
}

static int read_trades(struct json_place trades, struct row *row, row_take *take, void *arg)
{
    struct json_list list;
    struct json_place trade;
    int error = 0;
    jsonline_list(trades, &list);
    for (size_t i = 0; error >= 0 && jsonline_next(&list, &trade); i++) {
        enum row_result result = read_trade(trade, row);
        if (result == ROW_REJECTED)
            jsonline_blame(row, "trades", i);
        error = take(arg, result);
    }
    return error;
}

/* "not a trade but channel "ohlc-5"". */
static void reject_name(struct json_place place, const char *what, struct row *row)
{
    struct json_value value;
    char shown[64];
    if (jsonline_need(place, what, false, row, &value) == ROW_TICK)
        row_reject(row, "not a trade but %s %s", what,
                   log_quote(value.item.text, (uint32_t)value.item.len, shown, sizeof shown));
}

static int read_array(struct json_place message, struct row *row, row_take *take, void *arg)
{
    struct json_place found[ELEMENTS_MAX];
    struct json_value pair;
    size_t count = elements(message, found, ELEMENTS_MAX);
    if (count < ELEMENTS_TRADE || count > ELEMENTS_MAX)
        row_reject(row, "not a trade: %zu elements, not a channel's id, trades, name and pair",
                   count);
    else if (!jsonline_is(found[count - 2], "trade"))
        reject_name(found[count - 2], "channel", row);
    else if (count != ELEMENTS_TRADE || *found[1].at != '[')
        row_reject(row, "not a trade: no array of trades");
    else if (jsonline_need(found[3], "pair", false, row, &pair) == ROW_TICK &&
             row_set_symbol(row, "pair", pair.item.text, pair.item.len) == ROW_TICK)
        return read_trades(found[1], row, take, arg);
    return take(arg, ROW_REJECTED);
}

static bool is_nothing(const struct json_place *members)
{
    static const struct {
        int member;
        const char *value;
    } nothing[] = {
        {MEMBER_CHANNEL, "heartbeat"}, {MEMBER_CHANNEL, "status"},
        {MEMBER_EVENT, "heartbeat"},   {MEMBER_EVENT, "systemStatus"},
        {MEMBER_EVENT, "pong"},        {MEMBER_EVENT, "subscriptionStatus"},
        {MEMBER_METHOD, "subscribe"},  {MEMBER_METHOD, "unsubscribe"},
        {MEMBER_METHOD, "pong"},
    };
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
        if (jsonline_is(members[nothing[i].member], nothing[i].value))
            return true;
    return false;
}

static int read_object(struct json_place message, struct row *row, row_take *take, void *arg)
{
    static const char *const wanted[MEMBER_COUNT] = {"channel", "data", "event", "method"};
    static const int naming[] = {MEMBER_CHANNEL, MEMBER_EVENT, MEMBER_METHOD};
    struct json_place members[MEMBER_COUNT];
    struct json_place data;
    const char *twice = jsonline_members(message, wanted, MEMBER_COUNT, members);
    if (twice) {
        row_reject(row, "\"%s\" stands twice", twice);
    } else if (is_nothing(members)) {
        return 0;
    } else if (jsonline_is(members[MEMBER_CHANNEL], "trade")) {
        data = members[MEMBER_DATA];
        if (data.at && *data.at == '[')
            return jsontrade_each(data, "data", &names, row, take, arg);
        row_reject(row, "\"data\" is %s", data.at ? "not an array" : "missing");
    } else {
        row_reject(row, "not a trade: no \"channel\"");
        for (size_t i = ARRAY_LEN(naming); i-- > 0;)
            if (members[naming[i]].at)
                reject_name(members[naming[i]], wanted[naming[i]], row);
    }
    return take(arg, ROW_REJECTED);
}

int kraken_read(const char *line, size_t len, struct row *row, row_take *take, void *arg)
{
    struct json_place message;
    enum row_result result = jsonline_open(line, len, row, &message);
    if (result == ROW_BLANK)
        return 0;
    if (result == ROW_TICK && *message.at == '[')
        return read_array(message, row, take, arg);
    if (result == ROW_TICK && *message.at == '{')
        return read_object(message, row, take, arg);
    if (result == ROW_TICK)
        row_reject(row, "not a trade: neither an array nor an object");
    return take(arg, ROW_REJECTED);
}
