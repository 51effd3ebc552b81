/* SPDX-License-Identifier: MIT */
/* Tests of server/replay/deck.c and player.c: one client of a deck. */
#include "tests/unit/replay/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/clock.h"
#include "tests/unit/replay/viewer.h"

static const int64_t MS = 1000000;
enum { HOUR_MS = 3600000 };

/* An hour lies between each and the next: at speed 1 none comes by itself after the first. */
static const struct line hourly[] = {{1 * HOUR_MS, 0, 1, "A"},
                                     {2 * HOUR_MS, 0, 2, "B"},
                                     {3 * HOUR_MS, 0, 3, "A"},
                                     {4 * HOUR_MS, 0, 4, "B"},
                                     {5 * HOUR_MS, 0, 5, "A"}};

static const struct command_replay plain = {.speed = 1}, fast = {.speed = 0};

static void begin(struct theatre *theatre, struct theatre_config config)
{
    theatre_begin(theatre);
    folder_file(&theatre->folder, "a.tape", hourly, ARRAY_LEN(hourly));
    theatre_open(theatre, config);
}

/* A file of so many ticks of symbol M, a millisecond apart. */
static void add_many(struct theatre *theatre, const char *name, uint32_t count)
{
    struct line *lines = calloc(count, sizeof *lines);
    for (uint32_t i = 0; i < count; i++)
        lines[i] = (struct line){1000 + i, 0, i + 1, "M"};
    folder_file(&theatre->folder, name, lines, count);
    free(lines);
}

static void a_replay_plays_what_is_wanted_and_ends(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){0});
    assert_true(viewer_begin(&viewer, &theatre, "A B", fast, 1));
    viewer_expect(&viewer, "playing:1@3600000/0 A1 B1 A2 B2 A3 ended:1/5");
    viewer_await(&viewer, PLAYER_ENDED);
    viewer_end(&viewer);
    assert_true(viewer_begin(&viewer, &theatre, "B*", fast, 2));
    viewer_expect(&viewer, "playing:2@7200000/0 B1 B2 ended:2/2");
    viewer_end(&viewer);
    assert_true(viewer_begin(&viewer, &theatre, "C", fast, 3));
    viewer_expect(&viewer, "playing:3/0 ended:3/0");
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void a_replay_keeps_to_its_bounds_by_its_clock(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){0});
    struct command_replay ask = {.from_given = true,
                                 .from_ns = 2 * HOUR_MS * MS,
                                 .until_given = true,
                                 .until_ns = 4 * HOUR_MS * MS};
    assert_true(viewer_begin(&viewer, &theatre, "*", ask, 1));
    viewer_expect(&viewer, "playing:1@7200000/0 B1 A1 ended:1/2");
    viewer_end(&viewer);
    ask.by_receive = true; /* 7 ms later */
    ask.from_ns += 8 * MS;
    ask.until_ns += 8 * MS;
    assert_true(viewer_begin(&viewer, &theatre, "*", ask, 1));
    viewer_expect(&viewer, "playing:1@10800007/0 A1 B1 ended:1/2");
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void orders_are_answered_in_their_place(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){0});
    assert_true(viewer_begin(&viewer, &theatre, "*", plain, 1));
    viewer_expect(&viewer, "playing:1@3600000/0 A1");
    viewer_order(&viewer, ORDER_PAUSE, 2, plain);
    viewer_expect(&viewer, "paused:2@7200000/1");
    viewer_order(&viewer, ORDER_STEP, 3, (struct command_replay){.count = 2});
    viewer_expect(&viewer, "B1 A2 paused:3@14400000/3");
    viewer_order(&viewer, ORDER_SPEED, 4, (struct command_replay){.speed = 3});
    viewer_expect(&viewer, "paused:4@14400000/3");
    assert_non_null(strstr(viewer.last, "\"speed\":3"));
    viewer_order(&viewer, ORDER_RESUME, 5, plain);
    viewer_expect(&viewer, "playing:5@14400000/3");
    viewer_order(&viewer, ORDER_SPEED, 6, fast);
    viewer_expect(&viewer, "playing:6@14400000/3 B2 A3 ended:1/5");
    assert_int_equal(viewer_done(&viewer), 5);
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void steps_past_the_end_of_the_tape_are_answered_there(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){0});
    assert_true(viewer_begin(&viewer, &theatre, "*", plain, 1));
    viewer_expect(&viewer, "playing:1@3600000/0 A1");
    viewer_order(&viewer, ORDER_STEP, 2, (struct command_replay){.count = 4});
    viewer_expect(&viewer, "B1 A2 B2 A3 paused:2/5");
    viewer_order(&viewer, ORDER_STEP, 3, (struct command_replay){.count = 1000});
    viewer_expect(&viewer, "paused:3/5");
    viewer_order(&viewer, ORDER_SEEK, 4, (struct command_replay){.from_ns = 4 * HOUR_MS * MS});
    viewer_expect(&viewer, "paused:4@14400000/5");
    viewer_order(&viewer, ORDER_STEP, 5, (struct command_replay){.count = 9});
    viewer_expect(&viewer, "B1 A1 paused:5/7");
    viewer_order(&viewer, ORDER_RESUME, 6, plain);
    viewer_expect(&viewer, "playing:6/7 ended:1/7");
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void each_of_two_steps_is_answered_and_both_are_made(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){0});
    for (int i = 0; i < 20; i++) {
        assert_true(viewer_begin(&viewer, &theatre, "*", plain, 1));
        viewer_expect(&viewer, "playing:1@3600000/0 A1");
        viewer_order(&viewer, ORDER_STEP, 2, (struct command_replay){.count = 1});
        viewer_order(&viewer, ORDER_STEP, 3, (struct command_replay){.count = 2});
        viewer_until(&viewer, "paused:2@");
        viewer_until(&viewer, "paused:3@18000000/4");
        viewer_end(&viewer);
    }
    theatre_end(&theatre);
}

