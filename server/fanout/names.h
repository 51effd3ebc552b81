/* SPDX-License-Identifier: MIT */
/*
 * names: a worker's symbols in the order of their names, so that what a topic asks for is found
 * without a look at all the others. Worker thread only.
 *
 *     by_name:  [ in order ........ | new ones ]      put in order when somebody asks
 */
#ifndef TAPEHEAD_SERVER_FANOUT_NAMES_H
#define TAPEHEAD_SERVER_FANOUT_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct fanout;

struct names {
    uint32_t *by_name; /* symbols */
    uint32_t *fresh;   /* the new ones, while they are put in order */
    uint32_t count;
    uint32_t in_order;
};

/* Symbols that stand one after the other; valid until the next symbol comes. */
struct name_range {
    const uint32_t *symbols;
    uint32_t count;
};

/* The order: by bytes; of two that begin alike the shorter is first. Less, equal or greater than 0.
 */
int names_compare(const char *a, size_t a_len, const char *b, size_t b_len);

/* Returns 0 or -ENOMEM. What isn't used isn't resident. */
int names_init(struct names *names, uint32_t max);
void names_finish(struct names *names, uint32_t max);

/* The fan-out's next symbol, named already. */
void names_add(struct names *names, uint32_t symbol);

/* The symbols that `text` asks for, a good symbol or pattern, by name. */
struct name_range names_matching(struct fanout *fanout, const char *text, size_t len);

#endif
