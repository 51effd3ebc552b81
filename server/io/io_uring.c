/* SPDX-License-Identifier: MIT */
/*
 * io_uring: the seam io.h on io_uring. The only file that includes liburing. Worker thread only;
 * never blocks but in io_wait().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "feed/base.h"
#include "server/io/io.h"

enum {
    SQ_ENTRIES = 2048,
    CQ_ENTRIES = 16384, /* overflow is kept by the kernel (NODROP), only slower */
    BUFFERS = 2048,
    BUFFER_SIZE = 2048, /* a command fits; longer messages take several */
    BUFFER_GROUP = 0,
};

/* Linux 6.2; not in liburing 2.3's headers. */
enum { SEND_ZC_REPORT_USAGE = 1 << 3 };
static const uint32_t notif_copied = 1u << 31;

/* The kind of request rides in user_data: kind 8 bits, generation 24, client 32. */
enum request {
    REQUEST_ACCEPT = 1,
    REQUEST_RECEIVE,
    REQUEST_SEND,
    REQUEST_WRITABLE,
    REQUEST_CLOSE,
    REQUEST_SHUTDOWN,
    REQUEST_BELL,
    REQUEST_IGNORED, /* a cancel: only what it causes matters */
};

/* An accept under way: the kernel writes the peer's address here. A multishot accept couldn't say
 * it. */
struct acceptance {
    struct sockaddr_storage address;
    socklen_t len;
    bool armed;
};

struct io {
    struct io_uring ring;
    struct io_config config;
    struct io_uring_buf_ring *buffer_ring;
    uint8_t *buffers;
    uint64_t bell_count;
    struct acceptance accepts[IO_ACCEPTS_MAX];
    bool ring_made;
};

static uint64_t user_data(enum request kind, struct io_token token)
{
    return (uint64_t)kind << 56 | (uint64_t)(token.generation & 0xffffff) << 32 | token.client;
}

/* A full submission queue is emptied into the kernel first: requests are never lost. */
static struct io_uring_sqe *next_sqe(struct io *io, enum request kind, struct io_token token)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);
    while (!sqe) {
        int n = io_uring_submit(&io->ring);
        CHECK(n >= 0 || n == -EINTR || n == -EAGAIN || n == -EBUSY);
        sqe = io_uring_get_sqe(&io->ring);
    }
    io_uring_sqe_set_data64(sqe, user_data(kind, token));
    return sqe;
}

/* prep functions zero user_data, so it is set after them. */
static void tag(struct io_uring_sqe *sqe, enum request kind, struct io_token token)
{
    io_uring_sqe_set_data64(sqe, user_data(kind, token));
}

static void arm_bell(struct io *io)
{
    struct io_token nobody = {0};
    struct io_uring_sqe *sqe = next_sqe(io, REQUEST_BELL, nobody);
    io_uring_prep_read(sqe, io->config.bell_fd, &io->bell_count, sizeof io->bell_count, 0);
    tag(sqe, REQUEST_BELL, nobody);
}

static int setup_ring(struct io *io, char *error, size_t error_size)
{
    struct io_uring_params params = {
        /* SINGLE_ISSUER and DEFER_TASKRUN: completions run when this thread asks for them, never in
         * between. CLAMP: a smaller kernel limit is no error. */
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = CQ_ENTRIES,
    };
    int rc = io_uring_queue_init_params(SQ_ENTRIES, &io->ring, &params);
    if (rc < 0) {
        snprintf(error, error_size,
                 "io_uring is refused here: %s (kernel 6.1 or later is needed, and a container "
                 "must allow "
                 "io_uring)",
                 strerror(-rc));
        return rc;
    }
    io->ring_made = true;
    (void)io_uring_register_ring_fd(&io->ring); /* saves a lookup a call; fine without */
    rc = io_uring_register_files_sparse(&io->ring, io->config.sockets_max);
    if (rc < 0)
        snprintf(error, error_size, "%u direct descriptors a worker are refused: %s",
                 io->config.sockets_max, strerror(-rc));
    return rc;
}

