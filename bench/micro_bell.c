/* SPDX-License-Identifier: MIT */
/* micro_bell: from a tick to the first byte at a client, when all are asleep: by the ring, the
 * doorbell and a worker's io, beside the least that it can take: an eventfd, a read and a send.
 * Wall time, a turn at a time; both threads sleep in between. See micro.h. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/micro.h"
#include "feed/doorbell.h"
#include "feed/ring.h"
#include "server/io/io.h"

enum { TURNS = 64, WAIT_NS = 1000000000 };

struct bell_micro {
    struct ring ring;
    struct doorbell bell; /* the bare one uses its descriptor alone */
    int listener;
    int client;
    int bare; /* the accepted end, where there is no io */
    bool with_io;
    pthread_t thread;
    _Atomic bool stop;
    uint64_t sum;
};

static void *answer_bare(void *arg)
{
    struct bell_micro *self = arg;
    uint64_t rung;
    while (read(self->bell.fd, &rung, sizeof rung) == sizeof rung && !atomic_load(&self->stop))
        (void)!send(self->bare, "x", 1, MSG_NOSIGNAL);
    return NULL;
}

/* As a worker does: arms the bell, looks once more, sleeps; then takes ticks and sends. */
static void serve(struct bell_micro *self, struct io *io, uint32_t socket)
{
    struct io_event events[16];
    const union ring_slot *slots;
    while (!atomic_load(&self->stop)) {
        doorbell_arm(&self->bell);
        uint64_t ticks = ring_peek(&self->ring, 0, &slots);
        uint32_t n = ticks ? 0 : io_wait(io, WAIT_NS, events, 16);
        doorbell_disarm(&self->bell);
        ticks = ring_peek(&self->ring, 0, &slots);
        if (!ticks && !n)
            continue;
        for (uint64_t i = 0; i < ticks; i++)
            self->sum += slots[i].tick.seq;
        ring_release(&self->ring, 0, ticks);
        if (ticks)
            io_send(io, socket, (struct io_token){0}, (const uint8_t *)"x", 1);
        io_turn(io, events, 16);
    }
}

static void *answer_by_io(void *arg)
{
    struct bell_micro *self = arg;
    char error[256];
    struct io *io;
    struct io_event events[16];
    struct io_config config = {
        .listen_fd = self->listener, .bell_fd = self->bell.fd, .sockets_max = 4};
    if (io_create(&io, &config, error, sizeof error) < 0)
        abort();
    io_accept(io);
    for (bool accepted = false; !accepted;) {
        uint32_t n = io_wait(io, WAIT_NS, events, 16);
        for (uint32_t i = 0; i < n; i++)
            if (events[i].kind == IO_ACCEPT && events[i].result >= 0) {
                accepted = true;
                serve(self, io, (uint32_t)events[i].result);
            }
    }
    io_destroy(io);
    return NULL;
}

static int listen_on_loopback(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)address, len) < 0 || listen(fd, 4) < 0 ||
        getsockname(fd, (struct sockaddr *)address, &len) < 0)
        abort();
    return fd;
}

static void *begin(bool with_io)
{
    struct bell_micro *self = aligned_alloc(CACHE_LINE, sizeof *self);
    struct sockaddr_in address;
    int on = 1;
    memset(self, 0, sizeof *self);
    self->with_io = with_io;
    self->listener = listen_on_loopback(&address);
    self->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ring_init(&self->ring, 1024, 1) < 0 || doorbell_init(&self->bell) < 0)
        abort();
    if (!with_io) {
        close(self->bell.fd);
        self->bell.fd = eventfd(0, EFD_CLOEXEC); /* whoever reads it sleeps */
    }
    if (connect(self->client, (struct sockaddr *)&address, sizeof address) < 0)
        abort();
    if (!with_io)
        self->bare = accept(self->listener, NULL, NULL);
    setsockopt(with_io ? self->client : self->bare, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on,
               sizeof on);
    if (pthread_create(&self->thread, NULL, with_io ? answer_by_io : answer_bare, self) != 0)
        abort();
    return self;
}

static void *begin_bare(void)
{
    return begin(false);
}

static void *begin_worker(void)
{
    return begin(true);
}

static void ring_once(struct bell_micro *self)
{
    uint64_t one = 1;
    if (!self->with_io) {
        (void)!write(self->bell.fd, &one, sizeof one);
        return;
    }
    CHECK(ring_room(&self->ring) > 0);
    ring_next(&self->ring)->tick = (struct tick){.seq = 1, .price = 6168599, .symbol = 7};
    ring_publish(&self->ring);
    doorbell_ring(&self->bell);
}

static uint64_t turns(void *arg)
{
    struct bell_micro *self = arg;
    char byte;
    for (int i = 0; i < TURNS; i++) {
        ring_once(self);
        if (recv(self->client, &byte, 1, 0) != 1)
            abort();
    }
    return TURNS;
}

static void end(void *arg)
{
    struct bell_micro *self = arg;
    uint64_t one = 1;
    atomic_store(&self->stop, true);
    (void)!write(self->bell.fd, &one, sizeof one);
    pthread_join(self->thread, NULL);
    close(self->client);
    close(self->listener);
    if (self->bare)
        close(self->bare);
    doorbell_finish(&self->bell);
    ring_finish(&self->ring);
    free(self);
}

const struct micro micro_bells[] = {
    {"bell.bare", "eventfd to byte", begin_bare, turns, end, 1},
    {"bell.worker", "tick to byte", begin_worker, turns, end, 1},
    {0},
};
