/* SPDX-License-Identifier: MIT */
/*
 * stream: what a client reads: WebSocket frames of a server, and the messages of the fan-out in
 * them. As small as the tests allow, and on purpose none of the server's own code.
 */
#ifndef TAPEHEAD_TESTS_UNIT_FANOUT_STREAM_H
#define TAPEHEAD_TESTS_UNIT_FANOUT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/tick.h"

struct stream_frame {
    bool text; /* or binary */
    const uint8_t *payload;
    size_t len;
};

/* Takes one whole frame off the front. Returns its bytes, 0 when more are needed, -1 when it isn't
 * an unmasked, unfragmented text or binary frame with the shortest header. */
long stream_read(const uint8_t *data, size_t len, struct stream_frame *frame);

enum stream_kind { STREAM_TRADE, STREAM_SNAPSHOT, STREAM_GAP };

struct stream_message {
    enum stream_kind kind;
    char symbol[SYMBOL_LEN_MAX + 1];
    uint64_t seq;
    uint64_t from, to, count;
    char reason[16];
};

/* Returns false when the payload is no such message. */
bool stream_parse(const struct stream_frame *frame, struct stream_message *message);

#endif
