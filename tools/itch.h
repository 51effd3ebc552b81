/* SPDX-License-Identifier: MIT */
/*
 * itch: the trades in NASDAQ's TotalView-ITCH 5.0, message by message, in constant memory: the open
 * orders, as many as were asked for, and a name for each of 65,536 stocks. Pure; one thread.
 *
 * An execution (E, C) names only its order, so orders are followed from A, F and U to their end. A
 * trade's price has four decimals, its size is in shares, its id is the match number. The side of
 * an execution is the aggressor's, the other than the order's. P, a trade against an order that
 * isn't displayed, has none: NASDAQ says B there whatever it was.
 */
#ifndef TAPEHEAD_TOOLS_ITCH_H
#define TAPEHEAD_TOOLS_ITCH_H

#include "tools/row.h"

enum { ITCH_LEN_MAX = 50 }; /* bytes of the longest message */

/* What went by, of all files. */
struct itch_counts {
    uint64_t messages;
    uint64_t trades;
    uint64_t unprintable; /* C that says N: its shares are part of a cross that is told in bulk */
    uint64_t crosses;     /* Q, which aren't taken */
    uint64_t broken;      /* B, which breaks a trade that was told before; nothing is taken back */
};

struct itch;

/* Returns NULL when there is no memory. */
struct itch *itch_create(uint64_t orders_max);

/* A new file: `midnight_ns` is that of its day in New York. */
int itch_begin(struct itch *itch, int64_t midnight_ns);

/* Bytes of a message of this type, from its type on; 0 where ITCH 5.0 has none. */
size_t itch_length(uint8_t type);

/* Reads one message without the length before it. Returns ROW_BLANK for what is no trade. What is
 * rejected costs nothing but itself, and what hangs on it: of an order that wasn't taken the
 * executions are rejected too. */
enum row_result itch_read(struct itch *itch, const uint8_t *message, size_t len, struct row *row);

const struct itch_counts *itch_counts(const struct itch *itch);

/* A stock's name as a symbol: '+', '=' and the like, for which a symbol has no place, become '/'
 * and NASDAQ's CMS suffix, so that "BAC+A " is "BAC/WSA". Returns the length; the result need not
 * be a symbol. */
size_t itch_symbol(const uint8_t stock[8], char out[64]);

/* Accepts NULL. */
void itch_destroy(struct itch *itch);

#endif
