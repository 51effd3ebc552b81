/* SPDX-License-Identifier: MIT */
/*
 * reel: a capture file of simulated ticks in a folder of its own, and what a reader gets out of it.
 * The n-th tick has n as its id.
 */
#ifndef TAPEHEAD_TESTS_UNIT_FEED_REEL_H
#define TAPEHEAD_TESTS_UNIT_FEED_REEL_H

#include <stdbool.h>

#include "feed/tape_reader.h"
#include "feed/tape_writer.h"

enum { REEL_TICKS_MAX = 1 << 16, REEL_PARTITIONS = 3 };

/* In order of capture. */
struct reel_tick {
    struct tick tick;
    char symbol[SYMBOL_LEN_MAX + 1];
};

struct reel {
    char path[64];
    struct reel_tick *ticks;
    uint32_t count; /* made so far */
    uint64_t offsets[REEL_PARTITIONS];
    struct sim *sim;
};

/* Ticks of `symbols` symbols, five to a millisecond, in three partitions of two topics; every 16th
 * has an event time before the last one's, every 10th Kafka message has two ticks. */
struct reel *reel_create(uint32_t symbols);
void reel_destroy(struct reel *reel);

/* The file as bytes, and back. */
size_t reel_load(const struct reel *reel, uint8_t *bytes, size_t size);
void reel_store(const struct reel *reel, const uint8_t *bytes, size_t size);

struct tape_writer *reel_writer(const struct reel *reel, uint32_t block_bytes);

/* Makes `count` more ticks and appends them. */
void reel_append(struct reel *reel, struct tape_writer *writer, uint32_t count);

/* A whole file of `count` ticks. */
void reel_fill(struct reel *reel, uint32_t count, uint32_t block_bytes);

/* All that a reader says of a file. */
struct reel_heard {
    uint32_t ticks;   /* each as it was made, in order */
    uint32_t damages; /* -EBADMSG */
    uint32_t notices;
    uint64_t lost;      /* ticks, by the damages */
    bool lost_unknown;  /* one of them doesn't know */
    bool torn;          /* the last damage was the torn end */
    uint32_t last;      /* id of the last tick */
    int result;         /* in the end: 0 or -errno */
    char sentence[512]; /* the last damage or failure */
};

struct tape_reader *reel_reader(const struct reel *reel, struct reel_heard *heard);

/* Asserts that a tick is the one of its id. */
void reel_check(const struct reel *reel, const struct tape_reader *reader,
                const struct tape_item *item);

/* Reads to the end, over all damage. */
void reel_hear(const struct reel *reel, struct reel_heard *heard);

#endif
