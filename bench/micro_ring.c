/* SPDX-License-Identifier: MIT */
/* micro_ring: ticks through the ring, in one thread (its own cost) and between two (what the cores'
 * caches add). See micro.h. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "bench/micro.h"
#include "feed/ring.h"

enum { SLOTS = 65536, BATCH = 64, TICKS = 64 * 1024, TICKS_BETWEEN = 4 << 20 };

struct ring_micro {
    struct ring ring;
    uint64_t sum; /* what is read is used */
};

static void *begin(void)
{
    struct ring_micro *self = aligned_alloc(CACHE_LINE, sizeof *self);
    if (self)
        self->sum = 0;
    if (self && ring_init(&self->ring, SLOTS, 1) == 0)
        return self;
    free(self);
    return NULL;
}

static void end(void *arg)
{
    struct ring_micro *self = arg;
    ring_finish(&self->ring);
    free(self);
}

static uint64_t write_some(struct ring *ring, uint64_t seq, uint64_t max)
{
    uint64_t room = ring_room(ring);
    uint64_t count = room < max ? room : max;
    for (uint64_t i = 0; i < count; i++)
        ring_next(ring)->tick = (struct tick){.seq = seq + i, .price = 6168599, .symbol = 7};
    if (count)
        ring_publish(ring);
    return count;
}

static uint64_t read_some(struct ring_micro *self)
{
    const union ring_slot *slots;
    uint64_t count = ring_peek(&self->ring, 0, &slots);
    for (uint64_t i = 0; i < count; i++)
        self->sum += slots[i].tick.seq + (uint64_t)slots[i].tick.price;
    if (count)
        ring_release(&self->ring, 0, count);
    return count;
}

static uint64_t run_alone(void *arg)
{
    struct ring_micro *self = arg;
    for (uint64_t done = 0; done < TICKS; done += BATCH) {
        write_some(&self->ring, done, BATCH);
        read_some(self);
    }
    return TICKS;
}

/* Writer and reader on cores of their own, where there are two: on one they would only take turns.
 */
static void stay_on(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)core, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void *writer(void *arg)
{
    struct ring_micro *self = arg;
    stay_on(1);
    for (uint64_t done = 0; done < TICKS_BETWEEN;) {
        uint64_t left = TICKS_BETWEEN - done;
        uint64_t wrote = write_some(&self->ring, done, left < BATCH ? left : BATCH);
        done += wrote;
        if (!wrote)
            sched_yield();
    }
    return NULL;
}

static uint64_t run_between(void *arg)
{
    struct ring_micro *self = arg;
    pthread_t thread;
    cpu_set_t before;
    pthread_getaffinity_np(pthread_self(), sizeof before, &before);
    stay_on(0);
    if (pthread_create(&thread, NULL, writer, self) != 0)
        abort();
    for (uint64_t done = 0; done < TICKS_BETWEEN;) {
        uint64_t read = read_some(self);
        done += read;
        if (!read)
            sched_yield();
    }
    pthread_join(thread, NULL);
    pthread_setaffinity_np(pthread_self(), sizeof before, &before);
    return TICKS_BETWEEN;
}

const struct micro micro_rings[] = {
    {"ring.one-thread", "tick in and out", begin, run_alone, end, 0},
    {"ring.two-threads", "tick across", begin, run_between, end, 1},
    {0},
};
