/* SPDX-License-Identifier: MIT */
#include "tools/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PROGRESS_PERIOD_NS = 200000000 };

void progress_init(struct progress *progress)
{
    *progress = (struct progress){.terminal = isatty(STDERR_FILENO) == 1};
}

bool progress_due(const struct progress *progress, int64_t mono_ns)
{
    return progress->terminal && mono_ns >= progress->due_ns;
}

void progress_draw(struct progress *progress, int64_t mono_ns, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    struct winsize size = {.ws_col = 0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2)
        size.ws_col = 80;
    /* One column less: a line that fills the last one would wrap, and then can't be drawn over. */
    fprintf(stderr, "\r%.*s\033[K", size.ws_col - 1, line);
    fflush(stderr);
    progress->drawn = true;
    progress->due_ns = mono_ns + PROGRESS_PERIOD_NS;
}

void progress_clear(struct progress *progress)
{
    if (!progress->drawn)
        return;
    fprintf(stderr, "\r\033[K");
    fflush(stderr);
    progress->drawn = false;
}

void progress_bar(uint64_t done, uint64_t total, size_t width, char *out, size_t size)
{
    if (done > total)
        done = total;
    uint64_t percent = total == 0 ? 100 : done * 100 / total;
    char bar[64];
    if (width > sizeof bar - 1)
        width = sizeof bar - 1;
    size_t filled = percent * width / 100;
    for (size_t i = 0; i < width; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[width] = 0;
    snprintf(out, size, "[%s] %3u%%", bar, (unsigned)percent);
}
