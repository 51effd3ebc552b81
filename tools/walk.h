/* SPDX-License-Identifier: MIT */
/*
 * walk: one way to read a message whether it is JSON or msgpack, on top of the scanners in
 * schemas/. Pure; allocates nothing.
 */
#ifndef TAPEHEAD_TOOLS_WALK_H
#define TAPEHEAD_TOOLS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/json_scan.h"
#include "schemas/msgpack_scan.h"
#include "server/wire/command.h"

struct walk {
    enum wire_format format;
    struct json_scan json;
    struct msgpack_scan pack;
};

enum walk_kind { WALK_OTHER, WALK_NULL, WALK_TEXT, WALK_INTEGER, WALK_ARRAY, WALK_MAP };

/* `text` lies in the input or in the walk, until the next value. Integers beyond 64 bits are
 * WALK_OTHER. */
struct walk_value {
    enum walk_kind kind;
    const char *text;
    size_t len;
    bool negative;   /* WALK_INTEGER: `number` is its two's complement */
    bool started;    /* containers: an element has been read */
    uint64_t number; /* msgpack's containers: elements left */
};

void walk_init(struct walk *walk, enum wire_format format, const uint8_t *data, size_t len);

/* The functions below return 0 (or as they say), or a negative number where the input is malformed
 * or cut short. */

/* Reads the next value; a container is only opened: walk_more() goes through it, or walk_skip() to
 * its end. */
int walk_read(struct walk *walk, struct walk_value *value);

/* Whether `container` has another element (1) or is closed by this call (0). */
int walk_more(struct walk *walk, struct walk_value *container);

/* Reads a map's next key. */
int walk_key(struct walk *walk, struct walk_value *key);

int walk_skip(struct walk *walk, const struct walk_value *value);

/* Whether the input is used up. */
bool walk_done(struct walk *walk);

#endif
