/* SPDX-License-Identifier: MIT */
/*
 * kafka_past: see kafka_past.h. Merges its partitions' next ticks by a heap; what a single one does
 * is in kafka_past_part.c, what would make its thread wait in kafka_past_look.c.
 *
 * A tick is handed out only when the next of every partition that has one is known. Partitions are
 * asked for theirs in the order of their numbers, up to the first that doesn't know: so what is
 * told as lost comes at the same place each time, too.
 */
#include "feed/kafka_past.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "feed/kafka_conf.h"
#include "feed/kafka_past_part.h"
#include "feed/kafka_settings.h"
#include "feed/log.h"

enum {
    LOOK_MS = 100, /* at least, from one look to the next */
    QUEUE_KBYTES = 64,
    FETCH_MAX_BYTES = 1 << 20,
    MESSAGE_OVERHEAD = 320, /* librdkafka's own of a queued message; 270 were measured */
};

/* Over the user's, which are meant for the server's one live consumer. Only what lies ready is
 * fetched, so a broker needs no time to wait for more. */
static const struct kafka_default bounds[] = {
    {"queued.min.messages", "500"},       /* KAFKA_PAST_QUEUE_MESSAGES, of each partition */
    {"queued.max.messages.kbytes", "64"}, /* QUEUE_KBYTES, likewise */
    {"fetch.message.max.bytes", "65536"}, {"fetch.min.bytes", "1"}, {"fetch.wait.max.ms", "10"},
};

struct kafka_past {
    struct kafka_past_shared shared;
    struct kafka_past_look look;
    int64_t look_again_ns;
    bool failed; /* the last look did, and the log has it */
    rd_kafka_topic_t *topics[KAFKA_TOPICS_MAX];
    uint32_t topics_count;
    struct tape_place *begins; /* the config's places */
    uint32_t begins_count;

    /* By number, and so many places and questions. */
    struct kafka_past_part **parts;
    uint32_t parts_count;
    struct tape_place *places;

    /* Those whose next tick is known, as a heap with the first to come at its root. */
    struct kafka_past_part **heap;
    uint32_t heap_count;
    bool taken; /* the root's next tick isn't known yet, its last was handed out */
    bool all;   /* any may lack its next tick */

    struct kafka_past_part *amiss; /* whose loss is being told */
    struct tape_item item;
};

/* ---- the order ---- */

/* Whether `a` comes before `b`; within a partition the log's order stands. */
static bool is_before(const struct kafka_past_part *a, const struct kafka_past_part *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->number < b->number;
}

static void swap(struct kafka_past *past, uint32_t i, uint32_t j)
{
    struct kafka_past_part *part = past->heap[i];
    past->heap[i] = past->heap[j];
    past->heap[j] = part;
}

static void sink_root(struct kafka_past *past)
{
    uint32_t at = 0;
    for (;;) {
        uint32_t first = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < past->heap_count; child++)
            if (is_before(past->heap[child], past->heap[first]))
                first = child;
        if (first == at)
            return;
        swap(past, at, first);
        at = first;
    }
}

