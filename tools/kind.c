/* SPDX-License-Identifier: MIT */
#include "tools/kind.h"

#include <string.h>
#include <strings.h>

#include "feed/base.h"
#include "tools/binancecsv.h"
#include "tools/itch.h"
#include "tools/jsonline.h"

const char *const kind_names[] = {
    [KIND_AUTO] = "auto",
    [KIND_BINANCE] = "binance",
    [KIND_BINANCE_TRADES_CSV] = "binance-trades-csv",
    [KIND_BINANCE_AGG_TRADES_CSV] = "binance-aggtrades-csv",
    [KIND_COINBASE] = "coinbase",
    [KIND_KRAKEN] = "kraken",
    [KIND_CSV] = "csv",
    [KIND_ITCH] = "itch",
    NULL,
};

bool kind_is_zip(const uint8_t *head, size_t len)
{
    return len >= 4 && memcmp(head, "PK\3\4", 4) == 0;
}

/* A length below 256 and a type that has it: text never begins with a zero byte. */
static bool is_itch(const char *path, const uint8_t *head, size_t len)
{
    if (len >= 3 && head[0] == 0 && head[1] > 0)
        return itch_length(head[2]) == head[1];
    return len >= 3 && (strcasestr(path, "NASDAQ_ITCH") || strcasestr(path, "X_ITCH_50"));
}

/* An array as Kraken's first version sends: it ends with a channel's name and a pair. */
static bool is_channel(struct json_place message)
{
    struct json_list list;
    struct json_place element;
    struct json_value value;
    int texts = 0;
    jsonline_list(message, &list);
    while (jsonline_next(&list, &element))
        texts = jsonline_value(element, &value) == JSON_KIND_TEXT ? texts + 1 : 0;
    return texts >= 2;
}

/* The venue that has messages with these members; the first that is found decides, so what several
 * have stands last. */
static enum kind venue_of(struct json_place message)
{
    static const struct {
        const char *name;
        enum kind kind;
    } telling[] = {
        {"stream", KIND_BINANCE},  {"e", KIND_BINANCE},           {"result", KIND_BINANCE},
        {"events", KIND_COINBASE}, {"method", KIND_KRAKEN},       {"event", KIND_KRAKEN},
        {"channel", KIND_KRAKEN},  {"product_id", KIND_COINBASE}, {"channels", KIND_COINBASE},
    };
    if (*message.at == '[')
        return is_channel(message) ? KIND_KRAKEN : KIND_AUTO;
    for (size_t i = 0; i < ARRAY_LEN(telling) && *message.at == '{'; i++) {
        struct json_place member;
        if (!jsonline_members(message, &telling[i].name, 1, &member) && member.at)
            return telling[i].kind;
    }
    return KIND_AUTO;
}

static enum kind guess_json(const uint8_t *head, size_t len)
{
    static struct row row; /* for reasons that nobody reads */
    enum kind kind = KIND_AUTO;
    while (kind == KIND_AUTO && len > 0) {
        const uint8_t *newline = memchr(head, '\n', len);
        size_t line = newline ? (size_t)(newline - head) + 1 : len;
        struct json_place message;
        if (jsonline_open((const char *)head, line, &row, &message) == ROW_TICK)
            kind = venue_of(message);
        head += line;
        len -= line;
    }
    return kind;
}

static enum kind guess_csv(const char *path, const uint8_t *head, size_t len)
{
    static struct csv csv;
    enum csv_result result;
    enum binancecsv which;
    bool found = binancecsv_is_named(path, &which);
    if (!found) {
        csv_reset(&csv);
        csv_feed(&csv, (const char *)head, len, &result);
        found = result == CSV_RECORD && binancecsv_is_one(&csv, &which);
    }
    if (!found)
        return KIND_AUTO;
    return which == BINANCECSV_TRADES ? KIND_BINANCE_TRADES_CSV : KIND_BINANCE_AGG_TRADES_CSV;
}

enum kind kind_guess(const char *path, const uint8_t *head, size_t len, bool mapped)
{
    enum kind kind = KIND_AUTO;
    if (is_itch(path, head, len))
        return KIND_ITCH;
    if (!mapped)
        kind = guess_csv(path, head, len);
    if (kind == KIND_AUTO && strstr(path, ".csv"))
        kind = KIND_CSV;
    if (kind == KIND_AUTO)
        kind = guess_json(head, len);
    if (kind == KIND_AUTO)
        kind = mapped ? KIND_CSV : KIND_BINANCE;
    return kind;
}
