/* SPDX-License-Identifier: MIT */
/*
 * coinbase: a line of a recorded Coinbase stream as ticks, of the Exchange feed or of Advanced
 * Trade. Pure.
 *
 *     {"type":"match","trade_id":10,"product_id":"BTC-USD","price":"400.23","size":"5.23512",
 *      "side":"sell","time":"2014-11-07T08:19:27.028459Z",…}
 *     {"channel":"market_trades","events":[{"type":"update","trades":[{"trade_id":"10",
 *      "product_id":"BTC-USD","price":"400.23","size":"5.23512","side":"SELL","time":"…Z"}]}],…}
 *
 * In both the side is the maker's. "last_match" and snapshots are trades as well: the feed repeats
 * them after a new connection.
 */
#ifndef TAPEHEAD_TOOLS_COINBASE_H
#define TAPEHEAD_TOOLS_COINBASE_H

#include "tools/jsonline.h"

/* `line` may begin with a receive time. Heartbeats and the answers to a subscription are nothing;
 * other messages are rejected by name. Returns 0 or what `take` returned. */
int coinbase_read(const char *line, size_t len, struct row *row, row_take *take, void *arg);

#endif
