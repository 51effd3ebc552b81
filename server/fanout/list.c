/* SPDX-License-Identifier: MIT */
/* list: see list.h. */
#include "server/fanout/list.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "feed/base.h"

int list_init(struct list *list, uint32_t max)
{
    uint64_t size = 1;
    while (size < max)
        size *= 2;
    void *memory = mmap(NULL, size * sizeof *list->ring, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    *list = (struct list){.ring = memory, .mask = (uint32_t)(size - 1)};
    return 0;
}

void list_finish(struct list *list)
{
    if (list->ring)
        munmap(list->ring, (list->mask + 1ull) * sizeof *list->ring);
    *list = (struct list){0};
}

void list_push(struct list *list, uint32_t subscriber)
{
    CHECK(list->count <= list->mask);
    list->ring[(list->head + list->count++) & list->mask] = subscriber;
}

bool list_peek(const struct list *list, uint32_t ahead, uint32_t *subscriber)
{
    *subscriber = list->ring[(list->head + ahead) & list->mask];
    return ahead < list->count;
}

uint32_t list_pop(struct list *list)
{
    ASSERT(list->count > 0);
    list->count--;
    return list->ring[list->head++ & list->mask];
}
