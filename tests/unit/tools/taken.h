/* SPDX-License-Identifier: MIT */
/*
 * taken: the rows that a line with several gave, in order.
 */
#ifndef TAPEHEAD_TESTS_UNIT_TOOLS_TAKEN_H
#define TAPEHEAD_TESTS_UNIT_TOOLS_TAKEN_H

#include "tools/jsonline.h"

enum { TAKEN_MAX = 8 };

typedef int taken_reader(const char *line, size_t len, struct row *row, row_take *take, void *arg);

struct taken {
    struct row row; /* which the reader fills */
    size_t count;
    enum row_result results[TAKEN_MAX];
    struct row rows[TAKEN_MAX];
};

/* Reads a line that ends where memory ends, into a taken that was fouled before. */
void taken_read(struct taken *taken, taken_reader *read, const char *line, size_t len);

/* The i-th row is this tick. */
void taken_is(const struct taken *taken, size_t i, const char *symbol, const char *price,
              const char *size, enum tick_side side, int64_t ts_ns);

/* The line gave one row, rejected for a reason that says so. */
void taken_rejects(struct taken *taken, taken_reader *read, const char *line, const char *why);

#endif