static void push(struct kafka_past *past, struct kafka_past_part *part)
{
    uint32_t at = past->heap_count++;
    past->heap[at] = part;
    part->queued = true;
    while (at > 0 && is_before(past->heap[at], past->heap[(at - 1) / 2])) {
        swap(past, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void drop_root(struct kafka_past *past)
{
    past->heap[0]->queued = false;
    past->heap[0] = past->heap[--past->heap_count];
    sink_root(past);
}

/* ---- looking ---- */

static void take_answers(struct kafka_past *past)
{
    if (past->look.failure && !past->failed)
        LOG_WARN("kafka.offsets_unknown", "reason=%s", past->look.failure);
    past->failed = past->look.failure != NULL;
    for (uint32_t i = 0, at = 0; i < past->look.count; i++) {
        const struct kafka_past_question *q = &past->look.questions[i];
        while (past->parts[at]->number != q->number)
            at++;
        if (q->answered)
            kafka_past_part_answer(past->parts[at], q);
    }
}

static void ask(struct kafka_past *past)
{
    struct kafka_past_look *look = &past->look;
    look->count = 0;
    for (uint32_t i = 0; i < past->parts_count; i++) {
        const struct kafka_past_part *part = past->parts[i];
        if (kafka_past_part_asks(part))
            look->questions[look->count++] = (struct kafka_past_question){
                .topic = part->name, .partition = part->partition, .number = part->number};
    }
    if (look->count > 0)
        kafka_past_look_begin(look); /* if not, the next try is as soon as after a failed one */
}

static void look_around(struct kafka_past *past)
{
    if (kafka_past_look_done(&past->look))
        take_answers(past);
    int64_t now_ns = clock_mono_ns();
    if (past->look.running || now_ns < past->look_again_ns)
        return;
    ask(past);
    if (past->look.count > 0)
        past->look_again_ns = now_ns + (int64_t)LOOK_MS * 1000000;
}

/* ---- the next tick ---- */

static int fail(struct kafka_past *past, struct kafka_past_part *part, int error)
{
    if (error == -EBADMSG)
        past->amiss = part;
    else if (error == -EAGAIN)
        look_around(past);
    return error;
}

/* Makes known what comes next of the partition that the last tick was of. */
static int follow(struct kafka_past *past)
{
    struct kafka_past_part *part = past->heap[0];
    int result = kafka_past_part_fill(part);
    past->taken = false;
    if (result == 1) {
        sink_root(past);
        return 1;
    }
    drop_root(past);
    past->all = past->all || result < 0;
    return result < 0 ? fail(past, part, result) : 1;
}

/* Likewise of every partition. */
static int follow_all(struct kafka_past *past)
{
    for (uint32_t i = 0; i < past->parts_count; i++) {
        struct kafka_past_part *part = past->parts[i];
        if (part->queued)
            continue;
        int result = kafka_past_part_fill(part);
        if (result < 0)
            return fail(past, part, result);
        if (result == 1)
            push(past, part);
    }
    past->all = false;
    return 1;
}

int kafka_past_peek(struct kafka_past *past, const struct tape_item **item, int64_t *time_ns)
{
    int result = 1;
    if (past->amiss)
        return -EBADMSG;
    past->shared.turn_ends_ns = 0;
    past->shared.turn_over = false;
    if (past->taken)
        result = follow(past);
    if (result == 1 && past->all)
        result = follow_all(past);
    if (result < 0)
        return result;
    if (past->heap_count == 0)
        return 0;
    const struct kafka_past_part *part = past->heap[0];
    const struct kafka_past_item *first = &part->items[part->at];
    past->item =
        (struct tape_item){.tick = first->tick, .symbol = first->symbol, .symbol_len = first->len};
    *item = &past->item;
    *time_ns = part->time_ns;
    return 1;
}

void kafka_past_take(struct kafka_past *past)
{
    if (past->amiss) {
        kafka_past_part_pass(past->amiss);
        past->amiss = NULL;
        return;
    }
    ASSERT(past->heap_count > 0 && !past->taken);
    past->heap[0]->at++;
    past->taken = true;
}

bool kafka_past_waits(const struct kafka_past *past)
{
    return !past->shared.turn_over;
}

const struct tape_place *kafka_past_places(const struct kafka_past *past, uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < past->parts_count; i++)
        if (past->parts[i]->state != PAST_UNPLACED)
            past->places[(*count)++] = kafka_past_part_place(past->parts[i]);
    return past->places;
}

const char *kafka_past_error(const struct kafka_past *past)
{
    return past->shared.error;
}

/* ---- ends ---- */

static struct kafka_past_part *find(const struct kafka_past *past, uint32_t number)
{
    for (uint32_t i = 0; i < past->parts_count; i++)
        if (past->parts[i]->number == number)
            return past->parts[i];
    return NULL;
}

/* Room for so many partitions; 0 or -ENOMEM. The questions can't move while a look is under way, so
 * they have room for as many as there may ever be. */
static int make_room(struct kafka_past *past, uint32_t count)
{
    struct kafka_past_part **parts = realloc(past->parts, count * sizeof(struct kafka_past_part *));
    past->parts = parts ? parts : past->parts;
    struct kafka_past_part **heap = realloc(past->heap, count * sizeof(struct kafka_past_part *));
    past->heap = heap ? heap : past->heap;
    struct tape_place *places = realloc(past->places, count * sizeof *places);
    past->places = places ? places : past->places;
    return parts && heap && places ? 0 : -ENOMEM;
}

/* Adds those of `ends` that are new, and begins none yet. Returns 0, or -errno and how many there
 * were is the caller's to restore. */
static int add_parts(struct kafka_past *past, const struct tape_place *ends, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = ends[i].partition, topic = number / KAFKA_TOPIC_PARTITIONS_MAX;
        if (topic >= past->topics_count)
            return -EINVAL;
        if (find(past, number))
            continue;
        if (past->parts_count == FEED_PARTITIONS_MAX)
            return -EINVAL;
        struct kafka_past_part *part =
            kafka_past_part_create(&past->shared, past->topics[topic], number, 0);
        if (!part)
            return -ENOMEM;
        past->parts[past->parts_count++] = part;
    }
    return 0;
}

/* A partition that has just been added: at its given place, and one without a message at its end;
 * the others are asked for. */
static void begin(struct kafka_past *past, struct kafka_past_part *part)
{
    for (uint32_t i = 0; i < past->begins_count; i++) {
        const struct tape_place *begin = &past->begins[i];
        if (begin->partition == part->number) {
            kafka_past_part_begin(part, (int64_t)begin->offset, begin->index, true);
            return;
        }
    }
    if (part->end == 0)
        kafka_past_part_begin(part, 0, 0, true);
}

static int by_number(const void *a, const void *b)
{
    const struct kafka_past_part *x = *(struct kafka_past_part *const *)a;
    const struct kafka_past_part *y = *(struct kafka_past_part *const *)b;
    return x->number < y->number ? -1 : x->number > y->number;
}

int kafka_past_extend(struct kafka_past *past, const struct tape_place *ends, uint32_t ends_count)
{
    uint32_t before = past->parts_count;
    int result =
        ends_count > FEED_PARTITIONS_MAX ? -EINVAL : make_room(past, before + ends_count + 1);
    if (result == 0)
        result = add_parts(past, ends, ends_count);
    if (result < 0) {
        while (past->parts_count > before)
            kafka_past_part_destroy(past->parts[--past->parts_count]);
        return result;
    }
    for (uint32_t i = 0; i < ends_count; i++)
        kafka_past_part_extend(find(past, ends[i].partition), (int64_t)ends[i].offset);
    for (uint32_t i = before; i < past->parts_count; i++)
        begin(past, past->parts[i]);
    if (past->parts_count > before)
        qsort(past->parts, past->parts_count, sizeof(struct kafka_past_part *), by_number);
    past->all = true;
    look_around(past);
    return 0;
}

/* ---- opening ---- */

/* The same settings as the live consumer's, but for what bounds an instance's memory. */
static rd_kafka_t *make_client(const struct kafka_past_config *config,
                               struct kafka_settings *settings, char *error, size_t error_size)
{
    const struct feed_config feed = {.brokers = config->brokers,
                                     .topics = config->topics,
                                     .from = "earliest",
                                     .properties = config->properties,
                                     .properties_count = config->properties_count};
    if (kafka_settings_read(&feed, settings, error, error_size) < 0)
        return NULL;
    char largest[32] = "0", fetch[32];
    size_t size = sizeof largest;
    rd_kafka_conf_get(settings->conf, "message.max.bytes", largest, &size);
    long largest_bytes = strtol(largest, NULL, 10);
    /* Librdkafka refuses less than the largest message. */
    snprintf(fetch, sizeof fetch, "%ld",
             largest_bytes > FETCH_MAX_BYTES ? largest_bytes : FETCH_MAX_BYTES);
    const struct kafka_default answer = {"fetch.max.bytes", fetch};
    kafka_conf_defaults(settings->conf, bounds, ARRAY_LEN(bounds));
    kafka_conf_defaults(settings->conf, &answer, 1);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, settings->conf, error, error_size);
    if (!rk)
        rd_kafka_conf_destroy(settings->conf);
    return rk;
}

