/* SPDX-License-Identifier: MIT */
/*
 * link: one simulated connection: bytes on their way up to the server and down to the client, and
 * what either end has done to it. The way down is bounded, as a socket's send buffer is.
 */
#ifndef TAPEHEAD_TESTS_SIM_LINK_H
#define TAPEHEAD_TESTS_SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes, first in first out. */
struct pipe {
    uint8_t *data;
    uint32_t head;
    uint32_t len;
    uint32_t cap;
};

struct link {
    struct pipe up;
    struct pipe down;
    uint32_t down_max;
    uint64_t sent;      /* bytes that the server has put on the way down */
    bool up_ended;      /* the client has shut its side: no more will come up */
    bool down_ended;    /* the server has */
    bool reset;         /* torn by either */
    bool closed;        /* the server has closed its socket, or never took it */
    uint64_t delivered; /* bytes that the server has taken */
    void (*on_delivered)(void *owner);
    void *owner;
};

void pipe_put(struct pipe *pipe, const void *data, uint32_t len);

/* The first `len` bytes are done with. */
void pipe_take(struct pipe *pipe, uint32_t len);
const uint8_t *pipe_bytes(const struct pipe *pipe);
void pipe_finish(struct pipe *pipe);
void link_finish(struct link *link);

#endif
