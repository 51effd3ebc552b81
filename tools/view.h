/* SPDX-License-Identifier: MIT */
/*
 * view: a board as one screen of text. Pure: numbers in, bytes with escape sequences out.
 */
#ifndef TAPEHEAD_TOOLS_VIEW_H
#define TAPEHEAD_TOOLS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/board.h"

enum { VIEW_SIZE = 1 << 18, VIEW_HEAD_LINES = 5 };

/* What stands above the rows. */
struct view_head {
    const char *url;
    const char *server; /* "" before it is known */
    const char *state;  /* of the connection, a few words */
    const char *source; /* of the feed, "" before it is known */
    const char *notice; /* the last thing worth telling, or "" */
    bool connected;
    uint64_t lag_ms;
    uint64_t dropped;
};

struct view {
    unsigned columns;
    unsigned lines;
    bool color;
    size_t len;
    char out[VIEW_SIZE]; /* what doesn't fit is left out */
};

/* Draws the screen into out. The board's order is taken as it is. */
void view_draw(struct view *view, const struct view_head *head, const struct board *board,
               int64_t mono_ns);

#endif
