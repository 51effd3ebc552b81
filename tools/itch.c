/* SPDX-License-Identifier: MIT */
#include "tools/itch.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/log.h"
#include "tools/orders.h"

enum {
    STOCKS_MAX = 1 << 16,
    STOCK_LEN = 8,
    SYMBOL_TEXT_MAX = 64,
    ITCH_PRICE_EXP = -4,
    /* where fields stand; those that all messages have first */
    AT_LOCATE = 1,
    AT_TIME = 5,
    AT_STOCK = 11, /* of R */
    AT_REF = 11,
    AT_SIDE = 19, /* of A, F, P */
    AT_SHARES = 20,
    AT_NAME = 24,
    AT_PRICE = 32,
    AT_MATCH = 36,      /* of P */
    AT_EXECUTED = 19,   /* shares, of E, C and X */
    AT_EXEC_MATCH = 23, /* of E and C */
    AT_PRINTABLE = 31,  /* of C */
    AT_NEW_REF = 19,    /* of U */
    AT_NEW_SHARES = 27,
    AT_NEW_PRICE = 31,
};

static const int64_t day_ns = 86400 * INT64_C(1000000000);

struct stock {
    bool known;
    uint8_t raw[STOCK_LEN]; /* as on the wire */
    uint8_t symbol_len;
    char symbol[SYMBOL_LEN_MAX];
};

struct itch {
    int64_t midnight_ns;
    uint64_t max;
    struct orders *orders;
    struct itch_counts counts;
    struct stock stocks[STOCKS_MAX]; /* by the day's number for it */
};

static uint16_t get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return be16toh(value);
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return be32toh(value);
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return be64toh(value);
}

static int64_t get48(const uint8_t *at)
{
    return (int64_t)get16(at) << 32 | get32(at + 2);
}

struct itch *itch_create(uint64_t orders_max)
{
    struct itch *itch = calloc(1, sizeof *itch);
    if (itch)
        itch->max = orders_max;
    return itch;
}

int itch_begin(struct itch *itch, int64_t midnight_ns)
{
    orders_destroy(itch->orders);
    itch->orders = orders_create(itch->max);
    memset(itch->stocks, 0, sizeof itch->stocks);
    itch->midnight_ns = midnight_ns;
    return itch->orders ? 0 : -ENOMEM;
}

void itch_destroy(struct itch *itch)
{
    if (!itch)
        return;
    orders_destroy(itch->orders);
    free(itch);
}

const struct itch_counts *itch_counts(const struct itch *itch)
{
    return &itch->counts;
}

size_t itch_length(uint8_t type)
{
    static const uint8_t lengths[256] = {
        ['S'] = 12, ['R'] = 39, ['H'] = 25, ['Y'] = 20, ['L'] = 26, ['V'] = 35,
        ['W'] = 12, ['K'] = 28, ['J'] = 35, ['h'] = 21, ['A'] = 36, ['F'] = 40,
        ['E'] = 31, ['C'] = 36, ['X'] = 23, ['D'] = 19, ['U'] = 35, ['P'] = 44,
        ['Q'] = 40, ['B'] = 19, ['I'] = 50, ['N'] = 20, ['O'] = 48,
    };
    return lengths[type];
}

size_t itch_symbol(const uint8_t stock[STOCK_LEN], char out[SYMBOL_TEXT_MAX])
{
    /* nasdaqtrader.com's "Ticker Symbol Convention"; '.', '-' and '@' may stand in a symbol. */
    static const char *const suffixes[256] = {
        ['+'] = "/WS", ['='] = "/U",  ['^'] = "/RT", ['#'] = "/WI",   ['$'] = "/WD",
        ['*'] = "/CL", ['!'] = "/EC", ['%'] = "/CV", ['~'] = "/TEST",
    };
    size_t len = 0;
    size_t stock_len = STOCK_LEN;
    while (stock_len > 0 && stock[stock_len - 1] == ' ')
        stock_len--;
    for (size_t i = 0; i < stock_len; i++) {
        const char *suffix = suffixes[stock[i]];
        for (; suffix && *suffix; suffix++)
            out[len++] = *suffix;
        if (!suffixes[stock[i]])
            out[len++] = (char)stock[i];
    }
    return len;
}

