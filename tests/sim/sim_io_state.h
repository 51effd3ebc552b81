/* SPDX-License-Identifier: MIT */
/*
 * sim_io_state: what a simulated io is made of, for its two halves: sim_io.c, which the worker
 * calls, and sim_io_world.c, which is what happens to sockets meanwhile.
 *
 *     request ─► ops ──submit──► slots, links ──bring──► pending ──reap──► events of a turn
 */
#ifndef TAPEHEAD_TESTS_SIM_SIM_IO_STATE_H
#define TAPEHEAD_TESTS_SIM_SIM_IO_STATE_H

#include "tests/sim/sim_io.h"

enum {
    BUFFER_SIZE = 2048,
    BACKLOG_MAX = 512,
    QUEUED_MAX = 4096,
    PENDING_MAX = 4096,
    GHOSTS_MAX = 16,
    LATE_MAX = 6, /* turns */
    PINS_MAX = 1024,
    LOANS_MAX = 512,
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
    bool shutting;
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

/* A receive's bytes, out until they are recycled. */
struct loan {
    uint8_t *data;     /* NULL: free */
    struct link *link; /* NULL: of a ghost */
    uint32_t len;
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
    uint64_t end; /* in the stream: the first byte after them */
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
    struct loan loans[LOANS_MAX]; /* by event.buffer */
    uint32_t buffers_out;
    uint32_t slots_used; /* open ones */
    uint32_t accepts;    /* asked for, their events still to come */
    bool asleep;
    int64_t wakes_at_ns;
};

/* A turn from now on, or this one. */
uint64_t sim_io_some_turn(struct io *io);

/* An event is to be told at `due` or later. `socket` UINT32_MAX: no socket waits for it. */
void sim_io_expect(struct io *io, uint32_t socket, uint64_t due, struct io_event event);

/* The socket is armed no longer. */
void sim_io_expect_receive(struct io *io, uint32_t socket, struct io_event event);
void sim_io_expect_writable(struct io *io, uint32_t socket, int32_t result);

/* Gives the event a buffer of `len` bytes; `link` hears of them once they are recycled. */
void sim_io_lend(struct io *io, struct io_event *event, struct link *link, uint32_t len);

/* A turn has begun: callers, bytes, room, and completions of the departed. */
void sim_io_bring(struct io *io);

#endif
