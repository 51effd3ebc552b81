/* SPDX-License-Identifier: MIT */
#include "tools/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "feed/clock.h"

int dial_wait(int fd, short events, int64_t deadline_mono_ns)
{
    int64_t left = deadline_mono_ns - clock_mono_ns();
    /* Rounded up: a timeout of 0.4 ms must not spin. */
    int64_t left_ms = left <= 0 ? 0 : (left + 999999) / 1000000;
    struct pollfd item = {.fd = fd, .events = events};
    int ready = poll(&item, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
    return ready < 0 ? -errno : ready;
}

static int finish_connect(int fd, int64_t deadline_mono_ns)
{
    int ready = dial_wait(fd, POLLOUT, deadline_mono_ns);
    if (ready <= 0)
        return ready == 0 ? -ETIMEDOUT : ready;
    int result = 0;
    socklen_t len = sizeof result;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &len) < 0)
        return -errno;
    return -result;
}

static int dial_one(const struct addrinfo *address, int64_t deadline_mono_ns, int receive_buffer)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* Before connecting: it bounds the window that is announced. */
    if (receive_buffer > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int result = 0;
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
        result = errno == EINPROGRESS ? finish_connect(fd, deadline_mono_ns) : -errno;
    if (result == 0)
        return fd;
    close(fd);
    return result;
}

int dial(const struct url *url, int64_t deadline_mono_ns, int receive_buffer, char *error,
         size_t error_size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *addresses = NULL;
    int code = getaddrinfo(url->host, url->port, &hints, &addresses);
    if (code != 0) {
        snprintf(error, error_size, "%s", gai_strerror(code));
        return -EHOSTUNREACH;
    }
    int result = -EHOSTUNREACH;
    for (const struct addrinfo *a = addresses; a && result < 0 && result != -EINTR; a = a->ai_next)
        result = dial_one(a, deadline_mono_ns, receive_buffer);
    freeaddrinfo(addresses);
    if (result < 0)
        snprintf(error, error_size, "%s", strerror(-result));
    return result;
}
