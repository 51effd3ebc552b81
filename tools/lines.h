/* SPDX-License-Identifier: MIT */
/*
 * lines: a text file line by line, plain or gzip, or standard input; or a file that isn't text, by
 * the bytes. One thread; zlib is in lines.c only.
 */
#ifndef TAPEHEAD_TOOLS_LINES_H
#define TAPEHEAD_TOOLS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_LEN_MAX = 1 << 18 };

struct lines;

/* `path` "-" is standard input. Returns 0, or -errno with a sentence that names the file. */
int lines_open(struct lines **out, const char *path, char *error, size_t error_size);

/* The next line, with its "\n" where the file has one; it stays until the next call. Returns 1, 0
 * at the end, -E2BIG for a line over LINE_LEN_MAX, which is skipped (the next call goes on after
 * it), or another -errno when the file can't be read on, with a sentence in lines_error(). */
int lines_next(struct lines *lines, const char **line, size_t *len);

/* What is unread, at least `want` <= LINE_LEN_MAX bytes of it unless the file ends before; it stays
 * until the next call. Returns 0, or -errno when the file can't be read on, with a sentence in
 * lines_error(); what was read before is there in either case. */
int lines_peek(struct lines *lines, size_t want, const uint8_t **data, size_t *len);

/* Takes `len` bytes of those. Whoever skips doesn't ask for lines, whose numbers then mean
 * nothing. */
void lines_skip(struct lines *lines, size_t len);

const char *lines_error(const struct lines *lines);

/* Of the line last returned, from 1. */
uint64_t lines_number(const struct lines *lines);

/* Bytes of the file itself consumed so far (compressed ones for gzip), and its size; 0 where
 * unknown. */
uint64_t lines_offset(const struct lines *lines);
uint64_t lines_size(const struct lines *lines);

void lines_close(struct lines *lines);

#endif