static void what_cuts_steps_short_has_them_answered_first(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){.spool_bytes = 4096});
    add_many(&theatre, "m.tape", 5000);
    static const enum order_kind kinds[] = {ORDER_PAUSE, ORDER_RESUME, ORDER_SEEK};
    static const char *const answers[] = {"paused:3@", "playing:3@", "paused:3@"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        assert_true(viewer_begin(&viewer, &theatre, "M", plain, 1));
        viewer_until(&viewer, "playing:1");
        viewer_order(&viewer, ORDER_STEP, 2, (struct command_replay){.count = 1000000});
        viewer_order(&viewer, kinds[i], 3, (struct command_replay){.from_ns = 1001 * MS});
        viewer_until(&viewer, answers[i]);
        const char *first = strstr(viewer.heard, "paused:2@");
        assert_true(first && first < strstr(viewer.heard, answers[i]));
        viewer_end(&viewer);
    }
    theatre_end(&theatre);
}

static void a_seek_numbers_anew_and_counts_on(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){0});
    assert_true(viewer_begin(&viewer, &theatre, "*", plain, 1));
    viewer_expect(&viewer, "playing:1@3600000/0 A1");
    viewer_order(&viewer, ORDER_SEEK, 2, (struct command_replay){.from_ns = 3 * HOUR_MS * MS});
    viewer_expect(&viewer, "playing:2@10800000/1 A1");
    viewer_order(&viewer, ORDER_SEEK, 3, (struct command_replay){.from_ns = INT64_MIN});
    viewer_expect(&viewer, "playing:3@3600000/2 A1");
    viewer_order(&viewer, ORDER_SEEK, 4, (struct command_replay){.from_ns = INT64_MAX});
    viewer_expect(&viewer, "playing:4/3 ended:1/3");
    /* Until its worker has taken it over, what has ended can be sought back. */
    viewer_await(&viewer, PLAYER_ENDED);
    viewer_order(&viewer, ORDER_SEEK, 5, (struct command_replay){.from_ns = 5 * HOUR_MS * MS});
    viewer_expect(&viewer, "playing:5@18000000/3 A1 ended:1/4");
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void what_has_ended_can_not_be_steered(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){0});
    assert_true(viewer_begin(&viewer, &theatre, "A", fast, 1));
    viewer_expect(&viewer, "playing:1@3600000/0 A1 A2 A3 ended:1/3");
    static const enum order_kind kinds[] = {ORDER_PAUSE, ORDER_RESUME, ORDER_STEP, ORDER_SPEED};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char expected[32];
        viewer_order(&viewer, kinds[i], 10 + (int64_t)i, (struct command_replay){.count = 1});
        snprintf(expected, sizeof expected, "no_replay:%zu", 10 + i);
        viewer_expect(&viewer, expected);
    }
    viewer_await(&viewer, PLAYER_ENDED);
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void who_is_one_too_many_is_refused_until_a_place_is_given_back(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewers[3];
    begin(&theatre, (struct theatre_config){.players = 2});
    assert_true(viewer_begin(&viewers[0], &theatre, "*", plain, 1));
    assert_true(viewer_begin(&viewers[1], &theatre, "*", plain, 2));
    assert_false(viewer_begin(&viewers[2], &theatre, "*", plain, 3));
    viewer_until(&viewers[0], "A1");
    viewer_end(&viewers[0]);
    /* At once: the end of who had it before may still be on its way. */
    assert_true(viewer_begin(&viewers[2], &theatre, "B", fast, 4));
    viewer_expect(&viewers[2], "playing:4@7200000/0 B1 B2 ended:4/2");
    viewer_expect(&viewers[1], "playing:2@3600000/0 A1");
    viewer_end(&viewers[1]);
    viewer_end(&viewers[2]);
    theatre_end(&theatre);
}

