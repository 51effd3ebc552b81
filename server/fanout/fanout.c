/* SPDX-License-Identifier: MIT */
/* fanout: see fanout.h; here its life, and the way of a tick. Subscribers are in subscriber.c,
 * pairs in pair.c. */
#include "server/fanout/fanout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "server/fanout/batch.h"
#include "server/fanout/pair.h"
#include "server/fanout/reserve.h"

static uint32_t round_up(uint32_t n)
{
    uint32_t size = 1024;
    while (size < n)
        size *= 2;
    return size;
}

static uint64_t roster_blocks(const struct fanout_config *config)
{
    return roster_blocks_needed(config->pairs_max, (uint64_t)config->symbols_max * ENCODE_FORMATS);
}

int fanout_init(struct fanout *fanout, const struct fanout_config *config)
{
    memset(fanout, 0, sizeof *fanout);
    fanout->config = *config;
    fanout->pairs_free = fanout->graveyard = PAIR_NONE;
    fanout->lanes.max = config->control_budget;
    fanout->buckets_mask = round_up(config->pairs_max) - 1;
    fanout->symbols = reserve((size_t)config->symbols_max * sizeof *fanout->symbols);
    fanout->subscribers = reserve((size_t)config->subscribers_max * sizeof *fanout->subscribers);
    fanout->pairs = reserve((size_t)config->pairs_max * sizeof *fanout->pairs);
    fanout->buckets = reserve((fanout->buckets_mask + 1ull) * sizeof *fanout->buckets);
    fanout->spans = reserve((size_t)config->symbols_max * sizeof *fanout->spans);
    if (!fanout->symbols || !fanout->subscribers || !fanout->pairs || !fanout->buckets ||
        !fanout->spans)
        goto fail;
    if (list_init(&fanout->dirty, config->subscribers_max) < 0 ||
        list_init(&fanout->broad, config->subscribers_max) < 0 ||
        list_init(&fanout->doomed, config->subscribers_max) < 0)
        goto fail;
    if (names_init(&fanout->names, config->symbols_max) < 0)
        goto fail;
    if (history_init(&fanout->history, config->history_ticks) < 0)
        goto fail;
    if (frames_init(&fanout->frames, config->arena_bytes, config->arena_frames) < 0)
        goto fail;
    uint64_t blocks = sendq_blocks_needed(config->subscribers_max, config->queue_frames_max);
    if (blocks >= UINT32_MAX || sendq_pool_init(&fanout->queues, (uint32_t)blocks) < 0)
        goto fail;
    if (roster_pool_init(&fanout->rosters, (uint32_t)roster_blocks(config)) < 0)
        goto fail;
    if (topics_init(&fanout->topics, config->holds_max) < 0)
        goto fail;
    fanout->deflate = deflate_create();
    if (!fanout->deflate)
        goto fail;
    return 0;
fail:
    fanout_finish(fanout);
    return -ENOMEM;
}

void fanout_finish(struct fanout *fanout)
{
    const struct fanout_config *config = &fanout->config;
    for (uint32_t i = 0; fanout->subscribers && i < config->subscribers_max; i++)
        if (fanout->subscribers[i].active)
            fanout_leave(fanout, i);
    deflate_destroy(fanout->deflate);
    topics_finish(&fanout->topics);
    roster_pool_finish(&fanout->rosters);
    sendq_pool_finish(&fanout->queues);
    frames_finish(&fanout->frames);
    unreserve(fanout->symbols, (size_t)config->symbols_max * sizeof *fanout->symbols);
    unreserve(fanout->subscribers, (size_t)config->subscribers_max * sizeof *fanout->subscribers);
    unreserve(fanout->pairs, (size_t)config->pairs_max * sizeof *fanout->pairs);
    unreserve(fanout->buckets, (fanout->buckets_mask + 1ull) * sizeof *fanout->buckets);
    unreserve(fanout->spans, (size_t)config->symbols_max * sizeof *fanout->spans);
    names_finish(&fanout->names, config->symbols_max);
    list_finish(&fanout->dirty);
    list_finish(&fanout->broad);
    list_finish(&fanout->doomed);
    history_finish(&fanout->history);
    memset(fanout, 0, sizeof *fanout);
}

void fanout_claims(const struct fanout_config *config, struct claims *claims)
{
    uint64_t subscribers = config->subscribers_max;
    claims_add(claims, "worker.symbols",
               config->symbols_max * (sizeof(struct fanout_symbol) + 2 * sizeof(uint32_t)));
    claims_add(claims, "worker.subscribers", subscribers * sizeof(struct subscriber));
    claims_add(claims, "worker.pairs",
               config->pairs_max * (sizeof(struct pair) + 2 * sizeof(uint32_t)) +
                   roster_blocks(config) * sizeof(struct roster_block));
    claims_add(claims, "worker.subscriptions",
               config->holds_max *
                   (sizeof(struct hold) + sizeof(struct topic) + 4 * sizeof(uint32_t)));
    claims_add(claims, "worker.queues",
               sendq_blocks_needed(config->subscribers_max, config->queue_frames_max) *
                   sizeof(struct sendq_block));
    /* What is left of a frame that was begun, aside, for every client at once. */
    claims_add(claims, "worker.begun_frames", subscribers * FRAME_LEN_MAX);
    claims_add(claims, "worker.deflate", deflate_memory_max());
    claims_add(claims, "worker.control", config->control_budget);
    claims_add(claims, "worker.arena",
               config->arena_bytes + config->arena_frames * sizeof(struct frame));
    claims_add(claims, "worker.history", config->history_ticks * sizeof(struct history_entry));
}

