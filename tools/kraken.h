/* SPDX-License-Identifier: MIT */
/*
 * kraken: a line of a recorded Kraken stream as ticks, of either version of its WebSocket API.
 * Pure.
 *
 *     [337,[["5541.20000","0.15850568","1534614057.321597","s","l",""],…],"trade","XBT/USD"]
 *     {"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":5541.20,
 *      "qty":0.15850568,"ord_type":"limit","trade_id":4665846,"timestamp":"2023-…Z"},…]}
 *
 * In both the side is the taker's. Prices of the second are bare numbers: their digits are kept.
 * Trades of the first have no id.
 */
#ifndef TAPEHEAD_TOOLS_KRAKEN_H
#define TAPEHEAD_TOOLS_KRAKEN_H

#include "tools/jsonline.h"

/* `line` may begin with a receive time. Heartbeats, states and the answers to requests are nothing;
 * other messages are rejected by name. Returns 0 or what `take` returned. */
int kraken_read(const char *line, size_t len, struct row *row, row_take *take, void *arg);

#endif