static void who_is_released_unread_leaves_nothing_behind(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){.players = 1, .spool_bytes = 4096});
    add_many(&theatre, "m.tape", 3000);
    for (int i = 0; i < 20;) {
        if (!viewer_begin(&viewer, &theatre, "*", i % 2 ? plain : fast, i)) {
            usleep(200);
            continue;
        }
        if (i % 3 == 0)
            viewer_order(&viewer, ORDER_PAUSE, 99, plain);
        else if (i % 5 == 0)
            viewer_until(&viewer, "M");
        viewer_end(&viewer);
        i++;
    }
    theatre_end(&theatre);
}

static void a_deck_may_end_while_replays_play(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewers[4];
    begin(&theatre, (struct theatre_config){.spool_bytes = 4096});
    add_many(&theatre, "m.tape", 3000);
    for (int i = 0; i < 4; i++)
        assert_true(viewer_begin(&viewers[i], &theatre, "*", i % 2 ? plain : fast, i));
    viewer_until(&viewers[0], "M1");
    theatre_end(&theatre);
    for (int i = 0; i < 4; i++)
        free(viewers[i].heard);
}

static void silences_longer_than_wanted_are_cut(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){0});
    assert_true(viewer_begin(&viewer, &theatre, "*",
                             (struct command_replay){.speed = 1, .max_gap_ms = 20}, 1));
    int64_t from_ns = clock_mono_ns();
    viewer_expect(&viewer, "playing:1@3600000/0 A1 B1 A2 B2 A3 ended:1/5");
    assert_true(clock_mono_ns() - from_ns > 70 * MS); /* and no more than cut */
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void a_spool_that_is_not_read_stops_its_player_and_nobody_else(void **state)
{
    (void)state;
    enum { TICKS = 3000 };
    struct theatre theatre;
    struct viewer slow, quick;
    theatre_begin(&theatre);
    add_many(&theatre, "m.tape", TICKS);
    theatre_open(&theatre, (struct theatre_config){.spool_bytes = 4096});
    assert_true(viewer_begin(&slow, &theatre, "*", fast, 1));
    assert_true(viewer_begin(&quick, &theatre, "*", fast, 2));
    viewer_until(&quick, "ended:2/3000");
    assert_int_equal(slow.player->stage, PLAYER_RUNNING);
    viewer_until(&slow, "ended:1/3000");
    for (struct viewer *viewer = &slow; viewer; viewer = viewer == &slow ? &quick : NULL) {
        uint32_t seq = 0;
        for (char *word = strtok(viewer->heard, " "); word; word = strtok(NULL, " "))
            if (word[0] == 'M')
                assert_int_equal(strtoul(word + 1, NULL, 10), ++seq);
        assert_int_equal(seq, TICKS);
        viewer_end(viewer);
    }
    theatre_end(&theatre);
}

