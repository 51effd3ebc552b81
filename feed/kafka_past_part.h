/* SPDX-License-Identifier: MIT */
/*
 * kafka_past_part: one partition's side of kafka_past: where it stands, what of it librdkafka
 * fetches ahead, and its next wanted ticks. The instance's thread only.
 *
 *      unplaced --(look)--> reading --(end)--> ended --(extend)--> reading
 *                            |   ^
 *               out of range v   | (look), after telling what is lost
 *                            lost
 *
 * A message of many ticks is decoded by windows, again for each, so that a partition's memory
 * doesn't hang on how many a producer puts into one.
 */
#ifndef TAPEHEAD_FEED_KAFKA_PAST_PART_H
#define TAPEHEAD_FEED_KAFKA_PAST_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/kafka_past.h"
#include "feed/kafka_past_look.h"
#include "feed/log.h"

struct rd_kafka_s;
struct rd_kafka_topic_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;

enum {
    KAFKA_PAST_WINDOW = 256,         /* ticks decoded ahead */
    KAFKA_PAST_BATCH = 64,           /* messages taken from librdkafka at a time */
    KAFKA_PAST_QUEUE_MESSAGES = 500, /* fetching ahead ends at so many */
};

enum kafka_past_state {
    PAST_UNPLACED, /* where it begins is being asked */
    PAST_READING,
    PAST_LOST, /* Kafka has no message at `next`: where to go on is being asked */
    PAST_ENDED,
};

/* What an instance's partitions share. */
struct kafka_past_shared {
    struct rd_kafka_s *rk;
    struct kafka_past_config config; /* only what tells which ticks are wanted */
    struct log_rate errors;
    int64_t turn_ends_ns; /* monotonic; 0: nothing was passed over in this turn yet */
    bool turn_over;
    char error[512];
};

struct kafka_past_item {
    struct tick tick;
    uint32_t len;
    char symbol[SYMBOL_LEN_MAX];
};

struct kafka_past_part {
    struct kafka_past_shared *shared;
    struct rd_kafka_topic_s *topic;
    const char *name; /* the topic's */
    int32_t partition;
    uint32_t number;
    enum kafka_past_state state;
    bool queued; /* kafka_past.c's: among those whose next tick is known */

    /* The place: the next to be decoded, and where reading ends. */
    int64_t next, end;
    uint32_t index;   /* of the message at `next`, the first tick to come */
    bool held;        /* `next` was promised or reached: what is missing from there is lost */
    int64_t short_ns; /* monotonic: since when the log has ended before `end`; 0: it doesn't */

    /* [next, skip_to) is lost, which is told before reading goes on behind it. */
    bool amiss;
    int64_t skip_to;
    char why[96];

    /* While reading. */
    struct rd_kafka_queue_s *queue;
    struct rd_kafka_message_s *batch[KAFKA_PAST_BATCH];
    uint32_t batch_at, batch_count;
    struct rd_kafka_message_s *message; /* being decoded */
    bool owed;                          /* the queue was taken from since the last nudge */
    int64_t nudged_ns;

    /* The decoding under way. */
    uint32_t seen, resume;
    bool full; /* the window was, at `resume` */
    bool late; /* each tick so far is long past the bound */
    uint32_t late_messages;

    /* Ticks to come: [at, count). */
    uint32_t at, count;
    int64_t time_ns; /* of the first of them, or of the last handed out */
    struct kafka_past_item items[KAFKA_PAST_WINDOW];
};

/* NULL without memory. Unplaced until kafka_past_part_begin() or an answer. */
struct kafka_past_part *kafka_past_part_create(struct kafka_past_shared *shared,
                                               struct rd_kafka_topic_s *topic, uint32_t number,
                                               int64_t end);

/* Accepts NULL. */
void kafka_past_part_destroy(struct kafka_past_part *part);

/* `held`: what is missing from there on is to be told. */
void kafka_past_part_begin(struct kafka_past_part *part, int64_t offset, uint32_t index, bool held);
void kafka_past_part_extend(struct kafka_past_part *part, int64_t end);

/* Makes its next tick known. Returns 1, 0 at the end, -EAGAIN, or -EBADMSG with the sentence in
 * shared->error. */
int kafka_past_part_fill(struct kafka_past_part *part);

/* After -EBADMSG: go on behind it. */
void kafka_past_part_pass(struct kafka_past_part *part);

/* Whether a look is to be had for it, and what that has told. */
bool kafka_past_part_asks(const struct kafka_past_part *part);
void kafka_past_part_answer(struct kafka_past_part *part, const struct kafka_past_question *answer);

struct tape_place kafka_past_part_place(const struct kafka_past_part *part);

#endif
