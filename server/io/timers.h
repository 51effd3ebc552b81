/* SPDX-License-Identifier: MIT */
/*
 * timers: a wheel of one-shot timers with a grain of a millisecond; one worker's. Pure: time comes
 * in as an argument.
 *
 * Timer ids are dense and the caller's (a client has two); setting one that is set moves it. The
 * fine wheel holds what is due within one turn of it. What is further ahead waits on a coarse
 * wheel, a slot of which is a turn of the fine one, and moves over when its turn begins. So setting
 * and expiring are O(1), and an occupied slot means that something is due then.
 */
#ifndef TAPEHEAD_SERVER_IO_TIMERS_H
#define TAPEHEAD_SERVER_IO_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TIMERS_SLOTS = 4096,  /* milliseconds round the fine wheel */
    TIMERS_COARSE = 1024, /* turns of it round the coarse one */
};

struct timer {
    int64_t due_ms; /* 0 when not set */
    uint32_t next;
    uint32_t previous; /* a timer; at the head of a slot the slot, marked as such */
};

struct timers {
    struct timer *timers;
    uint32_t count;
    uint32_t set; /* how many are */
    int64_t now_ms;
    uint32_t slots[TIMERS_SLOTS + TIMERS_COARSE];
    uint64_t occupied[TIMERS_SLOTS / 64]; /* a bit a fine slot, to find the next without walking */
};

/* Returns 0 or -ENOMEM. */
int timers_init(struct timers *timers, uint32_t count, int64_t now_ms);
void timers_finish(struct timers *timers);

/* Due at `due_ms`, or at the next expiry when that has passed. */
void timers_set(struct timers *timers, uint32_t id, int64_t due_ms);
void timers_clear(struct timers *timers, uint32_t id);
bool timers_is_set(const struct timers *timers, uint32_t id);

/* Takes one timer that is due at `now_ms` and clears it: returns true with its id. Call until
 * false. */
bool timers_expire(struct timers *timers, int64_t now_ms, uint32_t *id);

/* Milliseconds until something may be due: 0 for now, at most `limit_ms`. */
int64_t timers_wait_ms(const struct timers *timers, int64_t now_ms, int64_t limit_ms);

#endif