static int open_topics(struct kafka_past *past, const struct kafka_settings *settings, char *error,
                       size_t error_size)
{
    for (uint32_t i = 0; i < settings->topics_count; i++) {
        past->topics[i] = rd_kafka_topic_new(past->shared.rk, settings->topics[i], NULL);
        if (!past->topics[i]) {
            snprintf(error, error_size, "topic=%s: %s", settings->topics[i],
                     rd_kafka_err2str(rd_kafka_last_error()));
            return -EINVAL;
        }
        past->topics_count = i + 1;
    }
    return 0;
}

static struct kafka_past *create(const struct kafka_past_config *config)
{
    struct kafka_past *past = calloc(1, sizeof *past);
    if (!past)
        return NULL;
    kafka_past_look_init(&past->look);
    past->shared.config = *config;
    past->shared.errors.burst = 5;
    past->begins_count = config->places_count;
    past->begins = calloc(config->places_count + 1, sizeof *past->begins);
    past->look.questions = calloc(FEED_PARTITIONS_MAX, sizeof *past->look.questions);
    if (!past->begins || !past->look.questions) {
        kafka_past_close(past);
        return NULL;
    }
    if (config->places_count > 0)
        memcpy(past->begins, config->places, config->places_count * sizeof *past->begins);
    past->look.from = config->from && !config->timeless;
    /* Kafka keeps milliseconds; a time before 1970 would be one of ListOffsets' signs. */
    past->look.from_ms = config->from_ns > 0 ? config->from_ns / 1000000 : 0;
    return past;
}

