/* SPDX-License-Identifier: MIT */
/* micro_fanout: a tick to the queues of its takers, and from there into sends that nobody makes:
 * all that a worker does for a delivery but the system call. See micro.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/catalog.h"
#include "bench/micro.h"
#include "server/fanout/gather.h"
#include "server/fanout/sendq.h"

enum {
    SYMBOLS = 100,
    EACH = 10,
    TICKS = 64,
    QUEUED = 64,
    QUEUES = 1024,
    TEXTS = 256,
    MANY = 40000,
    NAMES = 500
};

struct fanout_micro {
    struct fanout fanout;
    struct batch batch;
    struct histogram latency;
    struct catalog catalog;
    uint64_t seqs[SYMBOLS];
    uint32_t next;
    uint32_t ticks_a_turn;
};

static int name_of(uint32_t symbol, char name[16])
{
    return snprintf(name, 16, "SIM%u-USD", symbol);
}

static void subscribe_all(struct fanout_micro *self, uint32_t clients, const uint32_t *hands)
{
    const struct fanout_request request = {0};
    for (uint32_t i = 0; i < clients; i++) {
        fanout_join(&self->fanout, i, ENCODE_JSON);
        for (uint32_t j = 0; j < EACH; j++) {
            const struct catalog_name *name = &self->catalog.names[hands[i * EACH + j]];
            fanout_subscribe(&self->fanout, i, name->text, name->len, &request);
        }
    }
}

static int fill(struct fanout_micro *self, uint32_t clients)
{
    uint32_t *hands = calloc((size_t)clients * EACH, sizeof *hands);
    int rc = hands ? catalog_init(&self->catalog, SYMBOLS) : -1;
    for (uint32_t i = 0; rc == 0 && i < SYMBOLS; i++) {
        char name[16];
        int len = name_of(i, name);
        catalog_add(&self->catalog, name, (size_t)len);
        fanout_symbol(&self->fanout, i, name, (uint32_t)len);
    }
    if (rc == 0)
        rc = catalog_deal(&self->catalog, clients, EACH, 1, hands);
    if (rc == 0)
        subscribe_all(self, clients, hands);
    free(hands);
    return rc;
}

static struct fanout_micro *begin(uint32_t clients, uint32_t ticks_a_turn)
{
    struct fanout_config config = {.subscribers_max = clients,
                                   .symbols_max = SYMBOLS,
                                   .pairs_max = clients * EACH,
                                   .holds_max = clients * EACH,
                                   .queue_frames_max = 1024,
                                   .queue_bytes_max = 524288,
                                   .control_bytes_max = 65536,
                                   .control_budget = 1 << 26,
                                   .arena_bytes = 1 << 26,
                                   .arena_frames = 1 << 20};
    struct fanout_micro *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->ticks_a_turn = ticks_a_turn;
    if (fanout_init(&self->fanout, &config) == 0 && batch_init(&self->batch) == 0 &&
        fill(self, clients) == 0)
        return self;
    free(self);
    return NULL;
}

static void *begin_1000(void)
{
    return begin(1000, 1);
}

static void *begin_1000_many(void)
{
    return begin(1000, TICKS);
}

static void *begin_10000_many(void)
{
    return begin(10000, TICKS);
}

static void end(void *arg)
{
    struct fanout_micro *self = arg;
    batch_finish(&self->batch);
    fanout_finish(&self->fanout);
    catalog_finish(&self->catalog);
    free(self);
}

static void push(struct fanout_micro *self)
{
    uint32_t symbol = self->next++ * 37 % SYMBOLS;
    struct tick tick = {.price = 6168599,
                        .price_exp = -2,
                        .size = 100000,
                        .size_exp = -8,
                        .ts_ns = INT64_C(1763800000000000000),
                        .rts_ns = INT64_C(1763800000000100000),
                        .side = TICK_SIDE_BUY,
                        .has_id = 1,
                        .id = 305079723,
                        .seq = ++self->seqs[symbol],
                        .symbol = symbol};
    fanout_tick(&self->fanout, &tick);
}

static void take_batch(struct fanout_micro *self)
{
    uint32_t subscriber;
    batch_reset(&self->batch);
    while (batch_has_room(&self->batch) &&
           fanout_take_dirty(&self->fanout, &self->fanout.dirty, &subscriber))
        gather(&self->fanout, &self->batch, subscriber, GATHER_BYTES_MAX,
               INT64_C(1763800000000200000), &self->latency);
    for (uint32_t i = 0; i < self->batch.sends_count; i++) {
        const struct send *send = &self->batch.sends[i];
        gather_sent(&self->fanout, &self->batch, send, send->len);
    }
}

static uint64_t deliver(void *arg)
{
    struct fanout_micro *self = arg;
    uint64_t delivered = self->fanout.delivered;
    for (uint32_t done = 0; done < TICKS; done += self->ticks_a_turn) {
        for (uint32_t i = 0; i < self->ticks_a_turn; i++)
            push(self);
        do
            take_batch(self);
        while (self->batch.sends_count);
        fanout_bury(&self->fanout);
    }
    return self->fanout.delivered - delivered;
}

/* ---- subscriptions ---- */

