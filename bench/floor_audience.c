/* SPDX-License-Identifier: MIT */
#include "bench/floor_audience.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/wire/http.h"

enum {
    REST_MAX = 16 << 20,  /* a client that lags by more is dropped */
    SEND_BUFFER = 131072, /* as the server's default */
    BACKLOG = 4096,
};

/* user_data: what ended, and for whom. A member leaves only with its receive's event, so no event
 * can be of an earlier one. */
enum what { WHAT_ACCEPT, WHAT_REQUEST, WHAT_HEARD, WHAT_SEND };

static uint64_t tag(enum what what, uint32_t member)
{
    return (uint64_t)what << 32 | member;
}

/* ---- requests ---- */

static struct io_uring_sqe *next_sqe(struct audience *audience)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(audience->ring);
    if (!sqe) {
        io_uring_submit(audience->ring);
        sqe = io_uring_get_sqe(audience->ring);
    }
    return sqe;
}

static void arm_accept(struct audience *audience)
{
    struct io_uring_sqe *sqe = next_sqe(audience);
    io_uring_prep_multishot_accept(sqe, audience->listen_fd, NULL, NULL, 0);
    io_uring_sqe_set_data64(sqe, tag(WHAT_ACCEPT, 0));
}

static void arm_receive(struct audience *audience, uint32_t index, enum what what)
{
    struct member *member = &audience->members[index];
    struct io_uring_sqe *sqe = next_sqe(audience);
    if (what == WHAT_REQUEST)
        io_uring_prep_recv(sqe, member->fd, member->request, HTTP_HEAD_MAX, 0);
    else
        io_uring_prep_recv(sqe, member->fd, member->heard, sizeof member->heard, 0);
    io_uring_sqe_set_data64(sqe, tag(what, index));
}

/* ---- members ---- */

static void drop_from(struct takers *takers, uint32_t index)
{
    for (uint32_t i = 0; i < takers->count; i++)
        if (takers->members[i] == index)
            takers->members[i--] = takers->members[--takers->count];
}

static void leave(struct audience *audience, uint32_t index)
{
    struct member *member = &audience->members[index];
    if (member->fd < 0)
        return;
    for (uint32_t i = 0; member->open && i < audience->catalog->count; i++)
        drop_from(&audience->takers[i], index);
    for (uint32_t i = 0; i < audience->blocked_count; i++)
        if (audience->blocked[i] == index)
            audience->blocked[i--] = audience->blocked[--audience->blocked_count];
    close(member->fd);
    free(member->rest);
    free(member->request);
    free(member->waiting);
    *member = (struct member){.fd = -1};
    audience->free[audience->free_count++] = index;
}

static void enter(struct audience *audience, int fd)
{
    if (!audience->free_count) {
        close(fd);
        return;
    }
    uint32_t index = audience->free[--audience->free_count];
    struct member *member = &audience->members[index];
    *member = (struct member){.fd = fd, .request = malloc(HTTP_HEAD_MAX)};
    member->waiting = malloc(FLOOR_TICKS_MAX * sizeof *member->waiting);
    if (member->request && member->waiting)
        arm_receive(audience, index, WHAT_REQUEST);
    else
        leave(audience, index);
}

static void take(struct audience *audience, uint32_t symbol, uint32_t index)
{
    struct takers *takers = &audience->takers[symbol];
    if (takers->count == takers->size) {
        uint32_t size = takers->size ? takers->size * 2 : 64;
        uint32_t *bigger = realloc(takers->members, size * sizeof *bigger);
        if (!bigger)
            return;
        takers->members = bigger;
        takers->size = size;
    }
    takers->members[takers->count++] = index;
}

/* "A,B,C", or "*". */
static void subscribe(struct audience *audience, uint32_t index, char *list)
{
    const struct catalog *catalog = audience->catalog;
    for (char *name; (name = strsep(&list, ","));) {
        uint32_t symbol = catalog_find(catalog, (const uint8_t *)name, (uint32_t)strlen(name));
        if (symbol != CATALOG_NONE)
            take(audience, symbol, index);
        for (uint32_t i = 0; name[0] == '*' && i < catalog->count; i++)
            take(audience, i, index);
    }
}

/* The whole request comes in one piece: tapebench sends it so. */
static void answer(struct audience *audience, uint32_t index, int32_t len)
{
    struct member *member = &audience->members[index];
    struct http_request request;
    char out[HTTP_ANSWER_HEAD_MAX], symbols[HTTP_HEAD_MAX];
    size_t scanned = 0;
    if (len <= 0 || http_parse_request(member->request, (size_t)len, &scanned, &request) <= 0 ||
        request.upgrade != HTTP_UPGRADE_OK) {
        leave(audience, index);
        return;
    }
    size_t out_len =
        http_write_upgrade(out, request.websocket_key, request.protocol, HTTP_DEFLATE_NONE);
    int listed = http_query_value(request.query, "symbols", symbols, sizeof symbols - 1);
    if (send(member->fd, out, out_len, MSG_NOSIGNAL) != (ssize_t)out_len) {
        leave(audience, index);
        return;
    }
    member->open = true;
    if (listed > 0) {
        symbols[listed] = 0;
        subscribe(audience, index, symbols);
    }
    free(member->request);
    member->request = NULL;
    arm_receive(audience, index, WHAT_HEARD);
}

