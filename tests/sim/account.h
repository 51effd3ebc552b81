/* SPDX-License-Identifier: MIT */
/*
 * account: the naive model of one connection: what it has asked for, what it must have received, or
 * been told in a gap. It is fed every message that the client reads, in order, and fails the seed
 * at the first that shouldn't be there; at rest it says whether anything is missing.
 *
 * A symbol's account begins at the last seq that the worker had seen when it carried out the
 * subscription: that is what `view` of an ask holds, noted when the io handed over its last byte.
 */
#ifndef TAPEHEAD_TESTS_SIM_ACCOUNT_H
#define TAPEHEAD_TESTS_SIM_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/truth.h"
#include "tests/sim/value.h"

enum { ASKS_MAX = 64, ASK_SPECS_MAX = 8, HELD_MAX = 32, SINCE_MAX = 3 };

enum mode { ALL, LATEST, STRICT };

enum ask_kind {
    ASK_SUBSCRIBE,
    ASK_UNSUBSCRIBE,
    ASK_UNSUBSCRIBE_ALL,
    ASK_LIST,
    ASK_PING,
    ASK_CONFIGURE,
    ASK_NONSENSE, /* is to be answered with an error */
};

/* Where a client says that it has got to: everything of the symbol up to and with this position. */
struct since {
    uint32_t symbol;
    uint64_t pos;
    uint16_t index;
};

/* A command that the client has sent and that isn't answered yet. */
struct ask {
    enum ask_kind kind;
    uint32_t id; /* 0: none */
    uint8_t specs[ASK_SPECS_MAX];
    uint32_t specs_count;
    bool snapshot;
    enum mode mode;
    uint32_t interval_ms; /* LATEST */
    struct since since[SINCE_MAX];
    uint32_t since_count;
    uint32_t max_delay_ms;
    uint64_t end;           /* in the stream of the client's bytes: the first after it */
    bool heard;             /* by the worker */
    struct truth_view view; /* the worker's, when it heard */
};

struct account_symbol {
    uint32_t holders; /* topics of the client that match it; 0: not subscribed */
    uint64_t at;      /* the last seq received or told of in a gap */
    bool snapshot_due;
    enum mode mode;
    uint64_t strict_from; /* STRICT: what was lost after it ends the connection */
    bool resumed;         /* by a `since`: the history answers for what came before */
    bool ahead;           /* and it has more than the server had: nothing up to `mark` is sent */
    struct since mark;
};

/* A subscription. */
struct held {
    uint8_t spec;
    enum mode mode;
};

/* What the settings allow the server to refuse. */
struct account_limits {
    uint32_t subscriptions;
    uint32_t queue_frames;
    uint64_t history_ticks;
    bool pools_are_tight;    /* server_full */
    bool commands_are_tight; /* too_many_commands */
};

struct account {
    struct truth *truth;
    uint32_t number; /* of the client, for the trace */
    uint32_t worker;
    struct account_limits limits;
    const uint64_t *drops; /* the worker's: while it is 0, no client may be told that it was slow */
    struct ask asks[ASKS_MAX];
    uint32_t asks_first, asks_count;
    struct held held[HELD_MAX]; /* in order of subscription */
    uint32_t held_count;
    bool ever_strict;
    bool strict_lost; /* a gap in mode strict: the close that must follow may name it no better */
    struct account_symbol symbols[TRUTH_SYMBOLS];
    bool welcomed;
    bool msgpack;
    bool shutdown_told;
    uint64_t ticks, gaps, dropped_told;
};

/* Subscription specs: names, patterns, and some that are neither. */
uint32_t specs_count(void);
const char *spec_text(uint32_t spec);

/* A new ask at the end; NULL while too many are unanswered. */
struct ask *account_ask(struct account *account);

/* The server has now been given `bytes` of the client's stream. */
void account_heard(struct account *account, uint64_t bytes);

void account_message(struct account *account, const struct value *message);

/* Every symbol's account must be settled up to what the worker has seen; those in mode latest only
 * at rest, for at a shutdown the newest tick doesn't wait for its interval. */
void account_check_complete(const struct account *account, bool at_rest);

/* Every command that the worker has heard must be answered. */
void account_check_answered(const struct account *account);

#endif
