/* SPDX-License-Identifier: MIT */
/*
 * tape_writer: appends ticks to a capture file (schemas/tape.md), a block at a time. One thread;
 * memory is fixed when it is made: tape_writer_memory().
 *
 * A block is in the file whole or not at all: one that can't be written is cut off again. What is
 * on disk after a power cut is the sync setting's affair; after a crash of the process alone, every
 * block that was written is there.
 */
#ifndef TAPEHEAD_FEED_TAPE_WRITER_H
#define TAPEHEAD_FEED_TAPE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "schemas/tape_block.h"
#include "schemas/tick.h"

enum tape_sync {
    TAPE_SYNC_BLOCK, /* fdatasync() after each block: a power cut costs what is pending at most */
    TAPE_SYNC_CLOSE, /* once, when the file is finished */
    TAPE_SYNC_NEVER,
};

struct tape_writer_config {
    const char *path;
    int level; /* of zstd, 1 to 19; 0: 3 */
    enum tape_sync sync;
    uint32_t symbols_max; /* different ones in the file; beyond, the file keeps no list; 0: 65536 */
    uint32_t block_bytes; /* before compression, at most TAPE_PLAIN_MAX; 0: TAPE_PLAIN_MAX */
};

struct tape_writer;

/* Makes a new file; one that is there is left alone (-EEXIST). Returns 0, or -errno with a sentence
 * that names the file. */
int tape_writer_create(struct tape_writer **out, const struct tape_writer_config *config,
                       char *error, size_t error_size);

/* What tape_writer_reopen() found. */
struct tape_recovery {
    uint64_t blocks, ticks, bytes; /* that stand */
    uint64_t cut_bytes;            /* of a torn tail, gone now */
};

/* Goes on where a writer was killed: reads all blocks, cuts off what isn't a whole one, and appends
 * after that. Returns 0; -EALREADY for a file that is finished; -EBADMSG for one with a damaged
 * block before whole ones, which is left as it is; or another -errno, with a sentence. */
int tape_writer_reopen(struct tape_writer **out, const struct tape_writer_config *config,
                       struct tape_recovery *recovery, char *error, size_t error_size);

/* The functions below return 0, or -errno with a sentence in tape_writer_error(); after a failed
 * write the same comes back for good, and the file holds the blocks that were whole before. */

/* The name of topic `place`: those of tick_partition() / 4096. Before its first tick. */
int tape_writer_topic(struct tape_writer *writer, uint32_t place, const char *topic);

/* Takes a tick; writes a block where it is full. */
int tape_writer_append(struct tape_writer *writer, const struct tick *tick, const char *symbol,
                       size_t symbol_len);

/* What is to be told of a partition apart from its ticks: all before `place` is in the file, or
 * held none. Goes into the next block. */
int tape_writer_place(struct tape_writer *writer, const struct tape_place *place);

/* Writes a block of what is pending, if anything is. */
int tape_writer_flush(struct tape_writer *writer);

/* Flushes, writes the index, syncs unless told not to. The file is then complete. */
int tape_writer_finish(struct tape_writer *writer);

/* Closes the file as it stands, pending ticks lost. Accepts NULL. */
void tape_writer_destroy(struct tape_writer *writer);

const char *tape_writer_error(const struct tape_writer *writer);
uint64_t tape_writer_blocks(const struct tape_writer *writer);
uint64_t tape_writer_ticks(const struct tape_writer *writer); /* in whole blocks */
uint64_t tape_writer_bytes(const struct tape_writer *writer);
uint32_t tape_writer_pending(const struct tape_writer *writer); /* ticks not yet in a block */

/* How far each partition is captured, pending ticks included; `*count` of them. */
const struct tape_place *tape_writer_places(const struct tape_writer *writer, uint32_t *count);

/* The name of topic `place`, NULL where there is none. */
const char *tape_writer_topic_name(const struct tape_writer *writer, uint32_t place);

uint64_t tape_writer_memory(const struct tape_writer_config *config);

#endif
