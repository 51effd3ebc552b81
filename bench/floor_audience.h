/* SPDX-License-Identifier: MIT */
/*
 * floor_audience: the floor's clients: just enough of accept and upgrade for tapebench to be
 * served, and who takes which symbol. One thread; one io_uring, which it shares with floor.c.
 */
#ifndef TAPEHEAD_BENCH_FLOOR_AUDIENCE_H
#define TAPEHEAD_BENCH_FLOOR_AUDIENCE_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/catalog.h"

enum { AUDIENCE_BATCH = 256, FLOOR_TICKS_MAX = 1024 };

struct member {
    int fd; /* -1: none */
    bool open;
    bool dirty;
    uint16_t waiting_count;
    uint32_t rest_len;
    uint32_t sent_len; /* of the send under way */
    const uint8_t *sent;
    uint8_t *rest;     /* what a full socket didn't take, in order */
    uint8_t *request;  /* until it is answered */
    uint16_t *waiting; /* FLOOR_TICKS_MAX frames of this wake-up; coalescing only */
    uint8_t heard[64]; /* what a client says is read and forgotten */
};

struct takers {
    uint32_t *members;
    uint32_t count;
    uint32_t size;
};

struct audience {
    struct io_uring *ring;
    const struct catalog *catalog;
    int listen_fd;
    struct member *members;
    uint32_t members_max;
    uint32_t *free;
    uint32_t free_count;
    struct takers *takers; /* by symbol */
    uint32_t *blocked;     /* members with a rest */
    uint32_t blocked_count;
};

/* Listens on 127.0.0.1 at a port of the kernel's choice, which goes to *port. Returns 0 or -errno.
 */
int audience_init(struct audience *audience, struct io_uring *ring, const struct catalog *catalog,
                  uint32_t members_max, uint16_t *port);

/* Queues a send that never waits; the bytes must stay until the next audience_submit(). Behind a
 * rest they are copied to it instead. */
void audience_send(struct audience *audience, uint32_t member, const uint8_t *data, uint32_t len);

/* Submits, and acts on all that has ended; waits for up to `wait_ns` where that is positive. */
void audience_submit(struct audience *audience, int64_t wait_ns);

/* Tries the rests again. */
void audience_retry(struct audience *audience);

#endif
