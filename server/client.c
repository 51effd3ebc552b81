/* SPDX-License-Identifier: MIT */
/* client: see client.h. */
#include "server/client.h"

#include <string.h>

#include "server/inbound.h"
#include "server/playback.h"
#include "server/session.h"
#include "server/worker.h"

enum {
    HTTP_LANE_MAX = 8 * 1024 * 1024, /* /v1/symbols of a full symbol table */
};

struct io_token client_token(const struct worker *worker, uint32_t index)
{
    return (struct io_token){.client = index, .generation = worker->clients[index].generation};
}

static uint64_t connections_of_all(const struct worker *worker)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < worker->cluster->workers_count; i++)
        sum += counter_get(&worker->cluster->metrics[i]->connections);
    return sum;
}

/* ---- birth and death ---- */

static uint32_t take_slot(struct worker *worker)
{
    uint32_t index = worker->clients_free;
    if (index != SOCKET_NONE)
        worker->clients_free = worker->clients[index].send; /* the free list runs through `send` */
    else if (worker->clients_used < worker->clients_max)
        index = worker->clients_used++;
    return index;
}

/* Without an answer: an answer takes a slot, and a TLS handshake. */
static void turn_away(struct worker *worker, uint32_t socket, enum close_reason reason)
{
    counter_add(&worker->metrics->closed[reason], 1);
    io_close(worker->io, socket, (struct io_token){.client = SOCKET_NONE});
}

static void give_slot_back(struct worker *worker, uint32_t index)
{
    worker->clients[index].send = worker->clients_free;
    worker->clients_free = index;
}

void client_accept(struct worker *worker, uint32_t socket, const struct io_peer *peer)
{
    struct addresses *addresses = worker->cluster->addresses;
    struct tls_keys *keys = worker->cluster->tls;
    counter_add(&worker->metrics->accepted, 1);
    uint32_t index = worker->drain_until_ms ? SOCKET_NONE : take_slot(worker);
    if (index == SOCKET_NONE) {
        turn_away(worker, socket, CLOSED_REFUSED);
        return;
    }
    struct tls *tls = keys ? tls_open(keys) : NULL;
    enum addresses_answer answer = addresses && (!keys || tls)
                                       ? addresses_enter(addresses, peer, worker->now_ms * 1000000)
                                       : ADDRESSES_OK;
    if ((keys && !tls) || answer == ADDRESSES_TOO_FAST) {
        tls_free(tls);
        give_slot_back(worker, index);
        turn_away(worker, socket, answer == ADDRESSES_TOO_FAST ? CLOSED_ADDRESS : CLOSED_REFUSED);
        return;
    }
    struct client *client = &worker->clients[index];
    uint32_t generation = client->generation;
    *client = (struct client){.state = CLIENT_HTTP,
                              .generation = generation,
                              .socket = socket,
                              .tls = tls,
                              .peer = *peer,
                              .counted = addresses != NULL,
                              .since_ms = worker->now_ms,
                              .heard_ms = worker->now_ms};
    if (answer == ADDRESSES_FULL)
        client->refused = 429;
    else if (connections_of_all(worker) >= worker->cluster->config->max_connections)
        client->refused = 503;
    counter_add(&worker->metrics->connections, 1);
    uint64_t serial = counter_get(&worker->metrics->accepted);
    stats_open(&worker->stats[index], serial * worker->cluster->workers_count + worker->index, peer,
               worker->now_ns / 1000000);
    fanout_join(&worker->fanout, index, ENCODE_JSON);
    worker->fanout.subscribers[index].lane_max = HTTP_LANE_MAX;
    client->receiving = true;
    io_receive(worker->io, socket, client_token(worker, index));
    client_arm(worker, index);
}

void client_free_inbox(struct worker *worker, struct client *client)
{
    worker->inbox_used -= client->inbox.cap;
    bytes_finish(&client->inbox);
    client->inbox = (struct bytes){0};
    client->scanned = 0;
}

/* The slot is free once nothing that the kernel still does can name it. */
void client_free_if_done(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    if (client->state != CLIENT_GONE || client->receiving || client->sending ||
        client->awaiting_writable || client->shutting || client->closing || client->pinning)
        return;
    if (client->counted)
        addresses_leave(worker->cluster->addresses, &client->peer);
    tls_free(client->tls);
    client->tls = NULL;
    client->state = CLIENT_FREE;
    client->generation = (client->generation + 1) & 0xffffff;
    client->send = worker->clients_free;
    worker->clients_free = index;
    counter_set(&worker->metrics->connections, counter_get(&worker->metrics->connections) - 1);
}

static void close_socket(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    client->closing = true;
    io_close(worker->io, client->socket, client_token(worker, index));
}