/* Which stock a message is about. The directory (R) names each before its first order; a message
 * that has the name does as well, for excerpts. Returns NULL with a reason. */
static struct stock *stock_of(struct itch *itch, const uint8_t *message, const uint8_t *name,
                              struct row *row)
{
    struct stock *stock = &itch->stocks[get16(message + AT_LOCATE)];
    if (stock->known && memcmp(stock->raw, name, STOCK_LEN) == 0)
        return stock;
    char shown[64];
    char symbol[SYMBOL_TEXT_MAX];
    log_quote((const char *)name, STOCK_LEN, shown, sizeof shown);
    if (stock->known) {
        row_reject(row, "%c: stock %s, but %u is %.*s's number", message[0], shown,
                   (unsigned)get16(message + AT_LOCATE), (int)stock->symbol_len, stock->symbol);
        return NULL;
    }
    size_t len = itch_symbol(name, symbol);
    if (!symbol_is_valid(symbol, len)) {
        row_reject(row, "%c: stock %s is not a symbol", message[0], shown);
        return NULL;
    }
    stock->known = true;
    memcpy(stock->raw, name, STOCK_LEN);
    memcpy(stock->symbol, symbol, len);
    stock->symbol_len = (uint8_t)len;
    return stock;
}

static struct order *order_of(struct itch *itch, const uint8_t *message, struct row *row)
{
    uint64_t ref = get64(message + AT_REF);
    struct order *order = orders_find(itch->orders, ref);
    if (!order)
        row_reject(row, "%c: order %" PRIu64 " is not open", message[0], ref);
    else if (order->locate != get16(message + AT_LOCATE))
        row_reject(row, "%c: order %" PRIu64 " is of stock %u, not %u", message[0], ref,
                   (unsigned)order->locate, (unsigned)get16(message + AT_LOCATE));
    else
        return order;
    return NULL;
}

static enum row_result open_order(struct itch *itch, const uint8_t *message,
                                  const struct order *like, struct row *row)
{
    struct order *order;
    int error = orders_add(itch->orders, like->ref, &order);
    if (error == -EEXIST)
        return row_reject(row, "%c: order %" PRIu64 " is open already", message[0], like->ref);
    if (error < 0)
        return row_reject(
            row, "%c: order %" PRIu64 " is one too many: %" PRIu64 " are open; raise --orders-max",
            message[0], like->ref, orders_max(itch->orders));
    *order = *like;
    return ROW_BLANK;
}

static enum row_result read_add(struct itch *itch, const uint8_t *message, struct row *row)
{
    if (!stock_of(itch, message, message + AT_NAME, row))
        return ROW_REJECTED;
    struct order order = {.ref = get64(message + AT_REF),
                          .price = get32(message + AT_PRICE),
                          .shares = get32(message + AT_SHARES),
                          .locate = get16(message + AT_LOCATE),
                          .side = (char)message[AT_SIDE],
                          .used = true};
    if (order.side != 'B' && order.side != 'S')
        return row_reject(row, "%c: side 0x%02x is neither B nor S", message[0], message[AT_SIDE]);
    return open_order(itch, message, &order, row);
}

static enum row_result read_replace(struct itch *itch, const uint8_t *message, struct row *row)
{
    struct order *old = order_of(itch, message, row);
    if (!old)
        return ROW_REJECTED;
    struct order order = *old;
    order.ref = get64(message + AT_NEW_REF);
    order.shares = get32(message + AT_NEW_SHARES);
    order.price = get32(message + AT_NEW_PRICE);
    orders_remove(itch->orders, old);
    return open_order(itch, message, &order, row);
}

/* Takes shares off an order, which ends with its last one. */
static bool take_shares(struct itch *itch, const uint8_t *message, struct order *order,
                        struct row *row)
{
    uint32_t shares = get32(message + AT_EXECUTED);
    if (shares > order->shares) {
        row_reject(row, "%c: %u shares of order %" PRIu64 ", which has %u", message[0], shares,
                   order->ref, order->shares);
        return false;
    }
    order->shares -= shares;
    if (order->shares == 0)
        orders_remove(itch->orders, order);
    return true;
}

