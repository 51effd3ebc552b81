/* SPDX-License-Identifier: MIT */
/*
 * orders: an exchange's open orders by their reference number, in memory that is bounded when it is
 * made: a table with open addressing, 24 bytes a slot, at least a third of them empty.
 * One thread.
 */
#ifndef TAPEHEAD_TOOLS_ORDERS_H
#define TAPEHEAD_TOOLS_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

struct order {
    uint64_t ref;
    uint32_t price;
    uint32_t shares; /* still open */
    uint16_t locate; /* which stock */
    char side;       /* 'B' or 'S' */
    bool used;       /* the table's */
};

struct orders;

/* For up to `max` orders at a time. Returns NULL when there is no memory. */
struct orders *orders_create(uint64_t max);

/* NULL when it isn't open. Valid until the next orders_add() or orders_remove(). */
struct order *orders_find(struct orders *orders, uint64_t ref);

/* A new order with only its `ref` set. Returns 0, -EEXIST when that is open already, -ENOSPC when
 * there are `max`. */
int orders_add(struct orders *orders, uint64_t ref, struct order **out);

void orders_remove(struct orders *orders, struct order *order);

uint64_t orders_count(const struct orders *orders);
uint64_t orders_max(const struct orders *orders);

/* Accepts NULL. */
void orders_destroy(struct orders *orders);

#endif
