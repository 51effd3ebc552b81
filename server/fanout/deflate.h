/* SPDX-License-Identifier: MIT */
/*
 * deflate: payloads for permessage-deflate (RFC 7692) without context takeover: each stands alone,
 * so a frame deflated once serves every client that negotiated it. One a worker.
 *
 * The window is the smallest that zlib writes, 512 bytes: a tick is shorter than that, and every
 * client can read it, whatever window it asked for.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_DEFLATE_H
#define TAPEHEAD_SERVER_FANOUT_DEFLATE_H

#include <stdint.h>

struct deflate;

/* NULL when out of memory. */
struct deflate *deflate_create(void);
void deflate_destroy(struct deflate *deflate);

/* Deflates a message's payload into `out`, which holds `len` bytes. Returns the length, 0 where
 * that would not be less than `len`: the payload then goes plain. */
uint32_t deflate_payload(struct deflate *deflate, const void *data, uint32_t len, uint8_t *out);

/* Bytes that one claims. */
uint64_t deflate_memory_max(void);

#endif
