/* SPDX-License-Identifier: MIT */
/*
 * kafka: the Kafka source. Every server reads every partition, so there is no group and nothing is
 * committed: partitions are consumed one by one (librdkafka's simple consumer) into one queue,
 * which thread F empties.
 *
 * What would make F wait is asked elsewhere (kafka_watch.c). What librdkafka repairs by itself
 * (reconnects, new leaders, retries) is left to it; what it would decide alone (where to go on when
 * a position is gone) is not. Each partition's offsets only rise, or the message is dropped and
 * counted.
 */
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"
#include "feed/kafka_health.h"
#include "feed/kafka_settings.h"
#include "feed/kafka_watch.h"
#include "feed/log.h"
#include "feed/source.h"

enum {
    CLOCK = 64,              /* messages that share a look at the clocks */
    CHECK_MS = 100,          /* how often state and watermarks are looked at */
    HURRY_MS = 250,          /* how often the watcher is asked to look at once */
    NUDGE_MS = 5,            /* how often, at most, fetching is kept going */
    BACKLOG = 512,           /* messages of one poll that may mean that fetching has paused */
    BACKLOG_BYTES = 1 << 20, /* the same in bytes */
};

struct topic {
    const char *name;
    rd_kafka_topic_t *handle;
    int16_t places[KAFKA_TOPIC_PARTITIONS_MAX]; /* in kafka.parts, negative where unknown */
};

struct kafka {
    struct source source;
    struct kafka_settings settings; /* its conf until started */
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct kafka_watch watch;
    struct topic topics[KAFKA_TOPICS_MAX];

    /* F only, once started */
    struct source_sink sink;
    struct feed_metrics *metrics;
    struct kafka_part parts[FEED_PARTITIONS_MAX];
    struct kafka_found found[FEED_PARTITIONS_MAX]; /* the watcher's table as last taken */
    uint32_t parts_count;
    struct kafka_health health;
    int64_t checked_ns, hurried_ns, nudged_ns;
    bool backlog; /* seen since the last nudge */
    struct log_rate undecodable, errors;

    /* The poll under way. */
    uint64_t polled, polled_bytes;
    int64_t now_ns;

    /* The message being decoded. */
    uint64_t pos;
    int64_t rts_ns;
    bool quiet;
};

/* ---- messages ---- */

static void take_tick(void *arg, const struct tick *decoded, const char *symbol, size_t symbol_len)
{
    struct kafka *k = arg;
    struct tick tick = *decoded;
    tick.pos = k->pos;
    tick.rts_ns = k->rts_ns;
    tick.quiet = k->quiet;
    k->sink.take(k->sink.arg, &tick, symbol, symbol_len);
}

static void note_undecodable(struct kafka *k, const struct kafka_part *p,
                             const rd_kafka_message_t *m, int error)
{
    counter_add(&k->metrics->rejected[error > -VALUE_ERROR_COUNT ? -error : -VALUE_SYNTAX], 1);
    if (!log_rate_allows(&k->undecodable, clock_mono_ns()))
        return;
    LOG_WARN("kafka.undecodable",
             "topic=%s partition=%d offset=%lld reason=%s bytes=%zu suppressed=%llu",
             k->topics[p->topic].name, p->number, (long long)m->offset, value_error_name(error),
             m->len, (unsigned long long)k->undecodable.suppressed);
    k->undecodable.suppressed = 0;
}

static void note_timestamp(struct kafka *k, struct kafka_part *p, const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(m, &type);
    if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0)
        return;
    p->newest_ms = ms;
    int64_t lag = k->rts_ns / 1000000 - ms;
    counter_set(&k->metrics->lag_ms, lag > 0 ? (uint64_t)lag : 0);
}

static void take_message(struct kafka *k, struct kafka_part *p, const rd_kafka_message_t *m)
{
    if (m->offset < p->next) {
        counter_add(&k->metrics->duplicates, 1);
        return;
    }
    if (m->offset > p->next)
        counter_add(&k->metrics->holes, (uint64_t)(m->offset - p->next));
    p->next = m->offset + 1;
    p->reached = p->reached || p->next >= p->start;
    note_timestamp(k, p, m);
    counter_add(&k->metrics->messages, 1);
    counter_add(&k->metrics->bytes, m->len);

    k->pos =
        tick_pos(p->topic * KAFKA_TOPIC_PARTITIONS_MAX + (uint32_t)p->number, (uint64_t)m->offset);
    k->quiet = m->offset < p->start;
    int result = tick_value_read(m->payload, m->len, take_tick, k);
    if (result < 0)
        note_undecodable(k, p, m, result);
}

