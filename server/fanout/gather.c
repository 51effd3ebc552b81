/* SPDX-License-Identifier: MIT */
/* gather: see gather.h. */
#include "server/fanout/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "server/fanout/pair.h"

/* A send in the making. */
struct draft {
    struct fanout *fanout;
    struct batch *batch;
    struct subscriber *sub;
    struct send *send;
    uint32_t bytes_max;
    bool copied; /* in scratch, rather than one range elsewhere */
};

static void copy_in(struct draft *draft, const void *data, uint32_t len)
{
    struct send *send = draft->send;
    uint8_t *scratch = draft->batch->chunks[draft->batch->chunk] + draft->batch->scratch_used;
    if (!draft->copied) {
        if (send->len)
            memcpy(scratch, send->data, send->len);
        send->data = scratch;
        draft->copied = true;
    }
    memcpy(scratch + send->len, data, len);
    send->len += len;
}

/* `data` stays where it is until the send has ended. */
static void point_to(struct draft *draft, const uint8_t *data, uint32_t len)
{
    struct send *send = draft->send;
    if (!send->len)
        send->data = data;
    else if (draft->copied || data != send->data + send->len) {
        copy_in(draft, data, len);
        return;
    }
    send->len += len;
}

static bool is_tick(enum piece_kind kind)
{
    return kind != PIECE_FEED_GAP && kind != PIECE_GAP;
}

static void note(struct draft *draft, enum piece_kind kind, uint32_t pair, uint32_t frame,
                 uint32_t len)
{
    draft->batch->pieces[draft->batch->pieces_used++] =
        (struct piece){.sent_seq = draft->fanout->pairs[pair].sent_seq,
                       .frame = frame,
                       .pair = pair,
                       .len = len,
                       .kind = kind};
    draft->send->ticks += is_tick(kind);
}

static bool has_space(const struct draft *draft)
{
    return draft->send->len < draft->bytes_max &&
           draft->batch->pieces_used - draft->send->pieces_first < 2 * GATHER_FRAMES_MAX;
}

static struct encoding encoding_of(const struct draft *draft)
{
    return (struct encoding){.format = draft->sub->format, .deflate = draft->fanout->deflate};
}

/* What is missing between the last seq sent and `to`. */
static void put_gap(struct draft *draft, uint32_t index, uint64_t to, enum gap_reason reason)
{
    struct pair *pair = &draft->fanout->pairs[index];
    const struct fanout_symbol *symbol = &draft->fanout->symbols[pair->symbol];
    struct wire_gap gap = {.from = pair->sent_seq + 1, .to = to, .reason = reason};
    uint8_t bytes[ENCODE_MAX];
    uint32_t skip;
    uint32_t len = encode_gap(bytes, &skip, encoding_of(draft), &gap, symbol->name, symbol->len);
    note(draft, PIECE_GAP, index, reason, len);
    copy_in(draft, bytes + skip, len);
    pair->sent_seq = to;
}

static void put_tick(struct draft *draft, uint32_t index, enum piece_kind kind,
                     const struct tick *tick)
{
    struct pair *pair = &draft->fanout->pairs[index];
    const struct fanout_symbol *symbol = &draft->fanout->symbols[pair->symbol];
    uint8_t bytes[ENCODE_MAX];
    uint32_t skip;
    uint32_t len =
        encode_tick(bytes, &skip, encoding_of(draft), tick, symbol->name, symbol->len,
                    kind == PIECE_SNAPSHOT || kind == PIECE_JOINED ? WIRE_SNAPSHOT : WIRE_TRADE);
    note(draft, kind, index, 0, len);
    copy_in(draft, bytes + skip, len);
    pair->sent_seq = tick->seq;
}

/* A joining pair: the tick that a replay has played last, which is the history's next or the
 * newest there is. False where that has been forgotten. */
static bool put_joined(struct draft *draft, uint32_t index, const struct tick *next)
{
    struct pair *pair = &draft->fanout->pairs[index];
    const struct tick *tick = next ? next : &draft->fanout->symbols[pair->symbol].last;
    bool kept = tick->seq == pair->sent_seq + 1;
    pair->flags &= (uint8_t)~PAIR_JOINING;
    if (kept)
        put_tick(draft, index, PIECE_JOINED, tick);
    else
        pair->sent_seq++;
    return kept;
}

/* A resuming pair: what the history holds after the last seq sent. Returns whether it has caught
 * up. */
