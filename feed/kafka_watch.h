/* SPDX-License-Identifier: MIT */
/*
 * kafka_watch: asks the brokers the slow questions, on a thread of its own, so that thread F never
 * waits for an answer: which partitions are there, who leads them, at which offset does reading
 * begin.
 *
 * It answers through a table under a mutex, which F looks at when `changed` says so: the one lock
 * that F takes, held for a copy at most. It also keeps the instant at which each broker was last
 * heard (called by librdkafka's threads), the one proof of life that an idle market gives.
 *
 *      watcher: found -> [led?] -> bounds asked -> placed ---> F: consume from `begin`
 *                                       ^                           | out of range
 *                                       +------- kafka_watch_lost --+
 */
#ifndef TAPEHEAD_FEED_KAFKA_WATCH_H
#define TAPEHEAD_FEED_KAFKA_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "feed/feed.h"
#include "feed/kafka_from.h"

struct rd_kafka_s;
struct rd_kafka_topic_s;

enum {
    KAFKA_TOPICS_MAX = 16, /* a position's 16 bits of partition are topic * 4096 + partition */
    KAFKA_TOPIC_PARTITIONS_MAX = 4096,
    KAFKA_HEARD =
        256, /* brokers told apart; ids beyond share a place, which only hides a silence */
};

/* A partition as the watcher knows it; the place in the table is that in feed_metrics.partitions.
 */
struct kafka_found {
    uint32_t topic;
    int32_t partition;
    int32_t leader;         /* broker id, negative while it has none */
    uint32_t placed;        /* how often it was given a place: F begins anew at each rise */
    struct kafka_span span; /* valid once placed */
    int64_t end;            /* as of then */
    int64_t resumes;        /* at this offset, negative: where `from` says */
    bool added;             /* it came after the start: read from its beginning */
    bool waits;             /* for a place */
    bool was_lost;          /* by F, at `position`, after a message of `newest_ms` */
    int64_t position, newest_ms;
};

struct kafka_watch {
    /* Set before the thread starts. */
    struct rd_kafka_s *rk;
    struct rd_kafka_topic_s *topics[KAFKA_TOPICS_MAX];
    uint32_t topics_count;
    struct kafka_from from;
    uint64_t warmup;
    uint32_t refresh_ms;
    const struct feed_position *positions;
    size_t positions_count;

    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t wake;

    /* Under the lock. */
    bool stop, hurry, nudge;
    bool changed;  /* since F looked */
    bool complete; /* each topic exists and was looked at */
    uint32_t count;
    struct kafka_found found[FEED_PARTITIONS_MAX];

    /* The watcher's own. */
    bool
        looked_at[KAFKA_TOPICS_MAX]; /* or known not to exist: what appears from now on was added */
    bool missing_logged[KAFKA_TOPICS_MAX];
    bool too_many_logged;

    /* Librdkafka's threads write, F reads: monotonic ns at which a broker last answered. */
    _Atomic int64_t heard_ns[KAFKA_HEARD];
};

/* Starts the thread; the first group of fields is set. Returns 0 or -errno. */
int kafka_watch_start(struct kafka_watch *watch);

/* Stops and joins; a question under way may take half a second. Accepts a zeroed watch. */
void kafka_watch_stop(struct kafka_watch *watch);

/* F: copies the table to `found` (FEED_PARTITIONS_MAX) if it has changed since the last call;
 * returns whether it did. */
bool kafka_watch_take(struct kafka_watch *watch, struct kafka_found *found, uint32_t *count,
                      bool *complete);

/* F: partition `i` has no message at `position` any more, or not yet; the last one read had
 * `newest_ms` as timestamp, negative if none. It will be placed anew. */
void kafka_watch_lost(struct kafka_watch *watch, uint32_t i, int64_t position, int64_t newest_ms);

/* F: something is amiss, look now. */
void kafka_watch_hurry(struct kafka_watch *watch);

/* F: the queue was long and no longer is. Librdkafka 2.0 lets a broker's thread that has found the
 * queue full sleep out its second before it fetches again (its issue 2879; from 2.2 on there is
 * fetch.queue.backoff.ms). A request to the broker wakes the thread, so the watcher sends each
 * leader a small one. */
void kafka_watch_nudge(struct kafka_watch *watch);

/* Librdkafka's threads: a broker has answered. */
void kafka_watch_heard(struct kafka_watch *watch, int32_t broker);

/* F: when broker `id` was last heard; 0 for never. */
int64_t kafka_watch_heard_ns(struct kafka_watch *watch, int32_t broker);

/* F: when any was. */
int64_t kafka_watch_heard_any_ns(struct kafka_watch *watch);

#endif
