/* SPDX-License-Identifier: MIT */
/* sim_io: see sim_io.h. */
#include "tests/sim/sim_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "tests/sim/sim_io_state.h"
#include "tests/sim/world.h"

/* ---- birth and death ---- */

int io_create(struct io **out, const struct io_config *config, char *error, size_t error_size)
{
    (void)error;
    (void)error_size;
    struct io *io = calloc(1, sizeof *io);
    CHECK(io);
    io->config = *config;
    io->slots = calloc(config->sockets_max, sizeof *io->slots);
    CHECK(io->slots);
    io->manners.buffers_max = 64;
    *out = io;
    return 0;
}

void io_destroy(struct io *io)
{
    if (!io)
        return;
    for (uint32_t i = 0; i < io->pending_count; i++)
        free(io->pending[i].event.data);
    for (uint32_t i = 0; i < io->pins_count; i++)
        free(io->pins[i].as_sent);
    free(io->slots);
    free(io);
}

uint64_t io_memory_max(void)
{
    return sizeof(struct io);
}

void sim_io_set_manners(struct io *io, const struct sim_io_manners *manners)
{
    io->manners = *manners;
}

/* ---- requests: queued until the next submit ---- */

static void queue(struct io *io, struct op op)
{
    REQUIRE(io->ops_count < QUEUED_MAX, "more requests queued than the simulation holds");
    io->ops[io->ops_count++] = op;
}

/* The slot, which must be open: a request on a closed one is a bug. */
static struct slot *open_slot(struct io *io, uint32_t socket, const char *what)
{
    REQUIRE(socket < io->config.sockets_max && io->slots[socket].link && !io->slots[socket].closing,
            "%s on socket %u, which isn't open", what, socket);
    return &io->slots[socket];
}

void io_accept(struct io *io)
{
    REQUIRE(io->accepts < IO_ACCEPTS_MAX, "more than %d accepts at a time", IO_ACCEPTS_MAX);
    io->accepts++;
}

void io_stop_accepting(struct io *io)
{
    for (; io->accepts; io->accepts--)
        sim_io_expect(io, UINT32_MAX, sim_io_some_turn(io),
                      (struct io_event){.kind = IO_ACCEPT, .result = -ECANCELED});
}

void io_receive(struct io *io, uint32_t socket, struct io_token token)
{
    struct slot *slot = open_slot(io, socket, "receive");
    REQUIRE(!slot->receiving, "a second receive on socket %u", socket);
    slot->receiving = true;
    slot->receiver = token;
    queue(io, (struct op){.kind = OP_RECEIVE, .socket = socket, .token = token});
}

void io_discard(struct io *io, uint32_t socket, struct io_token token, uint32_t max)
{
    (void)max; /* less may come, and does */
    io_receive(io, socket, token);
}

static void queue_send(struct io *io, struct op op)
{
    struct slot *slot = open_slot(io, op.socket, "send");
    /* Invariant 4: at most one send in flight per client. */
    REQUIRE(!slot->sending, "a second send in flight on socket %u", op.socket);
    REQUIRE(!slot->awaiting, "a send on socket %u, which is full and waited for", op.socket);
    REQUIRE(op.len > 0, "an empty send on socket %u", op.socket);
    REQUIRE(!slot->link->down_ended, "a send on socket %u after its shutdown", op.socket);
    slot->sending = true;
    queue(io, op);
}

void io_send(struct io *io, uint32_t socket, struct io_token token, const uint8_t *data,
             uint32_t len)
{
    queue_send(
        io,
        (struct op){.kind = OP_SEND, .socket = socket, .token = token, .data = data, .len = len});
}

void io_send_zero_copy(struct io *io, uint32_t socket, struct io_token token, const uint8_t *data,
                       uint32_t len)
{
    queue_send(
        io,
        (struct op){
            .kind = OP_SEND_ZERO_COPY, .socket = socket, .token = token, .data = data, .len = len});
}

void io_await_writable(struct io *io, uint32_t socket, struct io_token token)
{
    struct slot *slot = open_slot(io, socket, "poll");
    REQUIRE(!slot->awaiting, "a second poll of socket %u", socket);
    slot->awaiting = true;
    slot->waiter = token;
    queue(io, (struct op){.kind = OP_WRITABLE, .socket = socket, .token = token});
}

void io_shutdown(struct io *io, uint32_t socket, struct io_token token)
{
    struct slot *slot = open_slot(io, socket, "shutdown");
    REQUIRE(!slot->shutting, "a second shutdown of socket %u", socket);
    slot->shutting = true;
    queue(io, (struct op){.kind = OP_SHUTDOWN, .socket = socket, .token = token});
}

