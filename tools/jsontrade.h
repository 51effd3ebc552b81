/* SPDX-License-Identifier: MIT */
/*
 * jsontrade: a trade that is a JSON object, whatever its members are called. Pure.
 */
#ifndef TAPEHEAD_TOOLS_JSONTRADE_H
#define TAPEHEAD_TOOLS_JSONTRADE_H

#include "tools/jsonline.h"

enum jsontrade_member {
    TRADE_SYMBOL,
    TRADE_PRICE, /* a string or a number, whose digits are kept */
    TRADE_SIZE,  /* likewise */
    TRADE_SIDE,
    TRADE_ID,   /* may be missing; a string that is no number, as a UUID, leaves the tick without */
    TRADE_TIME, /* RFC 3339 */
    TRADE_MEMBERS
};

struct jsontrade_names {
    const char *members[TRADE_MEMBERS];
    bool makers_side; /* the side is that of the order that stood in the book */
};

enum row_result jsontrade_read(struct json_place place, const struct jsontrade_names *names,
                               struct row *row);

/* Reads each trade of an array, each for itself: a bad one costs none of the others. `name` is the
 * array's, for reasons. Returns 0 or what `take` returned. */
int jsontrade_each(struct json_place array, const char *name, const struct jsontrade_names *names,
                   struct row *row, row_take *take, void *arg);

#endif
