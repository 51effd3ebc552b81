/* SPDX-License-Identifier: MIT */
/* sendq: see sendq.h. */
#include "server/fanout/sendq.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "feed/base.h"

uint64_t sendq_blocks_needed(uint64_t queues, uint64_t entries)
{
    /* One more at either end, which may be all but empty. */
    return queues * (entries / SENDQ_BLOCK_ENTRIES + 2);
}

int sendq_pool_init(struct sendq_pool *pool, uint32_t blocks)
{
    memset(pool, 0, sizeof *pool);
    void *memory = mmap(NULL, (size_t)blocks * sizeof *pool->blocks, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    pool->blocks = memory;
    pool->count = blocks;
    pool->free = SENDQ_NONE;
    return 0;
}

void sendq_pool_finish(struct sendq_pool *pool)
{
    if (pool->blocks)
        munmap(pool->blocks, (size_t)pool->count * sizeof *pool->blocks);
    memset(pool, 0, sizeof *pool);
}

static uint32_t take_block(struct sendq_pool *pool)
{
    uint32_t block = pool->free;
    if (block != SENDQ_NONE) {
        pool->free = pool->blocks[block].next;
    } else {
        CHECK(pool->used_max < pool->count);
        block = pool->used_max++;
    }
    pool->blocks[block].next = SENDQ_NONE;
    return block;
}

static void give_block(struct sendq_pool *pool, uint32_t block)
{
    pool->blocks[block].next = pool->free;
    pool->free = block;
}

void sendq_init(struct sendq *queue)
{
    *queue = (struct sendq){.first = SENDQ_NONE, .last = SENDQ_NONE};
}

void sendq_push(struct sendq *queue, struct sendq_pool *pool, struct sendq_entry entry)
{
    if (queue->last == SENDQ_NONE || queue->tail == SENDQ_BLOCK_ENTRIES) {
        uint32_t block = take_block(pool);
        if (queue->last == SENDQ_NONE) {
            queue->first = block;
            queue->head = 0;
        } else {
            pool->blocks[queue->last].next = block;
        }
        queue->last = block;
        queue->tail = 0;
    }
    pool->blocks[queue->last].entries[queue->tail++] = entry;
    queue->count++;
    queue->bytes += entry.len;
    pool->entries++;
    pool->bytes += entry.len;
}

void sendq_push_front(struct sendq *queue, struct sendq_pool *pool, struct sendq_entry entry)
{
    if (queue->first == SENDQ_NONE) {
        sendq_push(queue, pool, entry);
        return;
    }
    if (queue->head == 0) {
        uint32_t block = take_block(pool);
        pool->blocks[block].next = queue->first;
        queue->first = block;
        queue->head = SENDQ_BLOCK_ENTRIES;
    }
    pool->blocks[queue->first].entries[--queue->head] = entry;
    queue->count++;
    queue->bytes += entry.len;
    pool->entries++;
    pool->bytes += entry.len;
}

struct sendq_entry sendq_peek(const struct sendq *queue, const struct sendq_pool *pool)
{
    ASSERT(queue->count > 0);
    return pool->blocks[queue->first].entries[queue->head];
}

struct sendq_entry sendq_pop(struct sendq *queue, struct sendq_pool *pool)
{
    struct sendq_entry entry = sendq_peek(queue, pool);
    queue->count--;
    queue->bytes -= entry.len;
    pool->entries--;
    pool->bytes -= entry.len;
    queue->head++;
    if (queue->count == 0) {
        give_block(pool, queue->first); /* first and last are the same block */
        sendq_init(queue);
    } else if (queue->head == SENDQ_BLOCK_ENTRIES) {
        uint32_t block = queue->first;
        queue->first = pool->blocks[block].next;
        queue->head = 0;
        give_block(pool, block);
    }
    return entry;
}