/* ---- what else comes through the queue ---- */

static void note_lost(struct kafka *k, struct kafka_part *p)
{
    if (p->lost)
        return;
    p->lost = true;
    counter_add(&k->metrics->resets, 1);
    LOG_WARN("kafka.position_lost", "topic=%s partition=%d offset=%lld", k->topics[p->topic].name,
             p->number, (long long)p->next);
    kafka_watch_lost(&k->watch, (uint32_t)(p - k->parts), p->next, p->newest_ms);
}

static void note_end(struct kafka *k, struct kafka_part *p, int64_t offset)
{
    /* What lies between was compacted away, or is marks of transactions: nothing to read. */
    if (offset > p->next) {
        counter_add(&k->metrics->holes, (uint64_t)(offset - p->next));
        p->next = offset;
    }
    p->reached = p->reached || p->next >= p->start;
}

static void note_error(struct kafka *k, struct kafka_part *p, const rd_kafka_message_t *m)
{
    char quoted[256];
    const char *text = rd_kafka_message_errstr(m);
    p->failed_ns = clock_mono_ns();
    if (!log_rate_allows(&k->errors, p->failed_ns))
        return;
    LOG_WARN("kafka.partition_error", "topic=%s partition=%d error=%s text=%s suppressed=%llu",
             k->topics[p->topic].name, p->number, rd_kafka_err2name(m->err),
             log_quote(text, (uint32_t)strlen(text), quoted, sizeof quoted),
             (unsigned long long)k->errors.suppressed);
    k->errors.suppressed = 0;
}

static struct kafka_part *part_of(struct kafka *k, const rd_kafka_message_t *m)
{
    const struct topic *topic = m->rkt ? rd_kafka_topic_opaque(m->rkt) : NULL;
    if (!topic || m->partition < 0 || m->partition >= KAFKA_TOPIC_PARTITIONS_MAX)
        return NULL;
    int16_t place = topic->places[m->partition];
    return place < 0 ? NULL : &k->parts[place];
}

static void take_event(struct kafka *k, const rd_kafka_message_t *m, int64_t now_ns)
{
    struct kafka_part *p = part_of(k, m);
    if (!p || p->lost)
        return;
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        note_lost(k, p);
        return;
    }
    if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        note_error(k, p, m);
        return;
    }
    p->heard_ns = now_ns;
    p->failed_ns = 0;
    if (m->err)
        note_end(k, p, m->offset);
    else
        take_message(k, p, m);
}

/* ---- partitions ---- */

static void begin(struct kafka *k, struct kafka_part *p, const struct kafka_found *found)
{
    rd_kafka_topic_t *topic = k->topics[p->topic].handle;
    bool again = p->placed > 0;
    int64_t was = again ? p->next : found->resumes;
    if (again || (was >= 0 && was != found->span.begin)) {
        if (found->span.begin > was)
            counter_add(&k->metrics->lost, (uint64_t)(found->span.begin - was));
        LOG_WARN("kafka.position_found", "topic=%s partition=%d was=%lld is=%lld",
                 k->topics[p->topic].name, p->number, (long long)was, (long long)found->span.begin);
    }
    if (again)
        rd_kafka_consume_stop(topic, p->number); /* waits, but only for librdkafka's own thread */
    p->placed = found->placed;
    p->next = found->span.begin;
    p->start = found->span.start;
    p->reached = p->reached || p->next >= p->start;
    p->lost = false;
    p->failed_ns = 0;
    p->heard_ns = clock_mono_ns();
    if (rd_kafka_consume_start_queue(topic, p->number, p->next, k->queue) == -1)
        LOG_ERROR("kafka.not_started", "topic=%s partition=%d error=%s", k->topics[p->topic].name,
                  p->number, rd_kafka_err2name(rd_kafka_last_error()));
}

