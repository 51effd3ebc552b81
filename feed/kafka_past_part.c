/* SPDX-License-Identifier: MIT */
#include "feed/kafka_past_part.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "feed/kafka_watch.h"
#include "schemas/tick_value.h"

enum {
    TURN_NS = 1000000,  /* of passing over what isn't wanted, in one peek */
    NUDGE_NS = 2000000, /* at least, from one nudge to the next */
    LATE_S = 60,        /* past the bound: clocks and producers aren't that far apart */
};

/* A log that ends before what live has had: a new leader may learn of it late, one that was made
 * anew never does. */
#define SHORT_NS INT64_C(3000000000)

struct kafka_past_part *kafka_past_part_create(struct kafka_past_shared *shared,
                                               rd_kafka_topic_t *topic, uint32_t number,
                                               int64_t end)
{
    struct kafka_past_part *part = calloc(1, sizeof *part);
    if (!part)
        return NULL;
    part->shared = shared;
    part->topic = topic;
    part->name = rd_kafka_topic_name(topic);
    part->number = number;
    part->partition = (int32_t)(number % KAFKA_TOPIC_PARTITIONS_MAX);
    part->state = PAST_UNPLACED;
    part->end = end;
    part->time_ns = INT64_MIN;
    return part;
}

/* ---- fetching ---- */

static void drop_messages(struct kafka_past_part *part)
{
    while (part->batch_at < part->batch_count)
        rd_kafka_message_destroy(part->batch[part->batch_at++]);
    if (part->message)
        rd_kafka_message_destroy(part->message);
    part->message = NULL;
    part->batch_at = part->batch_count = 0;
}

static void stop(struct kafka_past_part *part)
{
    if (!part->queue)
        return;
    drop_messages(part);
    rd_kafka_consume_stop(part->topic,
                          part->partition); /* waits for librdkafka's own thread only */
    /* What it had fetched ahead is outdated now, yet stays in the queue until someone looks. */
    rd_kafka_message_t *none;
    if (rd_kafka_consume_batch_queue(part->queue, 0, &none, 1) == 1)
        rd_kafka_message_destroy(none);
    rd_kafka_queue_destroy(part->queue);
    part->queue = NULL;
}

static void start(struct kafka_past_part *part)
{
    stop(part);
    part->state = PAST_READING;
    part->owed = false;
    if (rd_kafka_consume_start(part->topic, part->partition, part->next) == 0)
        part->queue = rd_kafka_queue_get_partition(part->shared->rk, part->name, part->partition);
    if (part->queue)
        return;
    LOG_ERROR("kafka.not_started", "topic=%s partition=%d error=%s", part->name, part->partition,
              rd_kafka_err2name(rd_kafka_last_error()));
    part->state = PAST_LOST; /* the next look's answer starts it again */
}

static void finish(struct kafka_past_part *part)
{
    stop(part);
    part->state = PAST_ENDED;
    part->held = true;
    part->short_ns = 0;
    if (part->next >= part->end)
        return;
    part->next = part->end;
    part->index = 0;
}

void kafka_past_part_destroy(struct kafka_past_part *part)
{
    if (!part)
        return;
    stop(part);
    free(part);
}

void kafka_past_part_begin(struct kafka_past_part *part, int64_t offset, uint32_t index, bool held)
{
    part->next = offset;
    part->index = index;
    part->held = held;
    if (part->next >= part->end)
        finish(part);
    else
        start(part);
}

void kafka_past_part_extend(struct kafka_past_part *part, int64_t end)
{
    if (end <= part->end)
        return;
    part->end = end;
    if (part->state == PAST_ENDED)
        kafka_past_part_begin(part, part->next, part->index, true);
}

/* Librdkafka 2.0 lets a broker's thread that has found its queues full sleep out its second before
 * it fetches again, see kafka_watch_nudge(). Any request to the broker wakes it; with no time to
 * wait this one is only sent, and librdkafka throws the answer away. */
static void nudge(struct kafka_past_part *part)
{
    int64_t now_ns = clock_mono_ns();
    if (now_ns - part->nudged_ns < NUDGE_NS ||
        rd_kafka_queue_length(part->queue) >= KAFKA_PAST_QUEUE_MESSAGES)
        return;
    part->owed = false;
    part->nudged_ns = now_ns;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, part->name, part->partition)->offset =
        RD_KAFKA_OFFSET_END;
    rd_kafka_offsets_for_times(part->shared->rk, list, 0);
    rd_kafka_topic_partition_list_destroy(list);
}

static bool refill(struct kafka_past_part *part)
{
    ssize_t count = rd_kafka_consume_batch_queue(part->queue, 0, part->batch, KAFKA_PAST_BATCH);
    part->batch_at = 0;
    part->batch_count = count > 0 ? (uint32_t)count : 0;
    part->owed = part->owed || part->batch_count > 0;
    if (part->owed)
        nudge(part);
    return part->batch_count > 0;
}

