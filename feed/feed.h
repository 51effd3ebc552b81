/* SPDX-License-Identifier: MIT */
/*
 * feed: thread F. Polls one source, gives each tick its per-symbol `seq`, publishes batches to the
 * ring and rings the doorbells of workers that sleep.
 *
 * It never waits for a worker. When the ring is full it conflates: per symbol only the newest tick
 * waits, and the jump in `seq` that the workers then see is what they announce as a gap of reason
 * `overload`.
 */
#ifndef TAPEHEAD_FEED_FEED_H
#define TAPEHEAD_FEED_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "feed/base.h"
#include "feed/claims.h"
#include "feed/doorbell.h"
#include "feed/ring.h"
#include "schemas/tick_value.h"

/* Where reading of a partition is to begin. */
struct feed_position {
    const char *topic;
    int32_t partition;
    int64_t offset;
};

struct feed_config {
    const char *source;            /* "kafka" or "sim:seed=1,rate=5000,symbols=50" */
    const char *brokers;           /* kafka: host:port,… */
    const char *topics;            /* kafka: comma-separated */
    const char *from;              /* kafka: latest, earliest, RFC 3339, or -N per partition */
    const char *const *properties; /* kafka: "key=value" for librdkafka */
    size_t properties_count;
    const struct feed_position *positions; /* kafka: of partitions for which `from` doesn't hold */
    size_t positions_count;
    uint64_t warmup;               /* kafka: messages a partition read before ready */
    uint32_t partition_refresh_ms; /* kafka: how often partitions are looked for */
    uint32_t stall_ms; /* kafka: how long a fetch may fail before the state is `stalled` */
    uint32_t symbols_max;
    uint64_t ring_slots;
    uint32_t workers;
};

/* What heartbeats call `source`. */
enum feed_state { FEED_STARTING, FEED_LIVE, FEED_STALLED, FEED_LOST, FEED_REPLAY };

const char *feed_state_name(enum feed_state state);

enum { FEED_PARTITIONS_MAX = 1024 };

struct feed_partition {
    counter offset; /* the next to be consumed */
    counter end;    /* the broker's high watermark as last heard; lag is end - offset */
};

/* F writes, anyone reads (counter_get). */
struct feed_metrics {
    counter state;    /* enum feed_state */
    counter ready;    /* 1 once warm-up is through */
    counter ended;    /* 1 once the source has no more, and the server is to stop for that */
    counter messages; /* Kafka messages consumed, good or bad */
    counter bytes;
    counter ticks; /* taken in, warm-up included */
    counter symbols;
    counter
        rejected[VALUE_ERROR_COUNT]; /* by -enum value_error; [0] is symbols beyond symbols_max */
    counter conflated;               /* ticks merged because the ring was full */
    counter waiting;                 /* now: symbols whose newest tick waits for room in it */
    counter lag_ms;                  /* receipt minus the newest message's own timestamp */
    counter state_changes;
    counter
        duplicates; /* kafka: messages at or below the last consumed of their partition, dropped */
    counter resets; /* kafka: times a partition's position was no longer there */
    counter lost;   /* kafka: offsets that retention deleted before they were read */
    counter holes;  /* kafka: offsets not there between two read: compaction, transaction marks */
    counter partitions_count;
    struct feed_partition partitions[FEED_PARTITIONS_MAX]; /* in order of discovery */
};

struct feed;

/* Allocates; starts nothing. On failure returns -errno (-EINVAL for a bad setting) and a sentence
 * in `error` that names the setting. Strings in `config` must outlive the feed. */
int feed_create(struct feed **out, const struct feed_config *config, char *error,
                size_t error_size);

/* Starts thread F. Returns 0 or -errno with a sentence. */
int feed_start(struct feed *feed, char *error, size_t error_size);

/* Stops and joins thread F; the ring stays readable. Returns within a second. */
void feed_stop(struct feed *feed);
void feed_destroy(struct feed *feed);

struct ring *feed_ring(struct feed *feed);
struct doorbell *feed_doorbell(struct feed *feed, uint32_t worker);
const struct feed_metrics *feed_metrics(const struct feed *feed);

/* "topic" and partition number of metrics.partitions[i], for labels. */
const char *feed_partition_topic(const struct feed *feed, uint32_t i, int32_t *partition);

/* Any thread: how far that partition is consumed. Every tick before it has been published, unless
 * metrics.waiting, read after this, says that some wait for room in the ring. */
uint64_t feed_reached(const struct feed *feed, uint32_t i);

/* What F may claim at most: ring, symbols, source queues. */
void feed_claims(const struct feed_config *config, struct claims *claims);

#endif