void client_shut(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    client->shutting = false;
    if (client->state == CLIENT_GONE)
        close_socket(worker, index);
}

static void end(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    client->state = CLIENT_GONE;
    stats_close(&worker->stats[index]);
    playback_end(worker, index);
    fanout_leave(&worker->fanout, index);
    inbound_forget(worker, index);
    client_free_inbox(worker, client);
    timers_clear(&worker->timers, index * 2);
    timers_clear(&worker->timers, index * 2 + 1);
    if (client->websocket)
        counter_set(&worker->metrics->websockets, counter_get(&worker->metrics->websockets) - 1);
    counter_add(&worker->metrics->closed[client->reason], 1);
    if (!client->shutting)
        close_socket(worker, index);
}

void client_abort(struct worker *worker, uint32_t index, enum close_reason reason)
{
    struct client *client = &worker->clients[index];
    if (client->state == CLIENT_GONE || client->state == CLIENT_FREE)
        return;
    if (client->state == CLIENT_HTTP || client->state == CLIENT_OPEN)
        client->reason = (uint8_t)reason;
    end(worker, index);
}

void client_closed(struct worker *worker, uint32_t index)
{
    worker->clients[index].closing = false;
    client_free_if_done(worker, index);
}

/* From here on only the control lane is sent. */
void client_begin_closing(struct worker *worker, uint32_t index, enum close_reason reason)
{
    struct client *client = &worker->clients[index];
    client->state = CLIENT_CLOSING;
    client->reason = (uint8_t)reason;
    client->since_ms = worker->now_ms;
    playback_end(worker, index);
    fanout_silence(&worker->fanout, index);
    fanout_mark_dirty(&worker->fanout, index);
    client_arm(worker, index);
}

void client_close(struct worker *worker, uint32_t index, enum close_reason reason, uint16_t code,
                  const char *text)
{
    struct client *client = &worker->clients[index];
    if (client->state == CLIENT_CLOSING || client->state == CLIENT_LINGERING)
        return; /* its goodbye is on the way */
    if (client->state != CLIENT_OPEN) {
        client_abort(worker, index, reason);
        return;
    }
    uint8_t frame[127];
    size_t len = ws_write_close(frame, code, text);
    if (fanout_control(&worker->fanout, index, frame, (uint32_t)len))
        client_begin_closing(worker, index, reason);
    else
        client_abort(worker, index, reason);
}

/* All is sent: shut our side, wait for the peer's. */
void client_linger(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    if (!client->receiving) {
        end(worker, index); /* it has ended already */
        return;
    }
    if (client->tls && tls_close(client->tls)) {
        fanout_mark_dirty(&worker->fanout, index); /* its goodbye is sent first */
        return;
    }
    client->shutting = true;
    io_shutdown(worker->io, client->socket, client_token(worker, index));
    client->state = CLIENT_LINGERING;
    client->since_ms = worker->now_ms;
    client_arm(worker, index);
}

void client_publish(struct worker *worker, uint32_t index)
{
    const struct client *client = &worker->clients[index];
    const struct subscriber *sub = &worker->fanout.subscribers[index];
    struct client_stats *stats = &worker->stats[index];
    int64_t blocked_for = client->blocked_ms ? worker->now_ms - client->stalled_ms : 0;
    counter_set(&stats->format, sub->format);
    counter_set(&stats->queued, sub->queue.count);
    counter_set(&stats->queued_bytes, sub->queue.bytes);
    counter_set(&stats->control_bytes, sub->lane.len);
    counter_set(&stats->delivered, sub->delivered);
    counter_set(&stats->dropped, sub->dropped);
    counter_set(&stats->overload, sub->overload);
    counter_set(&stats->stalls, client->stalls);
    counter_set(&stats->blocked_since_ms,
                client->blocked_ms ? (uint64_t)(worker->now_ns / 1000000 - blocked_for) : 0);
}

void client_answer(struct worker *worker, uint32_t index)
{
    struct bytes *answer = &worker->answer;
    bool ok = !answer->failed &&
              fanout_control(&worker->fanout, index, answer->data, (uint32_t)answer->len);
    answer->len = 0;
    answer->failed = false;
    if (!ok)
        client_abort(worker, index, CLOSED_CONTROL);
}

void client_drain(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    if (client->state == CLIENT_HTTP) {
        client->drain_code =
            WS_CLOSE_GOING_AWAY; /* what was answered is still sent, then it ends */
        if (!fanout_waiting(&worker->fanout.subscribers[index]))
            client_abort(worker, index, CLOSED_SHUTDOWN);
    } else if (client->state == CLIENT_OPEN) {
        playback_end(worker, index); /* it could go on for days */
        if (!client->echo)
            session_shutdown(worker, index);
        client->drain_code = WS_CLOSE_GOING_AWAY;
        fanout_mark_dirty(&worker->fanout, index);
    }
}

