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

static bool list_init(struct fanout_list *list, uint32_t max)
{
    list->mask = round_up(max) - 1;
    list->ring = reserve((list->mask + 1ull) * sizeof *list->ring);
    return list->ring;
}

static void list_finish(struct fanout_list *list)
{
    unreserve(list->ring, (list->mask + 1ull) * sizeof *list->ring);
}

static void list_push(struct fanout_list *list, uint32_t subscriber)
{
    list->ring[(list->head + list->count++) & list->mask] = subscriber;
}

static uint32_t list_pop(struct fanout_list *list)
{
    list->count--;
    return list->ring[list->head++ & list->mask];
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
    if (!list_init(&fanout->dirty, config->subscribers_max) ||
        !list_init(&fanout->doomed, config->subscribers_max))
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
    unreserve(fanout->spans, (size_t)config->symbols_max * sizeof *fanout->spans);
    list_finish(&fanout->dirty);
    list_finish(&fanout->doomed);
    history_finish(&fanout->history);
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
           config->arena_frames * sizeof(struct frame) +
           config->history_ticks * sizeof(struct history_entry);
}

/* ---- subscribers ---- */

void fanout_join(struct fanout *fanout, uint32_t subscriber, int format)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    /* Places in the lists outlive the client that had the slot. */
    bool dirty = sub->dirty;
    bool doomed = sub->doomed;
    *sub = (struct subscriber){.format = (uint8_t)format,
                               .active = true,
                               .lane_max = fanout->config.control_bytes_max,
                               .dirty = dirty,
                               .doomed = doomed,
                               .fresh_first = PAIR_NONE,
                               .fresh_last = PAIR_NONE,
                               .pairs = PAIR_NONE,
                               .holds = TOPIC_NONE};
    sendq_init(&sub->queue);
}

void fanout_silence(struct fanout *fanout, uint32_t subscriber)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    while (sub->queue.count) {
        struct pair *pair = &fanout->pairs[sendq_pop(&sub->queue, &fanout->queues).pair];
        pair->waiting--;
        fanout_unref(fanout, pair);
    }
    for (uint32_t i = sub->fresh_first, next; i != PAIR_NONE; i = next) {
        next = fanout->pairs[i].next_due;
        fanout->pairs[i].flags &= (uint8_t)~PAIR_FRESH;
        fanout_unref(fanout, &fanout->pairs[i]);
    }
    while (sub->pairs != PAIR_NONE)
        pair_abandon(fanout, sub->pairs);
    while (sub->holds != TOPIC_NONE)
        topics_release(&fanout->topics, &sub->holds, sub->holds);
    sub->holds_count = 0;
    sub->fresh_first = sub->fresh_last = PAIR_NONE;
    sub->owes = false;
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

static void doom(struct fanout *fanout, uint32_t subscriber, enum fanout_doom cause)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    sub->doom = (uint8_t)cause;
    if (sub->doomed)
        return;
    sub->doomed = true;
    list_push(&fanout->doomed, subscriber);
}

bool fanout_take_doomed(struct fanout *fanout, uint32_t *subscriber)
{
    while (fanout->doomed.count) {
        *subscriber = list_pop(&fanout->doomed);
        struct subscriber *sub = &fanout->subscribers[*subscriber];
        sub->doomed = false;
        if (sub->active && sub->doom != DOOM_NONE)
            return true;
    }
    return false;
}

bool fanout_control(struct fanout *fanout, uint32_t subscriber, const void *data, uint32_t len)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    bool ok = lane_append(&sub->lane, &fanout->lanes, data, len, sub->lane_max);
    if (!ok)
        doom(fanout, subscriber, DOOM_CONTROL);
    fanout_mark_dirty(fanout, subscriber);
    return ok;
}

void fanout_mark_dirty(struct fanout *fanout, uint32_t subscriber)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    if (sub->dirty || sub->held)
        return;
    sub->dirty = true;
    list_push(&fanout->dirty, subscriber);
}

