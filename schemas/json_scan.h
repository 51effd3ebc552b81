/* SPDX-License-Identifier: MIT */
/*
 * json_scan: a strict, bounded, non-recursive reader of JSON text (RFC 8259), one item at a time.
 * Pure; allocates nothing and never reads at or past `end`. For tick_json; numbers stay text, so
 * nothing is ever a float.
 *
 * Functions return 0 or a negative enum value_error: VALUE_SYNTAX, or VALUE_TOO_MANY for nesting.
 */
#ifndef TAPEHEAD_SCHEMAS_JSON_SCAN_H
#define TAPEHEAD_SCHEMAS_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_SCAN_DEPTH_MAX = 32, /* of containers within an ignored value */
    JSON_SCAN_TEXT_MAX =
        160, /* decoded bytes of a string with escapes; longer ones match nothing */
};

struct json_scan {
    const uint8_t *at;
    const uint8_t *end;
    char decoded[JSON_SCAN_TEXT_MAX];
};

enum json_kind {
    JSON_KIND_TEXT,
    JSON_KIND_INTEGER, /* a number with neither point nor exponent */
    JSON_KIND_REAL,
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_OBJECT, /* only its bracket is read: go on with members, or json_scan_skip() */
    JSON_KIND_ARRAY,
};

/* `text` is a string's content or a number's digits: in the input, or in `decoded` until the next
 * item. Characters outside ASCII are each one byte 0xff there: no text that a tick may hold has
 * any. */
struct json_item {
    enum json_kind kind;
    const char *text;
    size_t len;
};

static inline void json_scan_blanks(struct json_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

/* Takes `byte` when it is what comes next after white space. */
static inline bool json_scan_take(struct json_scan *scan, char byte)
{
    json_scan_blanks(scan);
    if (scan->at == scan->end || *scan->at != (uint8_t)byte)
        return false;
    scan->at++;
    return true;
}

/* Whether nothing but white space is left. */
static inline bool json_scan_done(struct json_scan *scan)
{
    json_scan_blanks(scan);
    return scan->at == scan->end;
}

/* Reads the next item after white space. */
int json_scan_item(struct json_scan *scan, struct json_item *item);

/* Reads a member's key and its colon. */
int json_scan_key(struct json_scan *scan, struct json_item *key);

/* Reads to the end of `item` if it is a container just opened; does nothing for others. */
int json_scan_skip(struct json_scan *scan, const struct json_item *item);

#endif
