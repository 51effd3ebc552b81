/* SPDX-License-Identifier: MIT */
#include "server/replay/timeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPIC_PARTITIONS = 4096 };

/* ---- topics ---- */

/* The server's number for a topic, a new one if need be; the last number is shared by all that are
 * too many. */
static uint32_t topic_place(struct timeline *t, const char *name, size_t len)
{
    for (uint32_t n = 0; n < t->topics_count; n++) {
        uint32_t i = (t->topic + n) % t->topics_count;
        if (strlen(t->topics[i]) == len && memcmp(t->topics[i], name, len) == 0)
            return t->topic = i;
    }
    if (t->topics_count == TIMELINE_TOPICS_MAX)
        return t->topic = TIMELINE_TOPICS_MAX - 1;
    snprintf(t->topics[t->topics_count], sizeof t->topics[0], "%.*s", (int)len, name);
    return t->topic = t->topics_count++;
}

static void learn_topics(struct timeline *t)
{
    for (const char *at = t->stock->topics; *at;) {
        size_t len = strcspn(at, ",");
        if (len)
            topic_place(t, at, len);
        at += len + (at[len] == ',');
    }
    t->topics_served = t->topics_count;
}

/* ---- how far live is ---- */

/* The place of a topic in a list separated by commas; false where it isn't there. */
static bool find_topic(const char *list, const char *topic, uint32_t *place)
{
    size_t len = strlen(topic);
    for (*place = 0; *list;) {
        size_t one = strcspn(list, ",");
        if (one == len && memcmp(list, topic, len) == 0)
            return true;
        *place += one > 0;
        list += one + (list[one] == ',');
    }
    return false;
}

uint32_t timeline_heads(const struct timeline_stock *stock, struct tape_place *heads)
{
    uint32_t count = 0, place;
    int32_t number;
    const char *topic;
    for (uint32_t i = 0; i < FEED_PARTITIONS_MAX; i++) {
        topic = feed_partition_topic(stock->feed, i, &number);
        if (!topic)
            break;
        if (find_topic(stock->topics, topic, &place))
            heads[count++] = (struct tape_place){
                .partition = (uint16_t)(place * TOPIC_PARTITIONS + (uint32_t)number),
                .offset = feed_reached(stock->feed, i)};
    }
    return count;
}

/* ---- life ---- */

void timeline_init(struct timeline *t, const struct timeline_stock *stock, struct archive *archive)
{
    t->stock = stock;
    t->archive = archive;
    t->paths = NULL;
    t->tape = NULL;
    t->past = NULL;
    t->places_count = t->topics_count = t->topic = 0;
    learn_topics(t);
}

static void close_tape(struct timeline *t)
{
    replay_close(t->tape);
    free(t->paths);
    t->tape = NULL;
    t->paths = NULL;
}

void timeline_close(struct timeline *t)
{
    close_tape(t);
    kafka_past_close(t->past);
    t->past = NULL;
}

static bool wants(void *arg, const char *symbol, size_t len)
{
    const struct timeline_wish *wish = arg;
    return symbol_matches_any(wish->symbols, wish->symbols_count, symbol, len);
}

/* Kafka's history takes memory by the partition: so many were claimed at the start. */
static bool refuses_partitions(struct timeline *t, uint32_t count)
{
    if (count <= t->stock->partitions_max)
        return false;
    snprintf(t->error, sizeof t->error, "Kafka has %u partitions, --replay-partitions allows %u",
             count, t->stock->partitions_max);
    return true;
}

static int open_past(struct timeline *t)
{
    struct tape_place heads[TIMELINE_PLACES_MAX];
    struct kafka_past_config config = {.brokers = t->stock->brokers,
                                       .topics = t->stock->topics,
                                       .properties = t->stock->properties,
                                       .properties_count = t->stock->properties_count,
                                       .clock = t->wish.clock,
                                       .from = t->wish.from,
                                       .until = t->wish.until,
                                       .from_ns = t->wish.from_ns,
                                       .until_ns = t->wish.until_ns,
                                       .wants = wants,
                                       .arg = &t->wish,
                                       .places = t->places,
                                       .timeless = t->stock->timeless,
                                       .places_count = t->places_count};
    uint32_t count = timeline_heads(t->stock, heads);
    if (refuses_partitions(t, count))
        return -EINVAL;
    return kafka_past_open(&t->past, &config, heads, count, t->error, sizeof t->error);
}

