/* SPDX-License-Identifier: MIT */
/*
 * msgpack_scan: a bounded, non-recursive reader of msgpack, one item at a time. Pure; allocates
 * nothing and never reads at or past `end`. For tick_msgpack. Written here rather than taken from
 * msgpack-c, whose unpacker builds a tree in allocated zones and believes a header: version 4.0
 * maps 2 GiB for the six bytes dd 03ffffff 01.
 *
 * Functions return 0 or a negative enum value_error: VALUE_SYNTAX, or VALUE_TOO_MANY for nesting.
 * The format: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
#ifndef TAPEHEAD_SCHEMAS_MSGPACK_SCAN_H
#define TAPEHEAD_SCHEMAS_MSGPACK_SCAN_H

#include <stddef.h>
#include <stdint.h>

enum { MSGPACK_SCAN_DEPTH_MAX = 32 }; /* of containers within an ignored value */

struct msgpack_scan {
    const uint8_t *at;
    const uint8_t *end;
};

enum msgpack_kind {
    MSGPACK_KIND_NEVER, /* 0xc1; never returned */
    MSGPACK_KIND_NIL,
    MSGPACK_KIND_BOOL,
    MSGPACK_KIND_UINT,  /* any integer >= 0, however spelt: `number` */
    MSGPACK_KIND_INT,   /* any below: `number` is its two's complement */
    MSGPACK_KIND_FLOAT, /* never looked into */
    MSGPACK_KIND_TEXT,  /* `text` and `number` bytes, in the input */
    MSGPACK_KIND_BIN,
    MSGPACK_KIND_EXT,
    MSGPACK_KIND_ARRAY, /* `number` items follow: go on with them, or msgpack_scan_skip() */
    MSGPACK_KIND_MAP,   /* `number` keys and values follow */
};

struct msgpack_item {
    enum msgpack_kind kind;
    uint64_t number;
    const char *text;
};

/* msgpack_scan_item() for the forms that aren't worth a place in a header. */
int msgpack_scan_long_item(struct msgpack_scan *scan, struct msgpack_item *item);

/* Reads the next item. A length or count that the rest of the input can't hold is VALUE_SYNTAX at
 * once, so a caller may loop over `number`. Small integers and short strings, most of a tick, are
 * read inline: that alone makes ticks half as fast again. */
static inline int msgpack_scan_item(struct msgpack_scan *scan, struct msgpack_item *item)
{
    size_t left = (size_t)(scan->end - scan->at);
    unsigned lead = left ? *scan->at : 0xc1;
    if (lead < 0x80) {
        item->kind = MSGPACK_KIND_UINT;
        item->number = lead;
        scan->at++;
        return 0;
    }
    size_t len = lead & 0x1f;
    if ((lead & 0xe0) != 0xa0 || left - 1 < len)
        return msgpack_scan_long_item(scan, item);
    item->kind = MSGPACK_KIND_TEXT;
    item->number = len;
    item->text = (const char *)scan->at + 1;
    scan->at += 1 + len;
    return 0;
}

/* Reads to the end of `item` if it is a container just opened; does nothing for others. */
int msgpack_scan_skip(struct msgpack_scan *scan, const struct msgpack_item *item);

#endif
