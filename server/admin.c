/* SPDX-License-Identifier: MIT */
/* admin: see admin.h. */
#include "server/admin.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "feed/clock.h"
#include "feed/log.h"
#include "server/listener.h"
#include "server/wire/http.h"
#include "server/worker.h"

enum {
    POLL_MS = 200,        /* how soon a stop is seen */
    REQUEST_S = 2,        /* for a request to come and an answer to be taken */
    CLIENTS_DEFAULT = 20, /* /v1/clients without ?limit= */
    CLIENTS_MAX = 1000,
};

struct admin {
    pthread_t thread;
    const struct cluster *cluster;
    int fd;
    _Atomic bool stop; /* main writes with release, the thread reads with acquire */
};

/* The number in the query, or `otherwise`; -1 when it is none or beyond `max`. */
static int64_t query_number(struct http_text query, const char *name, int64_t otherwise,
                            uint64_t max)
{
    char text[24];
    int len = http_query_value(query, name, text, sizeof text - 1);
    if (len == -1)
        return otherwise;
    if (len <= 0 || len > 18)
        return -1;
    text[len] = 0;
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    return *end || text[0] < '0' || text[0] > '9' || value > max ? -1 : (int64_t)value;
}

static int answer_clients(struct admin *admin, const struct http_request *request,
                          struct bytes *body)
{
    const struct cluster *cluster = admin->cluster;
    int64_t limit = query_number(request->query, "limit", CLIENTS_DEFAULT, CLIENTS_MAX);
    int64_t id = query_number(request->query, "id", 0, INT64_MAX);
    if (limit < 1 || id < 0) {
        bytes_printf(body, "{\"error\":\"limit is 1 to %d, id a connection's number\"}\n",
                     CLIENTS_MAX);
        return 400;
    }
    stats_print(body, cluster->stats, cluster->workers_count, (uint32_t)limit, (uint64_t)id,
                clock_wall_ns() / 1000000);
    return 200;
}

static int route(struct admin *admin, const struct http_request *request, struct bytes *body,
                 const char **type)
{
    const struct cluster *cluster = admin->cluster;
    *type = "application/json";
    if (http_path_is(request, "/v1/clients"))
        return answer_clients(admin, request, body);
    if (http_path_is(request, "/metrics")) {
        *type = "text/plain; version=0.0.4; charset=utf-8";
        metrics_print(body, cluster->feed, cluster->metrics, cluster->workers_count);
        return 200;
    }
    if (http_path_is(request, "/healthz")) {
        *type = "text/plain; charset=utf-8";
        bytes_printf(body, "ok\n");
        return 200;
    }
    bytes_printf(body, "{\"error\":\"no such path; there are /v1/clients, /metrics, /healthz\"}\n");
    return 404;
}

static void send_all(int fd, const void *data, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* gone, or too slow for the time-out: nobody else waits for it */
        sent += (size_t)n;
    }
}

static void answer(struct admin *admin, int fd, int parsed, const struct http_request *request)
{
    struct bytes body = {0};
    const char *type = "application/json";
    int status = -parsed;
    if (parsed < 0)
        bytes_printf(&body, "{\"error\":\"%s\"}\n",
                     request->problem ? request->problem : http_status_text(status));
    else
        status = route(admin, request, &body, &type);
    if (!body.failed) {
        char head[HTTP_ANSWER_HEAD_MAX];
        size_t len = http_write_head(head, status, type, body.len, false, NULL);
        send_all(fd, head, len);
        if (parsed < 0 || !request->head)
            send_all(fd, body.data, body.len);
    }
    bytes_finish(&body);
}

static void serve(struct admin *admin, int fd)
{
    uint8_t data[HTTP_HEAD_MAX + 1];
    size_t len = 0, scanned = 0;
    struct timeval timeout = {.tv_sec = REQUEST_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    int64_t until_ns = clock_mono_ns() + REQUEST_S * 1000000000ll;
    while (len < sizeof data && clock_mono_ns() < until_ns) {
        ssize_t n = recv(fd, data + len, sizeof data - len, 0);
        if (n <= 0)
            return;
        len += (size_t)n;
        struct http_request request = {0};
        int parsed = http_parse_request(data, len, &scanned, &request);
        if (parsed != 0) {
            answer(admin, fd, parsed, &request);
            shutdown(fd, SHUT_WR);
            return;
        }
    }
}

static void *run(void *arg)
{
    struct admin *admin = arg;
    /* Acquire pairs with admin_stop()'s release. */
    while (!atomic_load_explicit(&admin->stop, memory_order_acquire)) {
        struct pollfd poll_fd = {.fd = admin->fd, .events = POLLIN};
        if (poll(&poll_fd, 1, POLL_MS) <= 0)
            continue;
        int fd = accept4(admin->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        serve(admin, fd);
        close(fd);
    }
    return NULL;
}

int admin_start(struct admin **out, const char *address, const struct cluster *cluster, char *error,
                size_t error_size)
{
    char url[128];
    struct admin *admin = calloc(1, sizeof *admin);
    if (!admin) {
        snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    admin->cluster = cluster;
    int rc =
        listener_open("admin", address, 0, 0, &admin->fd, 1, url, sizeof url, error, error_size);
    if (rc < 0) {
        free(admin);
        return rc;
    }
    rc = -pthread_create(&admin->thread, NULL, run, admin);
    if (rc < 0) {
        snprintf(error, error_size, "the admin thread: %s", strerror(-rc));
        close(admin->fd);
        free(admin);
        return rc;
    }
    LOG_INFO("admin.listening", "url=%s", url);
    *out = admin;
    return 0;
}

void admin_stop(struct admin *admin)
{
    if (!admin)
        return;
    atomic_store_explicit(&admin->stop, true, memory_order_release);
    pthread_join(admin->thread, NULL);
    close(admin->fd);
    free(admin);
}
