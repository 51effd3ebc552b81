/* SPDX-License-Identifier: MIT */
#include "feed/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "feed/clock.h"
#include "feed/log.h"
#include "feed/source.h"
#include "feed/symbols.h"

enum {
    BATCH_MAX = 256,    /* slots written before a publish, within one poll of the source */
    POLL_MS = 100,      /* bounds how late thread F sees that it is to stop */
    RETRY_MS = 1,       /* instead of POLL_MS while ticks wait for room in the ring */
    RING_SLOTS_MIN = 2, /* a name and its tick */
};

struct feed {
    struct ring ring;
    struct doorbell bells[RING_READERS_MAX];
    struct feed_metrics metrics;

    /* F only, once started */
    struct symbols symbols;
    uint64_t published; /* ring.written as of the last publish */
    struct source *source;
    struct log_rate refusals;

    /* main only */
    uint32_t workers;
    pthread_t thread;
    bool running;

    /* The one flag that crosses threads outside of ring, doorbell and metrics: main writes, F
     * reads. */
    _Atomic bool stop;
};

const char *feed_state_name(enum feed_state state)
{
    switch (state) {
    case FEED_STARTING: return "starting";
    case FEED_LIVE: return "live";
    case FEED_STALLED: return "stalled";
    case FEED_LOST: return "lost";
    case FEED_REPLAY: return "replay";
    }
    return "unknown";
}

/* ---- thread F: from the sink to the ring ---- */

/* Only now do readers see what was written; only then is a bell worth ringing. */
static void publish(struct feed *feed)
{
    if (feed->ring.written == feed->published)
        return;
    ring_publish(&feed->ring);
    feed->published = feed->ring.written;
    for (uint32_t i = 0; i < feed->workers; i++)
        doorbell_ring(&feed->bells[i]);
}

static bool has_room(struct feed *feed)
{
    if (ring_room(&feed->ring) > 0)
        return true;
    /* In a small ring F's own unpublished slots may be what fills it. */
    publish(feed);
    return ring_room(&feed->ring) > 0;
}

static void write_name(struct feed *feed, uint32_t id, struct symbol *symbol)
{
    union ring_slot *slot = ring_next(&feed->ring);
    memset(slot, 0, sizeof *slot);
    memcpy(slot->symbol.name, symbol->name, sizeof symbol->name);
    slot->symbol.len = symbol->len;
    slot->tick.symbol = id;
    slot->tick.kind = RING_SYMBOL;
    symbol->announced = true;
}

/* Writes `tick`, and before it its symbol's name where that is new (invariant 2). False where the
 * ring is full; the name may have gone in then, which is harmless: it comes before the tick all the
 * same. */
static bool write_tick(struct feed *feed, struct symbol *symbol, const struct tick *tick)
{
    if (!has_room(feed))
        return false;
    if (!symbol->announced) {
        write_name(feed, tick->symbol, symbol);
        if (!has_room(feed))
            return false;
    }
    ring_next(&feed->ring)->tick = *tick;
    if (feed->ring.written - feed->published >= BATCH_MAX)
        publish(feed);
    return true;
}

/* Writes those that wait, the longest waiting first, as far as there is room. New symbols wait in
 * the order of their ids, so names reach the ring in that order. Returns whether none waits any
 * longer. */
static bool write_waiting(struct feed *feed)
{
    struct symbol *symbol;
    while ((symbol = symbols_waiting(&feed->symbols)) != NULL) {
        if (!write_tick(feed, symbol, &symbol->newest))
            return false;
        symbols_waiting_pop(&feed->symbols);
    }
    return true;
}

static void refuse(struct feed *feed, const char *name, size_t len)
{
    char quoted[4 * SYMBOL_LEN_MAX + 3];
    counter_add(&feed->metrics.rejected[0], 1);
    if (!log_rate_allows(&feed->refusals, clock_mono_ns()))
        return;
    LOG_WARN("feed.symbols_full", "symbol=%s max=%u suppressed=%llu",
             log_quote(name, (uint32_t)len, quoted, sizeof quoted), feed->symbols.max,
             (unsigned long long)feed->refusals.suppressed);
    feed->refusals.suppressed = 0;
}

