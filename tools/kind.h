/* SPDX-License-Identifier: MIT */
/*
 * kind: what a file of recorded trades holds, as it was said, or guessed from its first bytes and
 * its name. Pure.
 */
#ifndef TAPEHEAD_TOOLS_KIND_H
#define TAPEHEAD_TOOLS_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind {
    KIND_AUTO,
    KIND_BINANCE,
    KIND_BINANCE_TRADES_CSV,
    KIND_BINANCE_AGG_TRADES_CSV,
    KIND_COINBASE,
    KIND_KRAKEN,
    KIND_CSV,
    KIND_ITCH,
};

extern const char *const kind_names[]; /* by enum kind; ends with NULL */

/* `head` is what the file begins with, up to some hundred KiB. The first line that can be only one
 * venue's decides, and a name with ".csv". Where columns are `mapped`, a CSV file is read by them,
 * whoever's it is, and what nothing tells is one; else that is Binance's stream. Never KIND_AUTO.
 */
enum kind kind_guess(const char *path, const uint8_t *head, size_t len, bool mapped);

/* Whether it is a zip archive, which nothing here reads. */
bool kind_is_zip(const uint8_t *head, size_t len);

#endif