/* ---- what is lost ---- */

/* What is said of it is made of `next`, `skip_to` and `why` when it is told. */
static void lose(struct kafka_past_part *part, int64_t to, const char *why)
{
    part->amiss = true;
    part->skip_to = to;
    snprintf(part->why, sizeof part->why, "%s", why);
}

static void lose_message(struct kafka_past_part *part, int error)
{
    char why[sizeof part->why];
    snprintf(why, sizeof why, "no tick, reason=%s bytes=%zu", value_error_name(error),
             part->message->len);
    lose(part, part->next + 1, why);
    rd_kafka_message_destroy(part->message);
    part->message = NULL;
}

static void tell(const struct kafka_past_part *part)
{
    struct kafka_past_shared *shared = part->shared;
    if (part->skip_to == part->next + 1)
        snprintf(shared->error, sizeof shared->error, "topic=%s partition=%d offset %lld: %s",
                 part->name, part->partition, (long long)part->next, part->why);
    else
        snprintf(shared->error, sizeof shared->error,
                 "topic=%s partition=%d offsets %lld to %lld: %s", part->name, part->partition,
                 (long long)part->next, (long long)(part->skip_to - 1), part->why);
}

/* The log ends at `tail`, which is before `end`. */
static void note_short(struct kafka_past_part *part, int64_t tail)
{
    char why[64];
    int64_t now_ns = clock_mono_ns();
    if (part->short_ns == 0)
        part->short_ns = now_ns;
    if (now_ns - part->short_ns < SHORT_NS)
        return;
    snprintf(why, sizeof why, "the log ends at %lld", (long long)tail);
    lose(part, part->end, why);
}

void kafka_past_part_pass(struct kafka_past_part *part)
{
    part->amiss = false;
    part->next = part->skip_to;
    part->index = 0;
    if (part->next >= part->end)
        finish(part);
    else if (part->state == PAST_LOST)
        start(part);
}

/* ---- placing ---- */

bool kafka_past_part_asks(const struct kafka_past_part *part)
{
    return !part->amiss && (part->state == PAST_UNPLACED || part->state == PAST_LOST);
}

static void place(struct kafka_past_part *part, const struct kafka_past_question *a)
{
    int64_t at = a->low;
    /* Where no message is so late, one that came since the look may be. */
    if (part->shared->config.from && !part->shared->config.timeless)
        at = a->by_time < 0 ? a->end : a->by_time;
    at = at < a->low ? a->low : at;
    kafka_past_part_begin(part, at < part->end ? at : part->end, 0, false);
}

static void place_again(struct kafka_past_part *part, const struct kafka_past_question *a)
{
    int64_t low = a->low < part->end ? a->low : part->end;
    if (low > part->next && part->held)
        lose(part, low, "no longer kept");
    else if (low > part->next)
        kafka_past_part_begin(part, low, 0, false);
    else if (a->end < part->next)
        note_short(part, a->end);
    else
        start(part); /* it is there after all */
}

void kafka_past_part_answer(struct kafka_past_part *part, const struct kafka_past_question *answer)
{
    if (part->state == PAST_UNPLACED)
        place(part, answer);
    else if (kafka_past_part_asks(part))
        place_again(part, answer);
}

/* ---- messages ---- */

static void note_error(struct kafka_past_part *part, const rd_kafka_message_t *m)
{
    char quoted[256];
    struct log_rate *rate = &part->shared->errors;
    const char *text = rd_kafka_message_errstr(m);
    if (!log_rate_allows(rate, clock_mono_ns()))
        return;
    LOG_WARN("kafka.partition_error", "topic=%s partition=%d error=%s text=%s suppressed=%llu",
             part->name, part->partition, rd_kafka_err2name(m->err),
             log_quote(text, (uint32_t)strlen(text), quoted, sizeof quoted),
             (unsigned long long)rate->suppressed);
    rate->suppressed = 0;
}

static void take_event(struct kafka_past_part *part, const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        part->state = PAST_LOST;
        return;
    }
    if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        note_error(part, m);
        return;
    }
    /* What lies between was compacted away, or is marks of transactions: nothing to read. */
    if (m->offset > part->next) {
        part->next = m->offset < part->end ? m->offset : part->end;
        part->index = 0;
    }
    if (part->next < part->end)
        note_short(part, part->next);
}

/* Makes the next message the one to be decoded, if it is one. Returns 0, or -EAGAIN where nothing
 * has come. */
static int next_message(struct kafka_past_part *part)
{
    if (part->batch_at == part->batch_count && !refill(part)) {
        if (part->short_ns)
            note_short(part, part->next);
        return -EAGAIN;
    }
    rd_kafka_message_t *m = part->batch[part->batch_at++];
    if (m->err) {
        take_event(part, m);
    } else if (m->offset >= part->end) {
        part->next = part->end;
        part->index = 0;
    } else if (m->offset >= part->next) {
        part->index = m->offset == part->next ? part->index : 0;
        part->next = m->offset;
        part->held = true;
        part->short_ns = 0;
        part->message = m;
        return 0;
    }
    rd_kafka_message_destroy(m);
    return 0;
}

