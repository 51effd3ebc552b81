/* SPDX-License-Identifier: MIT */
/*
 * fanout: a tick to the queues of those who want it. One worker's symbols, subscribers, and the
 * pairs of both. Worker thread only; no descriptor, no clock.
 *
 *     fanout_tick   symbol ─► frame, once a format ─► roster ─► each pair ─► its subscriber's sendq
 * ─► dirty gather.h      dirty subscriber ─► one send
 *
 * A pair is the account between a subscriber and a symbol. Everything up to `sent_seq` was sent or
 * announced as a gap; what comes after it is in the queue, or was dropped from it and is found
 * missing by comparing `seq` when the next frame is gathered. No drop is remembered, so none can be
 * forgotten.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_FANOUT_H
#define TAPEHEAD_SERVER_FANOUT_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/claims.h"
#include "schemas/tick_value.h"
#include "server/fanout/encode.h"
#include "server/fanout/frame.h"
#include "server/fanout/history.h"
#include "server/fanout/lane.h"
#include "server/fanout/list.h"
#include "server/fanout/names.h"
#include "server/fanout/roster.h"
#include "server/fanout/sendq.h"
#include "server/fanout/spool.h"
#include "server/fanout/topics.h"

#define PAIR_NONE UINT32_MAX

enum pair_flags {
    PAIR_FRESH = 1, /* in its subscriber's list of those whose last tick is to be sent; nothing is
                       queued meanwhile */
    PAIR_SNAPSHOT = 2, /* and it goes as a snapshot */
    PAIR_RESUMING = 4, /* and before it what the history holds */
    PAIR_AHEAD = 8, /* the client has ticks that are still to come here, up to `queued_seq` read as
                       a position */
    PAIR_RESTING = 16, /* its interval has not passed: see fanout_rest */
    PAIR_GONE = 32,    /* unsubscribed; lives on until nothing refers to it */
    PAIR_JOINING = 64, /* PAIR_RESUMING, and the history's first tick is one that a replay has
                          played already: it goes as a snapshot */
};

struct pair {
    uint64_t sent_seq;
    uint64_t queued_seq; /* the last that was put in the queue, whatever became of it */
    uint32_t subscriber;
    uint32_t symbol;
    uint32_t waiting;  /* entries in the queue */
    uint32_t next_due; /* in the list of fresh, or of free pairs */
    uint32_t next_of_subscriber;
    uint32_t previous_of_subscriber;
    uint32_t bucket_next;
    struct roster_place place;
    uint32_t interval_ms;
    uint32_t cursor;  /* PAIR_RESUMING: where in the history; PAIR_AHEAD: the mark's index */
    uint16_t holders; /* how many of the subscriber's topics match */
    uint8_t mode;     /* enum terms_mode */
    uint8_t flags;
};

_Static_assert(sizeof(struct pair) == 64, "a pair is one cache line");

/* Why a subscriber must be closed. */
enum fanout_doom {
    DOOM_NONE,
    DOOM_STARVED, /* a pool ran out under one of its patterns */
    DOOM_STRICT,  /* a strict subscription lost a tick */
    DOOM_CONTROL, /* its control lane refused a message */
};

struct fanout_symbol {
    struct tick last; /* seq 0 when there was none */
    char name[SYMBOL_LEN_MAX];
    uint32_t len;
    uint32_t rosters[ENCODE_FORMATS];
};

/* What must outlive a send that broke off inside a frame: that frame's end. */
struct rest {
    uint8_t *data;
    uint32_t head;
    uint32_t len;
};

struct subscriber {
    struct sendq queue;
    uint8_t format; /* ENCODE_JSON or ENCODE_MSGPACK, and ENCODE_DEFLATED */
    bool active;
    bool dirty;        /* in one of the fanout's lists of those with something to send */
    bool broad;        /* has many more pairs than others, when last taken off that list */
    bool held;         /* not to be put there: a send is under way, or the socket is full */
    bool patient;      /* ticks alone don't put it there: its window is open */
    uint8_t doom;      /* enum fanout_doom */
    bool doomed;       /* in the list of those that must be closed */
    bool owes;         /* something was dropped since the queue was last empty */
    uint32_t dirty_ms; /* when it was put there */
    uint32_t fresh_first;
    uint32_t fresh_last;
    uint64_t dropped;  /* ticks, since it joined */
    uint64_t overload; /* ticks that the feed had merged, as told to it */
    uint64_t delivered;

    struct lane lane;
    uint32_t lane_max;
    struct rest rest;
    struct spool *spool; /* of the replay that is played to it, instead of subscriptions; or NULL */
    uint32_t pairs;
    uint32_t pairs_count;
    uint32_t holds;
    uint32_t holds_count;
};

struct fanout_config {
    uint32_t subscribers_max;
    uint32_t symbols_max;
    uint32_t pairs_max;
    uint32_t holds_max;         /* topics of all subscribers together */
    uint32_t queue_frames_max;  /* a subscriber */
    uint32_t queue_bytes_max;   /* a subscriber */
    uint32_t control_bytes_max; /* a subscriber */
    uint64_t control_budget;    /* all control lanes together */
    uint64_t arena_bytes;
    uint32_t arena_frames;
    uint32_t history_ticks;
};

/* Wakes a resting pair: see fanout_wake(). The owner of time keeps the alarm; `due_ms` 0 takes it
 * back. */
typedef void fanout_rest(void *arg, uint32_t pair, int64_t due_ms);

