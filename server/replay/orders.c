/* SPDX-License-Identifier: MIT */
#include "server/replay/orders.h"

#include <errno.h>
#include <stdlib.h>

#include "feed/base.h"

int orders_init(struct orders *orders, uint32_t max)
{
    orders->max = max;
    orders->list = calloc(max, sizeof *orders->list);
    pthread_mutex_init(&orders->lock, NULL);
    return orders->list ? 0 : -ENOMEM;
}

void orders_finish(struct orders *orders)
{
    free(orders->list);
    orders->list = NULL;
    pthread_mutex_destroy(&orders->lock);
}

void orders_push(struct orders *orders, const struct order *order)
{
    pthread_mutex_lock(&orders->lock);
    CHECK(orders->count < orders->max);
    orders->list[(orders->first + orders->count++) % orders->max] = *order;
    /* Release pairs with orders_wait()'s acquire; the list itself is the lock's. */
    atomic_store_explicit(&orders->waiting, orders->count, memory_order_release);
    pthread_mutex_unlock(&orders->lock);
}

bool orders_pop(struct orders *orders, struct order *order)
{
    pthread_mutex_lock(&orders->lock);
    bool any = orders->count > 0;
    if (any) {
        *order = orders->list[orders->first];
        orders->first = (orders->first + 1) % orders->max;
        orders->count--;
        /* Relaxed: only this thread looks at it. */
        atomic_store_explicit(&orders->waiting, orders->count, memory_order_relaxed);
    }
    pthread_mutex_unlock(&orders->lock);
    return any;
}

bool orders_wait(struct orders *orders)
{
    /* Acquire pairs with orders_push()'s release. */
    return atomic_load_explicit(&orders->waiting, memory_order_acquire) > 0;
}
