/* SPDX-License-Identifier: MIT */
/*
 * message: what a Tapehead server sends, read from JSON or msgpack, and the requests that a client
 * sends. Pure; allocates nothing.
 */
#ifndef TAPEHEAD_TOOLS_MESSAGE_H
#define TAPEHEAD_TOOLS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/tick.h"
#include "server/wire/command.h"

enum message_kind {
    MESSAGE_OTHER, /* well formed, of a type that isn't known here */
    MESSAGE_TRADE,
    MESSAGE_SNAPSHOT,
    MESSAGE_GAP,
    MESSAGE_HEARTBEAT,
    MESSAGE_WELCOME,
    MESSAGE_SUBSCRIBED,
    MESSAGE_UNSUBSCRIBED,
    MESSAGE_PONG,
    MESSAGE_ERROR,
    MESSAGE_SHUTDOWN,
    MESSAGE_KINDS
};

/* Outside text is kept printable: bytes that aren't ASCII become '?'. */
struct message {
    enum message_kind kind;
    struct tick tick; /* trade, snapshot: all but symbol, quiet and kind. ts_ns also of others that
                         tell it */
    char symbol[SYMBOL_LEN_MAX + 1];
    uint32_t symbol_len;
    uint32_t seen; /* which fields were there */
    uint64_t from; /* gap */
    uint64_t to;
    uint64_t count;
    char reason[24];
    char source[16]; /* heartbeat */
    uint64_t queued;
    uint64_t dropped;
    uint64_t source_lag_ms;
    int64_t sent_ts_ns;
    char server[64]; /* welcome */
    char epoch[32];
    uint64_t heartbeat_ms;
    char code[48]; /* error; or the first rejection's code in subscribed, whose symbol is in `text`
                    */
    char text[160];
    uint64_t rejected;        /* subscribed: how many symbols */
    uint64_t reconnect_ms[2]; /* shutdown */
};

/* Reads one message. Returns 0, or -EINVAL with a static sentence in `*problem`: malformed, or a
 * field that a message of its kind must have is missing or of the wrong type. */
int message_read(struct message *message, enum wire_format format, const uint8_t *data, size_t len,
                 const char **problem);

/* Writes {"op":"subscribe","id":id,"symbols":[…]}; the symbols must be well-formed specs. Returns
 * its length, or 0 when `size` is too small. */
size_t message_write_subscribe(enum wire_format format, int64_t id, const char *const *symbols,
                               size_t count, uint8_t *out, size_t size);

#endif
