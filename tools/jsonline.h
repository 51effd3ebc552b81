/* SPDX-License-Identifier: MIT */
/*
 * jsonline: a line of a recorded JSON stream, and what stands where in its message. Pure; allocates
 * nothing, and numbers stay the text that they are.
 *
 *     1723161254087896568 {"channel":"trade","data":[{"price":61837.10,…},…]}
 *
 * A line is checked as a whole first; its values are then found by their place and read again.
 */
#ifndef TAPEHEAD_TOOLS_JSONLINE_H
#define TAPEHEAD_TOOLS_JSONLINE_H

#include "schemas/json_scan.h"
#include "tools/row.h"

/* Takes one row of a line with several: with ROW_TICK its tick, with ROW_REJECTED its reason.
 * Returns 0, or a negative number to go no further. */
typedef int row_take(void *arg, enum row_result result);

/* Where a value begins in a line that was found whole; `at` is NULL where there is none. */
struct json_place {
    const uint8_t *at;
    const uint8_t *end;
};

/* A value that was read; `item.text` may lie in `scan`. */
struct json_value {
    struct json_scan scan;
    struct json_item item;
};

struct json_list {
    struct json_scan scan;
    bool started;
};

/* Takes off blanks, the line's end and the leading receive time of whoever recorded the line: the
 * server takes its own. */
void jsonline_strip(const char **line, size_t *len);

/* Strips the line and finds its message. Returns ROW_TICK, ROW_BLANK for an empty line, or
 * ROW_REJECTED where it isn't JSON, to its end. */
enum row_result jsonline_open(const char *line, size_t len, struct row *row,
                              struct json_place *message);

/* Reads the value there; of a container only the bracket. */
enum json_kind jsonline_value(struct json_place place, struct json_value *value);

/* Finds an object's members by name; those that are missing have no place. Returns NULL, or the
 * name that stands twice: which of the two holds is not ours to choose. */
const char *jsonline_members(struct json_place object, const char *const *names, size_t count,
                             struct json_place *members);

/* The elements of an array, one by one. */
void jsonline_list(struct json_place array, struct json_list *list);
bool jsonline_next(struct json_list *list, struct json_place *element);

/* Whether the value is this very string. */
bool jsonline_is(struct json_place place, const char *text);

/* Reads a string that must be there, or with `or_number` a number. */
enum row_result jsonline_need(struct json_place place, const char *name, bool or_number,
                              struct row *row, struct json_value *value);

/* Sets the side, "buy" or "sell" or their first letters in any case; `makers`: it is that of the
 * order that stood in the book, so the aggressor's is the other. */
enum row_result jsonline_side(const struct json_value *value, const char *name, bool makers,
                              struct row *row);

/* A reason's way to its place in the message: "data[2]: p is missing". */
enum row_result jsonline_blame(struct row *row, const char *list, size_t index);

#endif
