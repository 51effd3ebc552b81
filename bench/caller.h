/* SPDX-License-Identifier: MIT */
/*
 * caller: one client of the load: connects, asks for the upgrade, and walks the frames that come,
 * in whatever buffer they were read into; only a frame cut off at its end is kept. It belongs to a
 * crowd (crowd.h), which owns the sockets' readiness and hears of every change.
 */
#ifndef TAPEHEAD_BENCH_CALLER_H
#define TAPEHEAD_BENCH_CALLER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/account.h"
#include "server/io/tls.h"
#include "server/wire/inflate.h"

enum caller_state {
    CALLER_IDLE,
    CALLER_CONNECTING,
    CALLER_SECURING, /* TLS only */
    CALLER_UPGRADING,
    CALLER_OPEN,
};

struct caller {
    int fd;
    uint32_t number;
    enum caller_state state;
    bool greeted;    /* had its first snapshot */
    struct tls *tls; /* NULL in clear text */
    uint32_t tail_len;
    uint32_t tail_size;
    uint8_t *tail;    /* of a frame, or of the answer to the request */
    int64_t since_ns; /* connecting, then upgrading since; CLOCK_REALTIME */
    int64_t read_ns;  /* SLOW_TRICKLE, SLOW_PAUSE: last looked after */
    struct pairs pairs;
};

/* What callers share. */
struct calls {
    struct sockaddr_in server;
    uint32_t sources;        /* 127.0.0.2 and up; 0: the kernel's choice */
    uint32_t receive_buffer; /* 0: the kernel's choice */
    const struct catalog *catalog;
    struct account *account;
    struct ledger *ledger;
    bool measuring;
    struct tls_keys *trust; /* NULL in clear text */
    const char *host;
    uint8_t *sealed;         /* TLS: what was just received */
    struct inflate *inflate; /* NULL where it isn't offered */
    struct bytes inflated;
    bool wrapped; /* messages come in another protocol's lines, several a frame */
    uint8_t *buffer;
};

enum { CALLS_BUFFER = 512 * 1024 };

enum caller_news {
    CALLER_NOTHING,
    CALLER_CONNECTED, /* send the request */
    CALLER_SECURES,   /* TLS: read on */
    CALLER_UPGRADED,
    CALLER_ENDED, /* refused, reset, closed, or not understood */
};

/* Begins to connect. Returns 0 or -errno. */
int caller_open(struct calls *calls, struct caller *caller, int64_t now_ns);

/* The socket of a connecting caller has become writable. */
enum caller_news caller_connected(struct calls *calls, struct caller *caller);

/* Sends the opening request, and further bytes of the client's in one go: it is short enough for
 * any socket's buffer. */
enum caller_news caller_send(struct caller *caller, const void *data, size_t len);

/* Reads up to `max` bytes, and acts on them. */
enum caller_news caller_read(struct calls *calls, struct caller *caller, size_t max);

/* Ends the connection with a reset, which leaves no port in TIME_WAIT. */
void caller_cut(struct caller *caller);

#endif
