/* SPDX-License-Identifier: MIT */
/*
 * ws: WebSocket frames (RFC 6455), both ways. Pure: bytes in, events out; no descriptor, clock or
 * thread.
 *
 * The parser takes any split of the input, unmasks in place, and reports pieces of payload as they
 * come, so it holds a few bytes of state and no buffer but for one control frame. Whoever drives it
 * joins the pieces.
 */
#ifndef TAPEHEAD_SERVER_WIRE_WS_H
#define TAPEHEAD_SERVER_WIRE_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/wire/utf8.h"

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};

/* RFC 6455, 7.4.1, and the protocol's own. */
enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_UNSUPPORTED = 1003,
    WS_CLOSE_NO_STATUS = 1005, /* never on the wire: a close frame without a code */
    WS_CLOSE_BAD_DATA = 1007,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_TRY_LATER = 1013,
    WS_CLOSE_TOO_SLOW = 4008,
    WS_CLOSE_TOO_MANY = 4009,
};

enum ws_event_kind {
    WS_NEED_MORE, /* the input is used up */
    WS_DATA,      /* a piece of a text or binary message: opcode, data, len, fin */
    WS_CONTROL,   /* a whole ping, pong or close: opcode, data, len; for close also code */
    WS_ERROR,     /* the connection must be closed with `code`; the parser is spent */
};

struct ws_event {
    enum ws_event_kind kind;
    uint8_t opcode; /* WS_DATA: the message's (TEXT or BINARY), also for continuations */
    bool fin;       /* WS_DATA: this piece ends the message; an empty piece may */
    bool deflated;  /* WS_DATA: a piece of a deflated message, whose text nobody has checked */
    uint16_t code;  /* WS_CONTROL close, WS_ERROR */
    /* Unmasked, until the next call: in the caller's input, or in the parser for control frames. A
     * close's code is taken off: its data is the reason. */
    const uint8_t *data;
    size_t len;
    const char *reason; /* WS_ERROR: a short sentence */
};

struct ws_parser {
    uint64_t frames;      /* begun so far */
    uint64_t message_max; /* bytes of a message, all fragments together: 1009 beyond */
    uint64_t message_len;
    uint64_t frame_left;
    uint32_t mask_phase;
    uint8_t mask[4];
    uint8_t header[14];
    uint8_t header_len;
    uint8_t state;
    uint8_t opcode;  /* of the frame */
    uint8_t message; /* opcode of the open message, 0 when none */
    bool fin;
    bool deflate;  /* permessage-deflate was negotiated; set after ws_parser_init() */
    bool deflated; /* the open message is */
    uint8_t control[125];
    uint8_t control_len;
    struct utf8 utf8;
};

void ws_parser_init(struct ws_parser *parser, uint64_t message_max);

/* Consumes up to `len` bytes of client-to-server input (unmasking in place) and reports one event.
 * Returns the bytes consumed; call again with the rest until WS_NEED_MORE. After WS_ERROR or a
 * close what follows is swallowed. Text is checked as UTF-8 incrementally: 1007 at the first byte
 * that can't be part of any valid text. */
size_t ws_parse(struct ws_parser *parser, uint8_t *data, size_t len, struct ws_event *event);

enum { WS_HEADER_MAX = 10 }; /* server frames are not masked */

enum { WS_DEFLATED = 0x40 }; /* RSV1 in a frame's first byte (RFC 7692, 6) */

/* Writes the header of an unfragmented server frame. Returns its length, 2, 4 or 10. */
size_t ws_write_header(uint8_t *out, enum ws_opcode opcode, size_t payload_len);

/* The header's length for a payload of this size. */
size_t ws_header_len(size_t payload_len);

/* Writes a whole close frame; `reason` may be NULL and is cut to 123 bytes, at a character. `out`
 * holds 127 bytes. Returns the length. WS_CLOSE_NO_STATUS writes a frame without a code. */
size_t ws_write_close(uint8_t *out, uint16_t code, const char *reason);

/* Whether a close code may stand in a frame from a client (RFC 6455, 7.4). */
bool ws_close_code_is_valid(uint16_t code);

#endif
