/* SPDX-License-Identifier: MIT */
/*
 * demo: an embedded Kafka broker (librdkafka's mock cluster) and a thread that plays the simulator
 * into it, so that the whole path runs with nothing to install.
 */
#ifndef TAPEHEAD_FEED_DEMO_H
#define TAPEHEAD_FEED_DEMO_H

#include <stddef.h>

#include "feed/sim.h"

struct demo;

/* Starts the broker with `partitions` partitions of `topic` and the thread. Returns 0, or -errno
 * with a sentence. */
int demo_create(struct demo **out, const struct sim_config *sim, const char *topic, int partitions,
                char *error, size_t error_size);

/* "127.0.0.1:port", for feed_config.brokers. */
const char *demo_brokers(const struct demo *demo);

/* What feed_config.properties needs before the user's own: the embedded broker doesn't cut a
 * waiting fetch short when a message comes, as Kafka does, so fetches must wait but briefly. */
const char *const *demo_properties(size_t *count);

/* Stops the thread and the broker. */
void demo_destroy(struct demo *demo);

#endif
