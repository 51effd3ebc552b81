/* SPDX-License-Identifier: MIT */
/* outbound: see outbound.h. */
#include "server/outbound.h"

#include <errno.h>

#include "server/playback.h"
#include "server/worker.h"

enum {
    EPISODE_MS_MIN = 100,
    SEALED_BYTES_MAX =
        TLS_PLAIN_MAX - 2 * FRAME_LEN_MAX, /* a record, with the frame that passes it */
};

/* Whether ticks should wait for others: only while nothing but ticks waits, and less than fills a
 * send. */
static bool waits_for_window(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    struct subscriber *sub = &worker->fanout.subscribers[index];
    uint32_t delay_ms = client->delay_ms > worker->window_ms ? client->delay_ms : worker->window_ms;
    if (!delay_ms || client->drain_code || sub->lane.len || sub->rest.len ||
        fanout_waiting_bytes(sub) >= GATHER_BYTES_MAX || client->state != CLIENT_OPEN)
        return false;
    if (sub->patient)
        return true;
    if (client->window_open)
        return false; /* it has passed */
    client->window_open = true;
    sub->patient = true;
    timers_set(&worker->timers, index * 2 + 1, worker->now_ms + delay_ms);
    return true;
}

static void end_window(struct worker *worker, uint32_t index)
{
    worker->clients[index].window_open = false;
    worker->fanout.subscribers[index].patient = false;
    timers_clear(&worker->timers, index * 2 + 1);
}

void outbound_window_passed(struct worker *worker, uint32_t index)
{
    worker->fanout.subscribers[index].patient = false;
    fanout_mark_dirty(&worker->fanout, index);
}

static void nothing_waits(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    if (client->state == CLIENT_CLOSING)
        client_linger(worker, index);
    else if (client->drain_code)
        client_close(worker, index, CLOSED_SHUTDOWN, client->drain_code, "going away");
}

/* Large sends may leave from where they are, unless the kernel is known to copy them for this
 * socket. */
static bool pin_for_zero_copy(struct worker *worker, struct client *client, struct send *send)
{
    uint64_t min = worker->cluster->config->zero_copy_min;
    if (!min || send->len < min || client->plain || client->pinning)
        return false;
    int chunk = batch_pin(&worker->batch, send);
    if (chunk < 0)
        return false;
    client->chunk = (uint32_t)chunk;
    client->pinning = client->zero_copying = true;
    client->pinned_ms = worker->now_ms;
    counter_add(&worker->metrics->sends_zero_copy, 1);
    return true;
}

/* NULL when nothing waits. */
static struct send *take_waiting(struct worker *worker, uint32_t index, uint32_t bytes_max)
{
    end_window(worker, index);
    client_beat_along(worker, index);
    if (worker->clients[index].state == CLIENT_GONE)
        return NULL;
    struct send *send = gather(&worker->fanout, &worker->batch, index, bytes_max, worker->now_ns,
                               &worker->metrics->latency);
    if (!send)
        nothing_waits(worker, index);
    return send;
}

static void begin_send(struct worker *worker, uint32_t index)
{
    worker->clients[index].sending = true;
    worker->fanout.subscribers[index].held = true;
    worker->in_flight++;
}

/* A record costs less than half when what it touches is in the cache already. Each step leads to
 * the next, so each is a client's time ahead of it. */
static void fetch_next(struct worker *worker)
{
    const struct list *dirty = &worker->fanout.dirty;
    uint32_t next;
    if (list_peek(dirty, 2, &next))
        __builtin_prefetch(&worker->clients[next].tls);
    if (list_peek(dirty, 1, &next))
        tls_fetch(worker->clients[next].tls);
    if (list_peek(dirty, 0, &next))
        tls_fetch_state(worker->clients[next].tls);
}

/* Over TLS: first what TLS has to say, or what is left of the last record; then a record of what
 * waits, which is accounted for at once: once sealed it must be sent. */
static bool flush_sealed(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    uint32_t len;
    const uint8_t *data = tls_rest(client->tls, &len);
    if (!len) {
        if (!tls_is_open(client->tls)) {
            if (client->state == CLIENT_CLOSING)
                client_linger(worker, index);
            return false;
        }
        fetch_next(worker);
        struct send *send = take_waiting(worker, index, SEALED_BYTES_MAX);
        if (!send)
            return false;
        uint8_t *area = worker->seals + worker->seals_used;
        uint32_t plain = send->len < TLS_PLAIN_MAX ? send->len : TLS_PLAIN_MAX;
        int sealed = tls_seal(client->tls, send->data, plain, area);
        if (sealed < 0 || gather_sent(&worker->fanout, &worker->batch, send, plain) < 0) {
            client_abort(worker, index, CLOSED_BROKEN);
            return false;
        }
        playback_sent(worker, index);
        data = area;
        len = (uint32_t)sealed;
        worker->seals_used += len;
    }
    begin_send(worker, index);
    io_send(worker->io, client->socket, client_token(worker, index), data, len);
    return true;
}