void io_close(struct io *io, uint32_t socket, struct io_token token)
{
    struct slot *slot = open_slot(io, socket, "close");
    REQUIRE(!slot->shutting, "a close of socket %u before its shutdown has ended", socket);
    slot->closing = true;
    queue(io, (struct op){.kind = OP_CLOSE, .socket = socket, .token = token});
}

/* ---- the submit ---- */

static int32_t take_bytes(struct io *io, struct link *link, const uint8_t *data, uint32_t len)
{
    if (link->reset)
        return chance(50) ? -ECONNRESET : -EPIPE;
    uint32_t room = link->down_max - link->down.len;
    if (!room || chance(io->manners.again))
        return -EAGAIN;
    uint32_t taken = len < room ? len : room;
    if (chance(io->manners.short_send))
        taken = dice_length(&world.dice, taken);
    pipe_put(&link->down, data, taken);
    link->sent += taken;
    return (int32_t)taken;
}

static void submit_send(struct io *io, const struct op *op)
{
    struct link *link = io->slots[op->socket].link;
    int32_t result = take_bytes(io, link, op->data, op->len);
    bool pinned = op->kind == OP_SEND_ZERO_COPY && result > 0 && !chance(20);
    TRACE("  send     client %u: %d of %u%s", op->token.client, result, op->len,
          pinned ? ", pinned" : "");
    sim_io_expect(
        io, op->socket, chance(io->manners.late) ? io->turns + 1 : io->turns,
        (struct io_event){.kind = IO_SEND, .token = op->token, .result = result, .more = pinned});
    if (!pinned)
        return;
    REQUIRE(io->pins_count < PINS_MAX, "more pinned sends than the simulation holds");
    struct pin *pin = &io->pins[io->pins_count++];
    *pin = (struct pin){.link = link,
                        .token = op->token,
                        .data = op->data,
                        .len = (uint32_t)result,
                        .end = link->sent};
    pin->as_sent = malloc(pin->len);
    CHECK(pin->as_sent);
    memcpy(pin->as_sent, pin->data, pin->len);
}

static void submit_shutdown(struct io *io, const struct op *op)
{
    io->slots[op->socket].link->down_ended = true;
    sim_io_expect(io, op->socket, sim_io_some_turn(io),
                  (struct io_event){.kind = IO_SHUTDOWN, .token = op->token});
}

/* What is armed on the socket ends in its own event, then the close in its. */
static void submit_close(struct io *io, const struct op *op)
{
    struct slot *slot = &io->slots[op->socket];
    struct link *link = slot->link;
    TRACE("  close    client %u", op->token.client);
    if (slot->receive_armed)
        sim_io_expect_receive(io, op->socket, (struct io_event){.result = -ECANCELED});
    if (slot->await_armed)
        sim_io_expect_writable(io, op->socket, -ECANCELED);
    /* As TCP does: closing on unread input tears the connection. */
    if (link->up.len)
        link->reset = true;
    link->closed = link->down_ended = true;
    sim_io_expect(io, op->socket, sim_io_some_turn(io),
                  (struct io_event){.kind = IO_CLOSE, .token = op->token});
}

static void submit(struct io *io)
{
    for (uint32_t i = 0; i < io->ops_count; i++) {
        const struct op *op = &io->ops[i];
        struct slot *slot = &io->slots[op->socket];
        switch (op->kind) {
        case OP_RECEIVE: slot->receive_armed = true; break;
        case OP_WRITABLE: slot->await_armed = true; break;
        case OP_SEND:
        case OP_SEND_ZERO_COPY: submit_send(io, op); break;
        case OP_SHUTDOWN: submit_shutdown(io, op); break;
        case OP_CLOSE: submit_close(io, op); break;
        }
    }
    io->ops_count = 0;
}

/* ---- the turn ---- */

/* Whether anything of the socket's is still to be told, apart from `except`. */
static bool is_expected(const struct io *io, uint32_t socket, const struct pending *except)
{
    for (uint32_t i = 0; i < io->pending_count; i++)
        if (&io->pending[i] != except && io->pending[i].socket == socket)
            return true;
    return false;
}

/* io.h: before IO_CLOSE what was under way ends in its own event. */
static bool is_due(const struct io *io, const struct pending *pending)
{
    return pending->due <= io->turns &&
           (pending->event.kind != IO_CLOSE || pending->socket == UINT32_MAX ||
            !is_expected(io, pending->socket, pending));
}