bool fanout_take_dirty(struct fanout *fanout, uint32_t *subscriber)
{
    while (fanout->dirty.count) {
        *subscriber = list_pop(&fanout->dirty);
        fanout->subscribers[*subscriber].dirty = false;
        if (fanout->subscribers[*subscriber].active)
            return true;
    }
    return false;
}

bool fanout_waiting(const struct subscriber *sub)
{
    return sub->rest.len || sub->lane.len || sub->queue.count || sub->fresh_first != PAIR_NONE ||
           sub->owes;
}

/* ---- subscriptions ---- */

/* Room is judged before anything changes, so that a refusal leaves no half of a subscription. */
static bool has_room(struct fanout *fanout, uint32_t subscriber, const struct topic *probe)
{
    uint64_t need = topic_is_pattern(probe) ? 0 : 1; /* also for one that is not known yet */
    for (uint32_t i = 0; i < fanout->symbols_count; i++) {
        const struct fanout_symbol *symbol = &fanout->symbols[i];
        if (!topic_matches(probe, symbol->name, symbol->len))
            continue;
        bool has = pair_find(fanout, subscriber, i) != PAIR_NONE;
        if (topic_is_pattern(probe))
            need += !has;
        else
            need = !has;
    }
    return fanout->pairs_live + need <= fanout->config.pairs_max;
}

/* Held already: its pairs get the new terms. */
static void change_terms(struct fanout *fanout, struct subscriber *sub, uint32_t hold,
                         struct terms terms)
{
    const struct topic *topic = &fanout->topics.topics[fanout->topics.holds[hold].topic];
    fanout->topics.holds[hold].terms = terms;
    for (uint32_t i = sub->pairs; i != PAIR_NONE; i = fanout->pairs[i].next_of_subscriber) {
        const struct fanout_symbol *symbol = &fanout->symbols[fanout->pairs[i].symbol];
        if (topic_matches(topic, symbol->name, symbol->len))
            pair_set_terms(fanout, i, terms);
    }
}

enum fanout_answer fanout_subscribe(struct fanout *fanout, uint32_t subscriber, const char *text,
                                    size_t len, const struct fanout_request *request)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    struct topic probe = {.len = (uint8_t)len};
    memcpy(probe.text, text, len);
    uint32_t hold = topics_find(&fanout->topics, sub->holds, text, len);
    if (hold != TOPIC_NONE) {
        change_terms(fanout, sub, hold, request->terms);
        return FANOUT_OK;
    }
    if (!has_room(fanout, subscriber, &probe))
        return FANOUT_FULL;
    hold = topics_hold(&fanout->topics, &sub->holds, subscriber, text, len, request->terms);
    if (hold == TOPIC_NONE)
        return FANOUT_FULL;
    sub->holds_count++;
    for (uint32_t i = 0; i < fanout->symbols_count; i++)
        if (topic_matches(&probe, fanout->symbols[i].name, fanout->symbols[i].len))
            pair_hold(fanout, subscriber, i, request);
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
    struct fanout_request request = {.terms = hold->terms};
    if (pair_hold(fanout, hold->subscriber, newcomer->symbol, &request) < 0)
        doom(fanout, hold->subscriber, DOOM_STARVED);
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
    struct newcomer newcomer = {.fanout = fanout, .symbol = symbol};
    topics_each_matching(&fanout->topics, name, len, greet, &newcomer);
}

void fanout_drop(struct fanout *fanout, struct subscriber *sub, uint32_t index)
{
    struct pair *pair = &fanout->pairs[index];
    if (pair->mode == TERMS_STRICT && !(pair->flags & PAIR_GONE))
        doom(fanout, pair->subscriber, DOOM_STRICT);
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
            doom(fanout, pair->subscriber, DOOM_STRICT);
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
    if (!sub->patient)
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
