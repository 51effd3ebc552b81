/* SPDX-License-Identifier: MIT */
/*
 * row: one row of an imported file as a tick, and why it isn't one.
 */
#ifndef TAPEHEAD_TOOLS_ROW_H
#define TAPEHEAD_TOOLS_ROW_H

#include <stddef.h>

#include "schemas/tick.h"
#include "schemas/tick_value.h"

enum row_result {
    ROW_TICK = 1,
    ROW_BLANK = 0,     /* nothing there, nothing wrong */
    ROW_REJECTED = -1, /* see reason */
};

struct row {
    struct tick tick;
    char symbol[SYMBOL_LEN_MAX];
    size_t symbol_len;
    char reason[256]; /* a sentence that names the field and the value */
};

/* Returns ROW_REJECTED after filling in the reason. */
enum row_result row_reject(struct row *row, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Each sets a field from text; `name` is what the file calls it, for the reason. */
enum row_result row_set_symbol(struct row *row, const char *name, const char *text, size_t len);
enum row_result row_set_price(struct row *row, const char *name, const char *text, size_t len);
enum row_result row_set_size(struct row *row, const char *name, const char *text, size_t len);

#endif
