/* SPDX-License-Identifier: MIT */
/*
 * timeline: what a replay plays, as one: the archive's capture files, then Kafka's own history from
 * where they end, up to what the live feed has reached. Player thread only.
 *
 * Positions are the server's: a partition's number is `topic's place in --topic * 4096 + partition`
 * whatever the capture file calls it; topics that the server doesn't serve are numbered after
 * those.
 */
#ifndef TAPEHEAD_SERVER_REPLAY_TIMELINE_H
#define TAPEHEAD_SERVER_REPLAY_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/archive.h"
#include "feed/feed.h"
#include "feed/kafka_past.h"
#include "feed/replay.h"

enum {
    TIMELINE_PLACES_MAX = FEED_PARTITIONS_MAX,
    TIMELINE_TRACKS_MAX = 8, /* series of files at a time: a reader's memory each */
    TIMELINE_TOPICS_MAX = 32,
};

/* What there is to be played, the same for all. Strings outlive the timelines. */
struct timeline_stock {
    const char *archive; /* a folder; "" for none */
    const char *brokers; /* "" where the source is no Kafka */
    const char *topics;  /* separated by commas */
    const char *const *properties;
    size_t properties_count;
    bool timeless;           /* the brokers can't look up times: the demo's can't */
    uint32_t partitions_max; /* of Kafka's, that a replay has memory for */
    const struct feed *feed; /* how far live has come */
};

/* What of it is wanted. */
struct timeline_wish {
    enum tape_clock clock;
    bool from, until;
    int64_t from_ns, until_ns;  /* [from_ns, until_ns) by `clock` */
    const char *const *symbols; /* names, or beginnings that end in '*' */
    size_t symbols_count;
};

struct timeline {
    const struct timeline_stock *stock;
    struct archive *archive; /* the thread's */
    struct timeline_wish wish;
    const char **paths; /* of the archive's files that the tape plays */
    struct replay *tape;
    struct kafka_past *past;
    struct tape_item out;
    struct tape_place places[TIMELINE_PLACES_MAX]; /* once the tape has ended */
    uint32_t places_count;
    char topics[TIMELINE_TOPICS_MAX][TAPE_TOPIC_LEN_MAX + 1];
    uint32_t topics_count, topics_served, topic; /* the last one */
    char error[512];
};

/* How far live has come, any thread: each partition that it has found, with the offset that it
 * reads next. `heads` holds TIMELINE_PLACES_MAX. Returns how many. */
uint32_t timeline_heads(const struct timeline_stock *stock, struct tape_place *heads);

/* `archive` may be NULL. */
void timeline_init(struct timeline *timeline, const struct timeline_stock *stock,
                   struct archive *archive);

/* Begins, or begins anew. `wish` and what it points to must outlive it. Returns 0, or -errno with a
 * sentence in `error`. */
int timeline_open(struct timeline *timeline, const struct timeline_wish *wish);

/* Lets go of files and Kafka. */
void timeline_close(struct timeline *timeline);

/* The tick that comes next, and its time by the wish's clock. Returns 1; 0 at the end; -EAGAIN
 * where it isn't known yet; -EBADMSG where something is lost, with a sentence in `error`, and what
 * stands behind it comes next; or another -errno for good. Says the same until timeline_take(). */
int timeline_peek(struct timeline *timeline, const struct tape_item **item, int64_t *time_ns);
void timeline_take(struct timeline *timeline);

/* After -EAGAIN: whether Kafka is waited for; else it may be asked again at once. */
bool timeline_waits(const struct timeline *timeline);

/* At the end: goes on up to where live is now. Returns how many messages that are, at most
 * INT32_MAX, or -errno with a sentence. */
int timeline_extend(struct timeline *timeline);

/* At the end: how far each partition has been played. */
const struct tape_place *timeline_places(struct timeline *timeline, uint32_t *count);

#endif
