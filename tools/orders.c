/* SPDX-License-Identifier: MIT */
#include "tools/orders.h"

#include <errno.h>
#include <stdlib.h>

struct orders {
    uint64_t max;
    uint64_t count;
    uint64_t mask;
    unsigned shift;
    struct order slots[];
};

_Static_assert(sizeof(struct order) == 24, "orders.h states it");

struct orders *orders_create(uint64_t max)
{
    unsigned bits = 4;
    while ((UINT64_C(1) << bits) < max + max / 2)
        bits++;
    /* Zeroed by the kernel, page by page as they are touched: few orders cost little memory. */
    struct orders *orders = calloc(1, sizeof *orders + (sizeof(struct order) << bits));
    if (!orders)
        return NULL;
    orders->max = max;
    orders->mask = (UINT64_C(1) << bits) - 1;
    orders->shift = 64 - bits;
    return orders;
}

void orders_destroy(struct orders *orders)
{
    free(orders);
}

/* Reference numbers run upwards, those that stay open lie in lumps: multiplied by the golden ratio
 * they spread. */
static uint64_t home(const struct orders *orders, uint64_t ref)
{
    return ref * UINT64_C(0x9e3779b97f4a7c15) >> orders->shift;
}

/* The order's slot, or the empty one where it would be. */
static struct order *slot(struct orders *orders, uint64_t ref)
{
    uint64_t at = home(orders, ref);
    while (orders->slots[at].used && orders->slots[at].ref != ref)
        at = (at + 1) & orders->mask;
    return &orders->slots[at];
}

struct order *orders_find(struct orders *orders, uint64_t ref)
{
    struct order *found = slot(orders, ref);
    return found->used ? found : NULL;
}

int orders_add(struct orders *orders, uint64_t ref, struct order **out)
{
    struct order *found = slot(orders, ref);
    if (found->used)
        return -EEXIST;
    if (orders->count == orders->max)
        return -ENOSPC;
    orders->count++;
    *found = (struct order){.ref = ref, .used = true};
    *out = found;
    return 0;
}

/* Those behind move up into the hole, where that doesn't take them before their home: no slot is
 * ever marked as deleted, so searches stay short however many came and went. */
void orders_remove(struct orders *orders, struct order *order)
{
    uint64_t hole = (uint64_t)(order - orders->slots);
    uint64_t at = hole;
    orders->count--;
    for (;;) {
        at = (at + 1) & orders->mask;
        if (!orders->slots[at].used)
            break;
        uint64_t from_home = (at - home(orders, orders->slots[at].ref)) & orders->mask;
        if (from_home < ((at - hole) & orders->mask))
            continue;
        orders->slots[hole] = orders->slots[at];
        hole = at;
    }
    orders->slots[hole].used = false;
}

uint64_t orders_count(const struct orders *orders)
{
    return orders->count;
}

uint64_t orders_max(const struct orders *orders)
{
    return orders->max;
}
