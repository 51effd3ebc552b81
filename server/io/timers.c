/* SPDX-License-Identifier: MIT */
/* timers: see timers.h. */
#include "server/io/timers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"

static const uint32_t none = UINT32_MAX;
static const uint32_t HEAD = 1u << 31; /* in `previous` */

int timers_init(struct timers *timers, uint32_t count, int64_t now_ms)
{
    memset(timers, 0, sizeof *timers);
    timers->timers = calloc(count, sizeof *timers->timers);
    if (!timers->timers)
        return -ENOMEM;
    timers->count = count;
    timers->now_ms = now_ms;
    memset(timers->slots, 0xff, sizeof timers->slots);
    return 0;
}

void timers_finish(struct timers *timers)
{
    free(timers->timers);
    memset(timers, 0, sizeof *timers);
}

/* In the fine wheel where it is due within a turn, else in the coarse one; beyond its end, at its
 * end. */
static uint32_t slot_of(const struct timers *timers, int64_t due_ms)
{
    if (due_ms - timers->now_ms < TIMERS_SLOTS)
        return (uint32_t)(due_ms % TIMERS_SLOTS);
    int64_t turn = due_ms / TIMERS_SLOTS;
    int64_t last = timers->now_ms / TIMERS_SLOTS + TIMERS_COARSE - 1;
    return TIMERS_SLOTS + (uint32_t)((turn < last ? turn : last) % TIMERS_COARSE);
}

static void link_timer(struct timers *timers, uint32_t id)
{
    struct timer *timer = &timers->timers[id];
    uint32_t slot = slot_of(timers, timer->due_ms);
    timer->previous = HEAD | slot;
    timer->next = timers->slots[slot];
    if (timer->next != none)
        timers->timers[timer->next].previous = id;
    timers->slots[slot] = id;
    if (slot < TIMERS_SLOTS)
        timers->occupied[slot / 64] |= 1ull << slot % 64;
}

static void unlink_timer(struct timers *timers, uint32_t id)
{
    struct timer *timer = &timers->timers[id];
    if (timer->next != none)
        timers->timers[timer->next].previous = timer->previous;
    if (!(timer->previous & HEAD)) {
        timers->timers[timer->previous].next = timer->next;
        return;
    }
    uint32_t slot = timer->previous & ~HEAD;
    CHECK(timers->slots[slot] == id);
    timers->slots[slot] = timer->next;
    if (timer->next == none && slot < TIMERS_SLOTS)
        timers->occupied[slot / 64] &= ~(1ull << slot % 64);
}

void timers_set(struct timers *timers, uint32_t id, int64_t due_ms)
{
    ASSERT(id < timers->count);
    timers_clear(timers, id);
    /* Never in the past: then the slot always follows from the due time. */
    timers->timers[id].due_ms = due_ms > timers->now_ms ? due_ms : timers->now_ms;
    link_timer(timers, id);
    timers->set++;
}

void timers_clear(struct timers *timers, uint32_t id)
{
    if (!timers->timers[id].due_ms)
        return;
    unlink_timer(timers, id);
    timers->timers[id].due_ms = 0;
    timers->set--;
}

bool timers_is_set(const struct timers *timers, uint32_t id)
{
    return timers->timers[id].due_ms != 0;
}

/* Slots from `from` on to the next occupied one, going round; TIMERS_SLOTS when there is none. */
static uint32_t distance_to_occupied(const struct timers *timers, uint32_t from)
{
    uint32_t words = TIMERS_SLOTS / 64;
    for (uint32_t i = 0; i <= words; i++) {
        uint32_t word = (from / 64 + i) % words;
        uint64_t bits = timers->occupied[word];
        if (i == 0)
            bits &= ~0ull << from % 64;
        if (bits) {
            uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(bits);
            return (slot - from) % TIMERS_SLOTS;
        }
    }
    return TIMERS_SLOTS;
}

/* When the next turn of the fine wheel begins. */
static int64_t next_turn(const struct timers *timers)
{
    return (timers->now_ms / TIMERS_SLOTS + 1) * TIMERS_SLOTS;
}

/* A turn begins: what is due in it moves over to the fine wheel. */
static void begin_turn(struct timers *timers)
{
    uint32_t slot = TIMERS_SLOTS + (uint32_t)(timers->now_ms / TIMERS_SLOTS % TIMERS_COARSE);
    uint32_t id = timers->slots[slot];
    timers->slots[slot] = none;
    while (id != none) {
        uint32_t next = timers->timers[id].next;
        link_timer(timers, id);
        id = next;
    }
}

bool timers_expire(struct timers *timers, int64_t now_ms, uint32_t *id)
{
    for (;;) {
        uint32_t first = timers->slots[timers->now_ms % TIMERS_SLOTS];
        if (first != none) {
            timers_clear(timers, first);
            *id = first;
            return true;
        }
        if (timers->now_ms >= now_ms)
            return false;
        int64_t turn_ms = next_turn(timers);
        int64_t to_ms = now_ms < turn_ms ? now_ms : turn_ms;
        int64_t due_ms = timers->now_ms +
                         distance_to_occupied(timers, (uint32_t)(timers->now_ms % TIMERS_SLOTS));
        timers->now_ms = due_ms < to_ms ? due_ms : to_ms;
        if (timers->now_ms == turn_ms)
            begin_turn(timers);
    }
}

int64_t timers_wait_ms(const struct timers *timers, int64_t now_ms, int64_t limit_ms)
{
    if (!timers->set)
        return limit_ms;
    int64_t turn_ms = next_turn(timers);
    int64_t due_ms =
        timers->now_ms + distance_to_occupied(timers, (uint32_t)(timers->now_ms % TIMERS_SLOTS));
    due_ms = due_ms < turn_ms ? due_ms : turn_ms;
    int64_t wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    return wait_ms < limit_ms ? wait_ms : limit_ms;
}
