/* SPDX-License-Identifier: MIT */
#include "tests/unit/fanout/support.h"

#include <string.h>

#include "server/io/timers.h"

enum { TIMERS = 60 };

static void assert_expires(struct timers *timers, int64_t now_ms, uint32_t expected)
{
    uint32_t id;
    assert_true(timers_expire(timers, now_ms, &id));
    assert_int_equal(id, expected);
    assert_false(timers_is_set(timers, id));
}

static void assert_nothing_due(struct timers *timers, int64_t now_ms)
{
    uint32_t id;
    assert_false(timers_expire(timers, now_ms, &id));
}

static void a_timer_expires_when_due_and_once(void **state)
{
    (void)state;
    struct timers timers;
    assert_int_equal(timers_init(&timers, 2, 1000), 0);
    timers_set(&timers, 1, 1010);
    assert_true(timers_is_set(&timers, 1));
    assert_nothing_due(&timers, 1009);
    assert_expires(&timers, 1010, 1);
    assert_nothing_due(&timers, 1010);
    assert_nothing_due(&timers, 1010 + 3 * TIMERS_SLOTS);
    timers_finish(&timers);
}

static void one_set_again_moves(void **state)
{
    (void)state;
    struct timers timers;
    assert_int_equal(timers_init(&timers, 2, 1000), 0);
    timers_set(&timers, 0, 1010);
    timers_set(&timers, 0, 1020);
    assert_int_equal(timers.set, 1);
    assert_nothing_due(&timers, 1019);
    assert_expires(&timers, 1020, 0);
    timers_finish(&timers);
}

static void a_cleared_one_never_expires(void **state)
{
    (void)state;
    struct timers timers;
    assert_int_equal(timers_init(&timers, 3, 1000), 0);
    for (uint32_t i = 0; i < 3; i++)
        timers_set(&timers, i, 1010);
    timers_clear(&timers, 1);
    timers_clear(&timers, 1);
    uint32_t first, second;
    assert_true(timers_expire(&timers, 1010, &first));
    assert_true(timers_expire(&timers, 1010, &second));
    assert_int_equal(first + second, 2);
    assert_nothing_due(&timers, 1010);
    timers_finish(&timers);
}

static void one_further_than_the_wheel_waits_its_turns(void **state)
{
    (void)state;
    struct timers timers;
    assert_int_equal(timers_init(&timers, 1, 1), 0);
    timers_set(&timers, 0, 1 + 3 * TIMERS_SLOTS);
    for (int64_t now = 1; now < 1 + 3 * TIMERS_SLOTS; now++)
        assert_nothing_due(&timers, now);
    assert_expires(&timers, 1 + 3 * TIMERS_SLOTS, 0);
    timers_finish(&timers);
}

static void one_due_in_the_past_expires_at_once(void **state)
{
    (void)state;
    struct timers timers;
    assert_int_equal(timers_init(&timers, 1, 5000), 0);
    assert_nothing_due(&timers, 5003);
    timers_set(&timers, 0, 17);
    assert_int_equal(timers_wait_ms(&timers, 5003, 1000), 0);
    assert_expires(&timers, 5003, 0);
    timers_finish(&timers);
}

static void all_that_fell_due_in_a_long_sleep_expire(void **state)
{
    (void)state;
    struct timers timers;
    assert_int_equal(timers_init(&timers, TIMERS, 1), 0);
    for (uint32_t i = 0; i < TIMERS; i++)
        timers_set(&timers, i, 1 + i * 977);
    uint64_t seen = 0;
    uint32_t id;
    while (timers_expire(&timers, 10000000, &id))
        seen |= 1ull << id;
    assert_int_equal(seen, (1ull << TIMERS) - 1);
    assert_int_equal(timers.set, 0);
    timers_finish(&timers);
}

static void without_timers_one_waits_to_the_limit(void **state)
{
    (void)state;
    struct timers timers;
    assert_int_equal(timers_init(&timers, 1, 1), 0);
    assert_int_equal(timers_wait_ms(&timers, 1, 250), 250);
    timers_set(&timers, 0, 3);
    timers_clear(&timers, 0);
    assert_int_equal(timers_wait_ms(&timers, 1, 250), 250);
    timers_finish(&timers);
}

