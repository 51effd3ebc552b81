/* SPDX-License-Identifier: MIT */
/*
 * stranger: a client that says whatever an input tells it to, good or bad, and holds the server to
 * what it may answer: whole frames, messages that others can read, echoes of what it said, nothing
 * after a close.
 */
#ifndef TAPEHEAD_TESTS_FUZZ_STRANGER_H
#define TAPEHEAD_TESTS_FUZZ_STRANGER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/link.h"
#include "tests/sim/speak.h"

/* How it dials; bits. */
enum {
    STRANGER_MSGPACK = 1,
    STRANGER_DEFLATE = 2,
    STRANGER_ECHO = 4,
    STRANGER_QUERY = 8, /* ?symbols=* */
    STRANGER_MUTE = 64, /* says nothing yet */
};

enum stranger_state {
    STRANGER_AWAY,
    STRANGER_DIALLED, /* has asked for an upgrade */
    STRANGER_OPEN,
    STRANGER_DEAF, /* has said what its own ears can't follow, or was refused */
    STRANGER_CLOSED,
};

struct stranger {
    enum stranger_state state;
    struct link link;
    struct speaker speaker; /* what it says, on its way out */
    struct pipe in;
    struct pipe echoes; /* to come: the messages, each behind its length */
    bool msgpack;
    bool deflate;
    bool echo;
    bool rambles; /* it has said more than messages: no telling what is echoed */
};

/* The link is then to be given to an io. */
void stranger_dial(struct stranger *stranger, uint8_t how, uint32_t room);
void stranger_finish(struct stranger *stranger);

/* A masked frame, good or bad. */
void stranger_frame(struct stranger *stranger, uint8_t first, const void *data, uint32_t len);

/* A good message of its format; deflated, if that was agreed. */
void stranger_message(struct stranger *stranger, const void *data, uint32_t len, bool deflated);

/* Bytes as they are. */
void stranger_bytes(struct stranger *stranger, const void *data, uint32_t len);

/* Up to `max` bytes leave, or come in. */
void stranger_write(struct stranger *stranger, uint32_t max);
void stranger_read(struct stranger *stranger, uint32_t max);

#endif
