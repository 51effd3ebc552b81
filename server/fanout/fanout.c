/* SPDX-License-Identifier: MIT */
/* fanout: see fanout.h. Pairs and their life are in pair.c. */
#include "server/fanout/fanout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "feed/base.h"
#include "server/fanout/pair.h"

static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void unreserve(void *memory, size_t bytes)
{
    if (memory)
        munmap(memory, bytes);
}

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
    fanout->dirty_mask = round_up(config->subscribers_max) - 1;
    fanout->symbols = reserve((size_t)config->symbols_max * sizeof *fanout->symbols);
    fanout->subscribers = reserve((size_t)config->subscribers_max * sizeof *fanout->subscribers);
    fanout->pairs = reserve((size_t)config->pairs_max * sizeof *fanout->pairs);
    fanout->buckets = reserve((fanout->buckets_mask + 1ull) * sizeof *fanout->buckets);
    fanout->dirty = reserve((fanout->dirty_mask + 1ull) * sizeof *fanout->dirty);
    if (!fanout->symbols || !fanout->subscribers || !fanout->pairs || !fanout->buckets ||
        !fanout->dirty)
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
    topics_finish(&fanout->topics);
    roster_pool_finish(&fanout->rosters);
    sendq_pool_finish(&fanout->queues);
    frames_finish(&fanout->frames);
    unreserve(fanout->symbols, (size_t)config->symbols_max * sizeof *fanout->symbols);
    unreserve(fanout->subscribers, (size_t)config->subscribers_max * sizeof *fanout->subscribers);
    unreserve(fanout->pairs, (size_t)config->pairs_max * sizeof *fanout->pairs);
    unreserve(fanout->buckets, (fanout->buckets_mask + 1ull) * sizeof *fanout->buckets);
    unreserve(fanout->dirty, (fanout->dirty_mask + 1ull) * sizeof *fanout->dirty);
    memset(fanout, 0, sizeof *fanout);
}

uint64_t fanout_memory_max(const struct fanout_config *config)
{
    return config->symbols_max * sizeof(struct fanout_symbol) +
           config->subscribers_max * sizeof(struct subscriber) +
           config->pairs_max * (sizeof(struct pair) + 2 * sizeof(uint32_t)) +
           config->holds_max * (sizeof(struct hold) + sizeof(struct topic) + 2 * sizeof(uint32_t)) +
           roster_blocks(config) * sizeof(struct roster_block) +
           sendq_blocks_needed(config->subscribers_max, config->queue_frames_max) *
               sizeof(struct sendq_block) +
           config->subscribers_max * (uint64_t)FRAME_LEN_MAX + /* a begun frame's rest */
           config->control_budget + config->arena_bytes +
           config->arena_frames * sizeof(struct frame);
}

/* ---- subscribers ---- */

void fanout_join(struct fanout *fanout, uint32_t subscriber, int format)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    bool dirty = sub->dirty; /* its place in the list outlives the client that had the slot */
    *sub = (struct subscriber){.format = (uint8_t)format,
                               .active = true,
                               .lane_max = fanout->config.control_bytes_max,
                               .dirty = dirty,
                               .owing = PAIR_NONE,
                               .snapshots_first = PAIR_NONE,
                               .snapshots_last = PAIR_NONE,
                               .pairs = PAIR_NONE,
                               .holds = TOPIC_NONE};
    sendq_init(&sub->queue);
}

/* Empties a due list, so that what has gone meanwhile can be buried. */
static void forget_due(struct fanout *fanout, uint32_t list, enum pair_flags flag)
{
    for (uint32_t i = list, next; i != PAIR_NONE; i = next) {
        next = fanout->pairs[i].next_due;
        fanout->pairs[i].flags &= (uint8_t)~flag;
        fanout_unref(fanout, &fanout->pairs[i]);
    }
}

void fanout_silence(struct fanout *fanout, uint32_t subscriber)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    while (sub->queue.count) {
        struct pair *pair = &fanout->pairs[sendq_pop(&sub->queue, &fanout->queues).pair];
        pair->waiting--;
        fanout_unref(fanout, pair);
    }
    forget_due(fanout, sub->snapshots_first, PAIR_SNAPSHOT);
    forget_due(fanout, sub->owing, PAIR_OWING);
    while (sub->pairs != PAIR_NONE)
        pair_abandon(fanout, sub->pairs);
    while (sub->holds != TOPIC_NONE)
        topics_release(&fanout->topics, &sub->holds, sub->holds);
    sub->holds_count = 0;
    sub->snapshots_first = sub->snapshots_last = sub->owing = PAIR_NONE;
}

