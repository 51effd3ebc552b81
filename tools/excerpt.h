/* SPDX-License-Identifier: MIT */
/*
 * excerpt: which ticks of capture files a command is to take: the options, and the files read by
 * them, with what is amiss told on standard error. Main thread.
 */
#ifndef TAPEHEAD_TOOLS_EXCERPT_H
#define TAPEHEAD_TOOLS_EXCERPT_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/tape_reader.h"
#include "tools/options.h"

struct excerpt_settings {
    const char *from, *to;
    int clock; /* enum tape_clock */
    struct option_list symbols;
};

extern const char *const excerpt_clocks[];

/* The four options that every excerpt has. */
/* clang-format off */
#define EXCERPT_OPTIONS(settings)                                                                  \
    {.name = "from", .kind = OPTION_STRING, .to.string = &(settings).from, .value = "INSTANT",     \
     .help = "begin here, RFC 3339 to the nanosecond"},                                            \
    {.name = "to", .kind = OPTION_STRING, .to.string = &(settings).to, .value = "INSTANT",         \
     .help = "end before here"},                                                                   \
    {.name = "clock", .kind = OPTION_CHOICE, .to.choice = &(settings).clock,                       \
     .choices = excerpt_clocks, .value = "C",                                                      \
     .help = "whose times these are: event (the default) or receive"},                             \
    {.name = "symbols", .kind = OPTION_LIST, .to.list = &(settings).symbols, .value = "S",         \
     .help = "only these; may end in *; repeatable"}
/* clang-format on */

struct excerpt {
    const char *program; /* for messages */
    struct tape_filter filter;
    struct option_list symbols;
    uint64_t damages, lost; /* parts that couldn't be read, and the ticks in them as far as known */
    uint64_t notices;       /* of what is amiss but lost nothing */
};

/* Returns 0, or EXIT_USAGE after printing why. `excerpt` stays where it is. */
int excerpt_init(struct excerpt *excerpt, const struct excerpt_settings *settings,
                 const struct options *options);

/* Opens a file with the filter set. NULL after printing why. */
struct tape_reader *excerpt_open(struct excerpt *excerpt, const char *path);

/* The next tick. Tells damage and goes on behind it. Returns 1, 0 at the end, or -errno after
 * printing why. */
int excerpt_next(struct excerpt *excerpt, struct tape_reader *reader, struct tape_item *item);

#endif
