/* SPDX-License-Identifier: MIT */
/*
 * reader: the bytes that a client has received, cut into HTTP answers and WebSocket frames as RFC
 * 9112 and RFC 6455 say. Strict: what a server may not send fails the seed.
 */
#ifndef TAPEHEAD_TESTS_SIM_READER_H
#define TAPEHEAD_TESTS_SIM_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/link.h"

enum item_kind { ITEM_NONE, ITEM_ANSWER, ITEM_FRAME };

struct item {
    enum item_kind kind;
    int status;          /* ITEM_ANSWER */
    const char *head;    /* ITEM_ANSWER: terminated */
    uint8_t opcode;      /* ITEM_FRAME */
    const uint8_t *data; /* the body or payload */
    uint32_t len;
};

struct reader {
    struct pipe in;
    bool websocket; /* a 101 was read: frames from here on */
    bool closed;    /* a close frame was read: nothing may follow */
    uint32_t used;  /* of `in`, by the last item */
    char head[1024];
};

void reader_put(struct reader *reader, const uint8_t *data, uint32_t len);

/* The next whole item; valid until the next call. */
struct item reader_next(struct reader *reader);

/* Whether the bytes end within an item. */
bool reader_is_within(const struct reader *reader);
void reader_finish(struct reader *reader);

#endif
