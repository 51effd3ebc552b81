/* SPDX-License-Identifier: MIT */
/* truth: see truth.h. */
#include "tests/sim/truth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"
#include "tests/sim/world.h"

static const char *const names[TRUTH_SYMBOLS] = {
    "A",       "AB",      "ABC", "B-1", "BTC-USD",         "BTC-EUR",
    "ETH-USD", "ETH-EUR", "E",   "x/y", "binance:BTCUSDT", "LONGEST-NAME.OF_THIRTY-TWO:BYTE@"};

const char *truth_name(uint32_t symbol)
{
    return names[symbol];
}

uint32_t truth_find(const char *name, uint32_t len)
{
    uint32_t i = 0;
    while (i < TRUTH_SYMBOLS && (strlen(names[i]) != len || memcmp(names[i], name, len) != 0))
        i++;
    return i;
}

const struct truth_tick *truth_tick(const struct truth *truth, uint32_t symbol, uint64_t seq)
{
    const struct truth_symbol *entry = &truth->symbols[symbol];
    return seq >= 1 && seq <= entry->count ? &entry->ticks[seq - 1] : NULL;
}

static struct truth_tick *append(struct truth_symbol *symbol)
{
    if (symbol->count == symbol->cap) {
        symbol->cap = symbol->cap ? 2 * symbol->cap : 64;
        symbol->ticks = realloc(symbol->ticks, symbol->cap * sizeof *symbol->ticks);
        CHECK(symbol->ticks);
    }
    return &symbol->ticks[symbol->count++];
}

/* ---- the ring, watched ---- */

static uint64_t released(const struct truth *truth, uint32_t worker)
{
    struct ring *ring = feed_ring(truth->feed);
    return atomic_load(&ring->readers[worker].released);
}

static void watch_name(struct truth *truth, const union ring_slot *slot)
{
    uint32_t symbol = truth_find(slot->symbol.name, slot->symbol.len);
    /* Invariant 2: ids are dense. */
    REQUIRE(symbol < TRUTH_SYMBOLS && slot->tick.symbol == truth->ids_count &&
                truth->ids_count < TRUTH_SYMBOLS,
            "the ring names symbol %u, after %u of them", slot->tick.symbol, truth->ids_count);
    truth->ids[truth->ids_count++] = symbol;
}

static void watch_tick(struct truth *truth, const struct tick *tick)
{
    REQUIRE(tick->symbol < truth->ids_count, "a tick of symbol %u precedes its name", tick->symbol);
    uint32_t symbol = truth->ids[tick->symbol];
    const struct truth_tick *known = truth_tick(truth, symbol, tick->seq);
    REQUIRE(known && !known->merged && known->tick.pos == tick->pos &&
                known->tick.index == tick->index,
            "the ring holds %s seq %" PRIu64 ", which isn't that tick", names[symbol], tick->seq);
    for (uint64_t seq = truth->ring_seq[symbol] + 1; seq < tick->seq; seq++)
        REQUIRE(truth_tick(truth, symbol, seq)->merged,
                "%s seq %" PRIu64 " is missing from the ring and wasn't merged", names[symbol],
                seq);
    REQUIRE(tick->seq > truth->ring_seq[symbol], "%s seq falls to %" PRIu64 " in the ring",
            names[symbol], tick->seq);
    truth->ring_seq[symbol] = tick->seq;
}

/* Copies what has been published since. */
static void watch(struct truth *truth)
{
    struct ring *ring = feed_ring(truth->feed);
    uint64_t published = atomic_load(&ring->published);
    for (; truth->seen < published; truth->seen++) {
        const union ring_slot *slot = &ring->slots[truth->seen & ring->mask];
        for (uint32_t w = 0; w < truth->workers; w++)
            REQUIRE((int64_t)(truth->seen - released(truth, w)) <= (int64_t)ring->mask,
                    "the ring is overwritten: %" PRIu64 " written, worker %u has read %" PRIu64,
                    truth->seen, w, released(truth, w));
        if (slot->tick.kind == RING_SYMBOL)
            watch_name(truth, slot);
        else
            watch_tick(truth, &slot->tick);
        truth->copies[truth->seen & ring->mask] = *slot;
    }
}

void truth_check_ring(struct truth *truth)
{
    struct ring *ring = feed_ring(truth->feed);
    for (uint32_t w = 0; w < truth->workers; w++) {
        REQUIRE(ring->written - released(truth, w) <= ring->mask + 1,
                "the ring holds more than its size");
        for (uint64_t i = released(truth, w); i < truth->seen; i++)
            REQUIRE(memcmp(&truth->copies[i & ring->mask], &ring->slots[i & ring->mask],
                           sizeof *truth->copies) == 0,
                    "the ring's slot %" PRIu64 " was overwritten unread", i);
    }
}

void truth_follow(struct truth *truth, uint32_t worker)
{
    struct truth_view *view = &truth->views[worker];
    struct ring *ring = feed_ring(truth->feed);
    watch(truth); /* F may have published since it last came by here */
    uint64_t until = released(truth, worker);
    REQUIRE(until <= truth->seen, "worker %u has read beyond what was published", worker);
    for (; view->cursor < until; view->cursor++) {
        const struct tick *tick = &truth->copies[view->cursor & ring->mask].tick;
        uint32_t symbol = truth->ids[tick->symbol];
        view->named[symbol] = true;
        if (tick->kind != RING_TICK)
            continue;
        view->seq[symbol] = tick->seq;
        truth->symbols[symbol].ticks[tick->seq - 1].order[worker] = ++view->ticks;
    }
}

