/* SPDX-License-Identifier: MIT */
/* pair: see pair.h. */
#include "server/fanout/pair.h"

#include <errno.h>
#include <stdlib.h>

#include "feed/base.h"

static uint32_t *bucket_of(struct fanout *fanout, uint32_t subscriber, uint32_t symbol)
{
    uint64_t key = (uint64_t)subscriber << 32 | symbol;
    return &fanout->buckets[(key * 0x9e3779b97f4a7c15u) >> 32 & fanout->buckets_mask];
}

/* Buckets hold index + 1, so that zeroed pages are empty ones. */
uint32_t pair_find(struct fanout *fanout, uint32_t subscriber, uint32_t symbol)
{
    uint32_t i = *bucket_of(fanout, subscriber, symbol);
    while (i &&
           (fanout->pairs[i - 1].subscriber != subscriber || fanout->pairs[i - 1].symbol != symbol))
        i = fanout->pairs[i - 1].bucket_next;
    return i - 1;
}

static uint32_t take(struct fanout *fanout)
{
    uint32_t index = fanout->pairs_free;
    if (index != PAIR_NONE)
        fanout->pairs_free = fanout->pairs[index].next_due;
    else if (fanout->pairs_used < fanout->config.pairs_max)
        index = fanout->pairs_used++;
    return index;
}

void pair_refresh(struct fanout *fanout, uint32_t index, bool again)
{
    struct pair *pair = &fanout->pairs[index];
    struct subscriber *sub = &fanout->subscribers[pair->subscriber];
    if (pair->flags & PAIR_FRESH)
        return;
    pair->flags |= PAIR_FRESH;
    pair->next_due = PAIR_NONE;
    if (sub->fresh_first == PAIR_NONE) {
        sub->fresh_first = sub->fresh_last = index;
    } else if (again) {
        pair->next_due = sub->fresh_first;
        sub->fresh_first = index;
    } else {
        fanout->pairs[sub->fresh_last].next_due = index;
        sub->fresh_last = index;
    }
}

void pair_rest(struct fanout *fanout, uint32_t index)
{
    struct pair *pair = &fanout->pairs[index];
    if (pair->mode != TERMS_LATEST || !pair->interval_ms)
        return;
    pair->flags |= PAIR_RESTING;
    fanout->rest(fanout->rest_arg, index, fanout->now_ms + pair->interval_ms);
}

void pair_unrest(struct fanout *fanout, uint32_t index)
{
    struct pair *pair = &fanout->pairs[index];
    if (!(pair->flags & PAIR_RESTING))
        return;
    pair->flags &= (uint8_t)~PAIR_RESTING;
    fanout->rest(fanout->rest_arg, index, 0);
}

void fanout_wake(struct fanout *fanout, uint32_t index)
{
    struct pair *pair = &fanout->pairs[index];
    pair->flags &= (uint8_t)~PAIR_RESTING;
    if ((pair->flags & PAIR_GONE) || fanout->symbols[pair->symbol].last.seq == pair->sent_seq)
        return;
    pair_refresh(fanout, index, false);
    fanout_mark_dirty(fanout, pair->subscriber);
}

void pair_set_terms(struct fanout *fanout, uint32_t index, struct terms terms)
{
    struct pair *pair = &fanout->pairs[index];
    uint64_t last = fanout->symbols[pair->symbol].last.seq;
    uint8_t was = pair->mode;
    pair->mode = terms.mode;
    pair->interval_ms = terms.interval_ms;
    if (was == terms.mode || pair->flags & PAIR_AHEAD)
        return;
    /* Into latest: what waits in the queue is passed over, its newest tick is sent instead. Out of
     * it: what was passed over is nobody's gap, the account begins anew with a snapshot. */
    if (terms.mode == TERMS_LATEST) {
        pair->flags &= (uint8_t)~PAIR_RESUMING;
        if (last != pair->sent_seq)
            pair_refresh(fanout, index, false);
    } else if (was == TERMS_LATEST) {
        pair_unrest(fanout, index);
        if (last) {
            pair->flags |= PAIR_SNAPSHOT;
            pair_refresh(fanout, index, false);
        }
    }
    fanout_mark_dirty(fanout, pair->subscriber);
}

