/* SPDX-License-Identifier: MIT */
/*
 * broker: librdkafka's mock cluster in this process, and a plain producer that puts any bytes into
 * a partition.
 */
#ifndef TAPEHEAD_TESTS_UNIT_FEED_BROKER_H
#define TAPEHEAD_TESTS_UNIT_FEED_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broker;

struct broker *broker_create(void);
void broker_destroy(struct broker *broker);
const char *broker_address(const struct broker *broker);

void broker_create_topic(struct broker *broker, const char *topic, int partitions);

/* The topic is there but answers as if it weren't, or is as it should be again. */
void broker_hide_topic(struct broker *broker, const char *topic, bool hidden);

/* Queues one message; `type` is the content-type header, NULL for none. */
void broker_put(struct broker *broker, const char *topic, int32_t partition, const void *value,
                size_t len, const char *type);

/* The same, without a header and with a timestamp. */
void broker_put_at(struct broker *broker, const char *topic, int32_t partition, const void *value,
                   size_t len, int64_t timestamp_ms);

/* Queues one JSON tick of `symbol` whose id is `id`. */
void broker_put_tick(struct broker *broker, const char *topic, int32_t partition,
                     const char *symbol, uint64_t id);

/* Waits until all that was put is in the log. */
void broker_flush(struct broker *broker);

/* The broker refuses connections and drops those it has, or is back. */
void broker_set_up(struct broker *broker, bool up);

/* The partition has no leader, or has again. */
void broker_set_led(struct broker *broker, const char *topic, int32_t partition, bool led);

/* The next fetches answer that the offset is out of range, though it isn't. */
void broker_disown_offsets(struct broker *broker);

#endif
