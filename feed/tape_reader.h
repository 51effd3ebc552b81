/* SPDX-License-Identifier: MIT */
/*
 * tape_reader: a capture file's ticks (schemas/tape.md) in the order of capture, from anywhere, and
 * only those that are wanted. One thread; memory is fixed, whatever the file's size.
 *
 * Blocks that can't hold a wanted tick are passed over by their headers, and never read. A file
 * without an index (it is being written, or its writer was killed) is read by walking from header
 * to header.
 */
#ifndef TAPEHEAD_FEED_TAPE_READER_H
#define TAPEHEAD_FEED_TAPE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/tape_block.h"
#include "schemas/tick.h"

struct tape_reader;

struct tape_reader_config {
    const char *path;
    /* Told of what is amiss but loses nothing, such as a missing index; may be NULL. A sentence
     * that names the file and the byte. */
    void (*notice)(void *arg, const char *sentence);
    void *arg;
    /* The file may still be written: a block at its end that isn't whole is no damage, the file
     * ends before it. */
    bool growing;
};

enum tape_clock { TAPE_EVENT, TAPE_RECEIVE };

struct tape_filter {
    enum tape_clock clock;
    bool from, until;          /* whether the bounds below hold */
    int64_t from_ns, until_ns; /* [from_ns, until_ns) */
    /* Whether ticks of `symbol` are wanted; NULL: all are. Must always say the same. */
    bool (*wants)(void *arg, const char *symbol, size_t len);
    void *arg;
};

/* One tick; the pointers hold until the next call. tick.pos has the topic's place as
 * tape_reader_topic() tells it; seq, symbol, quiet and kind are 0. */
struct tape_item {
    struct tick tick;
    const char *symbol; /* not terminated */
    size_t symbol_len;
};

/* A part of the file that can't be read. */
struct tape_damage {
    uint64_t block;   /* the first one lost */
    uint64_t offset;  /* where it begins in the file */
    uint64_t bytes;   /* that are of no use */
    uint64_t ticks;   /* lost with them, where that is known */
    bool ticks_known; /* else only that there may have been some */
    bool torn;        /* at the end of a file without an index: what a killed writer leaves */
};

struct tape_stats {
    uint64_t file_bytes;
    uint64_t read_bytes; /* of blocks and headers, as they are in the file */
    uint64_t blocks_read;
    uint64_t blocks_skipped;
    uint64_t ticks_read;   /* decoded */
    uint64_t ticks_passed; /* and handed out */
    uint64_t plain_bytes;  /* decompressed */
};

/* Returns 0; -EPROTO for a file that is no tape or of a later version; or another -errno, with a
 * sentence. */
int tape_reader_open(struct tape_reader **out, const struct tape_reader_config *config, char *error,
                     size_t error_size);

/* Accepts NULL. */
void tape_reader_close(struct tape_reader *reader);

/* What to hand out from now on; NULL for everything. */
int tape_reader_filter(struct tape_reader *reader, const struct tape_filter *filter);

/* The next tick to come is the file's first again. */
void tape_reader_rewind(struct tape_reader *reader);

/* The next tick to come is the first in the file's order that has `ns` or later by `clock`. What
 * follows is again in the file's order; a filter still holds. */
void tape_reader_seek_time(struct tape_reader *reader, enum tape_clock clock, int64_t ns);

/* The next to come is the first of that partition at or after offset and index; what follows
 * includes other partitions. Where the file holds none, none comes. */
void tape_reader_seek_place(struct tape_reader *reader, const char *topic, uint32_t partition,
                            uint64_t offset, uint32_t index);

/* Returns 1, 0 at the end, or -errno with a sentence in tape_reader_error(): -EBADMSG for damage,
 * after which the next call goes on behind it, anything else for good. */
int tape_reader_next(struct tape_reader *reader, struct tape_item *item);

/* The next block's header, its ticks not read; as tape_reader_next(), and no filter applies. */
int tape_reader_next_block(struct tape_reader *reader, const struct tape_block **block);

/* The header of the block that the last tick stood in, NULL before the first. */
const struct tape_block *tape_reader_block(const struct tape_reader *reader);

/* Names the file, the block and the byte. */
const char *tape_reader_error(const struct tape_reader *reader);

/* What the last -EBADMSG was about. */
const struct tape_damage *tape_reader_damage(const struct tape_reader *reader);

const struct tape_stats *tape_reader_stats(const struct tape_reader *reader);

/* The topic of a tick's tick_partition() / 4096, NULL where there is none. Known once a tick of it
 * was handed out. */
const char *tape_reader_topic(const struct tape_reader *reader, uint32_t place);

/* What the index says; false without one. */
bool tape_reader_totals(const struct tape_reader *reader, uint64_t *blocks, uint64_t *ticks);

/* Hands each symbol of the index with its ticks to `take`. Returns 0, -ENOENT where the index has
 * none, or -EBADMSG. */
int tape_reader_symbols(struct tape_reader *reader,
                        void (*take)(void *arg, const char *symbol, size_t len, uint64_t ticks),
                        void *arg);

/* Reads the whole index and compares its checksums. Returns 0, -ENOENT without one, or -EBADMSG
 * with a sentence. */
int tape_reader_check_index(struct tape_reader *reader);

uint64_t tape_reader_memory(void);

#endif