void fanout_leave(struct fanout *fanout, uint32_t subscriber)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    fanout_silence(fanout, subscriber);
    lane_finish(&sub->lane, &fanout->lanes);
    free(sub->rest.data);
    sub->rest = (struct rest){0};
    sub->active = false;
}

bool fanout_control(struct fanout *fanout, uint32_t subscriber, const void *data, uint32_t len)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    if (!lane_append(&sub->lane, &fanout->lanes, data, len, sub->lane_max))
        sub->overfull = true;
    fanout_mark_dirty(fanout, subscriber);
    return !sub->overfull;
}

void fanout_mark_dirty(struct fanout *fanout, uint32_t subscriber)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    if (sub->dirty || sub->held)
        return;
    sub->dirty = true;
    fanout->dirty[(fanout->dirty_head + fanout->dirty_count++) & fanout->dirty_mask] = subscriber;
}

bool fanout_take_dirty(struct fanout *fanout, uint32_t *subscriber)
{
    while (fanout->dirty_count) {
        uint32_t candidate = fanout->dirty[fanout->dirty_head++ & fanout->dirty_mask];
        fanout->dirty_count--;
        fanout->subscribers[candidate].dirty = false;
        if (!fanout->subscribers[candidate].active)
            continue;
        *subscriber = candidate;
        return true;
    }
    return false;
}

bool fanout_waiting(const struct subscriber *sub)
{
    return sub->rest.len || sub->lane.len || sub->queue.count ||
           sub->snapshots_first != PAIR_NONE || sub->owing != PAIR_NONE;
}

/* ---- subscriptions ---- */

/* Room is judged before anything changes, so that a refusal leaves no half of a subscription. */
static bool has_room(const struct fanout *fanout, const struct topic *probe)
{
    uint32_t matching = 0;
    for (uint32_t i = 0; i < fanout->symbols_count && topic_is_pattern(probe); i++)
        matching += topic_matches(probe, fanout->symbols[i].name, fanout->symbols[i].len);
    if (!topic_is_pattern(probe))
        matching = 1;
    return fanout->pairs_live + matching <= fanout->config.pairs_max;
}

enum fanout_answer fanout_subscribe(struct fanout *fanout, uint32_t subscriber, const char *text,
                                    size_t len, bool snapshot)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    struct topic probe = {.len = (uint8_t)len};
    memcpy(probe.text, text, len);
    if (topics_find(&fanout->topics, sub->holds, text, len) != TOPIC_NONE)
        return FANOUT_OK;
    if (!has_room(fanout, &probe))
        return FANOUT_FULL;
    if (topics_hold(&fanout->topics, &sub->holds, subscriber, text, len, snapshot) == TOPIC_NONE)
        return FANOUT_FULL;
    sub->holds_count++;
    for (uint32_t i = 0; i < fanout->symbols_count; i++)
        if (topic_matches(&probe, fanout->symbols[i].name, fanout->symbols[i].len))
            pair_hold(fanout, subscriber, i, snapshot);
    return FANOUT_OK;
}

enum fanout_answer fanout_unsubscribe(struct fanout *fanout, uint32_t subscriber, const char *text,
                                      size_t len)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    uint32_t hold = topics_find(&fanout->topics, sub->holds, text, len);
    if (hold == TOPIC_NONE)
        return FANOUT_UNKNOWN;
    struct topic topic = fanout->topics.topics[fanout->topics.holds[hold].topic];
    topics_release(&fanout->topics, &sub->holds, hold);
    sub->holds_count--;
    for (uint32_t i = sub->pairs, next; i != PAIR_NONE; i = next) {
        struct pair *pair = &fanout->pairs[i];
        const struct fanout_symbol *symbol = &fanout->symbols[pair->symbol];
        next = pair->next_of_subscriber;
        if (topic_matches(&topic, symbol->name, symbol->len) && --pair->holders == 0)
            pair_remove(fanout, i);
    }
    return FANOUT_OK;
}

/* ---- from the ring ---- */

struct newcomer {
    struct fanout *fanout;
    uint32_t symbol;
};

static void greet(void *arg, const struct hold *hold)
{
    struct newcomer *newcomer = arg;
    struct fanout *fanout = newcomer->fanout;
    /* No snapshot: there is none yet, and the first tick is seq 1. */
    if (pair_hold(fanout, hold->subscriber, newcomer->symbol, false) < 0) {
        fanout->subscribers[hold->subscriber].starved = true;
        fanout_mark_dirty(fanout, hold->subscriber);
    }
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
    fanout->symbols_count++;
    struct newcomer newcomer = {.fanout = fanout, .symbol = symbol};
    topics_each_matching(&fanout->topics, name, len, greet, &newcomer);
}

