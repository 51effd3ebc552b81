/* SPDX-License-Identifier: MIT */
/*
 * producer: ticks to a Kafka topic, for tapectl and the demo; never used on thread F. One thread a
 * producer.
 */
#ifndef TAPEHEAD_FEED_PRODUCER_H
#define TAPEHEAD_FEED_PRODUCER_H

#include <stddef.h>
#include <stdint.h>

#include "schemas/tick_value.h"

struct producer;

struct producer_config {
    const char *brokers;
    const char *topic;
    const char *const *properties; /* "key=value" for librdkafka */
    size_t properties_count;
    enum value_format format; /* VALUE_JSON or VALUE_MSGPACK; sets the content-type header */
};

/* Returns 0, or -errno with a sentence that names the setting. */
int producer_create(struct producer **out, const struct producer_config *config, char *error,
                    size_t error_size);

/* Queues one tick, keyed by its symbol; waits while the local queue is full, serving deliveries.
 * Returns 0, or -errno with the cause in producer_error(). */
int producer_send(struct producer *producer, const struct tick *tick, const char *symbol,
                  size_t symbol_len);

/* Serves delivery reports for up to timeout_ms; call it now and then. */
void producer_poll(struct producer *producer, int timeout_ms);

/* Waits until every queued tick is acknowledged or failed. Returns 0, or -ETIMEDOUT. */
int producer_flush(struct producer *producer, int timeout_ms);

uint64_t producer_delivered(const struct producer *producer);
uint64_t producer_failed(const struct producer *producer);

/* The last failure as a sentence, "" when there was none. */
const char *producer_error(const struct producer *producer);

void producer_destroy(struct producer *producer);

#endif
