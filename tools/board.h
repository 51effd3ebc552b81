/* SPDX-License-Identifier: MIT */
/*
 * board: what is known of each symbol: its last tick, how active it is, and whether its `seq` has
 * been complete. One thread; time is given.
 *
 * The protocol's promise is checked here: the `seq` received plus the ranges in `gap` have no hole
 * and no repeat.
 */
#ifndef TAPEHEAD_TOOLS_BOARD_H
#define TAPEHEAD_TOOLS_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/message.h"

enum { BOARD_SYMBOLS_MAX = 1 << 16 };

struct board_row {
    char symbol[SYMBOL_LEN_MAX + 1];
    uint32_t symbol_len;
    bool has_tick;
    bool away; /* the connection was lost since its last tick */
    struct tick last;
    uint64_t next_seq; /* what must come next; 0 when anything may */
    uint64_t ticks;
    uint64_t gaps;    /* gap messages */
    uint64_t lost;    /* ticks that they named */
    int64_t heard_ns; /* monotonic */
    uint32_t fresh;   /* ticks since the last sample */
    double rate;      /* a second, smoothed over about one */
};

enum board_verdict {
    BOARD_FINE,
    BOARD_AWAY,   /* from..to were missed while the connection was down */
    BOARD_HOLE,   /* from..to are missing and no gap named them: the server's fault */
    BOARD_REPEAT, /* from was there before, or a gap contradicts itself: the server's fault */
};

struct board_news {
    enum board_verdict verdict;
    uint64_t from;
    uint64_t to;
};

struct board {
    struct board_row *rows;
    uint32_t rows_count;
    uint32_t rows_capacity;
    uint32_t *index; /* of a symbol's hash: row + 1; 0 is empty */
    uint32_t index_size;
    uint32_t *order; /* rows, most active first, as of the last board_sort() */
    uint32_t order_count;
    uint64_t ticks; /* of all symbols */
    uint64_t gaps;
    uint64_t lost;
    uint64_t violations;
    uint64_t unlisted; /* messages of symbols beyond BOARD_SYMBOLS_MAX, or without memory */
    double rate;
};

/* A zeroed board is an empty one. */
void board_finish(struct board *board);

/* Takes a trade, snapshot or gap. */
struct board_news board_take(struct board *board, const struct message *message, int64_t mono_ns);

/* The connection is down: what is missed until the next tick is nobody's fault. */
void board_set_away(struct board *board);

/* The server's numbers start anew. */
void board_set_epoch(struct board *board);

/* Brings the rates up to date, `elapsed_ns` after the last time. */
void board_sample(struct board *board, int64_t elapsed_ns);

/* Puts the rows in order. Returns 0, or -ENOMEM, and the order is as before. */
int board_sort(struct board *board);

const struct board_row *board_row_at(const struct board *board, uint32_t place);

#endif