struct newcomer {
    struct fanout *fanout;
    uint32_t symbol;
};

static void greet(void *arg, const struct hold *hold)
{
    struct newcomer *newcomer = arg;
    struct fanout *fanout = newcomer->fanout;
    struct fanout_request request = {.terms = hold->terms};
    if (pair_hold(fanout, hold->subscriber, newcomer->symbol, &request) < 0)
        fanout_doom(fanout, hold->subscriber, DOOM_STARVED);
}

void fanout_symbol(struct fanout *fanout, uint32_t symbol, const char *name, uint32_t len)
{
    CHECK(symbol == fanout->symbols_count && symbol < fanout->config.symbols_max &&
          len <= SYMBOL_LEN_MAX);
    struct fanout_symbol *entry = &fanout->symbols[symbol];
    memcpy(entry->name, name, len);
    entry->len = len;
    for (int format = 0; format < ENCODE_FORMATS; format++)
        entry->rosters[format] = ROSTER_NONE;
    fanout->spans[symbol] = (struct history_span){HISTORY_NONE, HISTORY_NONE};
    fanout->symbols_count++;
    names_add(&fanout->names, symbol);
    struct newcomer newcomer = {.fanout = fanout, .symbol = symbol};
    topics_each_matching(&fanout->topics, name, len, greet, &newcomer);
}

void fanout_drop(struct fanout *fanout, struct subscriber *sub, uint32_t index)
{
    struct pair *pair = &fanout->pairs[index];
    if (pair->mode == TERMS_STRICT && !(pair->flags & PAIR_GONE))
        fanout_doom(fanout, pair->subscriber, DOOM_STRICT);
    if (!(pair->flags & PAIR_GONE) && pair->mode != TERMS_LATEST) {
        sub->dropped++;
        fanout->dropped++;
        sub->owes = true;
    }
    pair->waiting--;
    fanout_unref(fanout, pair);
}

/* A frame on its way round the roster. */
struct parcel {
    const struct tick *tick;
    uint64_t seq;
    uint32_t frame;
    uint32_t len;
    bool gap;
};

/* Whether the client has this tick from another server. */
static bool is_ahead(struct pair *pair, const struct tick *tick)
{
    struct history_mark mark = {.pos = pair->queued_seq, .index = (uint16_t)pair->cursor};
    if (history_is_before(tick, mark)) {
        pair->sent_seq = tick->seq;
        return true;
    }
    pair->flags &= (uint8_t)~PAIR_AHEAD;
    pair->queued_seq = pair->sent_seq;
    return false;
}

/* Returns whether the frame is to be queued for the pair. */
static bool wants_queued(struct fanout *fanout, uint32_t index, const struct parcel *parcel)
{
    struct pair *pair = &fanout->pairs[index];
    if (pair->flags & PAIR_FRESH)
        return false; /* it will be sent the last tick, or the history up to it */
    if (pair->flags & PAIR_AHEAD && is_ahead(pair, parcel->tick))
        return false;
    if (pair->mode == TERMS_ALL)
        return true;
    if (pair->mode == TERMS_STRICT) {
        if (parcel->gap)
            fanout_doom(fanout, pair->subscriber, DOOM_STRICT);
        return true;
    }
    if (!parcel->gap && !(pair->flags & PAIR_RESTING)) {
        pair_refresh(fanout, index, false);
        if (!fanout->subscribers[pair->subscriber].patient)
            fanout_mark_dirty(fanout, pair->subscriber);
    }
    return false;
}

static void push(struct fanout *fanout, uint32_t index, const struct parcel *parcel)
{
    if (!wants_queued(fanout, index, parcel))
        return;
    struct pair *pair = &fanout->pairs[index];
    struct subscriber *sub = &fanout->subscribers[pair->subscriber];
    while (sub->queue.count && (sub->queue.count >= fanout->config.queue_frames_max ||
                                sub->queue.bytes + parcel->len > fanout->config.queue_bytes_max)) {
        struct sendq_entry oldest = sendq_pop(&sub->queue, &fanout->queues);
        fanout_drop(fanout, sub, oldest.pair);
    }
    struct sendq_entry entry = {.frame = parcel->frame, .pair = index, .len = parcel->len};
    sendq_push(&sub->queue, &fanout->queues, entry);
    pair->queued_seq = parcel->seq;
    pair->waiting++;
    fanout->pushed++;
    if (!sub->patient || sub->queue.bytes >= GATHER_BYTES_MAX)
        fanout_mark_dirty(fanout, pair->subscriber);
}