static int setup_buffers(struct io *io, char *error, size_t error_size)
{
    size_t ring_bytes = BUFFERS * sizeof(struct io_uring_buf);
    size_t bytes = ring_bytes + (size_t)BUFFERS * BUFFER_SIZE;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        snprintf(error, error_size, "receive buffers: %s", strerror(errno));
        return -ENOMEM;
    }
    io->buffer_ring = memory;
    io->buffers = (uint8_t *)memory + ring_bytes;
    io_uring_buf_ring_init(io->buffer_ring);
    for (int i = 0; i < BUFFERS; i++)
        io_uring_buf_ring_add(io->buffer_ring, io->buffers + (size_t)i * BUFFER_SIZE, BUFFER_SIZE,
                              (unsigned short)i, BUFFERS - 1, i);
    io_uring_buf_ring_advance(io->buffer_ring, BUFFERS);
    struct io_uring_buf_reg reg = {
        .ring_addr = (uintptr_t)io->buffer_ring, .ring_entries = BUFFERS, .bgid = BUFFER_GROUP};
    int rc = io_uring_register_buf_ring(&io->ring, &reg, 0);
    if (rc < 0)
        snprintf(error, error_size, "receive buffers: %s", strerror(-rc));
    return rc;
}

int io_create(struct io **out, const struct io_config *config, char *error, size_t error_size)
{
    struct io *io = calloc(1, sizeof *io);
    if (!io)
        return -ENOMEM;
    io->config = *config;
    int rc = setup_ring(io, error, error_size);
    if (rc < 0)
        goto fail;
    rc = setup_buffers(io, error, error_size);
    if (rc < 0)
        goto fail;
    arm_bell(io);
    *out = io;
    return 0;
fail:
    io_destroy(io);
    return rc;
}

void io_destroy(struct io *io)
{
    if (!io)
        return;
    if (io->ring_made)
        io_uring_queue_exit(&io->ring);
    if (io->buffer_ring)
        munmap(io->buffer_ring,
               BUFFERS * sizeof(struct io_uring_buf) + (size_t)BUFFERS * BUFFER_SIZE);
    free(io);
}

void io_accept(struct io *io)
{
    uint32_t i = 0;
    while (io->accepts[i].armed)
        CHECK(++i < IO_ACCEPTS_MAX);
    struct acceptance *accept = &io->accepts[i];
    accept->armed = true;
    accept->len = sizeof accept->address;
    struct io_token token = {.client = i};
    struct io_uring_sqe *sqe = next_sqe(io, REQUEST_ACCEPT, token);
    io_uring_prep_accept(sqe, io->config.listen_fd, (struct sockaddr *)&accept->address,
                         &accept->len, 0);
    sqe->file_index = IORING_FILE_INDEX_ALLOC; /* liburing 2.3's own helper would add one to it */
    tag(sqe, REQUEST_ACCEPT, token);
}

/* By what the request was tagged with, which the kernel finds by hash; by file it would look at all
 * that wait in this ring. */
static void cancel(struct io *io, enum request kind, struct io_token token)
{
    struct io_token nobody = {0};
    struct io_uring_sqe *sqe = next_sqe(io, REQUEST_IGNORED, nobody);
    io_uring_prep_cancel64(sqe, user_data(kind, token), 0);
    tag(sqe, REQUEST_IGNORED, nobody);
}

void io_stop_accepting(struct io *io)
{
    for (uint32_t i = 0; i < IO_ACCEPTS_MAX; i++)
        if (io->accepts[i].armed)
            cancel(io, REQUEST_ACCEPT, (struct io_token){.client = i});
}

