/* SPDX-License-Identifier: MIT */
/*
 * kafka_conf: what consumer, producer and demo share of librdkafka's configuration: setting
 * properties with errors that name them, and its log as our events.
 */
#ifndef TAPEHEAD_FEED_KAFKA_CONF_H
#define TAPEHEAD_FEED_KAFKA_CONF_H

#include <stddef.h>

struct rd_kafka_conf_s;

struct kafka_default {
    const char *key, *value;
};

/* Applies our defaults. They are known to be good: a refusal is a CHECK. */
void kafka_conf_defaults(struct rd_kafka_conf_s *conf, const struct kafka_default *defaults,
                         size_t count);

/* Applies the user's "key=value". Returns 0, or -EINVAL with a sentence that names the property. */
int kafka_conf_properties(struct rd_kafka_conf_s *conf, const char *const *properties, size_t count,
                          char *error, size_t error_size);

/* librdkafka's log lines become events "kafka.log". */
void kafka_conf_log(struct rd_kafka_conf_s *conf);

#endif
