/* SPDX-License-Identifier: MIT */
/*
 * player: one client's replay: its timeline, encoded tick by tick into its spool. What a worker may
 * touch is said below; the rest is the player thread's.
 *
 *     deck_begin() ──► RUNNING ──no more──► ENDED ──┐
 *                        ▲  │                       ├─worker──► TAKEN ──► deck_release()
 *                   seek └──┴─come to live─► HEAD ──┘
 *
 * It never drops: a spool without room is waited for, and so is a tick's instant.
 */
#ifndef TAPEHEAD_SERVER_REPLAY_PLAYER_H
#define TAPEHEAD_SERVER_REPLAY_PLAYER_H

#include <stdatomic.h>

#include "feed/doorbell.h"
#include "feed/symbols.h"
#include "server/fanout/encode.h"
#include "server/fanout/spool.h"
#include "server/replay/group.h"
#include "server/replay/timeline.h"
#include "server/wire/answer.h"
#include "server/wire/command.h"

enum player_stage { PLAYER_RUNNING, PLAYER_ENDED, PLAYER_HEAD, PLAYER_TAKEN };

/* What a client has asked for. */
struct player_spec {
    struct command_replay ask;
    struct command_id id;
    const char **symbols; /* good ones; in one piece of memory that the player frees */
    size_t symbols_count;
    int format;            /* enum of encode.h */
    struct doorbell *bell; /* of the worker that sends */
};

struct deck;

struct player {
    struct spool spool; /* the thread writes, the worker reads */
    struct deck *deck;  /* whose it is, for ever */
    /* The worker may read it from deck_begin() on: nobody changes it. */
    struct player_spec spec;

    /* Both move it on by compare and exchange. What the thread has written by ENDED or HEAD, the
     * worker may read: `ticks`, `speed` and `places`. */
    _Atomic int stage;
    _Atomic uint32_t
        orders_done; /* the thread counts, the worker reads: answers are in the spool */
    uint64_t ticks;  /* played */
    double speed;    /* as it was in the end */
    struct tape_place places[TIMELINE_PLACES_MAX]; /* how far each partition was played */
    uint32_t places_count;

    /* the thread's own */
    bool used;
    uint32_t orders; /* carried out; orders_done follows once they are answered */
    bool opened;     /* the timeline is */
    bool have;       /* `item` and `time_ns` hold: the tick that comes next */
    bool blocked;    /* for want of room in the spool */
    bool late;       /* since the last extension a tick wasn't due at once */
    bool small;      /* the last extension was */
    bool finished;
    bool reached;               /* `comes_to` is the stage */
    enum player_stage comes_to; /* once finished, and all that was said is in the spool */
    bool owes;                  /* it is yet to be said that it plays, to `owed` */
    struct command_id owed;
    struct group *group;
    struct timeline_wish wish;
    struct timeline timeline;
    const struct tape_item *item;
    int64_t time_ns;
    struct symbols symbols; /* the replay's own numbering */
    struct encoding encoding;
    struct bytes said; /* messages that wait for room in the spool; never more than is reserved */
    int64_t paid_ns;   /* when the next tick may be played, by the rate */
};

/* What all players of a thread share. */
struct player_setting {
    const struct timeline_stock *stock;
    struct archive *archive; /* NULL for none */
    struct deflate *deflate;
    uint32_t symbols_max;
    int64_t tick_ns; /* at least so long between two ticks of a player, on average; 0: no bound */
};

/* Reserves what must not fail later. Returns 0 or -ENOMEM. */
int player_init(struct player *player, struct deck *deck, uint32_t spool_bytes);
void player_finish(struct player *player);

/* The player plays what its spec says, in `group`, which may be playing already. */
void player_begin(struct player *player, const struct player_setting *setting, struct group *group,
                  int64_t now_ns);

/* Lets go of everything but the spool's memory. */
void player_end(struct player *player);

/* From `from_ns` on, numbered anew; `asked` is answered once it plays. Without effect once a worker
 * has taken it over. */
void player_seek(struct player *player, int64_t from_ns, const struct command_id *asked);

/* Live can't be joined here yet: goes on from HEAD. */
void player_go_on(struct player *player);

enum player_ready {
    PLAYER_READY,   /* a tick is there: player->time_ns */
    PLAYER_WAITING, /* not known yet */
    PLAYER_AGAIN,   /* the same, but it may be asked at once */
    PLAYER_BLOCKED, /* no room in the spool */
    PLAYER_OVER     /* there is none, now or for good */
};

/* Sees to it that the next tick is there. */
enum player_ready player_prepare(struct player *player, const struct player_setting *setting);

/* The tick that is there goes into the spool. Returns whether there was room. */
bool player_play(struct player *player);

/* Tells the client how the replay stands; a NULL `asked` is an absent id. */
void player_tell(struct player *player, const char *state, const struct command_id *asked);

/* There is nothing to steer any more: it has ended. */
void player_refuse(struct player *player, const struct command_id *asked);

/* Puts what was said into the spool as far as there is room; only with all of it the orders carried
 * out are done. */
void player_settle(struct player *player);

/* Lets the worker see what was written. */
void player_publish(struct player *player);

#endif