bool outbound_flush(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    if (client->state == CLIENT_LINGERING || client->state == CLIENT_GONE ||
        client->state == CLIENT_FREE)
        return false;
    if (waits_for_window(worker, index))
        return false;
    if (client->tls)
        return flush_sealed(worker, index);
    struct send *send = take_waiting(worker, index, GATHER_BYTES_MAX);
    if (!send)
        return false;
    client->send = (uint32_t)(send - worker->batch.sends);
    begin_send(worker, index);
    if (pin_for_zero_copy(worker, client, send))
        io_send_zero_copy(worker->io, client->socket, client_token(worker, index), send->data,
                          send->len);
    else
        io_send(worker->io, client->socket, client_token(worker, index), send->data, send->len);
    return true;
}

static void block(struct worker *worker, uint32_t index, bool progress)
{
    struct client *client = &worker->clients[index];
    counter_add(&worker->metrics->sends_short, 1);
    if (!client->blocked_ms) {
        counter_add(&worker->metrics->stalls, 1);
        client->stalls++;
        client->stalled_ms = worker->now_ms;
        client->dropped_before = worker->fanout.subscribers[index].dropped;
    }
    if (!client->blocked_ms || progress)
        client->blocked_ms = worker->now_ms;
    client->awaiting_writable = true;
    io_await_writable(worker->io, client->socket, client_token(worker, index));
    client_publish(worker, index);
    client_arm(worker, index);
}

/* What is worth remembering of a stall that has passed: one that lasted, or cost ticks. */
static void remember_stall(struct worker *worker, uint32_t index)
{
    const struct client *client = &worker->clients[index];
    uint64_t dropped = worker->fanout.subscribers[index].dropped - client->dropped_before;
    int64_t lasted_ms = worker->now_ms - client->stalled_ms;
    if (dropped || lasted_ms >= EPISODE_MS_MIN)
        stats_add_episode(&worker->stats[index], (uint64_t)(worker->now_ns / 1000000 - lasted_ms),
                          (uint64_t)lasted_ms, dropped);
}

static void unblock(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    struct subscriber *sub = &worker->fanout.subscribers[index];
    sub->held = false;
    if (client->blocked_ms) {
        remember_stall(worker, index);
        client->blocked_ms = 0;
        client_publish(worker, index);
        client_arm(worker, index);
    }
    if (fanout_waiting(sub) || client->state == CLIENT_CLOSING || client->drain_code ||
        (client->tls && tls_waits(client->tls)))
        fanout_mark_dirty(&worker->fanout, index);
}

static void unpin(struct worker *worker, struct client *client)
{
    batch_unpin(&worker->batch, client->chunk);
    client->pinning = false;
}

void outbound_released(struct worker *worker, uint32_t index, bool copied)
{
    struct client *client = &worker->clients[index];
    unpin(worker, client);
    if (copied) {
        client->plain = true;
        counter_add(&worker->metrics->zero_copies_copied, 1);
    }
    client_free_if_done(worker, index);
}

static void try_again(struct worker *worker, uint32_t index)
{
    worker->fanout.subscribers[index].held = false;
    fanout_mark_dirty(&worker->fanout, index);
}

/* Only the end of a record has left, and more waits: the stall isn't over yet. */
static bool is_still_behind(const struct worker *worker, uint32_t index)
{
    const struct client *client = &worker->clients[index];
    return client->blocked_ms && !tls_was_sealed(client->tls) &&
           fanout_waiting(&worker->fanout.subscribers[index]);
}

/* Returns whether all of it was taken, or -ENOMEM. */
static int account(struct worker *worker, const struct send *send, uint32_t taken)
{
    int rc = gather_sent(&worker->fanout, &worker->batch, send, taken);
    if (send->spool_len)
        playback_sent(worker, send->subscriber);
    return rc < 0 ? rc : taken == send->len;
}

void outbound_sent(struct worker *worker, uint32_t index, const struct io_event *event)
{
    int32_t result = event->result;
    struct client *client = &worker->clients[index];
    const struct send *send = &worker->batch.sends[client->send];
    client->sending = false;
    worker->in_flight--;
    counter_add(&worker->metrics->sends, 1);
    if (client->zero_copying && !event->more)
        unpin(worker, client); /* refused, or done already: there is nothing to let go of */
    client->zero_copying = false;
    if (client->state == CLIENT_GONE) {
        client_free_if_done(worker, index);
        return;
    }
    uint32_t taken = result > 0 ? (uint32_t)result : 0;
    counter_add(&worker->metrics->bytes_sent, taken);
    int whole = client->tls ? tls_sent(client->tls, taken) : account(worker, send, taken);
    bool broken = whole < 0 || (result < 0 && result != -EAGAIN && result != -EINTR);
    if (broken)
        client_abort(worker, index, CLOSED_BROKEN);
    else if (!whole)
        block(worker, index, taken > 0);
    else if (client->tls && is_still_behind(worker, index))
        try_again(worker, index);
    else
        unblock(worker, index);
}

void outbound_writable(struct worker *worker, uint32_t index, int32_t result)
{
    struct client *client = &worker->clients[index];
    client->awaiting_writable = false;
    if (client->state == CLIENT_GONE) {
        client_free_if_done(worker, index);
    } else if (result < 0) {
        client_abort(worker, index, CLOSED_BROKEN);
    } else {
        /* Still blocked until a send says otherwise: the poll may also tell of an error. */
        try_again(worker, index);
    }
}
