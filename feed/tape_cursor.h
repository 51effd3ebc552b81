/* SPDX-License-Identifier: MIT */
/*
 * tape_cursor: a capture file's block headers one after the other, from its index or, where there
 * is none or it is damaged, from the blocks themselves; and what is to be said of the parts that
 * are no blocks. For tape_reader.
 */
#ifndef TAPEHEAD_FEED_TAPE_CURSOR_H
#define TAPEHEAD_FEED_TAPE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/tape_reader.h"

enum { TAPE_SENTENCE_MAX = 4608 }; /* a path and what is wrong with it */

struct tape_cursor {
    struct tape_reader_config config;
    char path[4096];
    int fd;
    uint64_t size; /* of the file when it was opened */

    bool indexed; /* `footer` holds */
    struct tape_footer footer;
    uint32_t index_crc;

    bool by_index;     /* headers are still read from there */
    uint64_t index_at; /* the next one */
    uint64_t at;       /* where the next block is, by what was read */
    uint64_t number;   /* its number, and the ticks before it */
    uint64_t ticks;

    uint8_t head[TAPE_HEADER_MAX];
    struct tape_block block; /* the current one, at the end the last; points into head */
    uint64_t last;           /* where that is in the file */
    bool any;                /* `last` holds */

    struct tape_damage damage;
    char error[TAPE_SENTENCE_MAX];
};

/* As tape_reader_open(). On failure there is nothing to close. */
int tape_cursor_open(struct tape_cursor *cursor, const struct tape_reader_config *config);
void tape_cursor_close(struct tape_cursor *cursor);

void tape_cursor_rewind(struct tape_cursor *cursor);

/* Moves to the next block. As tape_reader_next(). */
int tape_cursor_next(struct tape_cursor *cursor);

/* Says that the current block, or its last `ticks` ticks, can't be read. Returns -EBADMSG. */
int tape_cursor_damaged(struct tape_cursor *cursor, uint64_t ticks, const char *why);

/* As tape_reader_check_index() and tape_reader_symbols(). */
int tape_cursor_check_index(struct tape_cursor *cursor);
int tape_cursor_symbols(struct tape_cursor *cursor,
                        void (*take)(void *arg, const char *symbol, size_t len, uint64_t ticks),
                        void *arg);

/* Tells the config's notice. */
void tape_cursor_notice(struct tape_cursor *cursor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
