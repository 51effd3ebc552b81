/* SPDX-License-Identifier: MIT */
/*
 * source: the small interface between feed.c and what it is fed from: Kafka, the simulator, or
 * capture files.
 *
 * Made and started by main, then thread F's alone until stopped: poll() hands ticks to a sink and
 * updates the source's part of feed_metrics. A live source never waits for the sink's readers, a
 * tape asks for room and does. None publishes or knows a ring.
 */
#ifndef TAPEHEAD_FEED_SOURCE_H
#define TAPEHEAD_FEED_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "feed/feed.h"
#include "schemas/tick_value.h"

/* Where ticks go. `take` gets every field set but symbol, seq and kind; the name needn't be
 * terminated and lives until the return. */
struct source_sink {
    value_emit *take;
    /* How many ticks can be taken now without merging any. A live source doesn't ask. */
    uint64_t (*room)(void *arg);
    void *arg;
};

struct source;

struct source_ops {
    /* Begins; `sink` and `metrics` stay valid until destroy. Returns 0 or -errno with a sentence.
     */
    int (*start)(struct source *source, const struct source_sink *sink,
                 struct feed_metrics *metrics, char *error, size_t error_size);

    /* Thread F: waits at most `timeout_ms` for something, then hands over what is there, up to a
     * bound of the source's own. Returns at once where there is much. */
    void (*poll)(struct source *source, int timeout_ms);

    /* Thread F: how things stand. FEED_STARTING until it first was live. */
    enum feed_state (*state)(const struct source *source);

    /* Thread F: whether warm-up is through. Never goes back. */
    bool (*ready)(const struct source *source);

    /* Any thread: "topic" and number of metrics.partitions[i], for i below
     * metrics.partitions_count. */
    const char *(*partition)(const struct source *source, uint32_t i, int32_t *number);

    /* After F has ended, or without start. */
    void (*destroy)(struct source *source);
};

/* The first member of every source. */
struct source {
    const struct source_ops *ops;
};

/* Makes the source that config->source names. Returns 0, or -errno (-EINVAL for a bad setting) with
 * a sentence. */
int source_create(struct source **out, const struct feed_config *config, char *error,
                  size_t error_size);

/* Bytes that its queues may hold at most. */
uint64_t source_memory_max(const struct feed_config *config);

/* As feed_create(), fed from `source`, which the feed then owns (on failure the caller still does).
 */
int feed_create_from(struct feed **out, const struct feed_config *config, struct source *source,
                     char *error, size_t error_size);

/* The makers that source_create() chooses among. `text` is what follows "sim:" or "file:". */
int kafka_create(struct source **out, const struct feed_config *config, char *error,
                 size_t error_size);
uint64_t kafka_memory_max(const struct feed_config *config);
uint64_t file_source_memory_max(const char *text);
int file_source_create(struct source **out, const char *text, char *error, size_t error_size);
int sim_source_create(struct source **out, const char *text, char *error, size_t error_size);

#endif