/* Whether it is within the bounds, and what it tells of how far past the later one the log is. */
static bool is_in_time(struct kafka_past_part *part, int64_t time_ns)
{
    const struct kafka_past_config *config = &part->shared->config;
    bool past = config->until && time_ns >= config->until_ns;
    /* Unsigned, for the distance between two int64 may not fit one. */
    if (!past || (uint64_t)time_ns - (uint64_t)config->until_ns < LATE_S * UINT64_C(1000000000))
        part->late = false;
    return !past && (!config->from || time_ns >= config->from_ns);
}

static void take_tick(void *arg, const struct tick *decoded, const char *symbol, size_t symbol_len)
{
    struct kafka_past_part *part = arg;
    const struct kafka_past_config *config = &part->shared->config;
    uint32_t index = part->seen++;
    if (index < part->index || part->full)
        return;
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(part->message, &type);
    bool stamped = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms >= 0;
    int64_t rts_ns = stamped ? ms * 1000000 : decoded->ts_ns;
    if (!is_in_time(part, config->clock == TAPE_EVENT ? decoded->ts_ns : rts_ns) ||
        (config->wants && !config->wants(config->arg, symbol, symbol_len)))
        return;
    if (part->count == KAFKA_PAST_WINDOW) {
        part->full = true;
        part->resume = index;
        return;
    }
    struct kafka_past_item *item = &part->items[part->count++];
    item->tick = *decoded;
    item->tick.pos = tick_pos(part->number, (uint64_t)part->next);
    item->tick.index = (uint16_t)index;
    item->tick.rts_ns = rts_ns;
    item->len = (uint32_t)symbol_len;
    memcpy(item->symbol, symbol, symbol_len);
}

/* Reads the next window of the message's ticks. Returns 0 or -EBADMSG. */
static int decode(struct kafka_past_part *part)
{
    part->at = part->count = part->seen = 0;
    part->full = false;
    part->late = part->shared->config.until;
    int result = tick_value_read(part->message->payload, part->message->len, take_tick, part);
    if (result < 0) {
        lose_message(part, result);
        return -EBADMSG;
    }
    if (part->full) {
        part->index = part->resume;
        return 0;
    }
    rd_kafka_message_destroy(part->message);
    part->message = NULL;
    part->next++;
    part->index = 0;
    part->late_messages = part->late && result > 0 ? part->late_messages + 1 : 0;
    if (part->late_messages >= KAFKA_PAST_LATE_MESSAGES)
        finish(part);
    return 0;
}

/* ---- the next tick ---- */

static bool turn_is_over(struct kafka_past_shared *shared)
{
    int64_t now_ns = clock_mono_ns();
    if (shared->turn_ends_ns == 0)
        shared->turn_ends_ns = now_ns + TURN_NS;
    shared->turn_over = now_ns >= shared->turn_ends_ns;
    return shared->turn_over;
}

/* One step towards the next tick. Returns as kafka_past_part_fill(), with 1 also where it isn't
 * known yet. */
static int advance(struct kafka_past_part *part)
{
    if (part->amiss)
        return -EBADMSG;
    if (part->state == PAST_READING && part->next >= part->end)
        finish(part);
    if (part->state == PAST_ENDED)
        return 0;
    if (part->state != PAST_READING)
        return -EAGAIN;
    int result = part->message ? 0 : next_message(part);
    if (result == 0 && part->message)
        result = decode(part);
    if (part->amiss)
        return -EBADMSG;
    return result < 0 ? result : 1;
}

int kafka_past_part_fill(struct kafka_past_part *part)
{
    while (part->at == part->count) {
        int result = advance(part);
        if (result == -EBADMSG)
            tell(part);
        if (result <= 0)
            return result;
        if (part->at == part->count && turn_is_over(part->shared))
            return -EAGAIN;
    }
    const struct tick *tick = &part->items[part->at].tick;
    int64_t time_ns = part->shared->config.clock == TAPE_EVENT ? tick->ts_ns : tick->rts_ns;
    part->time_ns = time_ns > part->time_ns ? time_ns : part->time_ns;
    return 1;
}

struct tape_place kafka_past_part_place(const struct kafka_past_part *part)
{
    bool known = part->at < part->count;
    const struct tick *tick = &part->items[known ? part->at : 0].tick;
    return (struct tape_place){
        .partition = (uint16_t)part->number,
        .index = (uint16_t)(known ? tick->index : part->index),
        .offset = known ? tick_offset(tick) : (uint64_t)part->next,
    };
}