static void one_waits_until_the_first_is_due(void **state)
{
    (void)state;
    for (int64_t start = 1; start < 2 * TIMERS_SLOTS; start += 61) {
        for (int64_t wait = 1; wait < TIMERS_SLOTS; wait += 97) {
            struct timers timers;
            assert_int_equal(timers_init(&timers, 1, start), 0);
            timers_set(&timers, 0, start + wait);
            /* Or until the wheel has turned. */
            int64_t turn = TIMERS_SLOTS - start % TIMERS_SLOTS;
            assert_int_equal(timers_wait_ms(&timers, start, 1 << 20), wait < turn ? wait : turn);
            int64_t least = wait < turn ? wait : turn;
            assert_int_equal(timers_wait_ms(&timers, start, 5), least < 5 ? least : 5);
            assert_int_equal(timers_wait_ms(&timers, start + wait + 3, 5), 0);
            timers_finish(&timers);
        }
    }
}

/* ---- against a naive list of due times, 0 for none ---- */

struct scene {
    struct timers timers;
    int64_t due[TIMERS];
    int64_t now;
    uint64_t random, seed;
};

static int64_t some_due(struct scene *scene)
{
    switch (random_below(&scene->random, 5)) {
    case 0: return scene->now - (int64_t)random_below(&scene->random, 100);
    case 1: return scene->now + (int64_t)random_below(&scene->random, 20);
    case 2: return scene->now + TIMERS_SLOTS * (int64_t)random_below(&scene->random, 4);
    case 3: return scene->now + (int64_t)random_below(&scene->random, 60000);
    default: return scene->now + (int64_t)random_below(&scene->random, TIMERS_SLOTS + 2);
    }
}

static void change(struct scene *scene)
{
    uint32_t id = (uint32_t)random_below(&scene->random, TIMERS);
    if (random_below(&scene->random, 3)) {
        scene->due[id] = some_due(scene);
        timers_set(&scene->timers, id, scene->due[id]);
    } else {
        scene->due[id] = 0;
        timers_clear(&scene->timers, id);
    }
}

static void expire(struct scene *scene)
{
    uint32_t id;
    while (timers_expire(&scene->timers, scene->now, &id)) {
        model_assert(id < TIMERS && scene->due[id] && scene->due[id] <= scene->now, scene->seed);
        scene->due[id] = 0;
        if (!random_below(&scene->random, 4)) { /* set again by what it set off */
            scene->due[id] = scene->now + 1 + (int64_t)random_below(&scene->random, 9000);
            timers_set(&scene->timers, id, scene->due[id]);
        }
    }
}

static void check(const struct scene *scene)
{
    int64_t first = INT64_MAX;
    uint32_t set = 0;
    for (uint32_t i = 0; i < TIMERS; i++) {
        model_assert(timers_is_set(&scene->timers, i) == (scene->due[i] != 0), scene->seed);
        model_assert(!scene->due[i] || scene->due[i] > scene->now, scene->seed);
        set += scene->due[i] != 0;
        if (scene->due[i] && scene->due[i] < first)
            first = scene->due[i];
    }
    model_assert(scene->timers.set == set, scene->seed);
    int64_t wait = timers_wait_ms(&scene->timers, scene->now, 1000000);
    /* Never 0 with nothing due: a worker would spin. */
    model_assert(wait > 0 && wait <= 1000000, scene->seed);
    model_assert(!set || scene->now + wait <= first, scene->seed);
}

static int64_t some_sleep(struct scene *scene)
{
    uint64_t dice = random_below(&scene->random, 20);
    if (dice == 0)
        return (int64_t)random_below(&scene->random, 40000);
    if (dice < 4)
        return timers_wait_ms(&scene->timers, scene->now, 100000);
    return (int64_t)random_below(&scene->random, 30);
}

static void round_against_list(uint64_t seed)
{
    struct scene scene = {.now = 100000 + (int64_t)(seed % 5000), .random = seed, .seed = seed};
    assert_int_equal(timers_init(&scene.timers, TIMERS, scene.now), 0);
    for (int step = 0; step < 3000; step++) {
        for (uint64_t left = random_below(&scene.random, 4); left > 0; left--)
            change(&scene);
        expire(&scene);
        check(&scene);
        scene.now += some_sleep(&scene);
    }
    timers_finish(&scene.timers);
}

static void any_order_of_calls_agrees_with_a_naive_list(void **state)
{
    (void)state;
    model_run(800, 40, round_against_list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_expires_when_due_and_once),
        cmocka_unit_test(one_set_again_moves),
        cmocka_unit_test(a_cleared_one_never_expires),
        cmocka_unit_test(one_further_than_the_wheel_waits_its_turns),
        cmocka_unit_test(one_due_in_the_past_expires_at_once),
        cmocka_unit_test(all_that_fell_due_in_a_long_sleep_expire),
        cmocka_unit_test(without_timers_one_waits_to_the_limit),
        cmocka_unit_test(one_waits_until_the_first_is_due),
        cmocka_unit_test(any_order_of_calls_agrees_with_a_naive_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
