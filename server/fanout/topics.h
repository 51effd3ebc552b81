/* SPDX-License-Identifier: MIT */
/*
 * topics: what subscribers have asked for, by text: a symbol ("BTC-USD", known or not), a prefix
 * ("BTC-*"), or all ("*"). It answers the question that a new symbol brings, "who waits for you?",
 * with one look-up a prefix length. Worker thread only.
 *
 *     text ─► topic ─► hold ─► hold ─► …      one hold a (topic, subscriber);
 *                       subscriber ─► hold ─► …   each is in two lists,
 *         (topic, subscriber) ─► hold             and found by what it is of
 */
#ifndef TAPEHEAD_SERVER_FANOUT_TOPICS_H
#define TAPEHEAD_SERVER_FANOUT_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/tick.h"

#define TOPIC_NONE UINT32_MAX

/* How a subscription is served. */
enum terms_mode {
    TERMS_ALL,    /* every tick; past the queue's bound the oldest are dropped, with a gap */
    TERMS_LATEST, /* per symbol only the newest waits */
    TERMS_STRICT, /* closed sooner than lose one */
};

struct terms {
    uint32_t interval_ms; /* TERMS_LATEST: at least so long between two ticks of a symbol */
    uint8_t mode;
    bool snapshot; /* the last tick known is sent first */
};

enum { TOPIC_TEXT_MAX = SYMBOL_LEN_MAX + 1 };

struct topic {
    char text[TOPIC_TEXT_MAX];
    uint8_t len;
    uint32_t holds; /* list through hold.next_of_topic */
    uint32_t bucket_next;
};

struct hold {
    uint32_t topic;
    uint32_t subscriber;
    uint32_t next_of_topic;
    uint32_t previous_of_topic;
    uint32_t next_of_subscriber;
    uint32_t previous_of_subscriber;
    uint32_t bucket_next;
    struct terms terms; /* for symbols that come later, too */
};

struct topics {
    struct topic *topics;
    struct hold *holds;
    uint32_t *buckets;      /* of topics */
    uint32_t *hold_buckets; /* as many */
    uint32_t buckets_mask;
    uint32_t max; /* holds, and so topics */
    uint32_t topics_used;
    uint32_t topics_free;
    uint32_t holds_used;
    uint32_t holds_free;
    uint32_t holds_live;
};

/* Returns 0 or -ENOMEM. What isn't used isn't resident. */
int topics_init(struct topics *topics, uint32_t max);
void topics_finish(struct topics *topics);

/* Adds a hold to the subscriber's list `*list`. Returns it, or TOPIC_NONE when there is no room. */
uint32_t topics_hold(struct topics *topics, uint32_t *list, uint32_t subscriber, const char *text,
                     size_t len, struct terms terms);

/* The subscriber's hold of this text, or TOPIC_NONE. */
uint32_t topics_find(const struct topics *topics, uint32_t subscriber, const char *text,
                     size_t len);
void topics_release(struct topics *topics, uint32_t *list, uint32_t hold);

bool topic_is_pattern(const struct topic *topic);
bool topic_matches(const struct topic *topic, const char *symbol, size_t len);

/* Calls `take` for each hold whose topic matches the symbol, the most specific last. `take` must
 * not add or release holds.
 */
typedef void topics_take(void *arg, const struct hold *hold);
void topics_each_matching(const struct topics *topics, const char *symbol, size_t len,
                          topics_take *take, void *arg);

#endif