/* The source's sink. */
static void take(void *arg, const struct tick *source_tick, const char *name, size_t len)
{
    struct feed *feed = arg;
    uint32_t id = symbols_intern(&feed->symbols, name, len);
    if (id == SYMBOL_NONE) {
        refuse(feed, name, len);
        return;
    }
    struct symbol *symbol = &feed->symbols.table[id];
    struct tick tick = *source_tick;
    tick.symbol = id;
    tick.kind = RING_TICK;
    tick.seq = ++symbol->seq;
    counter_add(&feed->metrics.ticks, 1);
    if (tick.seq == 1)
        counter_set(&feed->metrics.symbols, feed->symbols.count);
    if (write_waiting(feed) && write_tick(feed, symbol, &tick))
        return;
    if (symbols_wait(&feed->symbols, &tick))
        counter_add(&feed->metrics.conflated, 1);
}

/* Half of what is free: a tick may need its symbol's name before it. */
static uint64_t room(void *arg)
{
    struct feed *feed = arg;
    return ring_room_now(&feed->ring) / 2;
}

/* ---- thread F: the loop ---- */

static void note_state(struct feed *feed)
{
    struct feed_metrics *metrics = &feed->metrics;
    enum feed_state was = (enum feed_state)counter_get(&metrics->state);
    enum feed_state is = feed->source->ops->state(feed->source);
    if (is != was) {
        LOG_INFO("feed.state", "was=%s is=%s", feed_state_name(was), feed_state_name(is));
        counter_set(&metrics->state, is);
        counter_add(&metrics->state_changes, 1);
    }
    if (!counter_get(&metrics->ready) && feed->source->ops->ready(feed->source)) {
        LOG_INFO("feed.ready", "symbols=%u ticks=%llu", feed->symbols.count,
                 (unsigned long long)counter_get(&metrics->ticks));
        counter_set(&metrics->ready, 1);
    }
}

static void *run(void *arg)
{
    struct feed *feed = arg;
    pthread_setname_np(pthread_self(), "feed");
    /* Relaxed: the flag orders nothing; feed_stop() joins. */
    while (!atomic_load_explicit(&feed->stop, memory_order_relaxed)) {
        bool clear = write_waiting(feed);
        publish(feed);
        counter_set(&feed->metrics.waiting, feed->symbols.waiting_count);
        feed->source->ops->poll(feed->source, clear ? POLL_MS : RETRY_MS);
        note_state(feed);
        publish(feed);
    }
    return NULL;
}

/* ---- main ---- */

static int check_config(const struct feed_config *config, char *error, size_t error_size)
{
    if (config->symbols_max == 0 || config->symbols_max > UINT32_C(1) << TICK_ID_BITS) {
        snprintf(error, error_size, "symbols-max=%u: must be 1 to %u", config->symbols_max,
                 UINT32_C(1) << TICK_ID_BITS);
        return -EINVAL;
    }
    if (config->ring_slots < RING_SLOTS_MIN || config->ring_slots > UINT64_C(1) << 32) {
        snprintf(error, error_size, "ring-slots=%llu: must be %d to 2^32",
                 (unsigned long long)config->ring_slots, RING_SLOTS_MIN);
        return -EINVAL;
    }
    if (config->workers == 0 || config->workers > RING_READERS_MAX) {
        snprintf(error, error_size, "workers=%u: must be 1 to %d", config->workers,
                 RING_READERS_MAX);
        return -EINVAL;
    }
    return 0;
}

