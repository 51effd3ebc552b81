/* SPDX-License-Identifier: MIT */
/* pair: see pair.h. */
#include "server/fanout/pair.h"

#include <errno.h>

#include "feed/base.h"

static uint32_t *bucket_of(struct fanout *fanout, uint32_t subscriber, uint32_t symbol)
{
    uint64_t key = (uint64_t)subscriber << 32 | symbol;
    return &fanout->buckets[(key * 0x9e3779b97f4a7c15u) >> 32 & fanout->buckets_mask];
}

/* Buckets hold index + 1, so that zeroed pages are empty ones. */
static uint32_t find(struct fanout *fanout, uint32_t subscriber, uint32_t symbol)
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

static void await_snapshot(struct fanout *fanout, struct subscriber *sub, uint32_t index)
{
    fanout->pairs[index].flags |= PAIR_SNAPSHOT;
    fanout->pairs[index].next_due = PAIR_NONE;
    if (sub->snapshots_first == PAIR_NONE)
        sub->snapshots_first = index;
    else
        fanout->pairs[sub->snapshots_last].next_due = index;
    sub->snapshots_last = index;
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
    sub->pairs_count++;
    pair->place = roster_add(&fanout->rosters, &fanout->symbols[pair->symbol].rosters[sub->format],
                             index, pair->subscriber);
}

int pair_hold(struct fanout *fanout, uint32_t subscriber, uint32_t symbol, bool snapshot)
{
    uint32_t index = find(fanout, subscriber, symbol);
    if (index != PAIR_NONE) {
        fanout->pairs[index].holders++;
        return 0;
    }
    index = take(fanout);
    if (index == PAIR_NONE)
        return -ENOSPC;
    struct subscriber *sub = &fanout->subscribers[subscriber];
    uint64_t seq = fanout->symbols[symbol].last.seq;
    fanout->pairs[index] = (struct pair){.subscriber = subscriber,
                                         .symbol = symbol,
                                         .sent_seq = seq,
                                         .queued_seq = seq,
                                         .holders = 1};
    fanout->pairs_live++;
    link_pair(fanout, sub, index);
    if (snapshot && seq) {
        await_snapshot(fanout, sub, index);
        fanout_mark_dirty(fanout, subscriber);
    }
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
    sub->pairs_count--;
    uint32_t moved = roster_remove(
        &fanout->rosters, &fanout->symbols[pair->symbol].rosters[sub->format], pair->place);
    if (moved != ROSTER_NONE)
        fanout->pairs[moved].place = pair->place;
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
    if ((pair->flags & PAIR_GONE) && !(pair->flags & (PAIR_SNAPSHOT | PAIR_OWING)) &&
        pair->waiting == 0)
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