/* Takes in what the watcher has found. */
static void follow_watch(struct kafka *k)
{
    uint32_t count;
    if (!kafka_watch_take(&k->watch, k->found, &count, &k->health.complete))
        return;
    for (uint32_t i = 0; i < count; i++) {
        const struct kafka_found *found = &k->found[i];
        struct kafka_part *p = &k->parts[i];
        if (i >= k->parts_count) {
            *p = (struct kafka_part){
                .topic = found->topic, .number = found->partition, .newest_ms = -1};
            k->topics[p->topic].places[p->number] = (int16_t)i;
        }
        p->leader = found->leader;
        if (found->placed > p->placed) {
            begin(k, p, found);
            counter_set(&k->metrics->partitions[i].offset, (uint64_t)p->next);
            counter_set(&k->metrics->partitions[i].end, (uint64_t)found->end);
        }
    }
    k->parts_count = count;
    /* Release pairs with partition()'s acquire: who sees the count sees the rows. */
    atomic_store_explicit(&k->metrics->partitions_count, count, memory_order_release);
}

static void note_offsets(struct kafka *k)
{
    for (uint32_t i = 0; i < k->parts_count; i++) {
        const struct kafka_part *p = &k->parts[i];
        int64_t low, end;
        if (p->placed == 0)
            continue;
        /* Release pairs with feed_reached()'s acquire: what F published before is seen. */
        atomic_store_explicit(&k->metrics->partitions[i].offset, (uint64_t)p->next,
                              memory_order_release);
        if (rd_kafka_get_watermark_offsets(k->rk, k->topics[p->topic].name, p->number, &low,
                                           &end) == RD_KAFKA_RESP_ERR_NO_ERROR &&
            end >= 0)
            counter_set(&k->metrics->partitions[i].end, (uint64_t)end);
    }
}

/* ---- state ---- */

static void check(struct kafka *k, int64_t now_ns)
{
    if (now_ns - k->checked_ns < (int64_t)CHECK_MS * 1000000)
        return;
    k->checked_ns = now_ns;
    rd_kafka_poll(k->rk, 0); /* serves down() */
    note_offsets(k);
    kafka_health_judge(&k->health, k->parts, k->parts_count, now_ns);
    if (kafka_health_is_amiss(&k->health, k->parts, k->parts_count, now_ns) &&
        now_ns - k->hurried_ns >= (int64_t)HURRY_MS * 1000000) {
        k->hurried_ns = now_ns;
        kafka_watch_hurry(&k->watch);
    }
}

/* F, from rd_kafka_poll(). Errors of single brokers are in the log; only this one is a state. */
static void down(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct kafka *k = opaque;
    (void)rk;
    (void)reason;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        k->health.down_ns = clock_mono_ns();
}

/* Librdkafka's threads. */
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int socket, const char *name, int32_t broker,
                                       int16_t key, int16_t version, int32_t correlation,
                                       size_t size, int64_t rtt, rd_kafka_resp_err_t err, void *arg)
{
    (void)rk, (void)socket, (void)name, (void)key, (void)version, (void)correlation;
    (void)size, (void)rtt;
    if (!err)
        kafka_watch_heard(arg, broker);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *arg,
                                  char *error, size_t error_size)
{
    (void)conf, (void)error, (void)error_size;
    return rd_kafka_interceptor_add_on_response_received(rk, "tapehead", on_response, arg);
}

/* ---- the source's functions ---- */

/* See kafka_watch_nudge(). While there is a backlog, and once more after it. */
static void keep_fetching(struct kafka *k, int64_t now_ns)
{
    if (k->polled_bytes >= BACKLOG_BYTES || k->polled >= BACKLOG)
        k->backlog = true;
    if (!k->backlog || now_ns - k->nudged_ns < (int64_t)NUDGE_MS * 1000000)
        return;
    k->backlog = false;
    k->nudged_ns = now_ns;
    kafka_watch_nudge(&k->watch);
}

static void take_polled(rd_kafka_message_t *m, void *arg)
{
    struct kafka *k = arg;
    if (k->polled++ % CLOCK == 0) {
        k->now_ns = clock_mono_ns();
        k->rts_ns = clock_wall_ns();
    }
    k->polled_bytes += m->len;
    take_event(k, m, k->now_ns);
}

static void poll(struct source *source, int timeout_ms)
{
    struct kafka *k = (struct kafka *)source;
    if (k->backlog && timeout_ms > NUDGE_MS)
        timeout_ms = NUDGE_MS;
    follow_watch(k);
    /* Before anything is taken: the offsets that it makes known are those of ticks that have been
     * published since. */
    check(k, clock_mono_ns());
    k->polled = k->polled_bytes = 0;
    /* Takes the whole queue under its lock once, not message by message. */
    rd_kafka_consume_callback_queue(k->queue, timeout_ms, take_polled, k);
    keep_fetching(k, clock_mono_ns());
}

