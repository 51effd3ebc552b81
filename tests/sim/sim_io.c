/* SPDX-License-Identifier: MIT */
/* long: the whole seam in one place, as io_uring.c is */
/* sim_io: see sim_io.h. */
#include "tests/sim/sim_io.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "tests/sim/world.h"

enum {
    BUFFER_SIZE = 2048,
    BACKLOG_MAX = 512,
    QUEUED_MAX = 4096,
    PENDING_MAX = 4096,
    GHOSTS_MAX = 16,
    LATE_MAX = 6, /* turns */
    PINS_MAX = 1024,
};

enum op_kind { OP_RECEIVE, OP_SEND, OP_SEND_ZERO_COPY, OP_WRITABLE, OP_SHUTDOWN, OP_CLOSE };

struct op {
    enum op_kind kind;
    uint32_t socket;
    struct io_token token;
    const uint8_t *data;
    uint32_t len;
};

struct slot {
    struct link *link; /* NULL when free */
    bool receiving;    /* armed, or its event is still to come */
    bool sending;
    bool awaiting;
    bool receive_armed;
    bool await_armed;
    bool closing;
    struct io_token receiver;
    struct io_token waiter;
    uint64_t receive_due; /* no event of this stream before it: they come in order */
};

struct pending {
    struct io_event event;
    uint64_t due; /* in turns */
    uint32_t socket;
};

/* Bytes of a zero-copy send that the kernel may still read. */
struct pin {
    struct link *link;
    struct io_token token;
    const uint8_t *data;
    uint8_t *as_sent; /* they must not change */
    uint32_t len;
};

struct io {
    struct io_config config;
    struct sim_io_manners manners;
    struct slot *slots;
    struct op ops[QUEUED_MAX];
    uint32_t ops_count;
    struct pending pending[PENDING_MAX];
    uint32_t pending_count;
    struct pin pins[PINS_MAX];
    uint32_t pins_count;
    struct link *backlog[BACKLOG_MAX];
    uint32_t backlog_count;
    struct io_token ghosts[GHOSTS_MAX];
    uint32_t ghosts_count;
    struct io_token freed[PENDING_MAX]; /* ghosts from the next turn on */
    uint32_t freed_count;
    uint64_t turns;
    uint32_t buffers_out;
    uint32_t slots_used; /* open ones */
    uint32_t accepts;    /* asked for, their events still to come */
    bool asleep;
    int64_t wakes_at_ns;
};

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

/* ---- events to come ---- */

static uint64_t some_turn(struct io *io)
{
    return chance(io->manners.late) ? io->turns + roll(1, LATE_MAX) : io->turns;
}

static void expect(struct io *io, uint32_t socket, uint64_t due, struct io_event event)
{
    REQUIRE(io->pending_count < PENDING_MAX, "more events pending than the simulation holds");
    io->pending[io->pending_count++] =
        (struct pending){.event = event, .due = due, .socket = socket};
}

/* Receive events of one socket keep their order. */
static void expect_receive(struct io *io, uint32_t socket, struct io_event event)
{
    struct slot *slot = &io->slots[socket];
    uint64_t due = some_turn(io);
    if (due < slot->receive_due)
        due = slot->receive_due;
    slot->receive_due = due;
    event.kind = IO_RECEIVE;
    event.token = slot->receiver;
    if (!event.more)
        slot->receive_armed = false;
    expect(io, socket, due, event);
}