static void link_pair(struct fanout *fanout, struct subscriber *sub, uint32_t index)
{
    struct pair *pair = &fanout->pairs[index];
    uint32_t *bucket = bucket_of(fanout, pair->subscriber, pair->symbol);
    pair->bucket_next = *bucket;
    *bucket = index + 1;
    pair->previous_of_subscriber = PAIR_NONE;
    pair->next_of_subscriber = sub->pairs;
    if (sub->pairs != PAIR_NONE)
        fanout->pairs[sub->pairs].previous_of_subscriber = index;
    sub->pairs = index;
    fanout->holders += sub->pairs_count++ == 0;
    pair->place = roster_add(&fanout->rosters, &fanout->symbols[pair->symbol].rosters[sub->format],
                             index, pair->subscriber);
}

static int compare_since(const void *key, const void *element)
{
    const struct fanout_symbol *symbol = key;
    const struct fanout_since *since = element;
    return names_compare(symbol->name, symbol->len, since->symbol, since->symbol_len);
}

static const struct fanout_since *find_since(const struct fanout_request *request,
                                             const struct fanout_symbol *symbol)
{
    if (!request->since_count)
        return NULL;
    return bsearch(symbol, request->since, request->since_count, sizeof *request->since,
                   compare_since);
}

/* The account goes on from what the client has. */
static void resume(struct fanout *fanout, uint32_t index, struct history_mark mark)
{
    struct pair *pair = &fanout->pairs[index];
    const struct tick *last = &fanout->symbols[pair->symbol].last;
    uint64_t seq = 0; /* HISTORY_LOST: all that came before is announced */
    enum history_answer answer =
        history_find(&fanout->history, fanout->spans[pair->symbol], mark, &seq);
    if (history_is_before(last, mark)) {
        answer = HISTORY_AHEAD; /* whether or not the last tick is kept */
        seq = last->seq;
    }
    if (answer == HISTORY_AHEAD) {
        pair->flags |= PAIR_AHEAD;
        pair->sent_seq = seq;
        pair->queued_seq = mark.pos;
        pair->cursor = mark.index;
        return;
    }
    pair->sent_seq = seq;
    pair->cursor = HISTORY_NONE;
    pair->flags |= pair->mode == TERMS_LATEST ? 0 : PAIR_RESUMING;
    pair_refresh(fanout, index, false);
}

const struct history_mark *pair_played(const struct fanout *fanout, uint32_t symbol,
                                       const struct fanout_request *request)
{
    static const struct history_mark nothing = {.pos = UINT64_MAX}; /* of no partition */
    uint32_t partition = tick_partition(&fanout->symbols[symbol].last);
    for (uint32_t i = 0; i < request->played_count; i++)
        if (request->played[i].pos >> 48 == partition)
            return &request->played[i];
    return request->played ? &nothing : NULL;
}

/* The account goes on from what a replay has played. The last tick of that, if it is still held,
 * goes first, as a snapshot: it tells which `seq` the client has got to. A symbol's newest tick is
 * held even where the history has forgotten it. */
static void join(struct fanout *fanout, uint32_t index, struct history_mark mark)
{
    struct pair *pair = &fanout->pairs[index];
    const struct tick *last = &fanout->symbols[pair->symbol].last;
    uint64_t seq = 0;
    enum history_answer answer =
        history_find(&fanout->history, fanout->spans[pair->symbol], mark, &seq);
    if (answer == HISTORY_LOST && history_is_before(last, mark))
        seq = last->seq;
    pair->sent_seq = seq > 0 ? seq - 1 : 0;
    pair->cursor = HISTORY_NONE;
    pair->flags |= PAIR_RESUMING | (seq > 0 ? PAIR_JOINING : 0);
    pair_refresh(fanout, index, false);
}