void io_receive(struct io *io, uint32_t socket, struct io_token token)
{
    struct io_uring_sqe *sqe = next_sqe(io, REQUEST_RECEIVE, token);
    /* No multishot: whoever sends without end would fill the completion queue and take every buffer
     * before the worker had looked at the first. */
    io_uring_prep_recv(sqe, (int)socket, NULL, BUFFER_SIZE, 0);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    tag(sqe, REQUEST_RECEIVE, token);
}

void io_discard(struct io *io, uint32_t socket, struct io_token token, uint32_t max)
{
    struct io_uring_sqe *sqe = next_sqe(io, REQUEST_RECEIVE, token);
    /* TCP drops the bytes without a copy, as many at once as there are (tcp(7), MSG_TRUNC). */
    io_uring_prep_recv(sqe, (int)socket, NULL, max, MSG_TRUNC);
    sqe->flags |= IOSQE_FIXED_FILE;
    tag(sqe, REQUEST_RECEIVE, token);
}

void io_send(struct io *io, uint32_t socket, struct io_token token, const uint8_t *data,
             uint32_t len)
{
    struct io_uring_sqe *sqe = next_sqe(io, REQUEST_SEND, token);
    /* DONTWAIT: a full socket answers -EAGAIN at once and the kernel keeps no reference to the
     * bytes once the submit has returned. Without it the request would pin them for as long as the
     * client doesn't read. */
    io_uring_prep_send(sqe, (int)socket, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    sqe->flags |= IOSQE_FIXED_FILE;
    tag(sqe, REQUEST_SEND, token);
}

void io_send_zero_copy(struct io *io, uint32_t socket, struct io_token token, const uint8_t *data,
                       uint32_t len)
{
    struct io_uring_sqe *sqe = next_sqe(io, REQUEST_SEND, token);
    io_uring_prep_send_zc(sqe, (int)socket, data, len, MSG_DONTWAIT | MSG_NOSIGNAL,
                          SEND_ZC_REPORT_USAGE);
    sqe->flags |= IOSQE_FIXED_FILE;
    tag(sqe, REQUEST_SEND, token);
}

void io_await_writable(struct io *io, uint32_t socket, struct io_token token)
{
    struct io_uring_sqe *sqe = next_sqe(io, REQUEST_WRITABLE, token);
    io_uring_prep_poll_add(sqe, (int)socket, POLLOUT);
    sqe->flags |= IOSQE_FIXED_FILE;
    tag(sqe, REQUEST_WRITABLE, token);
}

void io_shutdown(struct io *io, uint32_t socket, struct io_token token)
{
    /* The kernel runs it on a thread of its own and looks the slot up only there: on a slot closed
     * meanwhile and taken by another connection it would shut that one down. Hence the event. */
    struct io_uring_sqe *sqe = next_sqe(io, REQUEST_SHUTDOWN, token);
    io_uring_prep_shutdown(sqe, (int)socket, SHUT_WR);
    sqe->flags |= IOSQE_FIXED_FILE;
    tag(sqe, REQUEST_SHUTDOWN, token);
}

void io_close(struct io *io, uint32_t socket, struct io_token token)
{
    /* A closed slot doesn't end what waits on its file; a cancel does. */
    cancel(io, REQUEST_RECEIVE, token);
    cancel(io, REQUEST_WRITABLE, token);
    struct io_uring_sqe *sqe = next_sqe(io, REQUEST_CLOSE, token);
    io_uring_prep_close_direct(sqe, socket);
    tag(sqe, REQUEST_CLOSE, token);
}

static void translate_accept(struct io *io, struct io_event *event)
{
    struct acceptance *accept = &io->accepts[event->token.client];
    event->kind = IO_ACCEPT;
    accept->armed = false;
    if (accept->address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&accept->address;
        memcpy(event->peer.address, &in6->sin6_addr, 16);
        event->peer.port = ntohs(in6->sin6_port);
    } else if (accept->address.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&accept->address;
        event->peer.address[10] = event->peer.address[11] = 0xff; /* RFC 4291, 2.5.5.2 */
        memcpy(event->peer.address + 12, &in->sin_addr, 4);
        event->peer.port = ntohs(in->sin_port);
    }
}

static void translate_receive(struct io *io, const struct io_uring_cqe *cqe, struct io_event *event)
{
    event->kind = IO_RECEIVE;
    if (cqe->flags & IORING_CQE_F_BUFFER) {
        event->buffer = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        event->data = io->buffers + (size_t)event->buffer * BUFFER_SIZE;
    }
}

/* A zero-copy send ends twice: when the socket has taken the bytes, and when nothing refers to
 * them. */
static void translate_send(const struct io_uring_cqe *cqe, struct io_event *event)
{
    event->kind = IO_SEND;
    event->more = cqe->flags & IORING_CQE_F_MORE;
    if (cqe->flags & IORING_CQE_F_NOTIF) {
        event->kind = IO_RELEASE;
        event->result = ((uint32_t)cqe->res & notif_copied) != 0;
    }
}

static void translate(struct io *io, const struct io_uring_cqe *cqe, struct io_event *event)
{
    *event = (struct io_event){
        .kind = IO_NOTHING,
        .token = {.client = (uint32_t)cqe->user_data,
                  .generation = cqe->user_data >> 32 & 0xffffff},
        .result = cqe->res,
    };
    switch ((enum request)(cqe->user_data >> 56)) {
    case REQUEST_ACCEPT: translate_accept(io, event); break;
    case REQUEST_RECEIVE: translate_receive(io, cqe, event); break;
    case REQUEST_SEND: translate_send(cqe, event); break;
    case REQUEST_WRITABLE: event->kind = IO_WRITABLE; break;
    case REQUEST_CLOSE: event->kind = IO_CLOSE; break;
    case REQUEST_SHUTDOWN: event->kind = IO_SHUTDOWN; break;
    case REQUEST_BELL:
        arm_bell(io);
        event->kind = IO_BELL;
        break;
    case REQUEST_IGNORED: break;
    }
}

static uint32_t reap(struct io *io, struct io_event *events, uint32_t max)
{
    struct io_uring_cqe *cqes[256];
    uint32_t total = 0;
    while (total < max) {
        uint32_t want = max - total < ARRAY_LEN(cqes) ? max - total : (uint32_t)ARRAY_LEN(cqes);
        uint32_t n = io_uring_peek_batch_cqe(&io->ring, cqes, want);
        for (uint32_t i = 0; i < n; i++)
            translate(io, cqes[i], &events[total + i]);
        io_uring_cq_advance(&io->ring, n);
        total += n;
        if (n < want)
            break;
    }
    return total;
}

uint32_t io_turn(struct io *io, struct io_event *events, uint32_t max)
{
    int rc = io_uring_submit_and_get_events(&io->ring);
    CHECK(rc >= 0 || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY || rc == -ETIME);
    return reap(io, events, max);
}

uint32_t io_wait(struct io *io, int64_t timeout_ns, struct io_event *events, uint32_t max)
{
    struct __kernel_timespec timeout = {.tv_sec = timeout_ns / 1000000000,
                                        .tv_nsec = timeout_ns % 1000000000};
    struct io_uring_cqe *cqe;
    int rc = io_uring_submit_and_wait_timeout(&io->ring, &cqe, 1, &timeout, NULL);
    CHECK(rc >= 0 || rc == -ETIME || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY);
    return reap(io, events, max);
}

void io_recycle(struct io *io, const struct io_event *event)
{
    if (!event->data)
        return;
    io_uring_buf_ring_add(io->buffer_ring, event->data, BUFFER_SIZE, event->buffer, BUFFERS - 1, 0);
    io_uring_buf_ring_advance(io->buffer_ring, 1);
}

uint64_t io_memory_max(void)
{
    return (uint64_t)BUFFERS * (BUFFER_SIZE + sizeof(struct io_uring_buf)) + SQ_ENTRIES * 64 +
           CQ_ENTRIES * 16;
}
