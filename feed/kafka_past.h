/* SPDX-License-Identifier: MIT */
/*
 * kafka_past: the ticks that Kafka's topics held before now, in the order of a replay: by time,
 * then partition, then offset, then the place in a message's array. For replays that first play
 * capture files, go on with what Kafka keeps from where those end, and then join live.
 *
 * One instance belongs to one thread, which it never keeps waiting; librdkafka's threads stand
 * behind it. Memory is bounded whatever the topics' size: a partition that is ahead in time is read
 * no further than its own small queue. Nothing is skipped without a word but what was never there
 * to be read: marks of transactions, and what compaction took.
 *
 *      places / from                                            ends
 *           |== handed out ==|-- the next tick --|~~ to be read ~~|  what live has had
 *                     kafka_past_places()                 kafka_past_extend() ->
 */
#ifndef TAPEHEAD_FEED_KAFKA_PAST_H
#define TAPEHEAD_FEED_KAFKA_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/tape_reader.h"
#include "schemas/tape_block.h"

struct kafka_past;

/* Everything is copied or used up by kafka_past_open(), but for `arg`. */
struct kafka_past_config {
    const char *brokers; /* host:port,... */
    /* Separated by commas; a topic's place in the list numbers its partitions, see tick_pos(). */
    const char *topics;
    /* "key=value" for librdkafka. Those that bound memory and waiting are set here over them. */
    const char *const *properties;
    size_t properties_count;
    enum tape_clock clock;     /* the ticks' times and the bounds below are by it */
    bool from, until;          /* whether the bounds hold, of each tick */
    int64_t from_ns, until_ns; /* [from_ns, until_ns) */
    /* Whether ticks of `symbol` are wanted; NULL: all are. Must always say the same. */
    bool (*wants)(void *arg, const char *symbol, size_t len);
    void *arg;
    /* Partitions that begin at this very offset and index. The others begin, with `from`, at the
     * first message whose Kafka timestamp is at or after it, else at the oldest kept. */
    const struct tape_place *places;
    uint32_t places_count;
    /* The brokers can't look up times, as librdkafka's mock can't: with `from`, too, partitions
     * without a place begin at the oldest kept, and what is before it is passed over. */
    bool timeless;
};

/* `ends`: the partitions there are, each with the offset to read up to, exclusive; index is 0.
 * Waits for nothing. Returns 0, or -errno with a sentence: -EINVAL for a bad setting or an unknown
 * topic's place in `ends`. */
int kafka_past_open(struct kafka_past **out, const struct kafka_past_config *config,
                    const struct tape_place *ends, uint32_t ends_count, char *error,
                    size_t error_size);

/* Accepts NULL. Takes up to a second where brokers don't answer. */
void kafka_past_close(struct kafka_past *past);

/* Go on up to these; new partitions may be among them, an earlier end than before is no news.
 * What was peeked but not taken is to be peeked anew, for another tick may now come before it.
 * Returns 0, or -errno as kafka_past_open(), and then nothing has changed. */
int kafka_past_extend(struct kafka_past *past, const struct tape_place *ends, uint32_t ends_count);

/* The tick that comes next, and its time: by the config's clock, of one partition never going back.
 * item->tick has Kafka's timestamp as rts_ns, or ts_ns where Kafka has none. Returns
 *
 *      1           with both set, which hold until kafka_past_take()
 *      0           everything up to the ends was handed out
 *      -EAGAIN     not known yet: ask again in a millisecond or so; see kafka_past_waits(). For
 *                  ever where there is no broker or no such topic, which the log says
 *      -EBADMSG    something is lost: offsets that retention has overtaken or that the log no
 *                  longer reaches, or a message that is no tick; a sentence with topic, partition
 *                  and offsets in kafka_past_error(); after kafka_past_take() what is behind it
 *                  comes
 *
 * or another -errno for good. Asked again it says the same until kafka_past_take(). Takes about a
 * millisecond at most. With `until`, a partition whose messages have all been a minute or more past
 * it for long (KAFKA_PAST_LATE_MESSAGES in a row) counts as read to its end. */
int kafka_past_peek(struct kafka_past *past, const struct tape_item **item, int64_t *time_ns);
void kafka_past_take(struct kafka_past *past);

enum { KAFKA_PAST_LATE_MESSAGES = 256 };

/* Of the last -EAGAIN: whether it waits for Kafka. False: only the turn was over, for there was
 * much to pass over; asked again at once it goes on. */
bool kafka_past_waits(const struct kafka_past *past);

/* How far each partition has been handed out: the next to come, unwanted ticks before it passed
 * over; so at a 0 from peek each place is at its end. By number. A partition that waits to be told
 * where it begins is not among them. Holds until the next call. */
const struct tape_place *kafka_past_places(const struct kafka_past *past, uint32_t *count);

const char *kafka_past_error(const struct kafka_past *past);

/* What an instance of so many partitions may claim at most. Most of it is a batch that a producer
 * wrote, for librdkafka unfolds each whole: here as large as its own producer makes them at most,
 * and Java's by default are far smaller. Where producers are set to larger ones, more is needed. */
uint64_t kafka_past_memory(uint32_t partitions);

enum { KAFKA_PAST_PRODUCED_MESSAGES = 10000, KAFKA_PAST_PRODUCED_BYTES = 1 << 20 };

#endif
