/* SPDX-License-Identifier: MIT */
/* listener: see listener.h. */
#include "server/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

/* Splits at the last colon; brackets around an IPv6 address are taken off. */
static int split_address(const char *address, char *host, size_t host_size, char *port,
                         size_t port_size)
{
    const char *colon = strrchr(address, ':');
    if (!colon || !colon[1] || strlen(colon + 1) >= port_size ||
        (size_t)(colon - address) >= host_size)
        return -EINVAL;
    size_t len = (size_t)(colon - address);
    memcpy(host, address, len);
    host[len] = 0;
    strcpy(port, colon + 1);
    if (port[strspn(port, "0123456789")] || strtoul(port, NULL, 10) > 65535)
        return -EINVAL;
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        memmove(host, host + 1, len - 2);
        host[len - 2] = 0;
    }
    return 0;
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

static int open_one(const struct sockaddr *address, socklen_t len, uint64_t send_buffer,
                    uint64_t unheard_ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc == 0)
        rc = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    /* Accepted sockets inherit these. NODELAY: we coalesce ourselves. The send buffer bounds what a
     * slow client holds in the kernel and how stale it can be. */
    if (rc == 0)
        rc = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (rc == 0 && send_buffer)
        rc = set_option(fd, SOL_SOCKET, SO_SNDBUF, (int)send_buffer);
    if (rc == 0 && unheard_ms)
        rc = set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)unheard_ms);
    if (rc == 0 && bind(fd, address, len) < 0)
        rc = -errno;
    if (rc == 0 && listen(fd, BACKLOG) < 0)
        rc = -errno;
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

/* SO_REUSEPORT would let a second server of the same user share the port in silence; a bind without
 * it says whether it is free. */
static int probe(const struct sockaddr *address, socklen_t len)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc == 0 && bind(fd, address, len) < 0)
        rc = -errno;
    close(fd);
    return rc;
}

static int open_all(struct sockaddr_storage *address, socklen_t len, uint64_t send_buffer,
                    uint64_t unheard_ms, int *fds, uint32_t count)
{
    int rc = probe((struct sockaddr *)address, len);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < count; i++) {
        fds[i] = open_one((struct sockaddr *)address, len, send_buffer, unheard_ms);
        socklen_t bound = len;
        /* Port 0: the first took one, the others share it. */
        if (fds[i] < 0 || (i == 0 && getsockname(fds[i], (struct sockaddr *)address, &bound) < 0)) {
            rc = fds[i] < 0 ? fds[i] : -errno;
            while (i-- > 0)
                close(fds[i]);
            return rc;
        }
    }
    return 0;
}

static void write_url(const struct sockaddr_storage *address, socklen_t len, char *url,
                      size_t url_size)
{
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    getnameinfo((const struct sockaddr *)address, len, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(url, url_size, strchr(host, ':') ? "http://[%s]:%s/" : "http://%s:%s/", host, port);
}

int listener_open(const char *setting, const char *address, uint64_t send_buffer,
                  uint64_t unheard_ms, int *fds, uint32_t count, char *url, size_t url_size,
                  char *error, size_t error_size)
{
    char host[256], port[8];
    if (split_address(address, host, sizeof host, port, sizeof port) < 0) {
        snprintf(error, error_size, "setting '%s': '%s' is not ADDRESS:PORT", setting, address);
        return -EINVAL;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    int rc = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (rc != 0) {
        snprintf(error, error_size, "setting '%s': '%s': %s", setting, address, gai_strerror(rc));
        return -EINVAL;
    }
    struct sockaddr_storage storage = {0};
    socklen_t len = found->ai_addrlen;
    memcpy(&storage, found->ai_addr, len);
    freeaddrinfo(found);
    rc = open_all(&storage, len, send_buffer, unheard_ms, fds, count);
    if (rc < 0)
        snprintf(error, error_size, "cannot listen on %s: %s", address, strerror(-rc));
    else
        write_url(&storage, len, url, url_size);
    return rc;
}
