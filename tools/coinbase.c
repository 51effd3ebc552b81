/* SPDX-License-Identifier: MIT */
#include "tools/coinbase.h"

#include "feed/base.h"
#include "feed/log.h"
#include "tools/jsontrade.h"

static const struct jsontrade_names names = {
    .members = {"product_id", "price", "size", "side", "trade_id", "time"},
    .makers_side = true,
};

enum { MEMBER_TYPE, MEMBER_CHANNEL, MEMBER_EVENTS, MEMBER_COUNT };

static int reject_other(struct json_place place, const char *what, struct row *row, row_take *take,
                        void *arg)
{
    static const char *const nothing[] = {"heartbeat", "heartbeats", "subscriptions"};
    struct json_value value;
    char shown[64];
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
        if (jsonline_is(place, nothing[i]))
            return 0;
    if (jsonline_need(place, what, false, row, &value) == ROW_TICK)
        row_reject(row, "not a trade but %s %s", what,
                   log_quote(value.item.text, (uint32_t)value.item.len, shown, sizeof shown));
    return take(arg, ROW_REJECTED);
}

static int read_event(struct json_place event, size_t index, struct row *row, row_take *take,
                      void *arg)
{
    static const char *const wanted[] = {"trades"};
    struct json_place trades;
    const char *twice = NULL;
    if (*event.at != '{')
        row_reject(row, "not an object");
    else if ((twice = jsonline_members(event, wanted, 1, &trades)))
        row_reject(row, "\"%s\" stands twice", twice);
    else if (!trades.at || *trades.at != '[')
        row_reject(row, "\"trades\" is %s", trades.at ? "not an array" : "missing");
    else
        return jsontrade_each(trades, "trades", &names, row, take, arg);
    jsonline_blame(row, "events", index);
    return take(arg, ROW_REJECTED);
}

static int read_events(struct json_place events, struct row *row, row_take *take, void *arg)
{
    if (!events.at || *events.at != '[') {
        row_reject(row, "\"events\" is %s", events.at ? "not an array" : "missing");
        return take(arg, ROW_REJECTED);
    }
    struct json_list list;
    struct json_place event;
    int error = 0;
    jsonline_list(events, &list);
    for (size_t i = 0; error >= 0 && jsonline_next(&list, &event); i++)
        error = read_event(event, i, row, take, arg);
    return error;
}

static int read_message(struct json_place message, struct row *row, row_take *take, void *arg)
{
    static const char *const wanted[MEMBER_COUNT] = {"type", "channel", "events"};
    struct json_place members[MEMBER_COUNT] = {0};
    const char *twice = NULL;
    if (*message.at == '{')
        twice = jsonline_members(message, wanted, MEMBER_COUNT, members);
    if (twice)
        row_reject(row, "\"%s\" stands twice", twice);
    else if (jsonline_is(members[MEMBER_CHANNEL], "market_trades"))
        return read_events(members[MEMBER_EVENTS], row, take, arg);
    else if (members[MEMBER_CHANNEL].at)
        return reject_other(members[MEMBER_CHANNEL], "channel", row, take, arg);
    else if (jsonline_is(members[MEMBER_TYPE], "match") ||
             jsonline_is(members[MEMBER_TYPE], "last_match"))
        return take(arg, jsontrade_read(message, &names, row));
    else if (members[MEMBER_TYPE].at)
        return reject_other(members[MEMBER_TYPE], "type", row, take, arg);
    else
        row_reject(row, "not a trade: neither \"type\" nor \"channel\"");
    return take(arg, ROW_REJECTED);
}

int coinbase_read(const char *line, size_t len, struct row *row, row_take *take, void *arg)
{
    struct json_place message;
    enum row_result result = jsonline_open(line, len, row, &message);
    if (result == ROW_TICK)
        return read_message(message, row, take, arg);
    return result == ROW_BLANK ? 0 : take(arg, result);
}
