/* SPDX-License-Identifier: MIT */
/*
 * hold: opens and holds many WebSocket connections from one source address, and reads what they are
 * sent.
 *
 *     hold PORT SOURCE COUNT SYMBOL…
 *
 * Each connection subscribes to one of the symbols, in turn. One thread, one epoll. SOURCE is a
 * loopback address such as 127.0.0.2, so that several of these don't share one range of local
 * ports. Prints a line a second, `held=N ended=N refused=N bytes=N streaming=N` (streaming:
 * connections that were sent anything since the line before), until standard input ends; then
 * closes all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { OPENING_MAX = 256, EVENTS_MAX = 512 };

enum peer_state { PEER_OPENING, PEER_HELD, PEER_ENDED };

struct peer {
    int fd;
    enum peer_state state;
    int streaming;
};

struct hold {
    int epoll;
    uint16_t port;
    struct in_addr source;
    char **symbols;
    int symbols_count;
    struct peer *peers;
    int count, opened, opening, held, ended, refused, streaming;
    uint64_t bytes;
};

static ssize_t send_request(int fd, const char *symbol)
{
    char request[512];
    int len = snprintf(request, sizeof request,
                       "GET /ws?symbols=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       symbol);

    return send(fd, request, (size_t)len, MSG_NOSIGNAL);
}

static void hold_open(struct hold *hold)
{
    struct peer *peer = &hold->peers[hold->opened];
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = hold->source};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(hold->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    int on = 1, small = 4096;

    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer->fd < 0) {
        perror("hold: socket");
        exit(1);
    }
    /* The local port is then chosen with the whole connection in view, not the source address
     * alone. */
    setsockopt(peer->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (bind(peer->fd, (struct sockaddr *)&from, sizeof from) < 0 ||
        connect(peer->fd, (struct sockaddr *)&to, sizeof to) < 0 ||
        send_request(peer->fd, hold->symbols[hold->opened % hold->symbols_count]) < 0 ||
        epoll_ctl(hold->epoll, EPOLL_CTL_ADD, peer->fd, &event) < 0) {
        perror("hold: connect");
        exit(1);
    }
    hold->opened++;
    hold->opening++;
}

static void hold_end(struct hold *hold, struct peer *peer)
{
    close(peer->fd);
    if (peer->state == PEER_OPENING) {
        hold->opening--;
        hold->refused++;
    } else {
        hold->held--;
        hold->ended++;
    }
    hold->streaming -= peer->streaming;
    peer->state = PEER_ENDED;
}

static void hold_read(struct hold *hold, struct peer *peer)
{
    char data[16384];
    ssize_t len = recv(peer->fd, data, sizeof data, MSG_DONTWAIT);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        hold_end(hold, peer);
        return;
    }
    hold->bytes += (uint64_t)len;
    if (peer->state == PEER_OPENING) {
        if (len < 12 || memcmp(data + 9, "101", 3) != 0) {
            hold_end(hold, peer);
            return;
        }
        peer->state = PEER_HELD;
        hold->opening--;
        hold->held++;
    } else if (!peer->streaming) {
        peer->streaming = 1;
        hold->streaming++;
    }
}

static void hold_say(struct hold *hold)
{
    printf("held=%d ended=%d refused=%d bytes=%llu streaming=%d\n", hold->held, hold->ended,
           hold->refused, (unsigned long long)hold->bytes, hold->streaming);
    fflush(stdout);
    for (int i = 0; i < hold->opened; i++)
        hold->peers[i].streaming = 0;
    hold->streaming = 0;
}

static int input_ended(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte;

    return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void hold_run(struct hold *hold)
{
    struct epoll_event events[EVENTS_MAX];
    time_t said = time(NULL);

    while (!input_ended()) {
        while (hold->opened < hold->count && hold->opening < OPENING_MAX)
            hold_open(hold);
        int ready = epoll_wait(hold->epoll, events, EVENTS_MAX, 100);
        for (int i = 0; i < ready; i++)
            hold_read(hold, events[i].data.ptr);
        if (time(NULL) != said) {
            said = time(NULL);
            hold_say(hold);
        }
    }
}

int main(int argc, char **argv)
{
    struct hold hold = {0};
    struct rlimit limit;

    if (argc < 5 || inet_pton(AF_INET, argv[2], &hold.source) != 1 || atoi(argv[3]) <= 0) {
        fprintf(stderr, "usage: hold PORT SOURCE COUNT SYMBOL…\n");
        return 2;
    }
    hold.port = (uint16_t)atoi(argv[1]);
    hold.count = atoi(argv[3]);
    hold.symbols = argv + 4;
    hold.symbols_count = argc - 4;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    hold.epoll = epoll_create1(EPOLL_CLOEXEC);
    hold.peers = calloc((size_t)hold.count, sizeof *hold.peers);
    if (hold.epoll < 0 || !hold.peers)
        return 1;
    hold_run(&hold);
    return 0;
}