/* One frame to everyone on a roster. Pairs and subscribers lie all over memory: a block's are
 * fetched before the first is touched. */
static void push_all(struct fanout *fanout, uint32_t roster, struct parcel parcel)
{
    parcel.len = frames_find(&fanout->frames, parcel.frame)->len;
    for (uint32_t i = roster; i != ROSTER_NONE;) {
        const struct roster_block *block = &fanout->rosters.blocks[i];
        if (block->next != ROSTER_NONE)
            __builtin_prefetch(&fanout->rosters.blocks[block->next]);
        for (uint32_t k = 0; k < block->count; k++) {
            __builtin_prefetch(&fanout->pairs[block->entries[k].pair], 1);
            __builtin_prefetch(&fanout->subscribers[block->entries[k].subscriber], 1);
        }
        for (uint32_t k = 0; k < block->count; k++)
            push(fanout, block->entries[k].pair, &parcel);
        i = block->next;
    }
}

static uint32_t make_gap(struct fanout *fanout, const struct fanout_symbol *symbol,
                         const struct tick *tick, int format)
{
    struct wire_gap gap = {
        .from = symbol->last.seq + 1, .to = tick->seq - 1, .reason = GAP_OVERLOAD};
    struct frame frame = {.first_seq = gap.from,
                          .seq = gap.to,
                          .rts_ns = tick->rts_ns,
                          .symbol = tick->symbol,
                          .gap = true};
    uint32_t skip;
    struct encoding encoding = {.format = format, .deflate = fanout->deflate};
    uint32_t len =
        encode_gap(frames_begin(&fanout->frames), &skip, encoding, &gap, symbol->name, symbol->len);
    return frames_commit(&fanout->frames, skip, len, &frame);
}

static uint32_t make_trade(struct fanout *fanout, const struct fanout_symbol *symbol,
                           const struct tick *tick, int format)
{
    struct frame frame = {
        .first_seq = tick->seq, .seq = tick->seq, .rts_ns = tick->rts_ns, .symbol = tick->symbol};
    uint32_t skip;
    struct encoding encoding = {.format = format, .deflate = fanout->deflate};
    uint32_t len = encode_tick(frames_begin(&fanout->frames), &skip, encoding, tick, symbol->name,
                               symbol->len, WIRE_TRADE);
    fanout->encoded++;
    return frames_commit(&fanout->frames, skip, len, &frame);
}

/* Warm-up: whoever is here already gets the value that it leads to, as a snapshot. */
static void renew(struct fanout *fanout, uint32_t index, const struct tick *tick)
{
    struct pair *pair = &fanout->pairs[index];
    if (pair->flags & PAIR_AHEAD && is_ahead(pair, tick))
        return;
    if (pair->flags & PAIR_RESUMING)
        return; /* the history brings it */
    pair->flags |= PAIR_SNAPSHOT;
    pair_refresh(fanout, index, false);
    fanout_mark_dirty(fanout, pair->subscriber);
}

static void renew_all(struct fanout *fanout, uint32_t roster, const struct tick *tick)
{
    for (uint32_t i = roster; i != ROSTER_NONE; i = fanout->rosters.blocks[i].next) {
        const struct roster_block *block = &fanout->rosters.blocks[i];
        for (uint32_t k = 0; k < block->count; k++)
            renew(fanout, block->entries[k].pair, tick);
    }
}

void fanout_tick(struct fanout *fanout, const struct tick *tick)
{
    CHECK(tick->symbol < fanout->symbols_count);
    struct fanout_symbol *symbol = &fanout->symbols[tick->symbol];
    CHECK(tick->seq > symbol->last.seq);
    for (int format = 0; format < ENCODE_FORMATS && tick->quiet; format++)
        renew_all(fanout, symbol->rosters[format], tick);
    bool jumped = tick->seq != symbol->last.seq + 1; /* the feed merged what lies between */
    fanout->overload_gaps += jumped;
    for (int format = 0; format < ENCODE_FORMATS && !tick->quiet; format++) {
        struct parcel parcel = {.tick = tick, .seq = tick->seq};
        struct parcel gap = {.tick = tick, .seq = tick->seq - 1, .gap = true};
        uint32_t roster = symbol->rosters[format];
        if (roster == ROSTER_NONE)
            continue; /* encoded only if somebody wants it */
        if (jumped) {
            gap.frame = make_gap(fanout, symbol, tick, format);
            push_all(fanout, roster, gap);
        }
        parcel.frame = make_trade(fanout, symbol, tick, format);
        push_all(fanout, roster, parcel);
    }
    symbol->last = *tick;
    history_add(&fanout->history, tick, fanout->spans);
}
