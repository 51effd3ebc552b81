/* SPDX-License-Identifier: MIT */
/*
 * kafka_health: tells live from stalled from lost, and when warm-up is through, from what thread F
 * knows of its partitions and from when each broker was last heard. F only; no clock of its own.
 */
#ifndef TAPEHEAD_FEED_KAFKA_HEALTH_H
#define TAPEHEAD_FEED_KAFKA_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/feed.h"
#include "feed/kafka_watch.h"

/* F's side of a partition. */
struct kafka_part {
    uint32_t topic;
    int32_t number;
    uint32_t placed;   /* kafka_found.placed that we consume by; 0: not yet consumed */
    int64_t next;      /* offset */
    int64_t start;     /* below it messages are warm-up */
    int64_t newest_ms; /* timestamp of the last message, negative for none */
    int64_t heard_ns;  /* monotonic: a message or the end */
    int64_t failed_ns; /* monotonic: an error of this partition, 0 for none since */
    int32_t leader;
    bool lost;    /* waits to be placed anew */
    bool reached; /* its start */
};

struct kafka_health {
    struct kafka_watch *watch; /* for when brokers were heard */
    int64_t silence_max_ns;    /* a longer one is a stall */
    int64_t started_ns;
    int64_t down_ns; /* when all brokers were last said to be down, 0 for never */
    bool complete;   /* every topic is there */
    bool ready;      /* every partition has reached its start; never goes back */
    enum feed_state state;
};

/* Looks at all partitions anew: sets `state` and `ready`. */
void kafka_health_judge(struct kafka_health *health, const struct kafka_part *parts, uint32_t count,
                        int64_t now_ns);

/* Whether the watcher should look at once. */
bool kafka_health_is_amiss(const struct kafka_health *health, const struct kafka_part *parts,
                           uint32_t count, int64_t now_ns);

#endif