static enum feed_state state(const struct source *source)
{
    return ((const struct kafka *)source)->health.state;
}

static bool ready(const struct source *source)
{
    return ((const struct kafka *)source)->health.ready;
}

static const char *partition(const struct source *source, uint32_t i, int32_t *number)
{
    const struct kafka *k = (const struct kafka *)source;
    *number = k->parts[i].number;
    return k->topics[k->parts[i].topic].name;
}

static int open_topics(struct kafka *k, char *error, size_t error_size)
{
    for (uint32_t i = 0; i < k->settings.topics_count; i++) {
        struct topic *t = &k->topics[i];
        rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(k->rk);
        rd_kafka_topic_conf_set_opaque(conf, t);
        t->handle = rd_kafka_topic_new(k->rk, t->name, conf);
        if (!t->handle) {
            rd_kafka_topic_conf_destroy(conf);
            snprintf(error, error_size, "topic=%s: %s", t->name,
                     rd_kafka_err2str(rd_kafka_last_error()));
            return -EINVAL;
        }
        k->watch.topics[i] = t->handle;
    }
    return 0;
}

static int start(struct source *source, const struct source_sink *sink,
                 struct feed_metrics *metrics, char *error, size_t error_size)
{
    struct kafka *k = (struct kafka *)source;
    k->sink = *sink;
    k->metrics = metrics;
    k->health.started_ns = clock_mono_ns();
    k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, k->settings.conf, error, error_size);
    if (!k->rk)
        return -EINVAL;
    k->settings.conf = NULL; /* the handle's now */
    k->queue = rd_kafka_queue_new(k->rk);
    int result = open_topics(k, error, error_size);
    if (result < 0)
        return result;
    k->watch.rk = k->rk;
    result = kafka_watch_start(&k->watch);
    if (result < 0)
        snprintf(error, error_size, "kafka watcher: %s", strerror(-result));
    return result;
}

static void destroy(struct source *source)
{
    struct kafka *k = (struct kafka *)source;
    kafka_watch_stop(&k->watch);
    for (uint32_t i = 0; i < k->parts_count; i++)
        if (k->parts[i].placed > 0)
            rd_kafka_consume_stop(k->topics[k->parts[i].topic].handle, k->parts[i].number);
    for (uint32_t i = 0; i < k->settings.topics_count; i++)
        if (k->topics[i].handle)
            rd_kafka_topic_destroy(k->topics[i].handle);
    if (k->queue)
        rd_kafka_queue_destroy(k->queue);
    if (k->rk)
        rd_kafka_destroy(k->rk);
    if (k->settings.conf)
        rd_kafka_conf_destroy(k->settings.conf);
    free(k);
}

static void take_settings(struct kafka *k)
{
    const struct kafka_settings *settings = &k->settings;
    for (uint32_t i = 0; i < settings->topics_count; i++) {
        k->topics[i].name = settings->topics[i];
        memset(k->topics[i].places, 0xff, sizeof k->topics[i].places);
    }
    k->watch.topics_count = settings->topics_count;
    k->watch.from = settings->from;
    k->watch.warmup = settings->warmup;
    k->watch.positions = settings->positions;
    k->watch.positions_count = settings->positions_count;
    k->watch.refresh_ms = settings->refresh_ms;
    k->health.watch = &k->watch;
    k->health.silence_max_ns = settings->silence_max_ns;
    rd_kafka_conf_set_opaque(settings->conf, k);
    rd_kafka_conf_set_error_cb(settings->conf, down);
    rd_kafka_conf_interceptor_add_on_new(settings->conf, "tapehead", on_new, &k->watch);
}

int kafka_create(struct source **out, const struct feed_config *config, char *error,
                 size_t error_size)
{
    static const struct source_ops ops = {
        .start = start,
        .poll = poll,
        .state = state,
        .ready = ready,
        .partition = partition,
        .destroy = destroy,
    };
    struct kafka *k = calloc(1, sizeof *k);
    if (!k)
        return -ENOMEM;
    k->source.ops = &ops;
    k->undecodable.burst = 5;
    k->errors.burst = 5;
    int result = kafka_settings_read(config, &k->settings, error, error_size);
    if (result < 0) {
        destroy(&k->source);
        return result;
    }
    take_settings(k);
    *out = &k->source;
    return 0;
}

uint64_t kafka_memory_max(const struct feed_config *config)
{
    return kafka_settings_memory(config) + sizeof(struct kafka);
}
