/* SPDX-License-Identifier: MIT */
/*
 * kafka_settings: what feed_config says about Kafka, checked and put into librdkafka's terms.
 */
#ifndef TAPEHEAD_FEED_KAFKA_SETTINGS_H
#define TAPEHEAD_FEED_KAFKA_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "feed/feed.h"
#include "feed/kafka_from.h"
#include "feed/kafka_watch.h"

enum { KAFKA_TOPIC_LEN_MAX = 249 }; /* Kafka's own bound */

struct rd_kafka_conf_s;

struct kafka_settings {
    struct rd_kafka_conf_s *conf; /* the caller's to destroy, or to hand to rd_kafka_new() */
    char topics[KAFKA_TOPICS_MAX][KAFKA_TOPIC_LEN_MAX + 1];
    uint32_t topics_count;
    struct kafka_from from;
    const struct feed_position *positions; /* the caller's */
    size_t positions_count;
    uint64_t warmup;
    uint32_t refresh_ms;
    int64_t silence_max_ns; /* from a broker that is asked for more all the time */
};

/* Returns 0, or -EINVAL with a sentence that names the setting; then there is no conf to destroy.
 */
int kafka_settings_read(const struct feed_config *config, struct kafka_settings *settings,
                        char *error, size_t error_size);

/* Bytes that librdkafka's queues may hold by these settings. */
uint64_t kafka_settings_memory(const struct feed_config *config);

#endif
