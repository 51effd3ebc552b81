/* SPDX-License-Identifier: MIT */
/* roster: see roster.h. */
#include "server/fanout/roster.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "feed/base.h"

uint64_t roster_blocks_needed(uint64_t entries, uint64_t rosters)
{
    return entries / ROSTER_BLOCK_ENTRIES + 1 + (rosters < entries ? rosters : entries);
}

int roster_pool_init(struct roster_pool *pool, uint32_t blocks)
{
    memset(pool, 0, sizeof *pool);
    void *memory = mmap(NULL, (size_t)blocks * sizeof *pool->blocks, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    pool->blocks = memory;
    pool->count = blocks;
    pool->free = ROSTER_NONE;
    return 0;
}

void roster_pool_finish(struct roster_pool *pool)
{
    if (pool->blocks)
        munmap(pool->blocks, (size_t)pool->count * sizeof *pool->blocks);
    memset(pool, 0, sizeof *pool);
}

static uint32_t take_block(struct roster_pool *pool)
{
    uint32_t block = pool->free;
    if (block != ROSTER_NONE) {
        pool->free = pool->blocks[block].next;
        return block;
    }
    CHECK(pool->used_max < pool->count);
    return pool->used_max++;
}

struct roster_place roster_add(struct roster_pool *pool, uint32_t *first, uint32_t pair,
                               uint32_t subscriber)
{
    if (*first == ROSTER_NONE || pool->blocks[*first].count == ROSTER_BLOCK_ENTRIES) {
        uint32_t block = take_block(pool);
        pool->blocks[block].next = *first;
        pool->blocks[block].count = 0;
        *first = block;
    }
    struct roster_block *block = &pool->blocks[*first];
    block->entries[block->count].pair = pair;
    block->entries[block->count].subscriber = subscriber;
    return (struct roster_place){.block = *first, .slot = block->count++};
}

uint32_t roster_remove(struct roster_pool *pool, uint32_t *first, struct roster_place place)
{
    struct roster_block *head = &pool->blocks[*first];
    uint32_t last = --head->count;
    uint32_t moved = ROSTER_NONE;
    if (place.block != *first || place.slot != last) {
        pool->blocks[place.block].entries[place.slot] = head->entries[last];
        moved = head->entries[last].pair;
    }
    if (head->count == 0) {
        uint32_t block = *first;
        *first = head->next;
        head->next = pool->free;
        pool->free = block;
    }
    return moved;
}