/* Opens the archive's files. Returns how many there are, or -errno. */
static int open_tape(struct timeline *t)
{
    struct archive_wish wish = {.clock = t->wish.clock,
                                .from = t->wish.from,
                                .until = t->wish.until,
                                .from_ns = t->wish.from_ns,
                                .until_ns = t->wish.until_ns};
    int rc = archive_look(t->archive, t->error, sizeof t->error);
    if (rc < 0)
        return rc;
    size_t count;
    t->paths = archive_choose(t->archive, &wish, &count);
    if (!t->paths)
        snprintf(t->error, sizeof t->error, "out of memory");
    if (!t->paths || !count)
        return t->paths ? 0 : -ENOMEM;
    struct replay_config config = {.paths = t->paths,
                                   .paths_count = count,
                                   .tracks_max = TIMELINE_TRACKS_MAX,
                                   .clock = wish.clock,
                                   .from = wish.from,
                                   .until = wish.until,
                                   .from_ns = wish.from_ns,
                                   .until_ns = wish.until_ns,
                                   .symbols = t->wish.symbols,
                                   .symbols_count = t->wish.symbols_count,
                                   .growing = true};
    rc = replay_open(&t->tape, &config, t->error, sizeof t->error);
    return rc < 0 ? rc : (int)count;
}

int timeline_open(struct timeline *t, const struct timeline_wish *wish)
{
    timeline_close(t);
    t->wish = *wish;
    t->places_count = 0;
    int rc = t->archive ? open_tape(t) : 0;
    if (rc == 0 && t->stock->brokers[0])
        rc = open_past(t);
    return rc < 0 ? rc : 0;
}

/* ---- playing ---- */

static void take_place(void *arg, const char *topic, size_t topic_len,
                       const struct tape_place *place)
{
    struct timeline *t = arg;
    uint32_t number = topic_place(t, topic, topic_len);
    struct tape_place known = *place;
    known.partition = (uint16_t)(number * TOPIC_PARTITIONS + place->partition);
    for (uint32_t i = 0; i < t->places_count; i++) {
        struct tape_place *had = &t->places[i];
        if (had->partition != known.partition)
            continue;
        if (known.offset > had->offset || (known.offset == had->offset && known.index > had->index))
            *had = known; /* captured twice: the further one counts */
        return;
    }
    if (t->places_count < TIMELINE_PLACES_MAX && number < t->topics_served)
        t->places[t->places_count++] = known;
}

/* The files are through: Kafka goes on from where they end. */
static int end_tape(struct timeline *t)
{
    replay_places(t->tape, take_place, t);
    close_tape(t);
    return t->stock->brokers[0] ? open_past(t) : 0;
}

static int peek_tape(struct timeline *t, const struct tape_item **item, int64_t *time_ns)
{
    const struct tape_item *taped;
    int64_t due_ns;
    int rc = replay_peek(t->tape, 0, &taped, &due_ns);
    if (rc < 0)
        snprintf(t->error, sizeof t->error, "%s", replay_error(t->tape));
    if (rc <= 0)
        return rc;
    const char *topic = replay_topic(t->tape);
    uint32_t place = topic_place(t, topic, strlen(topic));
    uint32_t number = tick_partition(&taped->tick) % TOPIC_PARTITIONS;
    t->out = *taped;
    t->out.tick.pos = tick_pos(place * TOPIC_PARTITIONS + number, tick_offset(&taped->tick));
    *item = &t->out;
    *time_ns = replay_time_ns(t->tape);
    return 1;
}

int timeline_peek(struct timeline *t, const struct tape_item **item, int64_t *time_ns)
{
    if (t->tape) {
        int rc = peek_tape(t, item, time_ns);
        if (rc == 0)
            rc = end_tape(t);
        if (rc != 0 || t->tape)
            return rc;
    }
    if (!t->past)
        return 0;
    int rc = kafka_past_peek(t->past, item, time_ns);
    if (rc < 0 && rc != -EAGAIN)
        snprintf(t->error, sizeof t->error, "%s", kafka_past_error(t->past));
    if (rc == -EBADMSG)
        kafka_past_take(t->past);
    return rc;
}

void timeline_take(struct timeline *t)
{
    if (t->tape)
        replay_take(t->tape);
    else
        kafka_past_take(t->past);
}

bool timeline_waits(const struct timeline *t)
{
    return !t->past || kafka_past_waits(t->past);
}

static uint64_t ahead_of(const struct tape_place *places, uint32_t count,
                         const struct tape_place *head)
{
    for (uint32_t i = 0; i < count; i++)
        if (places[i].partition == head->partition)
            return head->offset > places[i].offset ? head->offset - places[i].offset : 0;
    return head->offset;
}

int timeline_extend(struct timeline *t)
{
    struct tape_place heads[TIMELINE_PLACES_MAX];
    uint64_t sum = 0;
    uint32_t count = timeline_heads(t->stock, heads), places_count;
    if (!t->past)
        return 0;
    const struct tape_place *places = kafka_past_places(t->past, &places_count);
    for (uint32_t i = 0; i < count; i++)
        sum += ahead_of(places, places_count, &heads[i]);
    if (!sum)
        return 0;
    int rc = refuses_partitions(t, count) ? -EINVAL : kafka_past_extend(t->past, heads, count);
    if (rc < 0 && rc != -EINVAL)
        snprintf(t->error, sizeof t->error, "Kafka's history: %s", strerror(-rc));
    if (rc < 0)
        return rc;
    return sum < INT32_MAX ? (int)sum : INT32_MAX;
}

const struct tape_place *timeline_places(struct timeline *t, uint32_t *count)
{
    return kafka_past_places(t->past, count);
}
