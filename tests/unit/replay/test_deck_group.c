/* SPDX-License-Identifier: MIT */
/* Tests of server/replay/deck.c: several clients of a deck, on one clock or each on its own. */
#include "tests/unit/replay/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/clock.h"
#include "tests/unit/replay/viewer.h"

static const int64_t MS = 1000000;
enum { HOUR_MS = 3600000 };

static const struct line hourly[] = {{1 * HOUR_MS, 0, 1, "A"},
                                     {2 * HOUR_MS, 0, 2, "B"},
                                     {3 * HOUR_MS, 0, 3, "A"},
                                     {4 * HOUR_MS, 0, 4, "A"},
                                     {5 * HOUR_MS, 0, 5, "B"}};

static const struct command_replay alone = {.speed = 1}, shared = {.speed = 1, .group = "g"},
                                   once = {.count = 1};

static void begin(struct theatre *theatre)
{
    theatre_begin(theatre);
    folder_file(&theatre->folder, "a.tape", hourly, ARRAY_LEN(hourly));
    theatre_open(theatre, (struct theatre_config){0});
}

/* Two of one group, paused at 2 h, A1 played. */
static void begin_two(struct theatre *theatre, struct viewer *a, struct viewer *b)
{
    begin(theatre);
    assert_true(viewer_begin(a, theatre, "A", shared, 1));
    viewer_expect(a, "playing:1@3600000/0 A1");
    viewer_order(a, ORDER_PAUSE, 2, shared);
    viewer_expect(a, "paused:2@10800000/1");
    assert_true(viewer_begin(b, theatre, "B", shared, 11));
    viewer_expect(b, "paused:11@7200000/0");
}

static void end_two(struct theatre *theatre, struct viewer *a, struct viewer *b)
{
    viewer_end(a);
    viewer_end(b);
    theatre_end(theatre);
}

static void a_step_plays_the_next_tick_of_the_whole_group(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer a, b;
    begin_two(&theatre, &a, &b);
    viewer_order(&a, ORDER_STEP, 3, once);
    viewer_expect(&b, "B1 paused:-@18000000/1");
    viewer_expect(&a, "paused:3@10800000/1");
    viewer_order(&b, ORDER_STEP, 12, (struct command_replay){.count = 2});
    viewer_expect(&a, "A2 A3 paused:-/3");
    viewer_expect(&b, "paused:12@18000000/1");
    /* Of one whose tape has ended nothing is waited for. */
    viewer_order(&a, ORDER_STEP, 4, (struct command_replay){.count = 5});
    viewer_expect(&b, "B2 paused:-/2");
    viewer_expect(&a, "paused:4/3");
    end_two(&theatre, &a, &b);
}

static void what_one_orders_all_are_told_and_only_the_one_with_its_id(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer a, b, other;
    begin_two(&theatre, &a, &b);
    assert_true(viewer_begin(&other, &theatre, "A", alone, 21));
    viewer_expect(&other, "playing:21@3600000/0 A1");
    viewer_order(&b, ORDER_SPEED, 12, (struct command_replay){.speed = 2});
    viewer_expect(&b, "paused:12@7200000/0");
    viewer_expect(&a, "paused:-@10800000/1");
    viewer_order(&a, ORDER_RESUME, 3, shared);
    viewer_expect(&a, "playing:3@10800000/1");
    viewer_expect(&b, "playing:-@7200000/0");
    viewer_order(&b, ORDER_SEEK, 13, (struct command_replay){.from_ns = 3 * HOUR_MS * MS});
    viewer_expect(&b, "playing:13@18000000/0");
    viewer_expect(&a, "playing:-@10800000/1 A1");
    viewer_order(&a, ORDER_PAUSE, 4, shared);
    viewer_expect(&a, "paused:4@14400000/2");
    viewer_expect(&b, "paused:-@18000000/0");
    assert_int_equal(viewer_read(&other, 9), 0);
    viewer_end(&other);
    end_two(&theatre, &a, &b);
}

