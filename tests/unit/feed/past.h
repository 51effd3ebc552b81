/* SPDX-License-Identifier: MIT */
/*
 * past: a reader of kafka_past for tests: takes all that comes, checks that each peek says the same
 * twice, and keeps ticks and losses. And what it is to read: ticks put into the mock broker.
 */
#ifndef TAPEHEAD_TESTS_UNIT_FEED_PAST_H
#define TAPEHEAD_TESTS_UNIT_FEED_PAST_H

#include <stdint.h>

#include "broker.h"
#include "feed/kafka_past.h"

enum { PAST_TICKS_MAX = 70000, PAST_LOSSES_MAX = 8 };

/* Event time and timestamps count from here; whole milliseconds. */
#define PAST_BASE_NS INT64_C(1700000000000000000)

struct past_tick {
    struct tick tick;
    char symbol[SYMBOL_LEN_MAX + 1];
    int64_t time_ns;
};

/* What was read since past_clear(). */
struct past {
    struct past_tick ticks[PAST_TICKS_MAX];
    uint32_t count;
    char losses[PAST_LOSSES_MAX][512];
    uint32_t losses_count;
    int64_t longest_peek_ns;
};

extern struct past past;

void past_clear(void);
struct kafka_past *past_open(const struct kafka_past_config *config, const struct tape_place *ends,
                             uint32_t count);
void past_keep(const struct tape_item *item, int64_t time_ns);
int past_peek(struct kafka_past *kafka, const struct tape_item **item, int64_t *time_ns);

/* Adds what comes, up to the end or until `max` ticks are there. */
void past_read(struct kafka_past *kafka, uint32_t max);

/* Clears, and reads all from opening to end, where each place must be at its own. */
void past_play(const struct kafka_past_config *config, const struct tape_place *ends,
               uint32_t count);

/* A broker with the topic "trades", and how to read that. */
struct broker *past_broker(int partitions);
struct kafka_past_config past_config(const struct broker *broker);

/* Writes a tick as JSON; returns its length. */
int past_write(char *out, size_t size, const char *symbol, uint64_t id, int64_t ts_ns);

void past_put(struct broker *broker, const char *topic, int32_t partition, const char *symbol,
              uint64_t id, int64_t event_ms, int64_t stamp_ms);

/* A message of `count` ticks with ids from `id`. */
void past_put_array(struct broker *broker, int32_t partition, uint64_t id, uint32_t count,
                    int64_t stamp_ms);

/* `count` ticks a partition from `first` on, a millisecond from one to the next, ids as the offsets
 * where `first` is; EVEN and ODD in turn. Waits until they are there. */
void past_put_series(struct broker *broker, int partitions, uint64_t first, uint64_t count);

#endif
