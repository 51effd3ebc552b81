/* SPDX-License-Identifier: MIT */
/*
 * intake: the trades of recorded files, whatever their kind, one after the other. One thread; of a
 * file only what is being read is in memory.
 *
 * A row that can't be read is handed on with a reason and costs nothing but itself.
 */
#ifndef TAPEHEAD_TOOLS_INTAKE_H
#define TAPEHEAD_TOOLS_INTAKE_H

#include "tools/columns.h"
#include "tools/itch.h"
#include "tools/kind.h"
#include "tools/lines.h"
#include "tools/session.h"

enum { INTAKE_PLACE_MAX = 64 };

/* Takes a row: a tick, or why there is none and where, such as "17" for a line or "message 17 at
 * byte 512". ROW_BLANK says only that time passes. Returns 0, or -errno to go no further. */
typedef int intake_take(void *arg, enum row_result result, const struct row *row,
                        const char *place);

struct intake_settings {
    int kind; /* enum kind */
    bool mapped;
    struct columns columns; /* with the symbol of files that don't tell it */
    bool dated;
    struct session_date date; /* of ITCH files, where their names don't tell it */
    int64_t orders_max;
};

struct intake;

/* Returns NULL when there is no memory. `settings` is copied. */
struct intake *intake_create(const struct intake_settings *settings, intake_take *take, void *arg);

/* Opens a file, "-" for standard input, and settles what it is and whether all is known that its
 * kind needs. Returns 0, or -errno with a sentence in intake_error(). */
int intake_open(struct intake *intake, const char *path);

/* Hands on its rows to the end, or until a stop is requested. Returns 0, what the taker returned,
 * or -errno with a sentence in intake_error(): when the file can't be read on, or its header or its
 * last bytes are none. */
int intake_read(struct intake *intake);

/* "" where the taker ended it. */
const char *intake_error(const struct intake *intake);

/* Of the open file, as lines_offset() and lines_size(); 0 when none is open. */
uint64_t intake_offset(const struct intake *intake);
uint64_t intake_size(const struct intake *intake);

/* NULL when no ITCH file was read. */
const struct itch_counts *intake_itch(const struct intake *intake);

/* The open file only. */
void intake_close(struct intake *intake);

/* Accepts NULL. */
void intake_destroy(struct intake *intake);

#endif
