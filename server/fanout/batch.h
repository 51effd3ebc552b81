/* SPDX-License-Identifier: MIT */
/*
 * batch: the sends that leave in one submit, the memory that they are copied into, and the pieces
 * from which one that broke off is undone. Worker thread only.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_BATCH_H
#define TAPEHEAD_SERVER_FANOUT_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "server/fanout/spool.h"

enum {
    GATHER_SENDS_MAX = 256,       /* in one batch */
    GATHER_BYTES_MAX = 64 * 1024, /* in one send, but for a long control lane */
    GATHER_FRAMES_MAX = 1024,     /* in one send */
    GATHER_SCRATCH = 1024 * 1024, /* a chunk */
    GATHER_CHUNKS = 4,
    GATHER_PIECES = 32 * 1024,
};

enum piece_kind {
    PIECE_TICK,     /* from the queue */
    PIECE_FEED_GAP, /* from the queue */
    PIECE_GAP,      /* found missing */
    PIECE_LAST,     /* the symbol's last tick, as a trade */
    PIECE_SNAPSHOT, /* or as a snapshot */
    PIECE_HISTORY,  /* a tick from the history */
    PIECE_JOINED,   /* the same as a snapshot: a replay has played it */
};

struct piece {
    uint64_t sent_seq; /* the pair's, before this piece */
    uint32_t frame;    /* PIECE_TICK, PIECE_FEED_GAP; PIECE_GAP: enum gap_reason */
    uint32_t pair;
    uint32_t len;
    uint32_t kind;
};

struct send {
    uint32_t subscriber;
    uint32_t len;
    const uint8_t *data;
    uint32_t rest_len; /* how much of it is the begun frame's rest, then the control lane's */
    uint32_t lane_len;
    uint32_t spool_len; /* then the replay's, from this spool */
    struct spool *spool;
    uint32_t pieces_first; /* in the batch */
    uint32_t pieces_count;
    uint32_t ticks; /* how many of the pieces are ticks or snapshots */
};

/* The sends that leave in one submit. */
struct batch {
    uint8_t *chunks[GATHER_CHUNKS];
    uint32_t pins[GATHER_CHUNKS]; /* zero-copy sends that the kernel hasn't let go of */
    uint32_t chunk;               /* that this batch copies into: one without pins when it began */
    struct piece *pieces;
    struct send sends[GATHER_SENDS_MAX];
    uint32_t scratch_used;
    uint32_t pieces_used;
    uint32_t sends_count;
};

/* Returns 0 or -ENOMEM. */
int batch_init(struct batch *batch);
void batch_finish(struct batch *batch);

/* Only once every send of it has ended. */
void batch_reset(struct batch *batch);

/* For a zero-copy send: its bytes will stay, in scratch, until batch_unpin() of the chunk returned.
 * -1 when no other chunk would be left for the next batch: then it must be an ordinary send. */
int batch_pin(struct batch *batch, struct send *send);
void batch_unpin(struct batch *batch, uint32_t chunk);

/* Whether one more send fits for certain. */
bool batch_has_room(const struct batch *batch);

#endif
