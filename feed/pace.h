/* SPDX-License-Identifier: MIT */
/*
 * pace: when each tick of a tape is due, at any speed, with pauses and with long silences cut
 * short. Pure: time comes in as an argument, monotonic nanoseconds.
 *
 * The tape's time is made one that never runs backwards, and whose gaps are at most the longest
 * that is wanted; that time runs `speed` times as fast as the clock.
 */
#ifndef TAPEHEAD_FEED_PACE_H
#define TAPEHEAD_FEED_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_NEVER INT64_MAX

struct pace {
    double speed;       /* 0: as fast as it goes */
    int64_t max_gap_ns; /* 0: as long as they are */
    bool begun, paused;
    int64_t tape_ns; /* the latest instant of the tape so far */
    int64_t run_ns;  /* the same as a time that has run, gaps cut short */
    /* At the instant `from_ns` the time that has run was `from_run_ns`. */
    int64_t from_ns, from_run_ns;
};

/* `speed` is 0 or more. */
void pace_begin(struct pace *pace, double speed, int64_t max_gap_ns);

/* The next tick of the tape has this time; when is it due? With the first the clock begins, at
 * `now_ns`. PACE_NEVER while paused; ask pace_due() again later. */
int64_t pace_next(struct pace *pace, int64_t tape_ns, int64_t now_ns);

/* When the last one asked for is due, as things stand. */
int64_t pace_due(const struct pace *pace);

void pace_pause(struct pace *pace, int64_t now_ns);
void pace_resume(struct pace *pace, int64_t now_ns);

/* What is due next is due now, and the rest after it: for a step while paused, and for a seek. */
void pace_skip(struct pace *pace, int64_t now_ns);
void pace_set_speed(struct pace *pace, double speed, int64_t now_ns);

#endif