static void an_order_counts_as_done_once_its_answer_can_be_read(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    theatre_begin(&theatre);
    add_many(&theatre, "m.tape", 1000);
    theatre_open(&theatre, (struct theatre_config){.spool_bytes = 4096});
    assert_true(viewer_begin(&viewer, &theatre, "*", fast, 1));
    /* What has no room waits: at most what fits is done before anything is read. */
    for (int64_t id = 10; id < 10 + 3 * DECK_ORDERS_MAX; id++) {
        viewer_order(&viewer, ORDER_PAUSE, id, plain);
        for (int tries = 0; tries < 50 && viewer_done(&viewer) < viewer.orders; tries++)
            usleep(1000);
        if (viewer.orders - viewer_done(&viewer) == DECK_ORDERS_MAX)
            break;
    }
    while (viewer_done(&viewer) < viewer.orders || !spool_is_empty(&viewer.player->spool)) {
        uint32_t done = viewer_done(&viewer);
        while (viewer_read(&viewer, UINT32_MAX))
            continue;
        char word[32];
        snprintf(word, sizeof word, "paused:%u@", 9 + done);
        assert_true(done == 0 || strstr(viewer.heard, word));
    }
    viewer_end(&viewer);
    theatre_end(&theatre);
}

/* However little room there is in the end, the stage says that it has ended once that is told. */
static void the_end_is_told_before_it_is_a_stage(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    theatre_begin(&theatre);
    add_many(&theatre, "m.tape", 100);
    folder_file(&theatre.folder, "n.tape", hourly, ARRAY_LEN(hourly));
    folder_spoil(&theatre.folder, "n.tape", 200); /* told at the end, in a long sentence */
    theatre_open(&theatre, (struct theatre_config){.spool_bytes = 4096});
    for (uint32_t ticks = 1; ticks < 60; ticks++) {
        struct command_replay ask = {.from_given = true, .from_ns = (1100 - ticks) * MS};
        assert_true(viewer_begin(&viewer, &theatre, "*", ask, 1));
        while (atomic_load(&viewer.player->stage) != PLAYER_ENDED) {
            viewer_read(&viewer, 1);
            usleep(50);
        }
        while (viewer_read(&viewer, UINT32_MAX))
            continue;
        assert_non_null(strstr(viewer.heard, " ended:1/"));
        viewer_end(&viewer);
    }
    theatre_end(&theatre);
}

