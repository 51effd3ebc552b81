/* SPDX-License-Identifier: MIT */
/*
 * utf8: an incremental check (RFC 3629: shortest form, no surrogates, up to U+10FFFF). Pure.
 */
#ifndef TAPEHEAD_SERVER_WIRE_UTF8_H
#define TAPEHEAD_SERVER_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct utf8 {
    uint8_t need; /* continuation bytes still to come */
    uint8_t low;  /* bounds of the next one */
    uint8_t high;
};

/* A zeroed struct utf8 is a valid start. Returns false at the first byte that no valid text can
 * have here. */
bool utf8_feed(struct utf8 *utf8, const uint8_t *data, size_t len);

/* Whether the text may end here. */
bool utf8_complete(const struct utf8 *utf8);

#endif
