/* SPDX-License-Identifier: MIT */
/*
 * hearing: drives a ws_parser over pieces of input and keeps what it heard as text, one line an
 * event, messages joined:
 *
 *     text 7b22        binary 00        ping 61        pong        close 1000 627965        error
 * 1002
 *
 * Each piece ends at a guard page, and each answer of the parser is checked against its contract.
 */
#ifndef TAPEHEAD_TESTS_UNIT_WIRE_HEARING_H
#define TAPEHEAD_TESTS_UNIT_WIRE_HEARING_H

#include <stdio.h>

#include "server/wire/ws.h"
#include "support.h"

struct hearing {
    struct ws_parser parser;
    uint8_t *message;
    size_t message_len;
    size_t consumed; /* up to and with the event that ended it all */
    bool over;
    bool deaf; /* over for a message that could not be inflated: the parser doesn't know */
    char *text;
    size_t text_len;
    FILE *out;
};

void hearing_init(struct hearing *hearing, uint64_t message_max);
void hearing_finish(struct hearing *hearing);

/* permessage-deflate was negotiated: deflated messages are heard inflated. */
void hearing_negotiate_deflate(struct hearing *hearing);
void hearing_feed(struct hearing *hearing, const uint8_t *data, size_t len);

/* Everything heard so far. */
const char *hearing_text(struct hearing *hearing);

/* Fails unless `input` is heard as `expected` whole, at every split in two, and byte by byte. Long
 * inputs are split near their ends and at places in between. */
void assert_heard(uint64_t message_max, const uint8_t *input, size_t len, const char *expected);

/* The same for input in hex. */
void assert_hears(const char *hex, const char *expected);

/* Writes one masked client frame; returns its length. */
size_t client_frame(uint8_t *out, uint8_t first, const void *payload, size_t len, uint32_t mask);

#endif
