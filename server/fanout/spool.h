/* SPDX-License-Identifier: MIT */
/*
 * spool: the frames of one replay on their way from a player thread to the worker that sends them.
 * One writer, one reader; bounded: who finds no room waits, nothing is dropped.
 *
 *      bytes   [ ...|f4 f5 f6 f7|...... ]   round and round; a frame never wraps: where it would,
 *                   ^ taken     ^ written   zeros stand until the end
 *
 * What is between the two is whole WebSocket frames of a server (unmasked, below 64 KiB), so the
 * reader finds their bounds by their own headers.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_SPOOL_H
#define TAPEHEAD_SERVER_FANOUT_SPOOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "feed/base.h"

struct spool {
    uint8_t *bytes;
    uint32_t size; /* a power of two */

    /* writer only */
    uint64_t filled;     /* written, but not yet to be seen */
    uint64_t taken_seen; /* `taken` when the writer last looked */

    _Alignas(CACHE_LINE) _Atomic uint64_t written; /* the writer stores, the reader loads */
    _Alignas(CACHE_LINE) _Atomic uint64_t taken;   /* the reader stores, the writer loads */
};

/* `size` is rounded up to a power of two, at least 4 KiB. Returns 0 or -ENOMEM. */
int spool_init(struct spool *spool, uint32_t size);

/* Accepts a zeroed one. */
void spool_finish(struct spool *spool);

/* Forgets what is in it. Only while it has no reader. */
void spool_reset(struct spool *spool);

/* Writer: room for a frame of up to `len` bytes, NULL where there is none now. */
uint8_t *spool_begin(struct spool *spool, uint32_t len);

/* Writer: a frame of `len` bytes stands `skip` bytes behind what spool_begin() gave. */
void spool_commit(struct spool *spool, uint8_t *at, uint32_t skip, uint32_t len);

/* Writer: lets the reader see what was committed. Returns whether that was anything. */
bool spool_publish(struct spool *spool);

/* Writer: whether the reader has taken all that was published. */
bool spool_is_drained(struct spool *spool);

/* Reader: whole frames that lie side by side, at most `max` bytes of them but at least one; their
 * length, 0 where there are none, and how many to `*frames`. They stay until taken. */
uint32_t spool_peek(struct spool *spool, uint32_t max, const uint8_t **data, uint32_t *frames);

/* Reader: done with `len` bytes: whole frames of the last peek. */
void spool_take(struct spool *spool, uint32_t len);

/* Reader: whether nothing is to be seen, and about how many bytes are. */
bool spool_is_empty(struct spool *spool);
uint32_t spool_waiting(const struct spool *spool);

/* The length of the frame that begins at `data`, by its header. */
uint32_t spool_frame_len(const uint8_t *data);

#endif