static void hand_over(struct io *io, const struct pending *pending)
{
    static const char *const kinds[] = {"accept", "receive",  "sent", "writable",
                                        "closed", "released", "shut"};
    const struct io_event *event = &pending->event;
    TRACE("  event    client %u.%u: %s %d%s", event->token.client, event->token.generation,
          kinds[event->kind], event->result, event->more ? ", more" : "");
    if (pending->socket == UINT32_MAX)
        return;
    struct slot *slot = &io->slots[pending->socket];
    switch (event->kind) {
    case IO_SEND: slot->sending = false; break;
    case IO_WRITABLE: slot->awaiting = false; break;
    case IO_SHUTDOWN: slot->shutting = false; break;
    case IO_RECEIVE: slot->receiving = false; break;
    case IO_CLOSE:
        *slot = (struct slot){0};
        io->slots_used--;
        if (event->token.client != UINT32_MAX)
            io->freed[io->freed_count++] = event->token;
        break;
    default: break;
    }
}

/* In the order in which they were expected, so that each socket's receives keep theirs. */
static uint32_t reap(struct io *io, struct io_event *events, uint32_t max)
{
    uint32_t n = 0, kept = 0;
    uint32_t wanted = chance(io->manners.few_events) ? roll(1, 4) : max;
    for (uint32_t i = 0; i < io->pending_count; i++) {
        struct pending pending = io->pending[i];
        bool must = pending.event.kind == IO_SEND;
        if (n < max && (n < wanted || must) && is_due(io, &io->pending[i])) {
            hand_over(io, &pending);
            events[n++] = pending.event;
            io->pending[i].socket = UINT32_MAX; /* no longer expected */
        } else {
            io->pending[kept++] = pending;
        }
    }
    io->pending_count = kept;
    uint64_t *bell = &world.bells[io->config.bell_fd - WORLD_FD];
    if (*bell && n < max) {
        *bell = 0;
        events[n++] = (struct io_event){.kind = IO_BELL};
    }
    return n;
}

uint32_t io_turn(struct io *io, struct io_event *events, uint32_t max)
{
    submit(io);
    world.now_ns += roll(100, 20000);
    if (chance(io->manners.yield))
        fiber_yield();
    sim_io_bring(io);
    return reap(io, events, max);
}

uint32_t io_wait(struct io *io, int64_t timeout_ns, struct io_event *events, uint32_t max)
{
    submit(io);
    io->asleep = true;
    io->wakes_at_ns = world.now_ns + timeout_ns;
    do
        fiber_yield();
    while (!sim_io_is_awake(io));
    io->asleep = false;
    return reap(io, events, max);
}

void io_recycle(struct io *io, const struct io_event *event)
{
    if (!event->data)
        return;
    REQUIRE(io->buffers_out > 0, "a buffer given back twice");
    struct loan *loan = &io->loans[event->buffer];
    REQUIRE(loan->data == event->data, "a buffer given back that isn't out");
    io->buffers_out--;
    free(event->data);
    if (loan->link) {
        loan->link->delivered += loan->len;
        loan->link->on_delivered(loan->link->owner);
    }
    *loan = (struct loan){0};
    if (chance(10))
        world.now_ns += roll(0, 300000); /* what was in it took time */
}

/* ---- the driver's side ---- */

void sim_io_connect(struct io *io, struct link *link)
{
    if (io->backlog_count == BACKLOG_MAX)
        link->reset = link->closed = true;
    else
        io->backlog[io->backlog_count++] = link;
}

bool sim_io_is_asleep(const struct io *io)
{
    return io->asleep;
}

bool sim_io_is_awake(struct io *io)
{
    if (!io->asleep)
        return true;
    sim_io_bring(io);
    for (uint32_t i = 0; i < io->pending_count; i++)
        if (is_due(io, &io->pending[i]))
            return true;
    return world.bells[io->config.bell_fd - WORLD_FD] || world.now_ns >= io->wakes_at_ns;
}

int64_t sim_io_wakes_at_ns(const struct io *io)
{
    return io->wakes_at_ns;
}

bool sim_io_is_quiet(const struct io *io)
{
    return io->asleep && !io->pending_count && !io->pins_count && !io->ops_count &&
           !io->backlog_count;
}

/* Whether the worker hasn't heard of the connection yet: it goes with the io. */
static bool is_unheard(const struct io *io, uint32_t socket)
{
    for (uint32_t i = 0; i < io->pending_count; i++)
        if (io->pending[i].event.kind == IO_ACCEPT &&
            io->pending[i].event.result == (int32_t)socket)
            return true;
    return false;
}

void sim_io_check_finished(const struct io *io)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < io->config.sockets_max; i++)
        REQUIRE(!io->slots[i].link || io->slots[i].closing || is_unheard(io, i),
                "socket %u is still open at the end", i);
    for (uint32_t i = 0; i < io->pending_count; i++)
        held += io->pending[i].event.data != NULL;
    REQUIRE(io->buffers_out == held, "%u receive buffers were not given back",
            io->buffers_out - held);
}