static void *begin_subscribe(void)
{
    struct fanout_config config = {.subscribers_max = 1,
                                   .symbols_max = MANY,
                                   .pairs_max = NAMES,
                                   .holds_max = NAMES,
                                   .queue_frames_max = 16,
                                   .queue_bytes_max = 65536,
                                   .control_bytes_max = 65536,
                                   .control_budget = 1 << 20,
                                   .arena_bytes = 1 << 20,
                                   .arena_frames = 1024};
    struct fanout *fanout = calloc(1, sizeof *fanout);
    if (!fanout || fanout_init(fanout, &config) < 0) {
        free(fanout);
        return NULL;
    }
    for (uint32_t i = 0; i < MANY; i++) {
        char name[16];
        int len = name_of(i, name);
        fanout_symbol(fanout, i, name, (uint32_t)len);
    }
    fanout_join(fanout, 0, ENCODE_JSON);
    return fanout;
}

static void end_subscribe(void *arg)
{
    fanout_finish(arg);
    free(arg);
}

static uint64_t subscribe(void *arg)
{
    const struct fanout_request request = {0};
    char name[16];
    for (uint32_t i = 0; i < NAMES; i++)
        fanout_subscribe(arg, 0, name, (size_t)name_of(i * (MANY / NAMES), name), &request);
    for (uint32_t i = 0; i < NAMES; i++)
        fanout_unsubscribe(arg, 0, name, (size_t)name_of(i * (MANY / NAMES), name));
    fanout_bury(arg);
    return NAMES;
}

/* ---- queue ---- */

struct queue_micro {
    struct sendq_pool pool;
    struct sendq queues[QUEUES];
    uint64_t sum;
};

static void *begin_queue(void)
{
    struct queue_micro *self = calloc(1, sizeof *self);
    if (!self || sendq_pool_init(&self->pool, (uint32_t)sendq_blocks_needed(QUEUES, QUEUED)) < 0) {
        free(self);
        return NULL;
    }
    for (int i = 0; i < QUEUES; i++)
        sendq_init(&self->queues[i]);
    return self;
}

static void end_queue(void *arg)
{
    struct queue_micro *self = arg;
    sendq_pool_finish(&self->pool);
    free(self);
}

/* As a worker does: a frame to each queue, and again; then each queue emptied. */
static uint64_t queue(void *arg)
{
    struct queue_micro *self = arg;
    for (uint32_t i = 0; i < QUEUED; i++)
        for (uint32_t j = 0; j < QUEUES; j++)
            sendq_push(&self->queues[j], &self->pool,
                       (struct sendq_entry){.frame = i, .pair = j, .len = 170});
    for (uint32_t j = 0; j < QUEUES; j++)
        while (self->queues[j].count)
            self->sum += sendq_pop(&self->queues[j], &self->pool).frame;
    return QUEUED * QUEUES;
}

/* ---- topics ---- */

static void note(void *arg, const struct hold *hold)
{
    *(uint64_t *)arg += hold->subscriber;
}

static void *begin_topics(void)
{
    struct topics *topics = calloc(1, sizeof *topics);
    if (topics && topics_init(topics, TEXTS) == 0) {
        for (uint32_t i = 0; i < TEXTS; i++) {
            char text[16];
            uint32_t list = TOPIC_NONE;
            int len = snprintf(text, sizeof text, i % 4 ? "SIM%u-USD" : "SIM%u*", i);
            topics_hold(topics, &list, i, text, (size_t)len, (struct terms){0});
        }
        return topics;
    }
    free(topics);
    return NULL;
}

static void end_topics(void *arg)
{
    topics_finish(arg);
    free(arg);
}

static uint64_t match(void *arg)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < TEXTS; i++) {
        char name[16];
        int len = name_of(i, name);
        topics_each_matching(arg, name, (size_t)len, note, &sum);
    }
    return sum ? TEXTS : 1;
}

const struct micro micro_fanouts[] = {
    {"fanout.1000x1", "delivery, 1000 clients, a tick a turn", begin_1000, deliver, end, 0},
    {"fanout.1000x64", "delivery, 1000 clients, 64 ticks a turn", begin_1000_many, deliver, end, 0},
    {"fanout.10000x64", "delivery, 10,000 clients, 64 ticks a turn", begin_10000_many, deliver, end,
     0},
    {"subscribe", "one of 40,000 symbols subscribed to, and left", begin_subscribe, subscribe,
     end_subscribe, 0},
    {"queue", "frame in and out", begin_queue, queue, end_queue, 0},
    {"topics", "new symbol looked up", begin_topics, match, end_topics, 0},
    {0},
};