static bool put_history(struct draft *draft, uint32_t index)
{
    struct fanout *fanout = draft->fanout;
    struct pair *pair = &fanout->pairs[index];
    struct history_span span = fanout->spans[pair->symbol];
    uint32_t cursor = history_resume_cursor(&fanout->history, span, pair->sent_seq, pair->cursor);
    while (has_space(draft)) {
        const struct tick *tick = history_after(&fanout->history, span, pair->sent_seq, &cursor);
        if (pair->flags & PAIR_JOINING && put_joined(draft, index, tick)) {
            pair->cursor = cursor;
            continue;
        }
        uint64_t next = tick ? tick->seq : fanout->symbols[pair->symbol].last.seq + 1;
        /* Forgotten before it could be sent, or conflated by the feed: either way the history
         * doesn't hold it. */
        if (next != pair->sent_seq + 1)
            put_gap(draft, index, next - 1, GAP_HISTORY);
        if (!tick)
            return true;
        put_tick(draft, index, PIECE_HISTORY, tick);
        pair->cursor = cursor;
    }
    return false;
}

static void put_last(struct draft *draft, uint32_t index, int64_t now_ns, struct histogram *latency)
{
    struct fanout *fanout = draft->fanout;
    struct pair *pair = &fanout->pairs[index];
    const struct tick *last = &fanout->symbols[pair->symbol].last;
    bool snapshot = pair->flags & PAIR_SNAPSHOT;
    put_tick(draft, index, snapshot ? PIECE_SNAPSHOT : PIECE_LAST, last);
    pair->flags &= (uint8_t)~PAIR_SNAPSHOT;
    pair_rest(fanout, index);
    if (!snapshot)
        histogram_add(latency, now_ns - last->rts_ns);
}

/* Those whose symbol's last tick, or history, is to be sent. */
static void put_fresh(struct draft *draft, int64_t now_ns, struct histogram *latency)
{
    struct fanout *fanout = draft->fanout;
    struct subscriber *sub = draft->sub;
    while (sub->fresh_first != PAIR_NONE && has_space(draft)) {
        uint32_t index = sub->fresh_first;
        struct pair *pair = &fanout->pairs[index];
        bool gone = pair->flags & PAIR_GONE;
        if (!gone && pair->flags & PAIR_RESUMING) {
            if (!put_history(draft, index))
                return;
            pair->flags &= (uint8_t)~PAIR_RESUMING;
        } else if (!gone) {
            put_last(draft, index, now_ns, latency);
        }
        sub->fresh_first = pair->next_due;
        pair->flags &= (uint8_t)~PAIR_FRESH;
        pair->queued_seq = pair->sent_seq;
        if (gone)
            fanout_unref(fanout, pair);
    }
}

/* Whether the entry is nothing that its client still wants: unsubscribed, or passed over by mode
 * latest. */
static bool is_void(const struct pair *pair, const struct frame *frame)
{
    return pair->flags & PAIR_GONE || pair->mode == TERMS_LATEST ||
           (frame && frame->seq <= pair->sent_seq);
}

static void put_frames(struct draft *draft, int64_t now_ns, struct histogram *latency)
{
    struct fanout *fanout = draft->fanout;
    struct subscriber *sub = draft->sub;
    while (sub->queue.count && has_space(draft)) {
        struct sendq_entry entry = sendq_pop(&sub->queue, &fanout->queues);
        struct pair *pair = &fanout->pairs[entry.pair];
        const struct frame *frame = frames_find(&fanout->frames, entry.frame);
        if (is_void(pair, frame)) {
            pair->waiting--;
            fanout_unref(fanout, pair);
            continue;
        }
        if (!frame) {
            fanout_drop(fanout, sub, entry.pair);
            continue;
        }
        if (frame->first_seq != pair->sent_seq + 1)
            put_gap(draft, entry.pair, frame->first_seq - 1, GAP_SLOW_CLIENT);
        note(draft, frame->gap ? PIECE_FEED_GAP : PIECE_TICK, entry.pair, entry.frame, entry.len);
        point_to(draft, frames_bytes(&fanout->frames, frame), entry.len);
        pair->sent_seq = frame->seq;
        pair->waiting--;
        if (frame->gap)
            sub->overload += frame->seq - frame->first_seq + 1;
        else
            histogram_add(latency, now_ns - frame->rts_ns);
    }
}

