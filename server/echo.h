/* SPDX-License-Identifier: MIT */
/*
 * echo: /echo, only with --enable-echo: each message comes back as it was, through the parser,
 * deflate, TLS and send path of every other client. For conformance suites and latency probes.
 * Worker thread only.
 */
#ifndef TAPEHEAD_SERVER_ECHO_H
#define TAPEHEAD_SERVER_ECHO_H

#include <stddef.h>
#include <stdint.h>

struct worker;

/* A whole message, `opcode` text or binary, came from a client of /echo. */
void echo_message(struct worker *worker, uint32_t index, uint8_t opcode, const uint8_t *data,
                  size_t len);

#endif
