/* SPDX-License-Identifier: MIT */
/*
 * report: what watch shows: a screen on a terminal, or lines for scripts. Main thread.
 *
 * Lines go to standard output. A tick is "SYMBOL seq price size side ts", ts in microseconds; every
 * other line begins with '#', which no symbol holds:
 *
 *     # snapshot SYMBOL seq price size side ts
 *     # gap SYMBOL from to reason        as the server told it
 *     # away SYMBOL from to              missed while the connection was down
 *     # hole SYMBOL from to              missing, and no gap told it: the server is at fault
 *     # repeat SYMBOL from to            told twice: the server is at fault
 *
 * Notices go to standard error.
 */
#ifndef TAPEHEAD_TOOLS_REPORT_H
#define TAPEHEAD_TOOLS_REPORT_H

#include "tools/board.h"
#include "tools/term.h"
#include "tools/view.h"

struct report {
    struct view *view; /* NULL: lines */
    struct term term;
    char notice[256];
    int64_t drawn_ns;
    int64_t sorted_ns;
};

/* Returns 0 or -ENOMEM. */
int report_init(struct report *report, bool plain);

/* Gives the terminal back. Accepts a zeroed one. */
void report_finish(struct report *report);

/* A trade, snapshot or gap, after the board has taken it. */
void report_message(struct report *report, const struct message *message, struct board_news news);

void report_notice(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* How long the caller may wait before report_refresh() is due; 0: now. */
int report_wait_ms(const struct report *report, int64_t mono_ns);

/* Draws the screen, or flushes the lines. */
void report_refresh(struct report *report, struct view_head *head, struct board *board,
                    int64_t mono_ns);

bool report_quit(const struct report *report);

#endif