static void begin_account(struct fanout *fanout, uint32_t index,
                          const struct fanout_request *request)
{
    struct pair *pair = &fanout->pairs[index];
    const struct fanout_symbol *symbol = &fanout->symbols[pair->symbol];
    if (!symbol->last.seq)
        return; /* it begins with the first tick */
    const struct fanout_since *since = find_since(request, symbol);
    const struct history_mark *played = pair_played(fanout, pair->symbol, request);
    if (played) {
        join(fanout, index, *played);
    } else if (since) {
        resume(fanout, index, since->mark);
    } else if (request->terms.snapshot) {
        pair->flags |= PAIR_SNAPSHOT;
        pair_refresh(fanout, index, false);
    }
    if (pair->flags & PAIR_FRESH)
        fanout_mark_dirty(fanout, pair->subscriber);
}

int pair_hold(struct fanout *fanout, uint32_t subscriber, uint32_t symbol,
              const struct fanout_request *request)
{
    uint32_t index = pair_find(fanout, subscriber, symbol);
    if (index != PAIR_NONE) {
        fanout->pairs[index].holders++;
        pair_set_terms(fanout, index, request->terms);
        return 0;
    }
    index = take(fanout);
    if (index == PAIR_NONE)
        return -ENOSPC;
    uint64_t seq = fanout->symbols[symbol].last.seq;
    fanout->pairs[index] = (struct pair){.subscriber = subscriber,
                                         .symbol = symbol,
                                         .sent_seq = seq,
                                         .queued_seq = seq,
                                         .interval_ms = request->terms.interval_ms,
                                         .mode = request->terms.mode,
                                         .holders = 1};
    fanout->pairs_live++;
    link_pair(fanout, &fanout->subscribers[subscriber], index);
    begin_account(fanout, index, request);
    return 0;
}

static void unlink_pair(struct fanout *fanout, uint32_t index)
{
    struct pair *pair = &fanout->pairs[index];
    struct subscriber *sub = &fanout->subscribers[pair->subscriber];
    uint32_t *link = bucket_of(fanout, pair->subscriber, pair->symbol);
    while (*link != index + 1)
        link = &fanout->pairs[*link - 1].bucket_next;
    *link = pair->bucket_next;
    if (pair->next_of_subscriber != PAIR_NONE)
        fanout->pairs[pair->next_of_subscriber].previous_of_subscriber =
            pair->previous_of_subscriber;
    if (pair->previous_of_subscriber != PAIR_NONE)
        fanout->pairs[pair->previous_of_subscriber].next_of_subscriber = pair->next_of_subscriber;
    else
        sub->pairs = pair->next_of_subscriber;
    fanout->holders -= --sub->pairs_count == 0;
    uint32_t moved = roster_remove(
        &fanout->rosters, &fanout->symbols[pair->symbol].rosters[sub->format], pair->place);
    if (moved != ROSTER_NONE)
        fanout->pairs[moved].place = pair->place;
    pair_unrest(fanout, index);
    pair->flags |= PAIR_GONE;
}

static void to_graveyard(struct fanout *fanout, struct pair *pair)
{
    pair->next_due = fanout->graveyard;
    fanout->graveyard = (uint32_t)(pair - fanout->pairs);
}

void pair_remove(struct fanout *fanout, uint32_t index)
{
    unlink_pair(fanout, index);
    fanout_unref(fanout, &fanout->pairs[index]);
}

void pair_abandon(struct fanout *fanout, uint32_t index)
{
    unlink_pair(fanout, index);
    fanout->pairs[index].flags = PAIR_GONE;
    fanout->pairs[index].waiting = 0;
    to_graveyard(fanout, &fanout->pairs[index]);
}

void fanout_unref(struct fanout *fanout, struct pair *pair)
{
    if ((pair->flags & PAIR_GONE) && !(pair->flags & PAIR_FRESH) && pair->waiting == 0)
        to_graveyard(fanout, pair);
}

void fanout_bury(struct fanout *fanout)
{
    while (fanout->graveyard != PAIR_NONE) {
        uint32_t index = fanout->graveyard;
        fanout->graveyard = fanout->pairs[index].next_due;
        fanout->pairs[index].next_due = fanout->pairs_free;
        fanout->pairs_free = index;
        fanout->pairs_live--;
    }
}
