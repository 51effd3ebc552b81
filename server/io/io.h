/* SPDX-License-Identifier: MIT */
/*
 * io: a worker's view of the world: sockets by slot, and events. A seam: io_uring stands behind it
 * here, a simulation in its place in the tests.
 *
 * One struct io belongs to one worker thread, which also creates it. Requests are queued and leave
 * with the next submit; each ends in an event that bears the client's index and generation, so that
 * a late one is known as such.
 *
 *     io_accept ──► IO_ACCEPT (socket slot, peer), once a call
 *     io_receive ─► IO_RECEIVE (a buffer's bytes, 0 at the end, or -errno), once a call
 *     io_send ────► IO_SEND (bytes sent, or -EAGAIN on a full socket: never blocks)
 *     io_await_writable ─► IO_WRITABLE
 *     io_close ───► IO_CLOSE; before it, what was still under way ends in its own event
 */
#ifndef TAPEHEAD_SERVER_IO_IO_H
#define TAPEHEAD_SERVER_IO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io;

enum io_event_kind {
    IO_ACCEPT,
    IO_RECEIVE,
    IO_SEND,
    IO_WRITABLE,
    IO_CLOSE,
    IO_RELEASE,
    IO_SHUTDOWN,
    IO_BELL,
    IO_NOTHING
};

/* Who an event is for. The generation tells a slot's clients apart. */
struct io_token {
    uint32_t client;
    uint32_t generation; /* 24 bits */
};

/* The other end: an IPv6 address, or an IPv4 one mapped into it. */
struct io_peer {
    uint8_t address[16];
    uint16_t port;
};

struct io_event {
    enum io_event_kind kind;
    struct io_token token;
    int32_t result; /* IO_ACCEPT: the socket's slot; bytes; or -errno */
    bool more;      /* IO_SEND: an IO_RELEASE follows */
    uint8_t *data;  /* IO_RECEIVE: `result` bytes, the worker's to change, until io_recycle() */
    uint16_t buffer;
    struct io_peer peer; /* IO_ACCEPT */
};

enum { IO_ACCEPTS_MAX = 16 };

struct io_config {
    int listen_fd;        /* this worker's own; io doesn't close it */
    int bell_fd;          /* an eventfd whose rings end a wait */
    uint32_t sockets_max; /* slots */
};

/* Called on the worker's thread. Returns 0, or -errno with a sentence that says what was refused.
 */
int io_create(struct io **out, const struct io_config *config, char *error, size_t error_size);
void io_destroy(struct io *io);

/* Asks for one connection; up to IO_ACCEPTS_MAX may be asked for at a time. */
void io_accept(struct io *io);

/* Takes back what was asked for; the events still come. */
void io_stop_accepting(struct io *io);
void io_receive(struct io *io, uint32_t socket, struct io_token token);

/* Receives up to `max` bytes for nobody: an IO_RECEIVE, too, of which only the result is of use. */
void io_discard(struct io *io, uint32_t socket, struct io_token token, uint32_t max);

/* The bytes must stay until the next submit has returned; the IO_SEND event comes with it, or with
 * the one after. */
void io_send(struct io *io, uint32_t socket, struct io_token token, const uint8_t *data,
             uint32_t len);
/* The same, but the kernel may send the bytes from where they are: they must stay until the IO_SEND
 * event, and if that says `more`, until IO_RELEASE, whose result is 1 if they were copied after
 * all. */
void io_send_zero_copy(struct io *io, uint32_t socket, struct io_token token, const uint8_t *data,
                       uint32_t len);
void io_await_writable(struct io *io, uint32_t socket, struct io_token token);

/* No more will be sent: the peer sees the end of the stream once it has read what was. The socket
 * must not be closed before the IO_SHUTDOWN event. */
void io_shutdown(struct io *io, uint32_t socket, struct io_token token);
void io_close(struct io *io, uint32_t socket, struct io_token token);

/* Submits what is queued, and reaps what has ended, without waiting. Returns the number of events,
 * up to `max`. */
uint32_t io_turn(struct io *io, struct io_event *events, uint32_t max);

/* The same, but sleeps until something ends or `timeout_ns` has passed. */
uint32_t io_wait(struct io *io, int64_t timeout_ns, struct io_event *events, uint32_t max);

/* Gives an IO_RECEIVE event's bytes back. */
void io_recycle(struct io *io, const struct io_event *event);

/* Bytes that one struct io claims. */
uint64_t io_memory_max(void);

#endif
