/* SPDX-License-Identifier: MIT */
/*
 * viewer: a deck over a folder of capture files, without Kafka, and clients of it as a worker would
 * serve them. What a client hears is a line of words: "A3" is a trade of symbol A with seq 3,
 * "paused:6@1500/3" a replay message with its id ("-" for none), the instant in ms and the ticks,
 * "no_replay:7" an error.
 */
#ifndef TAPEHEAD_TESTS_UNIT_REPLAY_VIEWER_H
#define TAPEHEAD_TESTS_UNIT_REPLAY_VIEWER_H

#include <stdbool.h>

#include "server/replay/deck.h"
#include "tests/unit/feed/folder.h"

enum { VIEWER_HEARD_MAX = 1 << 20 };

struct theatre {
    struct folder folder;
    struct feed *feed;
    struct deck *deck;
    struct doorbell bell; /* of the worker */
};

struct theatre_config {
    const char *archive; /* NULL: the folder */
    uint32_t players, spool_bytes, symbols_max;
    uint64_t rate;
};

/* The folder alone, to be filled; then the deck. */
void theatre_begin(struct theatre *theatre);
void theatre_open(struct theatre *theatre, struct theatre_config config);
void theatre_end(struct theatre *theatre);

struct viewer {
    struct theatre *theatre;
    struct player *player;
    uint32_t orders; /* given */
    bool told;       /* of the end that it is at: see viewer_read() */
    char *heard;     /* words */
    size_t len;
    char last[1024]; /* the last frame's payload */
};

/* "A B*": what is wanted; `ask` with the id `id`. False where there are too many. */
bool viewer_begin(struct viewer *viewer, struct theatre *theatre, const char *symbols,
                  struct command_replay ask, int64_t id);

/* Hands the player back, as a worker does with one that it is done with. */
void viewer_end(struct viewer *viewer);

void viewer_order(struct viewer *viewer, enum order_kind kind, int64_t id,
                  struct command_replay ask);

/* Takes what is there, up to `frames`. Returns how many there were. Of the end a worker tells its
 * client by itself, once everything before it has left and every order is done: "ended:1/5". */
uint32_t viewer_read(struct viewer *viewer, uint32_t frames);

/* Reads until a word that begins so was heard; fails the test after many seconds. */
void viewer_until(struct viewer *viewer, const char *word);

/* Reads until exactly this was heard; fails where it is something else. Forgets it. */
void viewer_expect(struct viewer *viewer, const char *words);

/* How many orders were carried out and answered. */
uint32_t viewer_done(const struct viewer *viewer);

/* Waits for a stage, reading nothing. */
void viewer_await(struct viewer *viewer, enum player_stage stage);

#endif
