/* SPDX-License-Identifier: MIT */
#include "server/fanout/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MIN = 4096 };

int spool_init(struct spool *spool, uint32_t size)
{
    memset(spool, 0, sizeof *spool);
    spool->size = SIZE_MIN;
    while (spool->size < size)
        spool->size *= 2;
    spool->bytes = malloc(spool->size);
    return spool->bytes ? 0 : -ENOMEM;
}

void spool_finish(struct spool *spool)
{
    free(spool->bytes);
    spool->bytes = NULL;
}

void spool_reset(struct spool *spool)
{
    spool->filled = spool->taken_seen = 0;
    /* Relaxed: whoever hands the spool to its next reader orders them. */
    atomic_store_explicit(&spool->written, 0, memory_order_relaxed);
    atomic_store_explicit(&spool->taken, 0, memory_order_relaxed);
}

/* ---- writer ---- */

static uint64_t room(struct spool *spool, uint64_t wanted)
{
    if (spool->size - (spool->filled - spool->taken_seen) < wanted)
        /* Acquire pairs with spool_take()'s release: the reader has done its last read of the bytes
         * before they are written over. */
        spool->taken_seen = atomic_load_explicit(&spool->taken, memory_order_acquire);
    return spool->size - (spool->filled - spool->taken_seen);
}

uint8_t *spool_begin(struct spool *spool, uint32_t len)
{
    uint32_t at = (uint32_t)(spool->filled & (spool->size - 1));
    uint32_t until_wrap = spool->size - at;
    uint64_t wanted = until_wrap < len ? (uint64_t)until_wrap + len : len;
    if (room(spool, wanted) < wanted)
        return NULL;
    if (until_wrap < len) {
        memset(spool->bytes + at, 0, until_wrap);
        spool->filled += until_wrap;
        at = 0;
    }
    return spool->bytes + at;
}

void spool_commit(struct spool *spool, uint8_t *at, uint32_t skip, uint32_t len)
{
    if (skip)
        memmove(at, at + skip, len); /* what lies between two frames would have to be told */
    spool->filled += len;
}

bool spool_publish(struct spool *spool)
{
    /* Relaxed: this thread wrote it. */
    if (atomic_load_explicit(&spool->written, memory_order_relaxed) == spool->filled)
        return false;
    /* Release pairs with the acquire in peek(): the frames' bytes are there before they are seen.
     */
    atomic_store_explicit(&spool->written, spool->filled, memory_order_release);
    return true;
}

bool spool_is_drained(struct spool *spool)
{
    /* Acquire pairs with spool_take()'s release: what the reader did with the frames is done. */
    return atomic_load_explicit(&spool->taken, memory_order_acquire) == spool->filled;
}

/* ---- reader ---- */

uint32_t spool_frame_len(const uint8_t *data)
{
    uint32_t len = data[1] & 127;
    return len < 126 ? 2 + len : 4 + ((uint32_t)data[2] << 8 | data[3]);
}

/* Bytes that lie side by side; steps over the zeros at the end. */
static uint32_t side_by_side(struct spool *spool, const uint8_t **data)
{
    /* Relaxed: this thread wrote it. */
    uint64_t taken = atomic_load_explicit(&spool->taken, memory_order_relaxed);
    /* Acquire pairs with spool_publish()'s release. */
    uint64_t written = atomic_load_explicit(&spool->written, memory_order_acquire);
    uint32_t at = (uint32_t)(taken & (spool->size - 1));
    uint32_t until_wrap = spool->size - at;
    if (written != taken && spool->bytes[at] == 0) {
        spool_take(spool, until_wrap);
        taken += until_wrap;
        at = 0;
        until_wrap = spool->size;
    }
    *data = spool->bytes + at;
    return written - taken < until_wrap ? (uint32_t)(written - taken) : until_wrap;
}

uint32_t spool_peek(struct spool *spool, uint32_t max, const uint8_t **data, uint32_t *frames)
{
    uint32_t there = side_by_side(spool, data), len = 0;
    *frames = 0;
    while (len < there && (*data)[len] != 0) {
        uint32_t one = spool_frame_len(*data + len);
        CHECK(len + one <= there);
        if (len && len + one > max)
            break;
        len += one;
        ++*frames;
    }
    return len;
}

void spool_take(struct spool *spool, uint32_t len)
{
    /* Relaxed: this thread wrote it. */
    uint64_t taken = atomic_load_explicit(&spool->taken, memory_order_relaxed) + len;
    /* Release pairs with the writer's acquire in room() and spool_is_drained(). */
    atomic_store_explicit(&spool->taken, taken, memory_order_release);
}

bool spool_is_empty(struct spool *spool)
{
    const uint8_t *data;
    return side_by_side(spool, &data) == 0;
}

uint32_t spool_waiting(const struct spool *spool)
{
    struct spool *s = (struct spool *)spool; /* C11's atomic loads take no const */
    /* Relaxed: the bytes aren't read. */
    return (uint32_t)(atomic_load_explicit(&s->written, memory_order_relaxed) -
                      atomic_load_explicit(&s->taken, memory_order_relaxed));
}
