/* SPDX-License-Identifier: MIT */
#include "tools/binancecsv.h"

#include <string.h>
#include <strings.h>

#include "feed/base.h"
#include "feed/log.h"
#include "schemas/digits.h"
#include "tools/moment.h"

enum { PLACE_ID = 0, PLACE_PRICE = 1, PLACE_SIZE = 2, SHOWN_MAX = 80 };

/* Where the two differ; the last field may be missing, as it is in futures' files. */
static const struct {
    const char *infix; /* of the file's name */
    uint32_t time;
    uint32_t maker;
    uint32_t fields_max;
} files[] = {
    [BINANCECSV_TRADES] = {"-trades-", 4, 5, 7},
    [BINANCECSV_AGG_TRADES] = {"-aggTrades-", 5, 6, 8},
};

static bool is_any(const struct csv *record, uint32_t place, const char *const *words)
{
    size_t len;
    const char *text = csv_field(record, place, &len);
    for (; *words; words++)
        if (strlen(*words) == len && strncasecmp(text, *words, len) == 0)
            return true;
    return false;
}

bool binancecsv_is_header(const struct csv *record)
{
    static const char *const ids[] = {"id",         "trade_id", "tradeId", "agg_trade_id",
                                      "aggTradeId", "a",        NULL};
    static const char *const prices[] = {"price", "p", NULL};
    return record->fields_count > PLACE_PRICE && is_any(record, PLACE_ID, ids) &&
           is_any(record, PLACE_PRICE, prices);
}

bool binancecsv_is_one(const struct csv *record, enum binancecsv *which)
{
    static const char *const names[] = {"isBuyerMaker", "is_buyer_maker", "m", NULL};
    static const char *const values[] = {"true", "false", NULL};
    bool header = binancecsv_is_header(record);
    uint64_t id;
    size_t len;
    const char *text = csv_field(record, PLACE_ID, &len);
    if (!header && !digits_parse(text, len, &id))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        uint32_t count = record->fields_count;
        *which = (enum binancecsv)i;
        if ((count == files[i].fields_max || count == files[i].fields_max - 1) &&
            is_any(record, files[i].maker, header ? names : values))
            return true;
    }
    return false;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool binancecsv_is_named(const char *path, enum binancecsv *which)
{
    const char *name = base_name(path);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        *which = (enum binancecsv)i;
        if (strstr(name, files[i].infix) && strstr(name, ".csv"))
            return true;
    }
    return false;
}

bool binancecsv_symbol(const char *path, char symbol[SYMBOL_LEN_MAX + 1])
{
    enum binancecsv which;
    if (!binancecsv_is_named(path, &which))
        return false;
    const char *name = base_name(path);
    size_t len = (size_t)(strstr(name, files[which].infix) - name);
    if (!symbol_is_valid(name, len))
        return false;
    memcpy(symbol, name, len);
    symbol[len] = 0;
    return true;
}

static enum row_result reject_field(struct row *row, const char *name, const char *text, size_t len,
                                    const char *why)
{
    char shown[SHOWN_MAX];
    return row_reject(row, "%s %s %s", name, log_quote(text, (uint32_t)len, shown, sizeof shown),
                      why);
}

enum row_result binancecsv_read(enum binancecsv which, const char *symbol, const struct csv *record,
                                struct row *row)
{
    size_t len;
    const char *text;
    memset(&row->tick, 0, sizeof row->tick);
    if (record->fields_count == 1 && record->ends[0] == 0)
        return ROW_BLANK;
    uint32_t most = files[which].fields_max;
    if (record->fields_count != most && record->fields_count != most - 1)
        return row_reject(row, "%u fields, not %u or %u", record->fields_count, most - 1, most);
    text = csv_field(record, PLACE_ID, &len);
    if (!digits_parse(text, len, &row->tick.id))
        return reject_field(row, "id", text, len, "is not a whole number below 2^64");
    row->tick.has_id = 1;
    text = csv_field(record, PLACE_PRICE, &len);
    if (row_set_price(row, "price", text, len) != ROW_TICK)
        return ROW_REJECTED;
    text = csv_field(record, PLACE_SIZE, &len);
    if (row_set_size(row, "qty", text, len) != ROW_TICK)
        return ROW_REJECTED;
    text = csv_field(record, files[which].time, &len);
    if (!moment_milli_or_micro(text, len, &row->tick.ts_ns))
        return reject_field(row, "time", text, len, "is not milli- or microseconds since 1970");
    text = csv_field(record, files[which].maker, &len);
    bool maker = len == 4 && strncasecmp(text, "true", len) == 0;
    if (!maker && !(len == 5 && strncasecmp(text, "false", len) == 0))
        return reject_field(row, "isBuyerMaker", text, len, "is neither true nor false");
    /* The buyer was the maker: the seller came later and took the price. */
    row->tick.side = maker ? TICK_SIDE_SELL : TICK_SIDE_BUY;
    return row_set_symbol(row, "--symbol", symbol, strlen(symbol));
}