static void whoever_joins_begins_at_the_groups_present_instant(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer a, b, late;
    begin_two(&theatre, &a, &b);
    viewer_order(&a, ORDER_STEP, 3, (struct command_replay){.count = 2});
    viewer_until(&a, "paused:3@");
    /* The tape stands at 3 h. What it asks for itself doesn't count. */
    struct command_replay ask = {.speed = 0, .group = "g", .from_given = true, .from_ns = 0};
    assert_true(viewer_begin(&late, &theatre, "*", ask, 31));
    viewer_expect(&late, "paused:31@10800000/0");
    viewer_order(&late, ORDER_STEP, 32, once);
    viewer_expect(&late, "A1 paused:32@14400000/1");
    viewer_end(&late);
    end_two(&theatre, &a, &b);
}

static void a_group_plays_on_when_the_one_who_began_it_leaves(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer a, b;
    begin_two(&theatre, &a, &b);
    viewer_order(&a, ORDER_STEP, 3, (struct command_replay){.count = 1000000});
    viewer_end(&a);
    viewer_until(&b, "paused:-");
    b.heard[0] = 0, b.len = 0;
    viewer_order(&b, ORDER_SPEED, 12, (struct command_replay){.speed = 0});
    viewer_order(&b, ORDER_RESUME, 13, shared);
    viewer_until(&b, "ended:11/2");
    viewer_end(&b);
    theatre_end(&theatre);
}

static void a_groups_name_is_free_again_when_all_have_left(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer a, b;
    begin_two(&theatre, &a, &b);
    viewer_end(&a);
    viewer_end(&b);
    assert_true(viewer_begin(&a, &theatre, "A", shared, 41));
    viewer_expect(&a, "playing:41@3600000/0 A1");
    viewer_end(&a);
    theatre_end(&theatre);
}

static void a_member_that_does_not_read_holds_up_nobody_who_plays(void **state)
{
    (void)state;
    enum { TICKS = 3000 };
    struct theatre theatre;
    struct viewer slow, quick;
    struct line *lines = calloc(TICKS, sizeof *lines);
    theatre_begin(&theatre);
    for (uint32_t i = 0; i < TICKS; i++)
        lines[i] = (struct line){1000 + i, 0, i + 1, "M"};
    folder_file(&theatre.folder, "m.tape", lines, TICKS);
    free(lines);
    theatre_open(&theatre, (struct theatre_config){.spool_bytes = 4096});
    const struct command_replay ask = {.speed = 1e-9, .group = "g"};
    assert_true(viewer_begin(&slow, &theatre, "M", ask, 1));
    assert_true(viewer_begin(&quick, &theatre, "M", ask, 2));
    viewer_until(&quick, "playing:2");
    viewer_order(&quick, ORDER_SPEED, 3, (struct command_replay){.speed = 0});
    viewer_until(&quick, "ended:2/");
    viewer_until(&slow, "ended:1/3000");
    end_two(&theatre, &slow, &quick);
}

/* ---- the same every time ---- */

/* Times that tie within a file, between files and between partitions. */
static void add_ties(struct theatre *theatre)
{
    static const char *const names[] = {"a-000001.tape", "a-000002.tape", "b.tape", "c.tape"};
    struct line lines[200];
    for (uint32_t file = 0; file < ARRAY_LEN(names); file++) {
        for (uint32_t i = 0; i < ARRAY_LEN(lines); i++) {
            static const char *const symbols[] = {"A", "B", "C"};
            lines[i] = (struct line){1000 + i / 7 - i % 5, (file * 3 + i) % 4,
                                     file * 1000 + i / 4 + 1, symbols[(i + file) % 3]};
        }
        folder_file(&theatre->folder, names[file], lines, ARRAY_LEN(lines));
    }
}

