/* SPDX-License-Identifier: MIT */
/* subscriber: the subscribers' half of fanout.h: who they are, what they ask for, and what waits.
 */
#include <stdlib.h>
#include <string.h>

#include "server/fanout/batch.h"
#include "server/fanout/fanout.h"
#include "server/fanout/pair.h"

enum { BROAD_TIMES = 2 };

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

void fanout_doom(struct fanout *fanout, uint32_t subscriber, enum fanout_doom cause)
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
        fanout_doom(fanout, subscriber, DOOM_CONTROL);
    fanout_mark_dirty(fanout, subscriber);
    return ok;
}

void fanout_mark_dirty(struct fanout *fanout, uint32_t subscriber)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    if (sub->dirty || sub->held)
        return;
    sub->dirty = true;
    sub->dirty_ms = (uint32_t)fanout->now_ms;
    bool last = sub->broad && fanout_waiting_bytes(sub) < GATHER_BYTES_MAX;
    list_push(last ? &fanout->broad : &fanout->dirty, subscriber);
}

/* Relative to the others, so that where all are alike nobody is. */
static bool is_broad(const struct fanout *fanout, const struct subscriber *sub)
{
    return (uint64_t)sub->pairs_count * fanout->holders >
           BROAD_TIMES * (uint64_t)fanout->pairs_live;
}

bool fanout_take_dirty(struct fanout *fanout, struct list *list, uint32_t *subscriber)
{
    while (list->count) {
        *subscriber = list_pop(list);
        struct subscriber *sub = &fanout->subscribers[*subscriber];
        sub->dirty = false;
        sub->broad = is_broad(fanout, sub);
        if (sub->active)
            return true;
    }
    return false;
}

bool fanout_broad_waits(const struct fanout *fanout, uint32_t ms)
{
    uint32_t first;
    return list_peek(&fanout->broad, 0, &first) &&
           (uint32_t)fanout->now_ms - fanout->subscribers[first].dirty_ms >= ms;
}

uint32_t fanout_waiting_bytes(const struct subscriber *sub)
{
    return sub->queue.bytes + (sub->spool ? spool_waiting(sub->spool) : 0);
}

bool fanout_waiting(const struct subscriber *sub)
{
    return sub->rest.len || sub->lane.len || sub->queue.count || sub->fresh_first != PAIR_NONE ||
           sub->owes || (sub->spool && !spool_is_empty(sub->spool));
}

/* ---- subscriptions ---- */

/* Room is judged before anything changes, so that a refusal leaves no half of a subscription. */
static bool has_room(struct fanout *fanout, uint32_t subscriber, bool pattern,
                     struct name_range range)
{
    uint64_t need = !pattern && !range.count; /* for one that may come */
    for (uint32_t i = 0; i < range.count; i++)
        need += pair_find(fanout, subscriber, range.symbols[i]) == PAIR_NONE;
    return fanout->pairs_live + need <= fanout->config.pairs_max;
}

/* Held already: its pairs get the new terms. */
static void change_terms(struct fanout *fanout, uint32_t hold, struct name_range range,
                         struct terms terms)
{
    uint32_t subscriber = fanout->topics.holds[hold].subscriber;
    fanout->topics.holds[hold].terms = terms;
    for (uint32_t i = 0; i < range.count; i++) {
        uint32_t pair = pair_find(fanout, subscriber, range.symbols[i]);
        if (pair != PAIR_NONE)
            pair_set_terms(fanout, pair, terms);
    }
}

enum fanout_answer fanout_subscribe(struct fanout *fanout, uint32_t subscriber, const char *text,
                                    size_t len, const struct fanout_request *request)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    struct name_range range = names_matching(fanout, text, len);
    uint32_t hold = topics_find(&fanout->topics, subscriber, text, len);
    if (hold != TOPIC_NONE) {
        change_terms(fanout, hold, range, request->terms);
        return FANOUT_OK;
    }
    if (!has_room(fanout, subscriber, text[len - 1] == '*', range))
        return FANOUT_FULL;
    hold = topics_hold(&fanout->topics, &sub->holds, subscriber, text, len, request->terms);
    if (hold == TOPIC_NONE)
        return FANOUT_FULL;
    sub->holds_count++;
    for (uint32_t i = 0; i < range.count; i++)
        pair_hold(fanout, subscriber, range.symbols[i], request);
    return FANOUT_OK;
}

bool fanout_remembers(struct fanout *fanout, const char *text, size_t len,
                      const struct fanout_request *request)
{
    struct name_range range = names_matching(fanout, text, len);
    for (uint32_t i = 0; i < range.count; i++) {
        const struct tick *last = &fanout->symbols[range.symbols[i]].last;
        const struct history_mark *mark = pair_played(fanout, range.symbols[i], request);
        uint64_t seq;
        if (last->seq && !history_is_before(last, *mark) &&
            history_find(&fanout->history, fanout->spans[range.symbols[i]], *mark, &seq) ==
                HISTORY_LOST)
            return false;
    }
    return true;
}

enum fanout_answer fanout_unsubscribe(struct fanout *fanout, uint32_t subscriber, const char *text,
                                      size_t len)
{
    struct subscriber *sub = &fanout->subscribers[subscriber];
    uint32_t hold = topics_find(&fanout->topics, subscriber, text, len);
    if (hold == TOPIC_NONE)
        return FANOUT_UNKNOWN;
    struct name_range range = names_matching(fanout, text, len);
    topics_release(&fanout->topics, &sub->holds, hold);
    sub->holds_count--;
    for (uint32_t i = 0; i < range.count; i++) {
        uint32_t pair = pair_find(fanout, subscriber, range.symbols[i]);
        if (pair != PAIR_NONE && --fanout->pairs[pair].holders == 0)
            pair_remove(fanout, pair);
    }
    return FANOUT_OK;
}
