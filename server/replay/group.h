/* SPDX-License-Identifier: MIT */
/*
 * group: the clock of one replay, or of several that share it: which instant of the tape it is, at
 * any speed, with pauses and with long silences cut short. Pure: time comes in as an argument,
 * monotonic nanoseconds. Player thread only.
 *
 * The tape's time moves `speed` times as fast as the clock. A silence is one only when no member
 * has a tick in it, so it is the player thread that finds it, and calls group_leap().
 */
#ifndef TAPEHEAD_SERVER_REPLAY_GROUP_H
#define TAPEHEAD_SERVER_REPLAY_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/tape_reader.h"
#include "server/wire/command.h"

struct player;

#define GROUP_NEVER INT64_MAX

struct group {
    char name[COMMAND_GROUP_MAX + 1]; /* "" for a replay by itself */
    uint32_t members;                 /* 0: free */
    enum tape_clock clock;            /* whose time the tape's is */
    double speed;                     /* 0: as fast as it goes */
    int64_t max_gap_ns;               /* 0: silences are as long as they are */
    uint32_t steps;                   /* ticks yet to be played while paused */
    bool stepping;          /* they were asked for, and it is yet to be said that they are done */
    struct player *stepper; /* who asked, and is answered to */
    struct command_id stepped;
    bool paused;
    bool begun; /* the two below hold: at `at_ns` the tape stood at `tape_ns` */
    bool
        positioned; /* `tape_ns` holds, though the clock hasn't begun: where whoever joins begins */
    int64_t at_ns, tape_ns;
};

void group_init(struct group *group, const char *name, enum tape_clock clock, double speed,
                int64_t max_gap_ns);

/* The tape goes on at the tick of `tape_ns`, which is due now. */
void group_begin(struct group *group, int64_t tape_ns, int64_t now_ns);

/* Which instant of the tape it is, by the clock; before it has begun, where it is to begin. */
int64_t group_tape_ns(const struct group *group, int64_t now_ns);

/* When the tick of `tape_ns` is due; GROUP_NEVER while paused. */
int64_t group_due(const struct group *group, int64_t tape_ns);

/* The next tick of any member has this time: a silence before it is cut to max_gap_ns. */
void group_leap(struct group *group, int64_t next_ns, int64_t now_ns);

void group_pause(struct group *group, int64_t now_ns);
void group_resume(struct group *group, int64_t now_ns);
void group_set_speed(struct group *group, double speed, int64_t now_ns);

/* A tick of `tape_ns` was played: as fast as it goes, that is what moves the tape's time. */
void group_played(struct group *group, int64_t tape_ns);

/* Paused, a tick of `tape_ns` was played all the same. */
void group_step(struct group *group, int64_t tape_ns);

/* The tape goes on elsewhere: it begins again with the next group_begin(). */
void group_seek(struct group *group, int64_t tape_ns);

#endif
