/* SPDX-License-Identifier: MIT */
#include "tools/term.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void term_enter(struct term *term)
{
    static const char enter[] = "\033[?1049h\033[?25l";
    term->entered = true;
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &term->saved) == 0) {
        struct termios quiet = term->saved;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        quiet.c_cc[VMIN] = 0;
        quiet.c_cc[VTIME] = 0;
        /* Ctrl-Z would leave the shell on the alternate screen. Ctrl-C stays. */
        quiet.c_cc[VSUSP] = _POSIX_VDISABLE;
        term->keys = tcsetattr(STDIN_FILENO, TCSANOW, &quiet) == 0;
    }
    term_write(enter, sizeof enter - 1);
}

void term_leave(struct term *term)
{
    static const char leave[] = "\033[?25h\033[?1049l";
    if (!term->entered)
        return;
    term_write(leave, sizeof leave - 1);
    if (term->keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &term->saved);
    *term = (struct term){0};
}

void term_size(unsigned *columns, unsigned *lines)
{
    struct winsize size;
    *columns = 80;
    *lines = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        *columns = size.ws_col;
        *lines = size.ws_row;
    }
}

bool term_quit_pressed(const struct term *term)
{
    struct pollfd item = {.fd = STDIN_FILENO, .events = POLLIN};
    char keys[64];
    if (!term->keys || poll(&item, 1, 0) != 1)
        return false;
    ssize_t got = read(STDIN_FILENO, keys, sizeof keys);
    return got > 0 && (memchr(keys, 'q', (size_t)got) || memchr(keys, 'Q', (size_t)got));
}

void term_write(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(STDOUT_FILENO, data, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return;
        data += put;
        len -= (size_t)put;
    }
}
