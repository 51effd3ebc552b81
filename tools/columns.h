/* SPDX-License-Identifier: MIT */
/*
 * columns: which column of a CSV file is which field of a tick, and its records read by that. Pure.
 */
#ifndef TAPEHEAD_TOOLS_COLUMNS_H
#define TAPEHEAD_TOOLS_COLUMNS_H

#include "tools/csv.h"
#include "tools/row.h"

enum column_field {
    COLUMN_SYMBOL,
    COLUMN_PRICE,
    COLUMN_SIZE,
    COLUMN_SIDE,
    COLUMN_ID,
    COLUMN_TIME,
    COLUMN_FIELDS
};

enum time_unit { TIME_S, TIME_MS, TIME_US, TIME_NS };

enum { COLUMN_NAME_MAX = 128 };

struct columns {
    enum time_unit unit;
    const char *symbol;                         /* for files without a symbol column; may be NULL */
    char names[COLUMN_FIELDS][COLUMN_NAME_MAX]; /* as mapped; "" takes the usual names */
    int places[COLUMN_FIELDS];                  /* of each in a record; -1 when there is none */
};

/* Reads "s=Ticker,p=Price": fields s, p, q, side, id and t. Returns 0, or -EINVAL with a sentence.
 */
int columns_map(struct columns *columns, const char *map, char *error, size_t error_size);

/* Finds the columns in a file's first record: the mapped ones, else the usual names, whatever their
 * case. Returns 0, or -EINVAL with a sentence that names the column. */
int columns_find(struct columns *columns, const struct csv *header, char *error, size_t error_size);

/* Reads one record. A blank line is ROW_BLANK. */
enum row_result columns_read(const struct columns *columns, const struct csv *record,
                             struct row *row);

#endif
