/* SPDX-License-Identifier: MIT */
/*
 * main: the ring and the doorbell, their real source, in every interleaving of a writer and two
 * readers over two slots (explore.h says what "every" means).
 *
 * The writer publishes batches and rings, as feed.c does; a reader drains, arms, looks again and
 * sleeps, as worker.c does. Asserted: each reader gets each slot once, in order and whole; nothing
 * unread is overwritten; nobody sleeps for ever.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "feed/doorbell.h"
#include "feed/ring.h"
#include "tests/sim/interleave/explore.h"

enum { SLOTS = 2, READERS = 2, WRITER = READERS, TICKS_MAX = 6, FD = 1 << 20 };

static struct {
    struct ring ring;
    struct doorbell bells[READERS];
    uint64_t rings[READERS]; /* the eventfds' counters */
    uint64_t got[READERS];   /* ticks read */
    uint64_t ticks;          /* to be written in all */
    uint64_t batch;          /* so many before each publish */
} shared;

/* ---- in the C library's place ---- */

ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_eventfd(unsigned initial, int flags);
int __wrap_close(int fd);
ssize_t __real_write(int fd, const void *data, size_t len);

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    if (fd < FD)
        return __real_write(fd, data, len);
    explore_point();
    shared.rings[fd - FD]++;
    return (ssize_t)len;
}

int __wrap_eventfd(unsigned initial, int flags)
{
    (void)flags;
    return FD + (int)initial;
}

int __wrap_close(int fd)
{
    (void)fd;
    return 0;
}

/* ---- the writer ---- */

static uint64_t in_memory(_Atomic uint64_t *at)
{
    return atomic_load(at);
}

/* F asks again a millisecond later; here, once a reader has moved. */
static bool has_moved(uint32_t thread)
{
    (void)thread;
    for (uint32_t i = 0; i < READERS; i++)
        if (shared.ring.written - in_memory(&shared.ring.readers[i].released) >= SLOTS)
            return false;
    return true;
}

static void publish(void)
{
    ring_publish(&shared.ring);
    for (uint32_t i = 0; i < READERS; i++)
        doorbell_ring(&shared.bells[i]);
}

static void write_ticks(void)
{
    uint64_t unpublished = 0;
    for (uint64_t i = 1; i <= shared.ticks; i++) {
        explore_milestone(unpublished); /* `i` shows in the ring's `written` */
        while (!ring_room(&shared.ring)) {
            if (unpublished)
                publish();
            unpublished = 0;
            explore_wait(has_moved);
        }
        union ring_slot *slot = ring_next(&shared.ring);
        /* In two halves, with others in between: a reader must see neither half. */
        slot->tick.seq = i;
        explore_point();
        slot->tick.pos = i;
        if (++unpublished < shared.batch && i < shared.ticks)
            continue;
        publish();
        unpublished = 0;
    }
}

/* ---- a reader ---- */

static bool is_rung(uint32_t thread)
{
    return shared.rings[thread] > 0;
}

static void take(uint32_t reader, const union ring_slot *slots, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t expected = shared.got[reader] + 1;
        if (slots[i].tick.seq != expected)
            explore_fail("a slot out of order, or overwritten unread");
        explore_point();
        if (slots[i].tick.pos != expected)
            explore_fail("half a slot, or one overwritten while it is read");
        shared.got[reader]++;
    }
}

static void read_ticks(uint32_t reader)
{
    const union ring_slot *slots;
    while (shared.got[reader] < shared.ticks) {
        explore_milestone(0); /* what it has got is shared */
        uint64_t count = ring_peek(&shared.ring, reader, &slots);
        if (count) {
            take(reader, slots, count);
            ring_release(&shared.ring, reader, count);
            continue;
        }
        doorbell_arm(&shared.bells[reader]);
        if (!ring_peek(&shared.ring, reader, &slots)) {
            explore_wait(is_rung);
            shared.rings[reader] = 0;
        }
        doorbell_disarm(&shared.bells[reader]);
    }
}

/* ---- the model ---- */

static void reset(void)
{
    for (uint64_t i = 0; i < SLOTS; i++)
        memset(&shared.ring.slots[i], 0, sizeof *shared.ring.slots);
    shared.ring.written = shared.ring.released_min = 0;
    atomic_store(&shared.ring.published, 0);
    for (uint32_t i = 0; i < READERS; i++) {
        atomic_store(&shared.ring.readers[i].released, 0);
        atomic_store(&shared.bells[i].asleep, false);
        shared.rings[i] = shared.got[i] = 0;
    }
}

static uint64_t hash(void)
{
    uint64_t sum = explore_mix(shared.ring.written, shared.ring.released_min);
    sum = explore_mix(sum, in_memory(&shared.ring.published));
    for (uint64_t i = 0; i < SLOTS; i++)
        sum = explore_mix(explore_mix(sum, shared.ring.slots[i].tick.seq),
                          shared.ring.slots[i].tick.pos);
    for (uint32_t i = 0; i < READERS; i++) {
        sum = explore_mix(sum, in_memory(&shared.ring.readers[i].released));
        sum = explore_mix(sum, shared.got[i]);
        sum = explore_mix(sum, shared.rings[i] * 2 + atomic_load(&shared.bells[i].asleep));
    }
    return sum;
}

static bool is_own(uint32_t thread, const void *at)
{
    return thread < READERS && at == &shared.ring.readers[thread].released;
}

static void run(uint32_t thread)
{
    if (thread == WRITER)
        write_ticks();
    else
        read_ticks(thread);
}

static void ended(void)
{
    for (uint32_t i = 0; i < READERS; i++)
        if (shared.got[i] != shared.ticks)
            explore_fail("a reader has ended without all ticks");
}

static const struct explore_model model = {.threads = READERS + 1,
                                           .reset = reset,
                                           .run = run,
                                           .hash = hash,
                                           .is_own = is_own,
                                           .ended = ended};

static void explore_with(uint64_t ticks, uint64_t batch)
{
    shared.ticks = ticks;
    shared.batch = batch;
    struct explore_count count = explore(&model);
    printf("%" PRIu64 " ticks in batches of %" PRIu64 ": %" PRIu64 " states, %" PRIu64
           " runs of up to %u steps, %" PRIu64 " steps\n",
           ticks, batch, count.states, count.runs, count.depth_max, count.steps);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    uint64_t ticks_max = argc > 1 ? strtoull(argv[1], NULL, 10) : 3;
    if (ticks_max < 1 || ticks_max > TICKS_MAX) {
        fprintf(stderr, "usage: interleave [TICKS, 1 to %d]\n", TICKS_MAX);
        return 2;
    }
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    if (ring_init(&shared.ring, SLOTS, READERS) < 0)
        return EXIT_FAILURE;
    for (uint32_t i = 0; i < READERS; i++) {
        doorbell_init(&shared.bells[i]);
        shared.bells[i].fd = FD + (int)i;
    }
    for (uint64_t ticks = 1; ticks <= ticks_max; ticks++)
        for (uint64_t batch = 1; batch <= SLOTS && batch <= ticks; batch++)
            explore_with(ticks, batch);
    ring_finish(&shared.ring);
    return EXIT_SUCCESS;
}
