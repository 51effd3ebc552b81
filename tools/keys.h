/* SPDX-License-Identifier: MIT */
/*
 * keys: single keys from the terminal, without an Enter, while the screen stays as it is. Nothing
 * where standard input isn't a terminal. Main thread.
 */
#ifndef TAPEHEAD_TOOLS_KEYS_H
#define TAPEHEAD_TOOLS_KEYS_H

#include <stdbool.h>
#include <termios.h>

struct keys {
    bool terminal;
    struct termios saved;
};

void keys_begin(struct keys *keys);

/* The next key pressed, 0 when there is none. Doesn't wait. */
char keys_next(const struct keys *keys);

/* The terminal as it was. Accepts a zeroed one. */
void keys_end(struct keys *keys);

#endif
