/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"
#include "feed/ring.h"

enum { STRESS_READERS = 3 };

static void write_one(struct ring *ring, uint64_t value)
{
    assert_true(ring_room(ring) > 0);
    ring_next(ring)->tick = (struct tick){.seq = value};
}

static void sizes_are_rounded_up_to_a_power_of_two(void **state)
{
    (void)state;
    struct ring ring;
    assert_int_equal(ring_init(&ring, 5, 1), 0);
    assert_int_equal(ring_room(&ring), 8);
    ring_finish(&ring);
    assert_int_equal(ring_init(&ring, 0, 1), -EINVAL);
    assert_int_equal(ring_init(&ring, 8, RING_READERS_MAX + 1), -EINVAL);
}

static void a_reader_sees_nothing_before_it_is_published(void **state)
{
    (void)state;
    struct ring ring;
    const union ring_slot *slots;
    assert_int_equal(ring_init(&ring, 8, 1), 0);
    write_one(&ring, 1);
    write_one(&ring, 2);
    assert_int_equal(ring_peek(&ring, 0, &slots), 0);
    ring_publish(&ring);
    assert_int_equal(ring_peek(&ring, 0, &slots), 2);
    assert_int_equal(slots[0].tick.seq, 1);
    assert_int_equal(slots[1].tick.seq, 2);
    ring_finish(&ring);
}

static void room_can_be_asked_for_before_the_ring_is_full(void **state)
{
    (void)state;
    struct ring ring;
    assert_int_equal(ring_init(&ring, 4, 1), 0);
    for (uint64_t i = 0; i < 3; i++)
        write_one(&ring, i);
    ring_publish(&ring);
    ring_release(&ring, 0, 3);
    assert_int_equal(ring_room(&ring), 1); /* it has no reason to look yet */
    assert_int_equal(ring_room_now(&ring), 4);
    assert_int_equal(ring_room(&ring), 4);
    assert_int_equal(ring_published(&ring), 3);
    assert_int_equal(ring_released(&ring, 0), 3);
    ring_finish(&ring);
}

static void each_reader_goes_at_its_own_pace_and_the_slowest_sets_the_room(void **state)
{
    (void)state;
    struct ring ring;
    const union ring_slot *slots;
    assert_int_equal(ring_init(&ring, 4, 2), 0);
    for (uint64_t i = 0; i < 4; i++)
        write_one(&ring, i);
    ring_publish(&ring);
    assert_int_equal(ring_room(&ring), 0);
    assert_int_equal(ring_peek(&ring, 0, &slots), 4);
    ring_release(&ring, 0, 4);
    assert_int_equal(ring_room(&ring), 0);
    ring_release(&ring, 1, 1);
    assert_int_equal(ring_room(&ring), 1);
    assert_int_equal(ring_depth(&ring, 0), 0);
    assert_int_equal(ring_depth(&ring, 1), 3);
    ring_finish(&ring);
}

static void a_peek_ends_where_the_memory_does_and_the_next_goes_on_from_its_start(void **state)
{
    (void)state;
    struct ring ring;
    const union ring_slot *slots;
    assert_int_equal(ring_init(&ring, 4, 1), 0);
    for (uint64_t i = 0; i < 3; i++)
        write_one(&ring, i);
    ring_publish(&ring);
    ring_release(&ring, 0, 3);
    for (uint64_t i = 3; i < 6; i++)
        write_one(&ring, i);
    ring_publish(&ring);
    assert_int_equal(ring_peek(&ring, 0, &slots), 1);
    assert_int_equal(slots[0].tick.seq, 3);
    ring_release(&ring, 0, 1);
    assert_int_equal(ring_peek(&ring, 0, &slots), 2);
    assert_int_equal(slots[0].tick.seq, 4);
    assert_int_equal(slots[1].tick.seq, 5);
    ring_finish(&ring);
}

/* ---- one writer, three readers ---- */

struct stress {
    struct ring ring;
    uint64_t total;
};

struct stress_reader {
    struct stress *stress;
    uint32_t index;
    uint64_t wrong_at; /* position of the first bad slot, plus one */
};

static struct tick stress_tick(uint64_t position)
{
    return (struct tick){.price = (int64_t)(position * 7),
                         .size = (int64_t)~position,
                         .seq = position,
                         .pos = position ^ UINT64_C(0xabcdef),
                         .id = position * 3};
}

static void *read_all(void *arg)
{
    struct stress_reader *r = arg;
    struct ring *ring = &r->stress->ring;
    uint64_t seen = 0;
    while (seen < r->stress->total) {
        const union ring_slot *slots;
        uint64_t count = ring_peek(ring, r->index, &slots);
        if (count == 0)
            sched_yield();
        if (count > 1 + r->index * 13) /* readers of unequal bite */
            count = 1 + r->index * 13;
        for (uint64_t i = 0; i < count; i++, seen++) {
            struct tick expected = stress_tick(seen);
            if (r->wrong_at == 0 && memcmp(&slots[i].tick, &expected, sizeof expected) != 0)
                r->wrong_at = seen + 1;
        }
        ring_release(ring, r->index, count);
    }
    return NULL;
}

static void write_all(struct stress *s)
{
    for (uint64_t written = 0; written < s->total;) {
        uint64_t room = ring_room(&s->ring);
        uint64_t batch = written % 37 + 1;
        if (room == 0)
            sched_yield();
        if (batch > room)
            batch = room;
        for (uint64_t i = 0; i < batch && written < s->total; i++, written++)
            ring_next(&s->ring)->tick = stress_tick(written);
        ring_publish(&s->ring);
    }
}

static void three_readers_see_every_slot_once_in_order_while_one_writes(void **state)
{
    (void)state;
    static struct stress stress;
    struct stress_reader readers[STRESS_READERS];
    pthread_t threads[STRESS_READERS];
    stress.total = 1000000;
    assert_int_equal(ring_init(&stress.ring, 1024, STRESS_READERS), 0);
    int64_t start_ns = clock_mono_ns();
    for (uint32_t i = 0; i < STRESS_READERS; i++) {
        readers[i] = (struct stress_reader){.stress = &stress, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
    }
    write_all(&stress);
    for (uint32_t i = 0; i < STRESS_READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].wrong_at, 0);
        assert_int_equal(ring_depth(&stress.ring, i), 0);
    }
    print_message("%.1f million slots a second to %d readers\n",
                  (double)stress.total * 1e3 / (double)(clock_mono_ns() - start_ns),
                  STRESS_READERS);
    ring_finish(&stress.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_rounded_up_to_a_power_of_two),
        cmocka_unit_test(a_reader_sees_nothing_before_it_is_published),
        cmocka_unit_test(room_can_be_asked_for_before_the_ring_is_full),
        cmocka_unit_test(each_reader_goes_at_its_own_pace_and_the_slowest_sets_the_room),
        cmocka_unit_test(a_peek_ends_where_the_memory_does_and_the_next_goes_on_from_its_start),
        cmocka_unit_test(three_readers_see_every_slot_once_in_order_while_one_writes),
    };
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
