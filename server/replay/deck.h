/* SPDX-License-Identifier: MIT */
/*
 * deck: a thread P and the replays that it plays for workers' clients. It is beside the live path:
 * it shares no ring with it, runs at a lower priority, and how many replays there can be, and what
 * each may hold, is fixed at the start.
 *
 *      worker ──order, under a lock──► deck ──► player ──frames, through its spool──► worker
 *
 * Either side sleeps on a doorbell: the worker's own, and the deck's, rung for orders and for room
 * in a spool.
 */
#ifndef TAPEHEAD_SERVER_REPLAY_DECK_H
#define TAPEHEAD_SERVER_REPLAY_DECK_H

#include "feed/claims.h"
#include "server/replay/orders.h"
#include "server/replay/player.h"

enum {
    DECK_ORDERS_MAX = 8, /* of one player, given and not yet done */
};

struct deck_config {
    struct timeline_stock stock;
    uint32_t players; /* replays at a time */
    uint32_t spool_bytes;
    uint32_t symbols_max;
    uint64_t rate; /* ticks a second, of one replay; 0: no bound */
};

/* Starts the thread. Returns 0 or -errno with a sentence. */
int deck_create(struct deck **out, const struct deck_config *config, char *error,
                size_t error_size);

/* After the workers have ended. Accepts NULL. */
void deck_destroy(struct deck *deck);

/* Worker: begins a replay; spec->symbols is the player's from then on. NULL where there are too
 * many: then it is the caller's still. */
struct player *deck_begin(struct deck *deck, const struct player_spec *spec);

/* Worker: an order for a player, at most DECK_ORDERS_MAX before player->orders_done has followed.
 */
void deck_order(const struct order *order);

/* Worker: done with the player, and with what it has peeked of its spool. */
void deck_release(struct player *player);

/* Worker: there is room in a spool again. */
void deck_wake(struct deck *deck);

void deck_claims(const struct deck_config *config, struct claims *claims);

#endif
