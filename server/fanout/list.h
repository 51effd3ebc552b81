/* SPDX-License-Identifier: MIT */
/*
 * list: subscribers, first in first out. Whoever uses it puts each in at most once. Worker thread
 * only.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_LIST_H
#define TAPEHEAD_SERVER_FANOUT_LIST_H

#include <stdbool.h>
#include <stdint.h>

struct list {
    uint32_t *ring;
    uint32_t mask;
    uint32_t head;
    uint32_t count;
};

/* Returns 0 or -ENOMEM. What isn't used isn't resident. */
int list_init(struct list *list, uint32_t max);
void list_finish(struct list *list);

void list_push(struct list *list, uint32_t subscriber);

/* Returns whether there is one that `ahead` others stand before. */
bool list_peek(const struct list *list, uint32_t ahead, uint32_t *subscriber);

/* The list must not be empty. */
uint32_t list_pop(struct list *list);

#endif
