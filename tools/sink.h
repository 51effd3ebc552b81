/* SPDX-License-Identifier: MIT */
/*
 * sink: where gen and import send their ticks: a producer, what was sent through it, and the last
 * words about it. Main thread.
 */
#ifndef TAPEHEAD_TOOLS_SINK_H
#define TAPEHEAD_TOOLS_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/producer.h"
#include "tools/options.h"

/* What the shared options fill in. */
struct sink_settings {
    const char *brokers;
    const char *topic;
    int format; /* a place in sink_formats */
    struct option_list properties;
};

extern const char *const sink_formats[];

/* The four options that every sender has. */
/* clang-format off */
#define SINK_OPTIONS(settings)                                                                     \
    {.name = "brokers", .kind = OPTION_STRING, .required = true, .to.string = &(settings).brokers, \
     .value = "HOST:PORT,...", .help = "Kafka's bootstrap servers"},                                 \
    {.name = "topic", .kind = OPTION_STRING, .required = true, .to.string = &(settings).topic,     \
     .value = "NAME", .help = "the topic to send to"},                                             \
    {.name = "format", .kind = OPTION_CHOICE, .to.choice = &(settings).format,                     \
     .choices = sink_formats, .value = "F", .help = "msgpack (the default) or json"},              \
    {.letter = 'X', .kind = OPTION_PAIRS, .to.list = &(settings).properties,                       \
     .value = "key=value", .help = "a librdkafka setting; repeatable"}
/* clang-format on */

struct sink {
    const char *program; /* for messages */
    struct producer *producer;
    uint64_t sent; /* queued */
    int64_t started_ns;
};

/* Returns 0, or -errno after printing why. */
int sink_open(struct sink *sink, const char *program, const struct sink_settings *settings);

/* Queues one tick. Returns 0, or -errno after printing why. */
int sink_send(struct sink *sink, const struct tick *tick, const char *symbol, size_t symbol_len);

/* Waits for the acknowledgements. Returns whether everything was acknowledged; prints what wasn't.
 */
bool sink_flush(struct sink *sink);

double sink_seconds(const struct sink *sink);

/* Accepts a zeroed sink. */
void sink_close(struct sink *sink);

#endif
