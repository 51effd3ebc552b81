/* SPDX-License-Identifier: MIT */
/*
 * history: a worker's newest ticks of all symbols, in the order of their arrival, each linked to
 * its symbol's neighbours. A client that comes back resumes from here, and what it is sent ends
 * where the live ticks begin, since the newest tick is always among them. Bounded; the oldest makes
 * room. Worker thread only.
 *
 *      ring    [ a1 b1 a2 c1 b2 a3 ]        symbol a: oldest ─► a1 ◄─► a2 ◄─► a3 ◄─ newest
 */
#ifndef TAPEHEAD_SERVER_FANOUT_HISTORY_H
#define TAPEHEAD_SERVER_FANOUT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/tick.h"

#define HISTORY_NONE UINT32_MAX

/* What is kept of one symbol. */
struct history_span {
    uint32_t oldest;
    uint32_t newest;
};

struct history_entry {
    struct tick tick;
    uint32_t older; /* of the same symbol */
    uint32_t newer;
};

struct history {
    struct history_entry *entries;
    uint32_t max;
    uint32_t next; /* the slot to be written */
    uint32_t count;
};

/* Where a client has got to: it has every tick of the partition up to and including this one. */
struct history_mark {
    uint64_t pos;
    uint16_t index;
};

/* `ticks` may be 0: then nothing is kept. Returns 0 or -ENOMEM. What isn't used isn't resident. */
int history_init(struct history *history, uint32_t ticks);
void history_finish(struct history *history);

/* `spans` are the symbols' own, by symbol id: the one that loses its oldest tick is found there. */
void history_add(struct history *history, const struct tick *tick, struct history_span *spans);

/* Whether the tick lies at or before the mark; false in another partition. */
bool history_is_before(const struct tick *tick, struct history_mark mark);

enum history_answer {
    HISTORY_AT,    /* `*seq` is the last that the client has: what comes after it is kept */
    HISTORY_LOST,  /* the mark is from before what is kept */
    HISTORY_AHEAD, /* the mark is at the newest tick or beyond it */
};

enum history_answer history_find(const struct history *history, struct history_span span,
                                 struct history_mark mark, uint64_t *seq);

/* A cursor kept from an earlier call, if it still stands on the tick `seq`; else HISTORY_NONE. */
uint32_t history_resume_cursor(const struct history *history, struct history_span span,
                               uint64_t seq, uint32_t cursor);

/* The symbol's first kept tick after `seq`; NULL when there is none. `*cursor` (HISTORY_NONE at
 * first) makes the next call quick. */
const struct tick *history_after(const struct history *history, struct history_span span,
                                 uint64_t seq, uint32_t *cursor);

#endif
