/* SPDX-License-Identifier: MIT */
/*
 * tape_index: writes the index at a capture file's end, from the headers that stand in the file
 * before it: nothing is kept for it while blocks are written.
 */
#ifndef TAPEHEAD_FEED_TAPE_INDEX_H
#define TAPEHEAD_FEED_TAPE_INDEX_H

#include <stdint.h>

#include "feed/symbols.h"

struct tape_index {
    int fd;
    uint64_t at; /* where the blocks end */
    uint64_t blocks, ticks;
    uint64_t headers_size;         /* of all blocks */
    const struct symbols *symbols; /* NULL: there were too many */
    const uint64_t *symbol_ticks;
};

/* Returns 0 and the index's size, or -errno. */
int tape_index_write(const struct tape_index *index, uint64_t *size);

#endif