/* ---- time ---- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t deadline_open(const struct worker *worker, uint32_t index)
{
    const struct config *config = worker->cluster->config;
    const struct client *client = &worker->clients[index];
    int64_t idle_ms = (int64_t)config->idle_ms;
    int64_t silence = client->pinged ? idle_ms : sooner((int64_t)config->ping_ms, idle_ms);
    int64_t due = client->heard_ms + silence;
    if (client->heartbeat_ms)
        due = sooner(due, client->heartbeat_ms);
    if (client->pinning)
        due = sooner(due, client->pinned_ms + (int64_t)config->stall_ms);
    if (client->blocked_ms)
        due = sooner(due, client->blocked_ms + (int64_t)config->stall_ms);
    return due;
}

void client_arm(struct worker *worker, uint32_t index)
{
    const struct config *config = worker->cluster->config;
    const struct client *client = &worker->clients[index];
    int64_t due = client->since_ms;
    switch ((enum client_state)client->state) {
    case CLIENT_HTTP: due += (int64_t)config->handshake_ms; break;
    case CLIENT_OPEN: due = deadline_open(worker, index); break;
    case CLIENT_CLOSING:
    case CLIENT_LINGERING: due += (int64_t)config->close_ms; break;
    case CLIENT_FREE:
    case CLIENT_GONE: return;
    }
    timers_set(&worker->timers, index * 2, due);
}

static void beat(struct worker *worker, uint32_t index)
{
    worker->clients[index].heartbeat_ms =
        worker->now_ms + (int64_t)worker->cluster->config->heartbeat_ms;
    session_heartbeat(worker, index);
}

void client_beat_along(struct worker *worker, uint32_t index)
{
    const struct client *client = &worker->clients[index];
    struct subscriber *sub = &worker->fanout.subscribers[index];
    int64_t early_ms = (int64_t)worker->cluster->config->heartbeat_ms / 2;
    if (!client->heartbeat_ms || worker->now_ms < client->heartbeat_ms - early_ms ||
        client->state != CLIENT_OPEN || client->blocked_ms || client->drain_code ||
        !fanout_waiting(sub))
        return;
    sub->held = true; /* it is being sent to already */
    beat(worker, index);
    sub->held = false;
}

static void check_open(struct worker *worker, uint32_t index)
{
    const struct config *config = worker->cluster->config;
    struct client *client = &worker->clients[index];
    int64_t now = worker->now_ms;
    bool stalled = client->blocked_ms && now - client->blocked_ms >= (int64_t)config->stall_ms;
    bool pinned = client->pinning && now - client->pinned_ms >= (int64_t)config->stall_ms;
    if (stalled || pinned) {
        client_abort(worker, index,
                     CLOSED_STALLED); /* its socket takes nothing, not even a close frame */
        return;
    }
    if (now - client->heard_ms >= (int64_t)config->idle_ms) {
        client_close(worker, index, CLOSED_TIMEOUT, WS_CLOSE_GOING_AWAY, "no sign of life");
        return;
    }
    if (!client->pinged && now - client->heard_ms >= (int64_t)config->ping_ms) {
        uint8_t frame[WS_HEADER_MAX];
        client->pinged = true;
        fanout_control(&worker->fanout, index, frame, (uint32_t)ws_write_header(frame, WS_PING, 0));
    }
    if (client->heartbeat_ms && now >= client->heartbeat_ms) {
        /* A blocked client gets its next one when it reads again: old ones would tell it nothing.
         * One that is told goodbye gets none: it goes once nothing waits for it. */
        if (!client->blocked_ms && !client->drain_code)
            beat(worker, index);
        else
            client->heartbeat_ms = now + (int64_t)config->heartbeat_ms;
    }
    if (client->state == CLIENT_OPEN)
        client_arm(worker, index);
}

void client_timer(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    if (client->state != CLIENT_FREE && client->state != CLIENT_GONE)
        client_publish(worker, index);
    switch ((enum client_state)client->state) {
    case CLIENT_HTTP:
        if (fanout_waiting(&worker->fanout.subscribers[index]) && client->blocked_ms)
            client_abort(worker, index, CLOSED_STALLED);
        else
            client_abort(worker, index, CLOSED_TIMEOUT);
        break;
    case CLIENT_OPEN: check_open(worker, index); break;
    case CLIENT_CLOSING:
    case CLIENT_LINGERING: client_abort(worker, index, (enum close_reason)client->reason); break;
    case CLIENT_FREE:
    case CLIENT_GONE: break;
    }
}