static void expect_writable(struct io *io, uint32_t socket, int32_t result)
{
    struct slot *slot = &io->slots[socket];
    slot->await_armed = false;
    expect(io, socket, some_turn(io),
           (struct io_event){.kind = IO_WRITABLE, .token = slot->waiter, .result = result});
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
        expect(io, UINT32_MAX, some_turn(io),
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

void io_shutdown(struct io *io, uint32_t socket)
{
    open_slot(io, socket, "shutdown");
    queue(io, (struct op){.kind = OP_SHUTDOWN, .socket = socket});
}

void io_close(struct io *io, uint32_t socket, struct io_token token)
{
    open_slot(io, socket, "close")->closing = true;
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
    return (int32_t)taken;
}

static void submit_send(struct io *io, const struct op *op)
{
    struct link *link = io->slots[op->socket].link;
    int32_t result = take_bytes(io, link, op->data, op->len);
    bool pinned = op->kind == OP_SEND_ZERO_COPY && result > 0 && !chance(20);
    TRACE("  send     client %u: %d of %u%s", op->token.client, result, op->len,
          pinned ? ", pinned" : "");
    expect(
        io, op->socket, chance(io->manners.late) ? io->turns + 1 : io->turns,
        (struct io_event){.kind = IO_SEND, .token = op->token, .result = result, .more = pinned});
    if (!pinned)
        return;
    REQUIRE(io->pins_count < PINS_MAX, "more pinned sends than the simulation holds");
    struct pin *pin = &io->pins[io->pins_count++];
    *pin =
        (struct pin){.link = link, .token = op->token, .data = op->data, .len = (uint32_t)result};
    pin->as_sent = malloc(pin->len);
    CHECK(pin->as_sent);
    memcpy(pin->as_sent, pin->data, pin->len);
}

/* What is armed on the socket ends in its own event, then the close in its. */
static void submit_close(struct io *io, const struct op *op)
{
    struct slot *slot = &io->slots[op->socket];
    struct link *link = slot->link;
    TRACE("  close    client %u", op->token.client);
    if (slot->receive_armed)
        expect_receive(io, op->socket, (struct io_event){.result = -ECANCELED});
    if (slot->await_armed)
        expect_writable(io, op->socket, -ECANCELED);
    /* As TCP does: closing on unread input tears the connection. */
    if (link->up.len)
        link->reset = true;
    link->closed = link->down_ended = true;
    expect(io, op->socket, some_turn(io), (struct io_event){.kind = IO_CLOSE, .token = op->token});
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
        case OP_SHUTDOWN: slot->link->down_ended = true; break;
        case OP_CLOSE: submit_close(io, op); break;
        }
    }
    io->ops_count = 0;
}

/* ---- what the world brings ---- */

static void bring_bytes(struct io *io, uint32_t socket)
{
    struct link *link = io->slots[socket].link;
    uint32_t max = link->up.len < BUFFER_SIZE ? link->up.len : BUFFER_SIZE;
    uint32_t len = dice_length(&world.dice, max);
    struct io_event event = {.result = (int32_t)len, .more = !chance(io->manners.no_buffers)};
    /* A block of its own, so that AddressSanitizer sees whoever reads beyond or afterwards. */
    event.data = malloc(len);
    CHECK(event.data);
    memcpy(event.data, pipe_bytes(&link->up), len);
    pipe_take(&link->up, len);
    io->buffers_out++;
    expect_receive(io, socket, event);
}

static void bring_input(struct io *io, uint32_t socket)
{
    struct link *link = io->slots[socket].link;
    if (link->reset) {
        expect_receive(io, socket, (struct io_event){.result = -ECONNRESET});
    } else if (link->up.len && !chance(io->manners.hold_back)) {
        if (io->buffers_out >= io->manners.buffers_max || chance(io->manners.no_buffers))
            expect_receive(io, socket, (struct io_event){.result = -ENOBUFS});
        else
            bring_bytes(io, socket);
    } else if (!link->up.len && link->up_ended) {
        expect_receive(io, socket, (struct io_event){.result = 0});
    }
}

static void bring_room(struct io *io, uint32_t socket)
{
    const struct link *link = io->slots[socket].link;
    if (link->reset)
        expect_writable(io, socket, POLLOUT | POLLERR | POLLHUP);
    else if (link->down.len <= link->down_max / 2)
        expect_writable(io, socket, POLLOUT);
}

static uint32_t free_slot(const struct io *io)
{
    for (uint32_t i = 0; i < io->config.sockets_max; i++)
        if (!io->slots[i].link)
            return i;
    return UINT32_MAX;
}

/* The other end's address, for those who show it. */
static struct io_peer caller(uint32_t socket)
{
    struct io_peer peer = {.address = {[10] = 0xff, 0xff, 10, 0, 0, (uint8_t)socket},
                           .port = (uint16_t)(40000 + socket)};
    return peer;
}

static void bring_caller(struct io *io)
{
    uint32_t socket = free_slot(io);
    struct io_event event = {.kind = IO_ACCEPT, .result = -ENFILE};
    io->accepts--;
    if (socket != UINT32_MAX) {
        event.result = (int32_t)socket;
        event.peer = caller(socket);
        io->slots[socket] = (struct slot){.link = io->backlog[0]};
        memmove(io->backlog, io->backlog + 1, --io->backlog_count * sizeof *io->backlog);
        io->slots_used++;
    }
    expect(io, UINT32_MAX, some_turn(io), event);
}

static void bring_callers(struct io *io)
{
    while (io->accepts && io->backlog_count && !chance(io->manners.hold_back / 2))
        bring_caller(io);
}

