/* SPDX-License-Identifier: MIT */
/*
 * decks: the server's player threads, as many as its settings say, and what they play. Main thread;
 * once started, workers read it.
 */
#ifndef TAPEHEAD_SERVER_DECKS_H
#define TAPEHEAD_SERVER_DECKS_H

#include "server/config.h"
#include "server/replay/deck.h"

enum { DECKS_MAX = 64 };

struct decks {
    struct deck_config config; /* of each */
    struct deck *list[DECKS_MAX];
    uint32_t count; /* 0 where there is nothing to be played */
};

/* By the settings; starts nothing. `feed` tells how far live has come. */
void decks_init(struct decks *decks, const struct config *config,
                const struct feed_config *feed_config, const struct feed *feed);
void decks_claims(const struct decks *decks, struct claims *claims);

/* Returns 0 or -errno with a sentence. */
int decks_start(struct decks *decks, char *error, size_t error_size);

/* After the workers have ended. Accepts one that never started. */
void decks_stop(struct decks *decks);

/* Replays at a time, of all threads. */
uint32_t decks_players(const struct decks *decks);

/* The thread that plays a group; those by themselves are spread, `nth` after nth. */
struct deck *decks_choose(const struct decks *decks, const char *group, uint32_t nth);

#endif