/* The queue is empty: whatever is still missing has no later frame to stand before. */
static void settle(struct draft *draft)
{
    struct fanout *fanout = draft->fanout;
    struct subscriber *sub = draft->sub;
    for (uint32_t i = sub->pairs; sub->owes && i != PAIR_NONE;) {
        const struct pair *pair = &fanout->pairs[i];
        bool counted = pair->mode != TERMS_LATEST && !(pair->flags & (PAIR_FRESH | PAIR_AHEAD));
        if (counted && pair->sent_seq < pair->queued_seq) {
            if (!has_space(draft))
                return;
            put_gap(draft, i, pair->queued_seq, GAP_SLOW_CLIENT);
        }
        i = pair->next_of_subscriber;
    }
    sub->owes = false;
}

/* A client that a replay is played to has no subscriptions: what is there leaves as it stands. */
static void put_spool(struct draft *draft)
{
    struct send *send = draft->send;
    struct spool *spool = draft->sub->spool;
    uint32_t frames;
    const uint8_t *data;
    if (!spool || !has_space(draft))
        return;
    uint32_t len = spool_peek(spool, draft->bytes_max - send->len, &data, &frames);
    if (!len)
        return;
    point_to(draft, data, len);
    send->spool = spool;
    send->spool_len = len;
}

/* The rest of a begun frame, then the lane. Returns whether ticks may follow: not within a control
 * message. */
static bool put_prefix(struct draft *draft)
{
    struct subscriber *sub = draft->sub;
    struct send *send = draft->send;
    if (sub->rest.len) {
        send->rest_len = sub->rest.len;
        point_to(draft, sub->rest.data + sub->rest.head, sub->rest.len);
    }
    if (!sub->lane.len)
        return true;
    uint32_t len = sub->lane.len;
    if (send->len && len > GATHER_BYTES_MAX - FRAME_LEN_MAX)
        return false; /* too long to be copied behind the rest: it goes alone, next */
    send->lane_len = len;
    point_to(draft, sub->lane.data + sub->lane.head, len);
    return len <= GATHER_BYTES_MAX / 2;
}

struct send *gather(struct fanout *fanout, struct batch *batch, uint32_t subscriber,
                    uint32_t bytes_max, int64_t now_ns, struct histogram *latency)
{
    struct send *send = &batch->sends[batch->sends_count];
    *send = (struct send){.subscriber = subscriber, .pieces_first = batch->pieces_used};
    struct draft draft = {.fanout = fanout,
                          .batch = batch,
                          .sub = &fanout->subscribers[subscriber],
                          .send = send,
                          .bytes_max = bytes_max};
    if (put_prefix(&draft)) {
        put_spool(&draft);
        put_fresh(&draft, now_ns, latency);
        if (draft.sub->fresh_first == PAIR_NONE)
            put_frames(&draft, now_ns, latency);
        if (draft.sub->fresh_first == PAIR_NONE && !draft.sub->queue.count)
            settle(&draft);
    }
    if (!send->len)
        return NULL;
    send->pieces_count = batch->pieces_used - send->pieces_first;
    if (draft.copied)
        batch->scratch_used += send->len;
    batch->sends_count++;
    return send;
}

/* ---- what was taken ---- */

static void consume_rest(struct subscriber *sub, uint32_t taken)
{
    sub->rest.head += taken;
    sub->rest.len -= taken;
    if (sub->rest.len == 0) {
        free(sub->rest.data);
        sub->rest = (struct rest){0};
    }
}

static int keep_rest(struct subscriber *sub, const uint8_t *data, uint32_t len)
{
    CHECK(!sub->rest.data && len <= FRAME_LEN_MAX);
    sub->rest.data = malloc(len);
    if (!sub->rest.data)
        return -ENOMEM;
    memcpy(sub->rest.data, data, len);
    sub->rest.len = len;
    return 0;
}

/* `taken` bytes of the spool's frames have left. A frame that was begun is taken, too: its end is
 * kept. Returns 0 or -ENOMEM. */
static int take_spooled(struct fanout *fanout, const struct send *send, uint32_t taken)
{
    struct subscriber *sub = &fanout->subscribers[send->subscriber];
    const uint8_t *data = send->data + send->rest_len + send->lane_len;
    uint32_t whole = 0;
    while (whole < taken) {
        whole += spool_frame_len(data + whole);
        sub->delivered++;
        fanout->delivered++;
    }
    if (sub->spool == send->spool)
        spool_take(send->spool, whole);
    return whole > taken ? keep_rest(sub, data + taken, whole - taken) : 0;
}

