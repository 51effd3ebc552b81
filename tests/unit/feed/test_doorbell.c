/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "feed/clock.h"
#include "feed/doorbell.h"
#include "feed/ring.h"

/* Waits for the bell at most `timeout_ms`; returns whether it rang. */
static bool sleep_on(struct doorbell *bell, int timeout_ms)
{
    struct pollfd p = {.fd = bell->fd, .events = POLLIN};
    uint64_t rings;
    if (poll(&p, 1, timeout_ms) != 1)
        return false;
    return read(bell->fd, &rings, sizeof rings) == sizeof rings;
}

static void only_a_sleeper_is_rung(void **state)
{
    (void)state;
    struct doorbell bell;
    assert_int_equal(doorbell_init(&bell), 0);
    assert_false(doorbell_ring(&bell));
    assert_false(sleep_on(&bell, 0));
    doorbell_arm(&bell);
    assert_true(doorbell_ring(&bell));
    assert_false(doorbell_ring(&bell)); /* once is enough */
    assert_true(sleep_on(&bell, 0));
    doorbell_arm(&bell);
    doorbell_disarm(&bell);
    assert_false(doorbell_ring(&bell));
    doorbell_finish(&bell);
}

static void a_zeroed_bell_can_be_finished(void **state)
{
    (void)state;
    struct doorbell bell;
    memset(&bell, 0, sizeof bell);
    doorbell_finish(&bell);
}

/* ---- no wake-up is lost ---- */

enum { SLOTS = 200000, PATIENCE_MS = 3000 };

struct scene {
    struct ring ring;
    struct doorbell bell;
    uint64_t seen, sleeps;
    bool overslept; /* something was published, and no bell rang */
};

static void *work(void *arg)
{
    struct scene *s = arg;
    const union ring_slot *slots;
    while (s->seen < SLOTS && !s->overslept) {
        uint64_t count = ring_peek(&s->ring, 0, &slots);
        if (count > 0) {
            s->seen += count;
            ring_release(&s->ring, 0, count);
            continue;
        }
        doorbell_arm(&s->bell);
        if (ring_peek(&s->ring, 0, &slots) == 0) {
            s->sleeps++;
            if (!sleep_on(&s->bell, PATIENCE_MS))
                s->overslept = true;
        }
        doorbell_disarm(&s->bell);
    }
    return NULL;
}

static void a_worker_that_sleeps_wakes_for_every_batch(void **state)
{
    (void)state;
    static struct scene scene;
    pthread_t worker;
    assert_int_equal(ring_init(&scene.ring, SLOTS, 1), 0);
    assert_int_equal(doorbell_init(&scene.bell), 0);
    assert_int_equal(pthread_create(&worker, NULL, work, &scene), 0);
    for (uint64_t i = 0; i < SLOTS; i++) {
        ring_next(&scene.ring)->tick = (struct tick){.seq = i};
        ring_publish(&scene.ring);
        doorbell_ring(&scene.bell);
        /* Pauses of unequal length, so that arming and ringing meet in every order. */
        for (volatile uint64_t spin = 0; spin < (i * 2654435761u >> 7) % 400; spin++)
            ;
    }
    pthread_join(worker, NULL);
    assert_false(scene.overslept);
    assert_int_equal(scene.seen, SLOTS);
    print_message("slept %llu times in %d batches\n", (unsigned long long)scene.sleeps, SLOTS);
    doorbell_finish(&scene.bell);
    ring_finish(&scene.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_sleeper_is_rung),
        cmocka_unit_test(a_zeroed_bell_can_be_finished),
        cmocka_unit_test(a_worker_that_sleeps_wakes_for_every_batch),
    };
    return cmocka_run_group_tests_name("doorbell", tests, NULL, NULL);
}
