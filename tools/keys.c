/* SPDX-License-Identifier: MIT */
/* keys: see keys.h. */
#include "tools/keys.h"

#include <poll.h>
#include <unistd.h>

void keys_begin(struct keys *keys)
{
    *keys = (struct keys){.terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO)};
    if (!keys->terminal || tcgetattr(STDIN_FILENO, &keys->saved) < 0) {
        keys->terminal = false;
        return;
    }
    struct termios raw = keys->saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* Ctrl-C still is a signal */
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

char keys_next(const struct keys *keys)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;
    if (keys->terminal && poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &key, 1) == 1)
        return key;
    return 0;
}

void keys_end(struct keys *keys)
{
    if (keys->terminal)
        tcsetattr(STDIN_FILENO, TCSANOW, &keys->saved);
    keys->terminal = false;
}
