/* SPDX-License-Identifier: MIT */
/*
 * addresses: how many connections each address has, and how fast it opens them. Shared by all
 * workers, under one lock, which is taken only at the start and the end of a connection and only
 * where a limit is set.
 *
 * An IPv6 address counts with the whole /64 that it is part of (RFC 6177). The table is of a fixed
 * size, a few places for each hash; an address that finds its places taken by others goes
 * uncounted.
 */
#ifndef TAPEHEAD_SERVER_ADDRESSES_H
#define TAPEHEAD_SERVER_ADDRESSES_H

#include <stdint.h>

#include "server/io/io.h"

struct addresses;

enum addresses_answer {
    ADDRESSES_OK,
    ADDRESSES_FULL,     /* it has as many connections as it may */
    ADDRESSES_TOO_FAST, /* it opens them faster than it may */
};

/* `connections` and `rate` (a second; a second's worth may come at once) are an address's limits, 0
 * for none. Returns 0 or -ENOMEM. */
int addresses_create(struct addresses **out, uint64_t connections_max, uint64_t connections,
                     uint64_t rate);
void addresses_destroy(struct addresses *addresses);

/* A connection from `peer` at `now_ns`, monotonic. Unless ADDRESSES_TOO_FAST it counts until
 * addresses_leave(). */
enum addresses_answer addresses_enter(struct addresses *addresses, const struct io_peer *peer,
                                      int64_t now_ns);
void addresses_leave(struct addresses *addresses, const struct io_peer *peer);

/* Bytes that it claims. */
uint64_t addresses_memory(uint64_t connections_max);

#endif
