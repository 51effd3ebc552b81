/* SPDX-License-Identifier: MIT */
/* sim_io_world: see sim_io_state.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "tests/sim/sim_io_state.h"
#include "tests/sim/world.h"

/* ---- events to come ---- */

uint64_t sim_io_some_turn(struct io *io)
{
    return chance(io->manners.late) ? io->turns + roll(1, LATE_MAX) : io->turns;
}

void sim_io_expect(struct io *io, uint32_t socket, uint64_t due, struct io_event event)
{
    REQUIRE(io->pending_count < PENDING_MAX, "more events pending than the simulation holds");
    io->pending[io->pending_count++] =
        (struct pending){.event = event, .due = due, .socket = socket};
}

void sim_io_expect_receive(struct io *io, uint32_t socket, struct io_event event)
{
    struct slot *slot = &io->slots[socket];
    uint64_t due = sim_io_some_turn(io);
    if (due < slot->receive_due)
        due = slot->receive_due;
    slot->receive_due = due;
    event.kind = IO_RECEIVE;
    event.token = slot->receiver;
    slot->receive_armed = false;
    sim_io_expect(io, socket, due, event);
}

void sim_io_expect_writable(struct io *io, uint32_t socket, int32_t result)
{
    struct slot *slot = &io->slots[socket];
    slot->await_armed = false;
    sim_io_expect(io, socket, sim_io_some_turn(io),
                  (struct io_event){.kind = IO_WRITABLE, .token = slot->waiter, .result = result});
}

void sim_io_lend(struct io *io, struct io_event *event, struct link *link, uint32_t len)
{
    uint16_t i = 0;
    while (io->loans[i].data)
        REQUIRE(++i < LOANS_MAX, "more buffers out than the simulation holds");
    /* A block of its own, so that AddressSanitizer sees whoever reads beyond or afterwards. */
    event->data = calloc(1, len);
    CHECK(event->data);
    event->buffer = i;
    event->result = (int32_t)len;
    io->loans[i] = (struct loan){.data = event->data, .link = link, .len = len};
    io->buffers_out++;
}

/* ---- what the world brings ---- */

static void bring_bytes(struct io *io, uint32_t socket)
{
    struct link *link = io->slots[socket].link;
    uint32_t max = link->up.len < BUFFER_SIZE ? link->up.len : BUFFER_SIZE;
    uint32_t len = dice_length(&world.dice, max);
    struct io_event event = {0};
    sim_io_lend(io, &event, link, len);
    memcpy(event.data, pipe_bytes(&link->up), len);
    pipe_take(&link->up, len);
    sim_io_expect_receive(io, socket, event);
}

static void bring_input(struct io *io, uint32_t socket)
{
    struct link *link = io->slots[socket].link;
    if (link->reset) {
        sim_io_expect_receive(io, socket, (struct io_event){.result = -ECONNRESET});
    } else if (link->up.len && !chance(io->manners.hold_back)) {
        if (io->buffers_out >= io->manners.buffers_max || chance(io->manners.no_buffers))
            sim_io_expect_receive(io, socket, (struct io_event){.result = -ENOBUFS});
        else
            bring_bytes(io, socket);
    } else if (!link->up.len && link->up_ended) {
        sim_io_expect_receive(io, socket, (struct io_event){.result = 0});
    }
}

static void bring_room(struct io *io, uint32_t socket)
{
    const struct link *link = io->slots[socket].link;
    if (link->reset)
        sim_io_expect_writable(io, socket, POLLOUT | POLLERR | POLLHUP);
    else if (link->down.len <= link->down_max / 2)
        sim_io_expect_writable(io, socket, POLLOUT);
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
    sim_io_expect(io, UINT32_MAX, sim_io_some_turn(io), event);
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
        bool unread = pin.link->sent - pin.link->down.len < pin.end;
        if ((unread && !pin.link->reset && !pin.link->closed) || chance(io->manners.late))
            continue;
        REQUIRE(memcmp(pin.data, pin.as_sent, pin.len) == 0,
                "client %u: the bytes of a zero-copy send changed before their release",
                pin.token.client);
        free(pin.as_sent);
        io->pins[i--] = io->pins[--io->pins_count];
        /* After its IO_SEND, which is told in this turn or the next. */
        sim_io_expect(io, UINT32_MAX, io->turns + 2,
                      (struct io_event){.kind = IO_RELEASE,
                                        .token = pin.token,
                                        .result = chance(io->manners.copied)});
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
    if (event.kind == IO_RECEIVE && chance(50))
        sim_io_lend(io, &event, NULL, roll(1, 64));
    sim_io_expect(io, UINT32_MAX, io->turns, event);
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

void sim_io_bring(struct io *io)
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
