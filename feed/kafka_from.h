/* SPDX-License-Identifier: MIT */
/*
 * kafka_from: where in a partition reading begins: the --from setting, and what it comes to once
 * the partition's bounds are known. Pure.
 *
 *      low            begin          start               end
 *       |- - - - - - - |~~~~~~~~~~~~~~|====================|
 *         what is kept    warm-up       ticks of the tape    what comes
 */
#ifndef TAPEHEAD_FEED_KAFKA_FROM_H
#define TAPEHEAD_FEED_KAFKA_FROM_H

#include <stdint.h>

enum kafka_from_kind { FROM_LATEST, FROM_EARLIEST, FROM_TIME, FROM_TAIL };

struct kafka_from {
    enum kafka_from_kind kind;
    int64_t time_ms; /* FROM_TIME: since 1970 UTC, rounded down to what Kafka keeps */
    int64_t tail;    /* FROM_TAIL: so many messages before the end */
};

struct kafka_span {
    int64_t begin; /* the first to be read */
    int64_t start; /* the first that isn't warm-up */
};

/* Reads "latest", "earliest", "-N" or an RFC 3339 time with up to nine decimals. Returns 0 or
 * -EINVAL. */
int kafka_from_parse(const char *text, struct kafka_from *out);

/* For a partition that holds the offsets [low, end); `by_time` is the first at or after
 * from->time_ms, negative where there is none. */
struct kafka_span kafka_from_span(const struct kafka_from *from, uint64_t warmup, int64_t low,
                                  int64_t end, int64_t by_time);

#endif