/* The kernel lets go of what the peer has read, or of a connection that has ended. */
static void bring_releases(struct io *io)
{
    for (uint32_t i = 0; i < io->pins_count; i++) {
        struct pin pin = io->pins[i];
        if ((pin.link->down.len && !pin.link->reset && !pin.link->closed) ||
            chance(io->manners.late))
            continue;
        REQUIRE(memcmp(pin.data, pin.as_sent, pin.len) == 0,
                "client %u: the bytes of a zero-copy send changed before their release",
                pin.token.client);
        free(pin.as_sent);
        io->pins[i--] = io->pins[--io->pins_count];
        /* After its IO_SEND, which is told in this turn or the next. */
        expect(io, UINT32_MAX, io->turns + 2,
               (struct io_event){
                   .kind = IO_RELEASE, .token = pin.token, .result = chance(io->manners.copied)});
    }
}

/* A completion of a client that has gone, such as invariant 7 speaks of. */
static void bring_ghost(struct io *io)
{
    static const enum io_event_kind kinds[] = {IO_RECEIVE, IO_SEND, IO_WRITABLE, IO_CLOSE};
    if (!io->ghosts_count || !chance(io->manners.ghost))
        return;
    struct io_event event = {.kind = kinds[roll(0, 3)],
                             .token = io->ghosts[roll(0, io->ghosts_count - 1)],
                             .result = chance(50) ? -ECANCELED : 0};
    if (event.kind == IO_RECEIVE && chance(50)) {
        event.result = (int32_t)roll(1, 64);
        event.more = chance(50);
        event.data = calloc(1, (size_t)event.result);
        CHECK(event.data);
        io->buffers_out++;
    }
    expect(io, UINT32_MAX, io->turns, event);
}

static bool is_same(struct io_token a, struct io_token b)
{
    return a.client == b.client && a.generation == b.generation;
}

/* Whether nothing of the client's is still to be told: its slot is free. */
static bool is_over(const struct io *io, struct io_token token)
{
    for (uint32_t i = 0; i < io->pins_count; i++)
        if (is_same(io->pins[i].token, token))
            return false;
    for (uint32_t i = 0; i < io->pending_count; i++)
        if (io->pending[i].event.kind == IO_RELEASE && is_same(io->pending[i].event.token, token))
            return false;
    return true;
}

static void make_ghosts(struct io *io)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < io->freed_count; i++) {
        struct io_token token = io->freed[i];
        uint32_t at = io->ghosts_count < GHOSTS_MAX ? io->ghosts_count : roll(0, GHOSTS_MAX - 1);
        if (!is_over(io, token)) {
            io->freed[kept++] = token;
            continue;
        }
        io->ghosts_count += at == io->ghosts_count;
        io->ghosts[at] = token;
    }
    io->freed_count = kept;
}

static void bring(struct io *io)
{
    io->turns++;
    make_ghosts(io);
    for (uint32_t i = 0, seen = 0; seen < io->slots_used && i < io->config.sockets_max; i++) {
        if (!io->slots[i].link)
            continue;
        seen++;
        if (io->slots[i].receive_armed)
            bring_input(io, i);
        if (io->slots[i].await_armed)
            bring_room(io, i);
    }
    bring_callers(io);
    bring_releases(io);
    bring_ghost(io);
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
           (pending->event.kind != IO_CLOSE || !is_expected(io, pending->socket, pending));
}

static void hand_over(struct io *io, const struct pending *pending)
{
    static const char *const kinds[] = {"accept",   "receive", "sent",
                                        "writable", "closed",  "released"};
    const struct io_event *event = &pending->event;
    TRACE("  event    client %u.%u: %s %d%s", event->token.client, event->token.generation,
          kinds[event->kind], event->result, event->more ? ", more" : "");
    if (pending->socket == UINT32_MAX)
        return;
    struct slot *slot = &io->slots[pending->socket];
    switch (event->kind) {
    case IO_SEND: slot->sending = false; break;
    case IO_WRITABLE: slot->awaiting = false; break;
    case IO_RECEIVE:
        slot->receiving = event->more;
        if (event->result > 0) {
            slot->link->delivered += (uint64_t)event->result;
            slot->link->on_delivered(slot->link->owner);
        }
        break;
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
    bring(io);
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
    io->buffers_out--;
    free(event->data);
}

/* ---- the driver's side ---- */

void sim_io_connect(struct io *io, struct link *link)
{
    if (io->backlog_count == BACKLOG_MAX)
        link->reset = link->closed = true;
    else
        io->backlog[io->backlog_count++] = link;
}

void sim_io_forget(struct io *io, const struct link *link)
{
    for (uint32_t i = 0; i < io->backlog_count; i++)
        if (io->backlog[i] == link) {
            memmove(io->backlog + i, io->backlog + i + 1,
                    (--io->backlog_count - i) * sizeof *io->backlog);
            return;
        }
}

bool sim_io_is_asleep(const struct io *io)
{
    return io->asleep;
}

bool sim_io_is_awake(struct io *io)
{
    if (!io->asleep)
        return true;
    bring(io);
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