/* ---- sends ---- */

static void keep_rest(struct audience *audience, uint32_t index, const uint8_t *data, uint32_t len)
{
    struct member *member = &audience->members[index];
    uint8_t *bigger =
        member->rest_len + len <= REST_MAX ? realloc(member->rest, member->rest_len + len) : NULL;
    if (!bigger) {
        shutdown(member->fd, SHUT_RDWR); /* its receive ends, and it leaves */
        return;
    }
    memcpy(bigger + member->rest_len, data, len);
    member->rest = bigger;
    if (!member->rest_len)
        audience->blocked[audience->blocked_count++] = index;
    member->rest_len += len;
}

void audience_send(struct audience *audience, uint32_t index, const uint8_t *data, uint32_t len)
{
    struct member *member = &audience->members[index];
    if (member->rest_len) {
        keep_rest(audience, index, data, len);
        return;
    }
    struct io_uring_sqe *sqe = next_sqe(audience);
    /* WAITALL makes a short send an event of its own even where success is skipped; that it was
     * short is known from the event, what was to be sent from here. */
    io_uring_prep_send(sqe, member->fd, data, len, MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, tag(WHAT_SEND, index));
    member->sent = data;
    member->sent_len = len;
}

static void sent_short(struct audience *audience, uint32_t index, int32_t result)
{
    struct member *member = &audience->members[index];
    uint32_t taken = result > 0 ? (uint32_t)result : 0;
    if (member->fd >= 0 && (result >= 0 || result == -EAGAIN) && taken < member->sent_len)
        keep_rest(audience, index, member->sent + taken, member->sent_len - taken);
}

void audience_retry(struct audience *audience)
{
    for (uint32_t i = 0; i < audience->blocked_count; i++) {
        struct member *member = &audience->members[audience->blocked[i]];
        ssize_t n = send(member->fd, member->rest, member->rest_len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0)
            continue;
        member->rest_len -= (uint32_t)n;
        memmove(member->rest, member->rest + n, member->rest_len);
        if (!member->rest_len)
            audience->blocked[i--] = audience->blocked[--audience->blocked_count];
    }
}

/* ---- events ---- */

static void act(struct audience *audience, const struct io_uring_cqe *cqe)
{
    uint32_t index = (uint32_t)cqe->user_data;
    switch ((enum what)(cqe->user_data >> 32)) {
    case WHAT_ACCEPT:
        if (cqe->res >= 0)
            enter(audience, cqe->res);
        if (!(cqe->flags & IORING_CQE_F_MORE))
            arm_accept(audience);
        break;
    case WHAT_REQUEST: answer(audience, index, cqe->res); break;
    case WHAT_HEARD:
        if (cqe->res > 0)
            arm_receive(audience, index, WHAT_HEARD);
        else
            leave(audience, index);
        break;
    case WHAT_SEND: sent_short(audience, index, cqe->res); break;
    }
}

void audience_submit(struct audience *audience, int64_t wait_ns)
{
    struct io_uring_cqe *cqe;
    struct __kernel_timespec timeout = {.tv_sec = wait_ns / 1000000000,
                                        .tv_nsec = wait_ns % 1000000000};
    if (wait_ns > 0)
        io_uring_submit_and_wait_timeout(audience->ring, &cqe, 1, &timeout, NULL);
    else
        io_uring_submit_and_get_events(audience->ring);
    while (io_uring_peek_cqe(audience->ring, &cqe) == 0) {
        struct io_uring_cqe copy = *cqe;
        io_uring_cqe_seen(audience->ring, cqe);
        act(audience, &copy);
    }
}

/* ---- birth ---- */

static int listen_here(uint16_t *port)
{
    int on = 1, size = SEND_BUFFER;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int audience_init(struct audience *audience, struct io_uring *ring, const struct catalog *catalog,
                  uint32_t members_max, uint16_t *port)
{
    *audience = (struct audience){.ring = ring, .catalog = catalog, .members_max = members_max};
    audience->members = calloc(members_max, sizeof *audience->members);
    audience->free = calloc(members_max, sizeof *audience->free);
    audience->blocked = calloc(members_max, sizeof *audience->blocked);
    audience->takers = calloc(catalog->count + 1, sizeof *audience->takers);
    if (!audience->members || !audience->free || !audience->blocked || !audience->takers)
        return -ENOMEM;
    for (uint32_t i = members_max; i-- > 0;) {
        audience->members[i].fd = -1;
        audience->free[audience->free_count++] = i;
    }
    audience->listen_fd = listen_here(port);
    if (audience->listen_fd < 0)
        return audience->listen_fd;
    arm_accept(audience);
    return 0;
}