void fanout_drop(struct fanout *fanout, struct subscriber *sub, uint32_t index)
{
    struct pair *pair = &fanout->pairs[index];
    if (!(pair->flags & PAIR_GONE)) {
        sub->dropped++;
        fanout->dropped++;
        if (!(pair->flags & PAIR_OWING)) {
            pair->flags |= PAIR_OWING;
            pair->next_due = sub->owing;
            sub->owing = index;
        }
    }
    pair->waiting--;
    fanout_unref(fanout, pair);
}

static void push(struct fanout *fanout, uint32_t index, uint32_t frame, uint32_t len, uint64_t seq)
{
    struct pair *pair = &fanout->pairs[index];
    if (pair->flags & PAIR_SNAPSHOT)
        return; /* its snapshot is still to be sent, and will be of this tick or a later one */
    struct subscriber *sub = &fanout->subscribers[pair->subscriber];
    while (sub->queue.count && (sub->queue.count >= fanout->config.queue_frames_max ||
                                sub->queue.bytes + len > fanout->config.queue_bytes_max)) {
        struct sendq_entry oldest = sendq_pop(&sub->queue, &fanout->queues);
        fanout_drop(fanout, sub, oldest.pair);
    }
    struct sendq_entry entry = {.frame = frame, .pair = index, .len = len};
    sendq_push(&sub->queue, &fanout->queues, entry);
    pair->queued_seq = seq;
    pair->waiting++;
    fanout->pushed++;
    if (!sub->patient)
        fanout_mark_dirty(fanout, pair->subscriber);
}

/* One frame to everyone on a roster. Pairs and subscribers lie all over memory: a block's are
 * fetched before the first is touched. */
static void push_all(struct fanout *fanout, uint32_t roster, uint32_t frame, uint64_t seq)
{
    uint32_t len = frames_find(&fanout->frames, frame)->len;
    for (uint32_t i = roster; i != ROSTER_NONE;) {
        const struct roster_block *block = &fanout->rosters.blocks[i];
        if (block->next != ROSTER_NONE)
            __builtin_prefetch(&fanout->rosters.blocks[block->next]);
        for (uint32_t k = 0; k < block->count; k++) {
            __builtin_prefetch(&fanout->pairs[block->entries[k].pair], 1);
            __builtin_prefetch(&fanout->subscribers[block->entries[k].subscriber], 1);
        }
        for (uint32_t k = 0; k < block->count; k++)
            push(fanout, block->entries[k].pair, frame, len, seq);
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
    uint32_t len =
        encode_gap(frames_begin(&fanout->frames), &skip, format, &gap, symbol->name, symbol->len);
    return frames_commit(&fanout->frames, skip, len, &frame);
}

static uint32_t make_trade(struct fanout *fanout, const struct fanout_symbol *symbol,
                           const struct tick *tick, int format)
{
    struct frame frame = {
        .first_seq = tick->seq, .seq = tick->seq, .rts_ns = tick->rts_ns, .symbol = tick->symbol};
    uint32_t skip;
    uint32_t len = encode_tick(frames_begin(&fanout->frames), &skip, format, tick, symbol->name,
                               symbol->len, WIRE_TRADE);
    fanout->encoded++;
    return frames_commit(&fanout->frames, skip, len, &frame);
}

void fanout_tick(struct fanout *fanout, const struct tick *tick)
{
    CHECK(tick->symbol < fanout->symbols_count);
    struct fanout_symbol *symbol = &fanout->symbols[tick->symbol];
    CHECK(tick->seq > symbol->last.seq);
    bool jumped =
        tick->seq != symbol->last.seq + 1; /* the feed merged the ticks between: its own overload */
    fanout->overload_gaps += jumped;
    for (int format = 0; format < ENCODE_FORMATS && !tick->quiet; format++) {
        uint32_t roster = symbol->rosters[format];
        if (roster == ROSTER_NONE)
            continue; /* encoded only if somebody wants it */
        if (jumped)
            push_all(fanout, roster, make_gap(fanout, symbol, tick, format), tick->seq - 1);
        push_all(fanout, roster, make_trade(fanout, symbol, tick, format), tick->seq);
    }
    symbol->last = *tick;
}
