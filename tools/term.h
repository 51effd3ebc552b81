/* SPDX-License-Identifier: MIT */
/*
 * term: the terminal as a screen to draw on, and back as it was. Main thread.
 */
#ifndef TAPEHEAD_TOOLS_TERM_H
#define TAPEHEAD_TOOLS_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct term {
    bool entered;
    bool keys; /* standard input was a terminal: `saved` holds */
    struct termios saved;
};

/* Takes the alternate screen, hides the cursor, and stops keys from showing. */
void term_enter(struct term *term);

/* Accepts a zeroed one. */
void term_leave(struct term *term);

void term_size(unsigned *columns, unsigned *lines);

/* Whether 'q' was pressed. Doesn't wait. */
bool term_quit_pressed(const struct term *term);

/* Writes everything, or as much as the terminal takes. */
void term_write(const char *data, size_t len);

#endif
