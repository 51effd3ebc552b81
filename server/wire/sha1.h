/* SPDX-License-Identifier: MIT */
/*
 * sha1: the hash of the WebSocket handshake (RFC 6455, 4.2.2; RFC 3174). Pure. Not for security:
 * the handshake only proves that the other side speaks WebSocket.
 */
#ifndef TAPEHEAD_SERVER_WIRE_SHA1_H
#define TAPEHEAD_SERVER_WIRE_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_LEN = 20 };

void sha1(const void *data, size_t len, uint8_t out[SHA1_LEN]);

#endif
