/* SPDX-License-Identifier: MIT */
/*
 * csv: records of comma-separated fields (RFC 4180), from input cut anywhere. Pure; no allocation.
 */
#ifndef TAPEHEAD_TOOLS_CSV_H
#define TAPEHEAD_TOOLS_CSV_H

#include <stddef.h>
#include <stdint.h>

enum {
    CSV_RECORD_MAX = 1 << 16, /* bytes of one record's fields */
    CSV_FIELDS_MAX = 1024,
};

enum csv_result {
    CSV_MORE = 0,       /* the input is used up within a record, or before one */
    CSV_RECORD = 1,     /* the fields may be read until the next call */
    CSV_QUOTE = -1,     /* text after a closing quote, or a quote within an unquoted field */
    CSV_TOO_LONG = -2,  /* over CSV_RECORD_MAX; most often a quote that nobody closed */
    CSV_TOO_MANY = -3,  /* over CSV_FIELDS_MAX fields */
    CSV_OPEN_QUOTE = -4 /* the input ended within quotes */
};

struct csv {
    int state;
    uint32_t fields_count;
    uint32_t text_len;
    uint32_t ends[CSV_FIELDS_MAX]; /* of each finished field in text */
    char text[CSV_RECORD_MAX];
};

/* Also forgets a record that was begun; call it after an error. */
void csv_reset(struct csv *csv);

/* Consumes `data` up to the end of a record. Returns the bytes consumed. */
size_t csv_feed(struct csv *csv, const char *data, size_t len, enum csv_result *result);

/* The input has ended: the last record needs no line end. CSV_MORE when there is none. */
enum csv_result csv_end(struct csv *csv);

/* Field `i` < fields_count of a finished record; not terminated. */
const char *csv_field(const struct csv *csv, uint32_t i, size_t *len);

/* A sentence for an error. */
const char *csv_error_text(enum csv_result error);

#endif