int kafka_past_open(struct kafka_past **out, const struct kafka_past_config *config,
                    const struct tape_place *ends, uint32_t ends_count, char *error,
                    size_t error_size)
{
    struct kafka_settings settings;
    struct kafka_past *past = create(config);
    if (!past) {
        snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    past->shared.rk = past->look.rk = make_client(config, &settings, error, error_size);
    int result = past->shared.rk ? open_topics(past, &settings, error, error_size) : -EINVAL;
    if (result == 0) {
        result = kafka_past_extend(past, ends, ends_count);
        if (result == -EINVAL)
            snprintf(error, error_size,
                     "more than %d partitions, or one of a topic that isn't named",
                     FEED_PARTITIONS_MAX);
        else if (result < 0)
            snprintf(error, error_size, "%s", strerror(-result));
    }
    if (result < 0)
        kafka_past_close(past);
    else
        *out = past;
    return result;
}

void kafka_past_close(struct kafka_past *past)
{
    if (!past)
        return;
    kafka_past_look_finish(&past->look);
    for (uint32_t i = 0; i < past->parts_count; i++)
        kafka_past_part_destroy(past->parts[i]);
    for (uint32_t i = 0; i < past->topics_count; i++)
        rd_kafka_topic_destroy(past->topics[i]);
    if (past->shared.rk)
        rd_kafka_destroy(past->shared.rk);
    free(past->look.questions);
    free(past->begins);
    free(past->parts);
    free(past->heap);
    free(past->places);
    free(past);
}

uint64_t kafka_past_memory(uint32_t partitions)
{
    uint64_t messages = KAFKA_PAST_QUEUE_MESSAGES + KAFKA_PAST_BATCH + KAFKA_PAST_PRODUCED_MESSAGES;
    uint64_t part = sizeof(struct kafka_past_part) + sizeof(struct tape_place) +
                    QUEUE_KBYTES * 1024 + KAFKA_PAST_PRODUCED_BYTES + messages * MESSAGE_OVERHEAD;
    /* An answer that is being read, and one whose messages wait. */
    return sizeof(struct kafka_past) + FEED_PARTITIONS_MAX * sizeof(struct kafka_past_question) +
           partitions * part + 2 * FETCH_MAX_BYTES;
}
