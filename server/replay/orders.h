/* SPDX-License-Identifier: MIT */
/*
 * orders: what workers want of a deck's players, first in, first out, under a lock that is held for
 * a copy. Any worker pushes, the player thread pops.
 */
#ifndef TAPEHEAD_SERVER_REPLAY_ORDERS_H
#define TAPEHEAD_SERVER_REPLAY_ORDERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/wire/command.h"

struct player;

enum order_kind {
    ORDER_BEGIN,
    ORDER_END,
    ORDER_PAUSE,
    ORDER_RESUME,
    ORDER_STEP,
    ORDER_SEEK,
    ORDER_SPEED,
    ORDER_GO_ON
};

/* What a client wants of its replay. */
struct order {
    enum order_kind kind;
    struct player *player;
    struct command_id id; /* answered to */
    struct command_replay ask;
};

struct orders {
    pthread_mutex_t lock; /* guards the list */
    struct order *list;   /* round and round */
    uint32_t first, count, max;
    _Atomic uint32_t waiting; /* `count`, for a look without the lock */
};

/* Returns 0 or -ENOMEM. */
int orders_init(struct orders *orders, uint32_t max);
void orders_finish(struct orders *orders);

/* The caller keeps to the bound. */
void orders_push(struct orders *orders, const struct order *order);
bool orders_pop(struct orders *orders, struct order *order);

/* Whether any waits. */
bool orders_wait(struct orders *orders);

#endif