static int init_parts(struct feed *feed, const struct feed_config *config)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return -errno;
    int result = ring_init(&feed->ring, config->ring_slots, config->workers);
    if (result < 0)
        return result;
    result = symbols_init(&feed->symbols, config->symbols_max, seed);
    for (uint32_t i = 0; i < config->workers && result == 0; i++)
        result = doorbell_init(&feed->bells[i]);
    return result;
}

int feed_create_from(struct feed **out, const struct feed_config *config, struct source *source,
                     char *error, size_t error_size)
{
    int result = check_config(config, error, error_size);
    if (result < 0)
        return result;
    struct feed *feed = aligned_alloc(CACHE_LINE, sizeof *feed);
    if (feed) {
        memset(feed, 0, sizeof *feed);
        feed->workers = config->workers;
        feed->refusals.burst = 1;
        result = init_parts(feed, config);
    }
    if (!feed || result < 0) {
        result = feed ? result : -ENOMEM;
        snprintf(error, error_size, "ring, symbols and doorbells: %s", strerror(-result));
        feed_destroy(feed);
        return result;
    }
    feed->source = source;
    *out = feed;
    return 0;
}

int feed_create(struct feed **out, const struct feed_config *config, char *error, size_t error_size)
{
    struct source *source = NULL;
    int result = source_create(&source, config, error, error_size);
    if (result < 0)
        return result;
    result = feed_create_from(out, config, source, error, error_size);
    if (result < 0)
        source->ops->destroy(source);
    return result;
}

int feed_start(struct feed *feed, char *error, size_t error_size)
{
    const struct source_sink sink = {.take = take, .room = room, .arg = feed};
    int result = feed->source->ops->start(feed->source, &sink, &feed->metrics, error, error_size);
    if (result < 0)
        return result;
    result = -pthread_create(&feed->thread, NULL, run, feed);
    if (result < 0) {
        snprintf(error, error_size, "thread F: %s", strerror(-result));
        return result;
    }
    feed->running = true;
    return 0;
}

void feed_stop(struct feed *feed)
{
    if (!feed->running)
        return;
    /* Relaxed: the join below is what orders F's end before us. */
    atomic_store_explicit(&feed->stop, true, memory_order_relaxed);
    pthread_join(feed->thread, NULL);
    feed->running = false;
}

void feed_destroy(struct feed *feed)
{
    if (!feed)
        return;
    feed_stop(feed);
    if (feed->source)
        feed->source->ops->destroy(feed->source);
    for (uint32_t i = 0; i < feed->workers; i++)
        doorbell_finish(&feed->bells[i]);
    symbols_finish(&feed->symbols);
    ring_finish(&feed->ring);
    free(feed);
}

struct ring *feed_ring(struct feed *feed)
{
    return &feed->ring;
}

struct doorbell *feed_doorbell(struct feed *feed, uint32_t worker)
{
    return worker < feed->workers ? &feed->bells[worker] : NULL;
}

const struct feed_metrics *feed_metrics(const struct feed *feed)
{
    return &feed->metrics;
}

const char *feed_partition_topic(const struct feed *feed, uint32_t i, int32_t *partition)
{
    /* Acquire pairs with the source's release: the row was written before it was counted. */
    if (i >= atomic_load_explicit(&feed->metrics.partitions_count, memory_order_acquire))
        return NULL;
    return feed->source->ops->partition(feed->source, i, partition);
}

uint64_t feed_reached(const struct feed *feed, uint32_t i)
{
    counter *offset = (counter *)&feed->metrics.partitions[i].offset;
    /* Acquire pairs with the source's release. */
    return atomic_load_explicit(offset, memory_order_acquire);
}

void feed_claims(const struct feed_config *config, struct claims *claims)
{
    uint64_t slots = 1;
    while (slots < config->ring_slots)
        slots <<= 1;
    claims_add(claims, "feed.ring", slots * sizeof(union ring_slot));
    claims_add(claims, "feed.symbols", symbols_memory(config->symbols_max));
    claims_add(claims, "feed.source", source_memory_max(config));
}