struct fanout {
    struct fanout_config config;
    struct fanout_symbol *symbols;
    uint32_t symbols_count;
    struct names names;
    struct subscriber *subscribers;
    struct frames frames;
    struct sendq_pool queues;
    struct roster_pool rosters;
    struct topics topics;
    struct lane_budget lanes;
    struct deflate *deflate; /* for all whose format is deflated */

    struct pair *pairs;
    uint32_t pairs_used;
    uint32_t pairs_free;
    uint32_t pairs_live;
    uint32_t holders;   /* subscribers with a pair */
    uint32_t graveyard; /* gone, but a send under way may still name them: see fanout_bury() */
    uint32_t *buckets;  /* (subscriber, symbol) to pair index + 1 */
    uint32_t buckets_mask;

    struct list dirty;  /* have something to send */
    struct list broad;  /* have, too, but go after those: see fanout_mark_dirty() */
    struct list doomed; /* must be closed */
    struct history history;
    struct history_span *spans; /* by symbol */
    fanout_rest *rest;
    void *rest_arg;
    int64_t now_ms; /* the turn's, for intervals */

    uint64_t delivered; /* ticks and snapshots that sockets took */
    uint64_t pushed;    /* frames put into queues */
    uint64_t dropped;   /* ticks dropped from them because the client was slow */
    uint64_t overload_gaps;
    uint64_t encoded;
};

/* Returns 0 or -ENOMEM. Memory that isn't used isn't resident. */
int fanout_init(struct fanout *fanout, const struct fanout_config *config);
void fanout_finish(struct fanout *fanout);

/* What these settings claim at most. */
void fanout_claims(const struct fanout_config *config, struct claims *claims);

/* From the ring. */
void fanout_symbol(struct fanout *fanout, uint32_t symbol, const char *name, uint32_t len);
void fanout_tick(struct fanout *fanout, const struct tick *tick);

void fanout_join(struct fanout *fanout, uint32_t subscriber, int format);
void fanout_leave(struct fanout *fanout, uint32_t subscriber);

/* Ends all its subscriptions and drops what waits of them; the control lane stays. */
void fanout_silence(struct fanout *fanout, uint32_t subscriber);

enum fanout_answer {
    FANOUT_OK,      /* subscribed, also when it was before */
    FANOUT_FULL,    /* a pool of the server's is used up: nothing was changed */
    FANOUT_UNKNOWN, /* unsubscribe: there was no such subscription */
};

/* What a client already has of a symbol; from here on it wants the rest. */
struct fanout_since {
    const char *symbol;
    uint32_t symbol_len;
    struct history_mark mark;
};

struct fanout_request {
    struct terms terms;
    const struct fanout_since *since; /* in the order of names_compare() */
    uint32_t since_count;
    /* A replay has played each partition up to these, nothing of the others, and goes over to live
     * ticks; NULL: there was none. */
    const struct history_mark *played;
    uint32_t played_count;
};

/* `text` is a good symbol or pattern. One that is held already gets the new terms. */
enum fanout_answer fanout_subscribe(struct fanout *fanout, uint32_t subscriber, const char *text,
                                    size_t len, const struct fanout_request *request);
/* Whether the history holds everything of what `text` matches from the request's `played` on. */
bool fanout_remembers(struct fanout *fanout, const char *text, size_t len,
                      const struct fanout_request *request);
enum fanout_answer fanout_unsubscribe(struct fanout *fanout, uint32_t subscriber, const char *text,
                                      size_t len);

/* Puts a control message, whole frames, on the subscriber's lane. On false it is doomed. */
bool fanout_control(struct fanout *fanout, uint32_t subscriber, const void *data, uint32_t len);

/* Puts the subscriber in a list of those with something to send, unless it is there or held: in
 * `broad` if it has more than twice as many pairs as the average, so that the others don't wait for
 * all that it is sent; but not while more waits than fills a send: it mustn't fall behind. */
void fanout_mark_dirty(struct fanout *fanout, uint32_t subscriber);

static inline bool fanout_has_dirty(const struct fanout *fanout)
{
    return fanout->dirty.count || fanout->broad.count;
}

/* The next of `list`, which is `dirty` or `broad`. */
bool fanout_take_dirty(struct fanout *fanout, struct list *list, uint32_t *subscriber);

/* Whether one of `broad` has waited that long. */
bool fanout_broad_waits(const struct fanout *fanout, uint32_t ms);

/* The subscriber must be closed, whatever its socket does. */
void fanout_doom(struct fanout *fanout, uint32_t subscriber, enum fanout_doom cause);

/* The next that must be closed, with the cause in its `doom`. */
bool fanout_take_doomed(struct fanout *fanout, uint32_t *subscriber);

/* A resting pair's interval has passed. */
void fanout_wake(struct fanout *fanout, uint32_t pair);

/* Bytes of ticks that wait: queued ones, or a replay's. */
uint32_t fanout_waiting_bytes(const struct subscriber *subscriber);

/* Whether anything waits for this subscriber: bytes of a begun frame, control, snapshots, ticks,
 * owed gaps. */
bool fanout_waiting(const struct subscriber *subscriber);

/* Frees what has gone since the last call. Only while no send is under way. */
void fanout_bury(struct fanout *fanout);

/* For gather: an entry has left the queue without being sent. */
void fanout_drop(struct fanout *fanout, struct subscriber *sub, uint32_t pair);

/* For gather: the pair has one entry less, or one due list less. */
void fanout_unref(struct fanout *fanout, struct pair *pair);

#endif
