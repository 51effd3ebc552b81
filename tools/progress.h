/* SPDX-License-Identifier: MIT */
/*
 * progress: one line on a terminal's standard error, drawn over itself a few times a second;
 * nothing where standard error isn't a terminal.
 */
#ifndef TAPEHEAD_TOOLS_PROGRESS_H
#define TAPEHEAD_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool terminal;
    bool drawn;
    int64_t due_ns; /* monotonic: when it may be drawn again */
};

void progress_init(struct progress *progress);

/* Whether it is time for a new line. */
bool progress_due(const struct progress *progress, int64_t mono_ns);

void progress_draw(struct progress *progress, int64_t mono_ns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Wipes the line, so that something else can be printed. */
void progress_clear(struct progress *progress);

/* "[#####.....] 50%" of `width` places to `out`, terminated. */
void progress_bar(uint64_t done, uint64_t total, size_t width, char *out, size_t size);

#endif
