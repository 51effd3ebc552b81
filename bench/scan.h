/* SPDX-License-Identifier: MIT */
/*
 * scan: of a server's message, what a load tool must know at line rate: its kind, symbol, seq and
 * event time. Pure; no tree, no allocation.
 *
 * It is made for messages spelt as the server spells them, and falls back to a search for the keys
 * where one is spelt otherwise (another server's JSON with "symbol", "seq" and "ts" will do). It
 * trusts its input to be well formed: it measures, it doesn't validate.
 */
#ifndef TAPEHEAD_BENCH_SCAN_H
#define TAPEHEAD_BENCH_SCAN_H

#include <stddef.h>
#include <stdint.h>

enum message_kind {
    MESSAGE_OTHER, /* welcome, subscribed, heartbeat, … */
    MESSAGE_TRADE,
    MESSAGE_SNAPSHOT,
    MESSAGE_GAP,
    MESSAGE_ERROR,  /* the server refused something */
    MESSAGE_BROKEN, /* begins as one of the above and can't be read */
};

struct message {
    enum message_kind kind;
    uint32_t symbol_len;
    const uint8_t *symbol; /* in the input */
    uint64_t seq;          /* of a gap: the first */
    uint64_t to;           /* of a gap: the last */
    int64_t ts_ns;
};

void scan_json(const uint8_t *data, size_t len, struct message *message);
/* The next trade in what another server wraps around it: lines, each with one at most. Returns the
 * bytes up to behind its line; `message` is of MESSAGE_OTHER where none is left. */
size_t scan_line(const uint8_t *data, size_t len, struct message *message);

void scan_msgpack(const uint8_t *data, size_t len, struct message *message);

#endif
