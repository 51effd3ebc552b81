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
int pair_hold(struct fanout *fanout, uint32_t subscriber, uint32_t symbol,
              const struct fanout_request *request);

/* How far a replay has played the symbol's partition; NULL where there was none. */
const struct history_mark *pair_played(const struct fanout *fanout, uint32_t symbol,
                                       const struct fanout_request *request);

/* Returns PAIR_NONE when there is none. */
uint32_t pair_find(struct fanout *fanout, uint32_t subscriber, uint32_t symbol);

/* A subscription that holds the pair has new terms. Leaving `latest` begins a new account, with a
 * snapshot. */
void pair_set_terms(struct fanout *fanout, uint32_t pair, struct terms terms);

/* The symbol's last tick is to be sent, once; back in the list's front when `again`. */
void pair_refresh(struct fanout *fanout, uint32_t pair, bool again);

/* In mode latest, after a tick: rests for its interval. And when that tick wasn't sent after all.
 */
void pair_rest(struct fanout *fanout, uint32_t pair);
void pair_unrest(struct fanout *fanout, uint32_t pair);

/* Unsubscribed: takes no more ticks; what waits in the queue is skipped. */
void pair_remove(struct fanout *fanout, uint32_t pair);

/* Its subscriber leaves, and the queue and due lists with it. */
void pair_abandon(struct fanout *fanout, uint32_t pair);

#endif
