/* SPDX-License-Identifier: MIT */
/*
 * wsreader: a server's byte stream as messages: keeps what isn't complete, joins fragments, checks
 * text. One thread; knows no socket.
 */
#ifndef TAPEHEAD_TOOLS_WSREADER_H
#define TAPEHEAD_TOOLS_WSREADER_H

#include <stddef.h>
#include <stdint.h>

#include "server/wire/ws.h"

enum wsreader_kind {
    WSREADER_MORE,    /* what was received is used up */
    WSREADER_MESSAGE, /* opcode WS_TEXT or WS_BINARY */
    WSREADER_CONTROL, /* opcode WS_PING, WS_PONG or WS_CLOSE (then `code`) */
    WSREADER_ERROR,   /* close with `code` because of `reason` */
};

struct wsreader_event {
    enum wsreader_kind kind;
    uint8_t opcode;
    uint16_t code;
    const uint8_t *data; /* until the next call on the reader; of a close, what follows the code */
    size_t len;
    const char *reason; /* WSREADER_ERROR */
};

struct wsreader {
    uint8_t *buffer; /* received; what is unread is [start, end) */
    size_t capacity;
    size_t start;
    size_t end;
    uint8_t *joined; /* fragments of the open message */
    size_t joined_len;
    size_t joined_capacity;
    uint8_t opcode; /* of the open message, 0 when there is none */
    size_t message_max;
    size_t frame_size; /* of the frame that is incomplete, when known */
};

/* `capacity` is where the buffer starts (it grows for frames that need it), `message_max` bounds
 * one message. Returns 0 or -ENOMEM. */
int wsreader_init(struct wsreader *reader, size_t capacity, size_t message_max);

/* Accepts a zeroed reader. */
void wsreader_finish(struct wsreader *reader);

/* Where the next bytes are to be put, `*size` of them at most, one at least; NULL when there is no
 * memory. */
uint8_t *wsreader_room(struct wsreader *reader, size_t *size);
void wsreader_added(struct wsreader *reader, size_t len);

/* The next event. After an error or a close no more calls. */
void wsreader_next(struct wsreader *reader, struct wsreader_event *event);

#endif