static void damage_is_told_in_its_place(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    theatre_begin(&theatre);
    folder_file(&theatre.folder, "a-000001.tape", hourly, 2);
    folder_file(&theatre.folder, "a-000002.tape", hourly + 2, 1);
    folder_file(&theatre.folder, "a-000003.tape", hourly + 3, 2);
    folder_spoil(&theatre.folder, "a-000002.tape", 200);
    theatre_open(&theatre, (struct theatre_config){0});
    assert_true(viewer_begin(&viewer, &theatre, "*", fast, 1));
    viewer_until(&viewer, "replay_damage:1");
    viewer_expect(&viewer, "playing:1@3600000/0 A1 B1 replay_damage:1 B2 A2 ended:1/4");
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void a_replay_that_can_not_begin_says_why_and_ends(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    theatre_begin(&theatre);
    theatre_open(&theatre, (struct theatre_config){.archive = "/nowhere/at/all"});
    assert_true(viewer_begin(&viewer, &theatre, "*", plain, 1));
    viewer_expect(&viewer, "replay_failed:1 ended:1/0");
    viewer_await(&viewer, PLAYER_ENDED);
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void a_symbol_too_many_ends_the_replay_once(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    begin(&theatre, (struct theatre_config){.symbols_max = 1});
    for (int i = 0; i < 2; i++) {
        assert_true(viewer_begin(&viewer, &theatre, "*", fast, 1));
        viewer_until(&viewer, "ended:");
        viewer_await(&viewer, PLAYER_ENDED);
        usleep(20000); /* in which more could come */
        viewer_expect(&viewer, "playing:1@3600000/0 A1 replay_failed:1 ended:1/1");
        assert_true(spool_is_empty(&viewer.player->spool));
        viewer_end(&viewer);
    }
    theatre_end(&theatre);
}

static void a_rate_bounds_ticks_a_second_after_a_first_burst(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    theatre_begin(&theatre);
    add_many(&theatre, "m.tape", 600);
    theatre_open(&theatre, (struct theatre_config){.rate = 1000});
    int64_t from_ns = clock_mono_ns();
    assert_true(viewer_begin(&viewer, &theatre, "*", fast, 1));
    viewer_until(&viewer, "ended:1/600");
    assert_true(clock_mono_ns() - from_ns > 300 * MS);
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void what_has_come_to_the_archive_since_is_played_too(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    static const struct line more[] = {{9 * HOUR_MS, 1, 1, "Z"}};
    begin(&theatre, (struct theatre_config){0});
    assert_true(viewer_begin(&viewer, &theatre, "A Z", plain, 1));
    viewer_expect(&viewer, "playing:1@3600000/0 A1");
    folder_file(&theatre.folder, "z.tape", more, 1);
    viewer_order(&viewer, ORDER_SEEK, 2, (struct command_replay){.from_ns = 9 * HOUR_MS * MS});
    viewer_expect(&viewer, "playing:2@32400000/1 Z1 ended:1/2");
    viewer_end(&viewer);
    theatre_end(&theatre);
}

static void positions_are_those_of_the_server(void **state)
{
    (void)state;
    struct theatre theatre;
    struct viewer viewer;
    static const struct line more[] = {{1000, 4096 + 3, 77, "Z"}};
    theatre_begin(&theatre);
    folder_file(&theatre.folder, "z.tape", more, 1);
    theatre_open(&theatre, (struct theatre_config){0});
    assert_true(viewer_begin(&viewer, &theatre, "Z", plain, 1));
    viewer_expect(&viewer, "playing:1@1000/0 Z1");
    assert_non_null(strstr(viewer.last, "\"pos\":\"4099:77\""));
    viewer_end(&viewer);
    theatre_end(&theatre);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replay_plays_what_is_wanted_and_ends),
        cmocka_unit_test(a_replay_keeps_to_its_bounds_by_its_clock),
        cmocka_unit_test(orders_are_answered_in_their_place),
        cmocka_unit_test(steps_past_the_end_of_the_tape_are_answered_there),
        cmocka_unit_test(each_of_two_steps_is_answered_and_both_are_made),
        cmocka_unit_test(what_cuts_steps_short_has_them_answered_first),
        cmocka_unit_test(a_seek_numbers_anew_and_counts_on),
        cmocka_unit_test(what_has_ended_can_not_be_steered),
        cmocka_unit_test(who_is_one_too_many_is_refused_until_a_place_is_given_back),
        cmocka_unit_test(who_is_released_unread_leaves_nothing_behind),
        cmocka_unit_test(a_deck_may_end_while_replays_play),
        cmocka_unit_test(silences_longer_than_wanted_are_cut),
        cmocka_unit_test(a_spool_that_is_not_read_stops_its_player_and_nobody_else),
        cmocka_unit_test(an_order_counts_as_done_once_its_answer_can_be_read),
        cmocka_unit_test(the_end_is_told_before_it_is_a_stage),
        cmocka_unit_test(damage_is_told_in_its_place),
        cmocka_unit_test(a_replay_that_can_not_begin_says_why_and_ends),
        cmocka_unit_test(a_symbol_too_many_ends_the_replay_once),
        cmocka_unit_test(a_rate_bounds_ticks_a_second_after_a_first_burst),
        cmocka_unit_test(what_has_come_to_the_archive_since_is_played_too),
        cmocka_unit_test(positions_are_those_of_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
