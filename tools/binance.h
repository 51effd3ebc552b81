/* SPDX-License-Identifier: MIT */
/*
 * binance: a line of Binance's raw trade stream as a tick. Pure but for jansson's allocations;
 * jansson is in binance.c only.
 *
 *     1723161254087896568
 * {"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":3735683259,
 *                          "p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,…}}
 *
 * The leading receive time and the {"stream","data"} wrapper may be missing.
 */
#ifndef TAPEHEAD_TOOLS_BINANCE_H
#define TAPEHEAD_TOOLS_BINANCE_H

#include "tools/row.h"

/* `line` may hold its line end. Events "trade" and "aggTrade" are ticks, everything else is
 * rejected by name. */
enum row_result binance_read(const char *line, size_t len, struct row *row);

#endif
