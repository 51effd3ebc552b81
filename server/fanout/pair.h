/* SPDX-License-Identifier: MIT */
/*
 * pair: the life of a (subscriber, symbol) account within fanout. Worker thread only.
 *
 *     pair_hold ──► live ──► pair_remove ──► gone ──► nothing refers to it ──► graveyard ──►
 * fanout_bury ──► free (queue entries, due lists)      (no send is under way)
 */
#ifndef TAPEHEAD_SERVER_FANOUT_PAIR_H
#define TAPEHEAD_SERVER_FANOUT_PAIR_H

#include "server/fanout/fanout.h"

/* One more topic of the subscriber matches the symbol; makes the pair where there is none. Returns
 * 0, or -ENOSPC. */
int pair_hold(struct fanout *fanout, uint32_t subscriber, uint32_t symbol, bool snapshot);

/* Unsubscribed: takes no more ticks; what waits in the queue is skipped. */
void pair_remove(struct fanout *fanout, uint32_t pair);

/* Its subscriber leaves, and the queue and due lists with it. */
void pair_abandon(struct fanout *fanout, uint32_t pair);

#endif