static enum row_result read_cancel(struct itch *itch, const uint8_t *message, struct row *row)
{
    struct order *order = order_of(itch, message, row);
    if (!order)
        return ROW_REJECTED;
    if (message[0] == 'D')
        orders_remove(itch->orders, order);
    else if (!take_shares(itch, message, order, row))
        return ROW_REJECTED;
    return ROW_BLANK;
}

static enum row_result set_trade(struct itch *itch, struct row *row, const uint8_t *message,
                                 const struct stock *stock, struct tick tick)
{
    tick.ts_ns = itch->midnight_ns + get48(message + AT_TIME);
    tick.price_exp = ITCH_PRICE_EXP;
    tick.has_id = 1;
    row->tick = tick;
    memcpy(row->symbol, stock->symbol, stock->symbol_len);
    row->symbol_len = stock->symbol_len;
    itch->counts.trades++;
    return ROW_TICK;
}

/* E at the order's price, C at its own. */
static enum row_result read_execution(struct itch *itch, const uint8_t *message, struct row *row)
{
    struct order *order = order_of(itch, message, row);
    if (!order)
        return ROW_REJECTED;
    struct tick tick = {.price = order->price,
                        .size = get32(message + AT_EXECUTED),
                        .id = get64(message + AT_EXEC_MATCH),
                        .side = order->side == 'B' ? TICK_SIDE_SELL : TICK_SIDE_BUY};
    const struct stock *stock = &itch->stocks[order->locate];
    if (!take_shares(itch, message, order, row))
        return ROW_REJECTED;
    if (message[0] == 'C') {
        tick.price = get32(message + AT_PRICE);
        if (message[AT_PRINTABLE] == 'N') {
            itch->counts.unprintable++;
            return ROW_BLANK;
        }
        if (message[AT_PRINTABLE] != 'Y')
            return row_reject(row, "C: printable 0x%02x is neither Y nor N", message[AT_PRINTABLE]);
    }
    return set_trade(itch, row, message, stock, tick);
}

static enum row_result read_hidden(struct itch *itch, const uint8_t *message, struct row *row)
{
    const struct stock *stock = stock_of(itch, message, message + AT_NAME, row);
    if (!stock)
        return ROW_REJECTED;
    struct tick tick = {.price = get32(message + AT_PRICE),
                        .size = get32(message + AT_SHARES),
                        .id = get64(message + AT_MATCH)};
    return set_trade(itch, row, message, stock, tick);
}

static bool is_well_formed(const uint8_t *message, size_t len, struct row *row)
{
    if (len == 0)
        row_reject(row, "no bytes");
    else if (itch_length(message[0]) == 0)
        row_reject(row, "type 0x%02x is none of ITCH 5.0's", message[0]);
    else if (itch_length(message[0]) != len)
        row_reject(row, "%c: %zu bytes, not %zu", message[0], len, itch_length(message[0]));
    else if (get48(message + AT_TIME) >= day_ns)
        row_reject(row, "%c: %" PRId64 " ns since midnight are beyond a day", message[0],
                   get48(message + AT_TIME));
    else
        return true;
    return false;
}

enum row_result itch_read(struct itch *itch, const uint8_t *message, size_t len, struct row *row)
{
    itch->counts.messages++;
    if (!is_well_formed(message, len, row))
        return ROW_REJECTED;
    switch (message[0]) {
    case 'A':
    case 'F': return read_add(itch, message, row);
    case 'D':
    case 'X': return read_cancel(itch, message, row);
    case 'U': return read_replace(itch, message, row);
    case 'E':
    case 'C': return read_execution(itch, message, row);
    case 'P': return read_hidden(itch, message, row);
    case 'R': return stock_of(itch, message, message + AT_STOCK, row) ? ROW_BLANK : ROW_REJECTED;
    case 'Q': itch->counts.crosses++; return ROW_BLANK;
    case 'B': itch->counts.broken++; return ROW_BLANK;
    default: return ROW_BLANK;
    }
}
