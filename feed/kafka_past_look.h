/* SPDX-License-Identifier: MIT */
/*
 * kafka_past_look: asks the brokers where logs begin and end and where a time stands in them, on a
 * thread that lives for one round of questions, so that who reads the past never waits.
 *
 * The owner fills in the questions and begins; the thread writes the answers; the owner reads them
 * once kafka_past_look_done() has said so, which has then joined the thread.
 */
#ifndef TAPEHEAD_FEED_KAFKA_PAST_LOOK_H
#define TAPEHEAD_FEED_KAFKA_PAST_LOOK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct rd_kafka_s;

/* Of one partition. */
struct kafka_past_question {
    const char *topic; /* the owner's, while the look lasts */
    int32_t partition;
    uint32_t number;
    bool answered;
    int64_t low, end; /* the log holds [low, end) */
    int64_t by_time;  /* the first at or after from_ms, negative where there is none */
};

struct kafka_past_look {
    /* Set before it begins, and the answers' when it is done. */
    struct rd_kafka_s *rk;
    bool from; /* whether to ask for from_ms */
    int64_t from_ms;
    struct kafka_past_question *questions;
    uint32_t count;
    const char *failure; /* librdkafka's name of why some aren't answered; NULL: all are */

    pthread_t thread;
    bool running; /* the owner's */
    pthread_mutex_t lock;
    bool stop, done; /* under the lock */
};

void kafka_past_look_init(struct kafka_past_look *look);

/* Returns 0 or -errno. */
int kafka_past_look_begin(struct kafka_past_look *look);

/* Whether a look that was begun has ended. Says so once. */
bool kafka_past_look_done(struct kafka_past_look *look);

/* Ends one that is under way, which may take half a second, and the structure with it. */
void kafka_past_look_finish(struct kafka_past_look *look);

#endif