static void a_tape_plays_the_same_every_time(void **state)
{
    (void)state;
    struct theatre theatre;
    char *first = NULL;
    theatre_begin(&theatre);
    add_ties(&theatre);
    theatre_open(&theatre, (struct theatre_config){.spool_bytes = 4096});
    for (int i = 0; i < 3; i++) {
        struct viewer viewer, beside;
        assert_true(
            viewer_begin(&viewer, &theatre, "*", (struct command_replay){.speed = i * 100.0}, 1));
        assert_true(viewer_begin(&beside, &theatre, "A", (struct command_replay){.speed = 0}, 2));
        viewer_until(&viewer, "ended:1/800");
        /* The order between symbols, too: their words stand as they came. */
        char *ticks = strdup(strchr(viewer.heard, ' '));
        if (first)
            assert_string_equal(ticks, first);
        free(first);
        first = ticks;
        viewer_end(&viewer);
        viewer_end(&beside);
    }
    free(first);
    theatre_end(&theatre);
}

/* ---- two workers ---- */

struct worker {
    struct theatre *theatre;
    uint32_t seed;
    int64_t until_ns;
    uint32_t replays;
};

static void steer(struct viewer *viewer, uint32_t dice)
{
    static const enum order_kind kinds[] = {ORDER_PAUSE, ORDER_RESUME, ORDER_STEP, ORDER_SEEK,
                                            ORDER_SPEED};
    if (viewer->orders - viewer_done(viewer) < DECK_ORDERS_MAX)
        viewer_order(viewer, kinds[dice % ARRAY_LEN(kinds)], 7,
                     (struct command_replay){.count = dice % 50 + 1,
                                             .from_ns = (1000 + dice % 30) * MS,
                                             .speed = dice % 3 * 50});
}

/* Begins, steers, reads or not, and releases, as clients come and go. */
static void *work(void *arg)
{
    struct worker *worker = arg;
    struct viewer viewer;
    while (clock_mono_ns() < worker->until_ns) {
        uint32_t dice = worker->seed = worker->seed * 1103515245 + 12345;
        struct command_replay ask = {.speed = dice >> 8 & 1 ? 0 : 10, .max_gap_ms = dice >> 9 & 1};
        if (dice >> 10 & 1)
            strcpy(ask.group, dice >> 11 & 1 ? "g" : "h");
        if (!viewer_begin(&viewer, worker->theatre, "A B*", ask, 1)) {
            usleep(200);
            continue;
        }
        for (uint32_t i = 0; i < (dice >> 12) % 40; i++) {
            if (i % 4 == 0)
                steer(&viewer, (dice >> 3) + i);
            if (dice >> 20 & 1)
                viewer_read(&viewer, 5);
            usleep(50);
        }
        viewer_end(&viewer);
        worker->replays++;
    }
    return NULL;
}

static void workers_begin_steer_and_release_beside_each_other(void **state)
{
    (void)state;
    struct theatre theatre;
    struct worker workers[2];
    pthread_t threads[2];
    theatre_begin(&theatre);
    add_ties(&theatre);
    theatre_open(&theatre, (struct theatre_config){.spool_bytes = 4096, .players = 5});
    for (uint32_t i = 0; i < 2; i++) {
        workers[i] = (struct worker){
            .theatre = &theatre, .seed = i + 1, .until_ns = clock_mono_ns() + 700 * MS};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(workers[i].replays > 0);
    }
    struct viewer viewer;
    while (!viewer_begin(&viewer, &theatre, "*", (struct command_replay){.speed = 0}, 1))
        usleep(1000);
    viewer_until(&viewer, "ended:1/800");
    viewer_end(&viewer);
    theatre_end(&theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_plays_the_next_tick_of_the_whole_group),
        cmocka_unit_test(what_one_orders_all_are_told_and_only_the_one_with_its_id),
        cmocka_unit_test(whoever_joins_begins_at_the_groups_present_instant),
        cmocka_unit_test(a_group_plays_on_when_the_one_who_began_it_leaves),
        cmocka_unit_test(a_groups_name_is_free_again_when_all_have_left),
        cmocka_unit_test(a_member_that_does_not_read_holds_up_nobody_who_plays),
        cmocka_unit_test(a_tape_plays_the_same_every_time),
        cmocka_unit_test(workers_begin_steer_and_release_beside_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
