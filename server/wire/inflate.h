/* SPDX-License-Identifier: MIT */
/*
 * inflate: messages that a client has deflated (RFC 7692), without context takeover: nothing is
 * kept between messages, so one a worker serves all its clients.
 */
#ifndef TAPEHEAD_SERVER_WIRE_INFLATE_H
#define TAPEHEAD_SERVER_WIRE_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "server/wire/bytes.h"

struct inflate;

/* NULL when out of memory. */
struct inflate *inflate_create(void);
void inflate_destroy(struct inflate *inflate);

/* Inflates a whole message behind what `out` holds. Returns 0, -EMSGSIZE as soon as there are more
 * than `max` bytes of it, -EBADMSG when it isn't deflated data or is cut short, or -ENOMEM. */
int inflate_message(struct inflate *inflate, const uint8_t *data, size_t len, size_t max,
                    struct bytes *out);

/* Bytes that one claims. */
uint64_t inflate_memory_max(void);

#endif