/* What was to be sent goes back to the head of the history, or of what is fresh. */
static void resume_again(struct fanout *fanout, uint32_t index)
{
    struct pair *pair = &fanout->pairs[index];
    if (pair->mode != TERMS_LATEST)
        pair->flags |= PAIR_RESUMING;
    pair->cursor = HISTORY_NONE;
    pair_refresh(fanout, index, true);
}

static void queue_again(struct fanout *fanout, struct subscriber *sub, const struct piece *piece)
{
    struct sendq_entry entry = {.frame = piece->frame, .pair = piece->pair, .len = piece->len};
    sendq_push_front(&sub->queue, &fanout->queues, entry);
    fanout->pairs[piece->pair].waiting++;
}

/* The piece was not begun: as if it had never been gathered. */
static void undo(struct fanout *fanout, struct subscriber *sub, const struct piece *piece)
{
    struct pair *pair = &fanout->pairs[piece->pair];
    if (pair->flags & PAIR_GONE)
        return;
    pair->sent_seq = piece->sent_seq;
    if (pair->flags & PAIR_SNAPSHOT && piece->kind != PIECE_SNAPSHOT)
        return; /* a change of mode since the send began: the account begins anew, with a snapshot
                 */
    switch ((enum piece_kind)piece->kind) {
    case PIECE_TICK:
    case PIECE_FEED_GAP:
        if (pair->mode == TERMS_LATEST) /* since the send began: its newest tick is sent instead */
            pair_refresh(fanout, piece->pair, true);
        else
            queue_again(fanout, sub, piece);
        break;
    case PIECE_GAP:
        if (piece->frame == GAP_HISTORY)
            resume_again(fanout, piece->pair);
        else if (pair->mode == TERMS_LATEST)
            pair_refresh(fanout, piece->pair, true);
        else
            sub->owes = true;
        break;
    case PIECE_SNAPSHOT: pair->flags |= PAIR_SNAPSHOT; /* fall through */
    case PIECE_LAST:
        pair_unrest(fanout, piece->pair);
        pair_refresh(fanout, piece->pair, true);
        break;
    case PIECE_JOINED: pair->flags |= PAIR_JOINING; /* fall through */
    case PIECE_HISTORY: resume_again(fanout, piece->pair); break;
    }
}

/* The send broke off: finds the piece that was begun, keeps its rest, and undoes those after it.
 * Returns the ticks sent, the begun one included, or -ENOMEM. */
static int64_t take_some(struct fanout *fanout, const struct batch *batch, const struct send *send,
                         uint32_t taken)
{
    struct subscriber *sub = &fanout->subscribers[send->subscriber];
    const struct piece *pieces = batch->pieces + send->pieces_first;
    uint32_t at = send->rest_len + send->lane_len +
                  send->spool_len; /* where the next piece begins in the send */
    uint32_t done = 0;
    int64_t ticks = 0;
    while (done < send->pieces_count && at < taken) {
        ticks += is_tick(pieces[done].kind);
        at += pieces[done++].len;
    }
    if (done > 0 && at > taken && keep_rest(sub, send->data + taken, at - taken) < 0)
        return -ENOMEM;
    for (uint32_t i = send->pieces_count; i > done; i--)
        undo(fanout, sub, &pieces[i - 1]);
    return ticks;
}

int gather_sent(struct fanout *fanout, const struct batch *batch, const struct send *send,
                uint32_t taken)
{
    struct subscriber *sub = &fanout->subscribers[send->subscriber];
    uint32_t rest = taken < send->rest_len ? taken : send->rest_len;
    uint32_t lane = taken - rest < send->lane_len ? taken - rest : send->lane_len;
    if (rest)
        consume_rest(sub, rest);
    if (lane)
        lane_consume(&sub->lane, &fanout->lanes, lane);
    uint32_t spooled =
        taken - rest - lane < send->spool_len ? taken - rest - lane : send->spool_len;
    if (spooled && take_spooled(fanout, send, spooled) < 0)
        return -ENOMEM;
    int64_t ticks = taken == send->len ? send->ticks : take_some(fanout, batch, send, taken);
    if (ticks < 0)
        return (int)ticks;
    sub->delivered += (uint64_t)ticks;
    fanout->delivered += (uint64_t)ticks;
    return 0;
}
