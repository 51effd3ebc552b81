/* SPDX-License-Identifier: MIT */
/*
 * wsframe: WebSocket frames as a client sees them (RFC 6455, 5.2): unmasked ones in, masked ones
 * out. Pure.
 */
#ifndef TAPEHEAD_TOOLS_WSFRAME_H
#define TAPEHEAD_TOOLS_WSFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/wire/ws.h"

enum {
    WSFRAME_HEADER_MAX = 10, /* of a server's frame */
    WSFRAME_CLIENT_MAX = 14, /* of a client's */
};

struct wsframe {
    uint8_t opcode;
    bool fin;
    const uint8_t *data; /* in the caller's input */
    size_t len;
    size_t
        whole; /* bytes of the frame with its header, set as soon as the header is there; else 0 */
    const char *reason; /* what is wrong, when something is */
};

/* Reads one frame. Returns the bytes it takes, 0 when it isn't complete, or minus the close code:
 * 1002 for what no server may send, 1009 for a payload over `payload_max`. */
ssize_t wsframe_read(const uint8_t *data, size_t len, size_t payload_max, struct wsframe *frame);

/* Writes a whole client frame, masked. `out` holds len + WSFRAME_CLIENT_MAX bytes. Returns its
 * length. */
size_t wsframe_write(uint8_t *out, enum ws_opcode opcode, const void *data, size_t len,
                     uint32_t mask);

#endif
