/* SPDX-License-Identifier: MIT */
/*
 * tick_value: what both codecs share: the errors of a Kafka value, the callback that takes its
 * ticks, bounds of the encoded forms, and the choice of codec.
 */
#ifndef TAPEHEAD_SCHEMAS_TICK_VALUE_H
#define TAPEHEAD_SCHEMAS_TICK_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/tick.h"

enum {
    VALUE_TICKS_MAX = 4096, /* in one message */
    VALUE_TICK_MAX = 512,   /* bytes of one encoded tick as a Kafka value */
    WIRE_TICK_MAX = 704,    /* bytes of one wire message of a tick or gap, in either format */
};

/* Why a Kafka value was refused; each is a metric's label, see value_error_name(). */
enum value_error {
    VALUE_EMPTY = -1,  /* no bytes (a tombstone) */
    VALUE_SYNTAX = -2, /* neither JSON nor msgpack as announced, or cut short, or bytes left over */
    VALUE_SHAPE = -3,  /* well formed, but not a tick or an array of ticks */
    VALUE_SYMBOL = -4, /* "s" missing or not 1..32 bytes of the alphabet */
    VALUE_PRICE = -5,  /* "p" missing or not a decimal */
    VALUE_SIZE = -6,   /* "q" missing or not a decimal */
    VALUE_DECIMAL_RANGE = -7, /* a decimal that doesn't fit int64 * 10^int8 */
    VALUE_SIDE = -8,          /* "side" is none of buy, sell, none */
    VALUE_ID = -9,            /* "id" is not a uint64, as a number or its decimal string */
    VALUE_TIME = -10,         /* "t" missing or not an integer of nanoseconds */
    VALUE_TOO_MANY = -11,     /* more than VALUE_TICKS_MAX ticks, or nested too deeply */
    VALUE_ERROR_COUNT = 12,   /* of the above, plus one */
};

/* A short lower-case name such as "syntax" or "decimal_range"; never NULL. */
const char *value_error_name(int error);

/* Takes one tick: every field but symbol, seq, pos, rts_ns, quiet and kind is set. `symbol` isn't
 * terminated and lives until the return. */
typedef void value_emit(void *arg, const struct tick *tick, const char *symbol, size_t symbol_len);

/* Whether `symbol` is 1..32 bytes of A-Z a-z 0-9 . _ - / : @ */
bool symbol_is_valid(const char *symbol, size_t len);

/* Whether `symbol` is the one that `pattern` names, or begins as it does where it ends in '*'. */
bool symbol_matches(const char *pattern, const char *symbol, size_t len);

/* Whether it is so for any of the patterns. */
bool symbol_matches_any(const char *const *patterns, size_t count, const char *symbol, size_t len);

enum value_format { VALUE_JSON, VALUE_MSGPACK };

/* Reads a value. Its first byte tells the format: maps and arrays of msgpack begin at 0x80 and
 * above, JSON with a bracket or white space, below. Returns as tick_json_read(). */
int tick_value_read(const uint8_t *data, size_t len, value_emit *emit, void *arg);

enum wire_tick_type { WIRE_TRADE = 1, WIRE_SNAPSHOT = 2 };

/* Why ticks didn't reach a client; the wire's `gap.reason` is gap_reason_name(). */
enum gap_reason {
    GAP_SLOW_CLIENT,
    GAP_OVERLOAD,
    GAP_HISTORY,
    GAP_SOURCE,
    GAP_REASON_COUNT,
};

const char *gap_reason_name(enum gap_reason reason);

struct wire_gap {
    uint64_t from; /* the first seq missing */
    uint64_t to;   /* the last; count is to - from + 1 */
    enum gap_reason reason;
};

#endif