bool truth_is_settled(const struct truth *truth)
{
    for (uint32_t w = 0; w < truth->workers; w++)
        for (uint32_t i = 0; i < TRUTH_SYMBOLS; i++)
            if (truth->views[w].seq[i] != truth->symbols[i].count)
                return false;
    return truth->ended || truth->emitted >= truth->script.ticks;
}

/* ---- the source ---- */

/* A symbol keeps to its partition; some ticks share a message, and have its offset. */
static void place(struct truth *truth, uint32_t symbol, struct tick *tick)
{
    uint32_t partition = symbol % TRUTH_PARTITIONS;
    uint64_t *offset = &truth->offsets[partition];
    uint16_t *index = &truth->indices[partition];
    if (*offset && chance(30)) {
        ++*index;
    } else {
        *offset += roll(1, 3);
        *index = 0;
    }
    tick->pos = tick_pos(partition, *offset);
    tick->index = *index;
}

/* Nothing finer than a microsecond: JSON cuts there, and how is the codec's own test. */
static struct tick make_tick(struct truth *truth, uint32_t symbol)
{
    int64_t scale = chance(5) ? 1000003 : 1;
    struct tick tick = {.price = roll(1, 1u << 31) * scale,
                        .size = roll(0, 100000),
                        .ts_ns = clock_wall_ns() / 1000 * 1000 - (int64_t)roll(0, 100) * 1000000,
                        .rts_ns = clock_wall_ns() / 1000 * 1000,
                        .side = roll(0, 2),
                        .has_id = chance(70),
                        .quiet = truth->emitted < truth->script.quiet,
                        .price_exp = (int8_t)-roll(0, 9),
                        .size_exp = (int8_t)-roll(0, 8)};
    tick.id = tick.has_id ? dice_next(&world.dice) : 0;
    place(truth, symbol, &tick);
    return tick;
}

static void emit(struct truth *truth)
{
    uint32_t symbol = roll(0, roll(0, truth->script.symbols - 1));
    struct truth_symbol *entry = &truth->symbols[symbol];
    struct tick tick = make_tick(truth, symbol);
    truth->emitted++;
    /* Told before it is taken: the ring may show it at once. */
    *append(entry) = (struct truth_tick){.tick = tick};
    uint64_t conflated = counter_get(&truth->metrics->conflated);
    uint64_t refused = counter_get(&truth->metrics->rejected[0]);
    truth->sink.take(truth->sink.arg, &tick, entry->name, strlen(entry->name));
    if (counter_get(&truth->metrics->rejected[0]) != refused) {
        entry->count--;
        truth->refused++;
    }
    conflated = counter_get(&truth->metrics->conflated) - conflated;
    REQUIRE(conflated <= (entry->count > 1), "one tick conflated %" PRIu64, conflated);
    if (conflated)
        entry->ticks[entry->count - 2].merged = true;
    TRACE("feed: %s seq %" PRIu64 "%s", entry->name, entry->count, conflated ? ", merged" : "");
    watch(truth);
    truth_check_ring(truth);
}

static int start(struct source *source, const struct source_sink *sink,
                 struct feed_metrics *metrics, char *error, size_t error_size)
{
    struct truth *truth = (struct truth *)source;
    (void)error;
    (void)error_size;
    truth->sink = *sink;
    truth->metrics = metrics;
    return 0;
}

static void poll(struct source *source, int timeout_ms)
{
    struct truth *truth = (struct truth *)source;
    int64_t until_ns = world.now_ns + (int64_t)timeout_ms * 1000000;
    watch(truth);
    do {
        fiber_yield();
        if (!truth->ended && truth->emitted < truth->script.ticks && chance(truth->script.busy)) {
            uint32_t burst = dice_length(&world.dice, truth->script.burst_max);
            while (burst-- && truth->emitted < truth->script.ticks) {
                emit(truth);
                if (chance(truth->script.interrupted))
                    fiber_yield();
            }
            return;
        }
    } while (world.now_ns < until_ns && !truth->ended);
}

static enum feed_state state(const struct source *source)
{
    (void)source;
    return FEED_LIVE;
}

static bool ready(const struct source *source)
{
    const struct truth *truth = (const struct truth *)source;
    return truth->emitted >= truth->script.quiet;
}

static const char *partition(const struct source *source, uint32_t i, int32_t *number)
{
    (void)source;
    *number = (int32_t)i;
    return "trades";
}

static void destroy(struct source *source)
{
    (void)source; /* the driver's: see truth_finish() */
}

static const struct source_ops ops = {.start = start,
                                      .poll = poll,
                                      .state = state,
                                      .ready = ready,
                                      .partition = partition,
                                      .destroy = destroy};

void truth_init(struct truth *truth, const struct truth_script *script, uint32_t workers)
{
    *truth = (struct truth){.source.ops = &ops, .script = *script, .workers = workers};
    for (uint32_t i = 0; i < TRUTH_SYMBOLS; i++)
        truth->symbols[i].name = names[i];
}

void truth_watch(struct truth *truth, struct feed *feed)
{
    truth->feed = feed;
    truth->copies = calloc(feed_ring(feed)->mask + 1, sizeof *truth->copies);
    CHECK(truth->copies);
}

void truth_finish(struct truth *truth)
{
    for (uint32_t i = 0; i < TRUTH_SYMBOLS; i++)
        free(truth->symbols[i].ticks);
    free(truth->copies);
}
