/* SPDX-License-Identifier: MIT */
/* Tests of server/replay/group.c. */
#include "tests/unit/replay/unit.h"

#include "feed/base.h"
#include "server/replay/group.h"

static const int64_t MS = 1000000, S = 1000000000;

/* 2262-04-11, the last instant that ns since 1970 can tell. */
static const int64_t LAST_NS = INT64_MAX;

static struct group make(double speed, int64_t max_gap_ns)
{
    struct group group;
    group_init(&group, "g", TAPE_EVENT, speed, max_gap_ns);
    return group;
}

/* Begun at 1 s with the tick of 100 s. */
static struct group begun(double speed, int64_t max_gap_ns)
{
    struct group group = make(speed, max_gap_ns);
    group_begin(&group, 100 * S, S);
    return group;
}

static void the_first_tick_is_due_when_the_clock_begins(void **state)
{
    (void)state;
    struct group group = begun(1, 0);
    assert_true(group.begun && group.positioned);
    assert_int_equal(group_due(&group, 100 * S), S);
    assert_int_equal(group_tape_ns(&group, S), 100 * S);
}

static void the_tapes_time_runs_so_many_times_as_fast(void **state)
{
    (void)state;
    static const struct {
        double speed;
        int64_t due_ns;
    } cases[] = {{1, 11}, {10, 2}, {0.5, 21}, {0.1, 101}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct group group = begun(cases[i].speed, 0);
        assert_int_equal(group_due(&group, 110 * S), cases[i].due_ns * S);
        assert_int_equal(group_tape_ns(&group, cases[i].due_ns * S), 110 * S);
    }
}

static void what_lies_before_the_tapes_time_is_due_at_once(void **state)
{
    (void)state;
    struct group group = begun(10, 0);
    assert_int_equal(group_due(&group, 3 * S), S);
    assert_int_equal(group_due(&group, 0), S);
}

static void at_full_speed_everything_is_due_at_once(void **state)
{
    (void)state;
    struct group group = begun(0, 0);
    assert_int_equal(group_due(&group, 100 * S), S);
    assert_int_equal(group_due(&group, LAST_NS), S);
    /* And only what was played moves the tape's time, never back. */
    assert_int_equal(group_tape_ns(&group, 50 * S), 100 * S);
    group_played(&group, 130 * S);
    group_played(&group, 120 * S);
    assert_int_equal(group_tape_ns(&group, 50 * S), 130 * S);
}

static void at_a_speed_a_tick_played_moves_nothing(void **state)
{
    (void)state;
    struct group group = begun(1, 0);
    group_played(&group, 500 * S);
    assert_int_equal(group_tape_ns(&group, 2 * S), 101 * S);
}

static void paused_nothing_is_due_and_the_time_stands(void **state)
{
    (void)state;
    struct group group = begun(2, 0);
    group_pause(&group, 4 * S);
    assert_int_equal(group_due(&group, 100 * S), GROUP_NEVER);
    assert_int_equal(group_due(&group, 200 * S), GROUP_NEVER);
    assert_int_equal(group_tape_ns(&group, 4 * S), 106 * S);
    assert_int_equal(group_tape_ns(&group, 900 * S), 106 * S);
    group_pause(&group, 900 * S);
    assert_int_equal(group_tape_ns(&group, 901 * S), 106 * S);
}

static void resumed_the_time_goes_on_from_where_it_stood(void **state)
{
    (void)state;
    struct group group = begun(2, 0);
    group_pause(&group, 4 * S);
    group_resume(&group, 50 * S);
    assert_int_equal(group_tape_ns(&group, 50 * S), 106 * S);
    assert_int_equal(group_due(&group, 108 * S), 51 * S);
}

static void to_resume_what_plays_changes_nothing(void **state)
{
    (void)state;
    struct group group = begun(2, 0);
    group_resume(&group, 4 * S);
    assert_int_equal(group_tape_ns(&group, 4 * S), 106 * S);
    assert_int_equal(group_due(&group, 108 * S), 5 * S);
}

static void paused_before_it_has_begun_it_begins_paused(void **state)
{
    (void)state;
    struct group group = make(1, 0);
    group_pause(&group, S);
    group_begin(&group, 100 * S, 2 * S);
    assert_int_equal(group_due(&group, 100 * S), GROUP_NEVER);
    group_resume(&group, 7 * S);
    assert_int_equal(group_due(&group, 101 * S), 8 * S);
}

static void another_speed_holds_from_now_on(void **state)
{
    (void)state;
    struct group group = begun(1, 0);
    group_set_speed(&group, 10, 11 * S);
    assert_int_equal(group_tape_ns(&group, 11 * S), 110 * S);
    assert_int_equal(group_due(&group, 120 * S), 12 * S);
    group_set_speed(&group, 0, 12 * S);
    assert_int_equal(group_due(&group, 999 * S), 12 * S);
    group_played(&group, 300 * S);
    group_set_speed(&group, 1, 20 * S);
    assert_int_equal(group_due(&group, 301 * S), 21 * S);
}

static void another_speed_while_paused_holds_when_it_goes_on(void **state)
{
    (void)state;
    struct group group = begun(1, 0);
    group_pause(&group, 2 * S);
    group_set_speed(&group, 100, 3 * S);
    assert_int_equal(group_due(&group, 102 * S), GROUP_NEVER);
    group_resume(&group, 4 * S);
    assert_int_equal(group_due(&group, 102 * S), 4 * S + 10 * MS);
}

static void a_long_silence_is_cut_to_the_longest_wanted(void **state)
{
    (void)state;
    struct group group = begun(1, 2 * S);
    group_leap(&group, 102 * S, S);
    assert_int_equal(group_due(&group, 102 * S), 3 * S); /* not longer: as it is */
    group_leap(&group, 3600 * S, S);
    assert_int_equal(group_due(&group, 3600 * S), 3 * S);
    /* Asked again on the way, it is cut no more. */
    group_leap(&group, 3600 * S, 2 * S);
    assert_int_equal(group_due(&group, 3600 * S), 3 * S);
    /* What is left of it is by the tape's time, so it passes as fast as the tape. */
    struct group fast = begun(10, 2 * S);
    group_leap(&fast, 3600 * S, S);
    assert_int_equal(group_due(&fast, 3600 * S), S + 200 * MS);
}

static void silences_stay_where_none_is_to_be_cut_or_the_clock_stands(void **state)
{
    (void)state;
    struct group group = begun(1, 0), paused = begun(1, S);
    group_leap(&group, 3600 * S, S);
    assert_int_equal(group_due(&group, 3600 * S), 3501 * S);
    group_pause(&paused, 2 * S);
    group_leap(&paused, 3600 * S, 3 * S);
    assert_int_equal(group_tape_ns(&paused, 3 * S), 101 * S);
}

static void a_step_moves_the_time_to_the_tick_that_was_played(void **state)
{
    (void)state;
    struct group group = begun(1, 0);
    group_pause(&group, 2 * S);
    group.steps = 2;
    group_step(&group, 150 * S);
    assert_int_equal(group.steps, 1);
    assert_int_equal(group_tape_ns(&group, 90 * S), 150 * S);
    assert_int_equal(group_due(&group, 151 * S), GROUP_NEVER);
    /* To pause again, or to resume, takes back what is left of them. */
    group_resume(&group, 90 * S);
    assert_int_equal(group.steps, 0);
    assert_int_equal(group_due(&group, 151 * S), 91 * S);
}

static void after_a_seek_it_begins_again_with_the_first_tick(void **state)
{
    (void)state;
    struct group group = begun(1, 0);
    group_seek(&group, 40 * S);
    assert_false(group.begun);
    group_begin(&group, 45 * S, 500 * S);
    assert_int_equal(group_due(&group, 46 * S), 501 * S);
}

static void whoever_joins_between_a_seek_and_its_first_tick_begins_where_it_leads(void **state)
{
    (void)state;
    struct group group = begun(1000, 0);
    group_seek(&group, 40 * S);
    assert_true(group.positioned);
    assert_int_equal(group_tape_ns(&group, 900 * S), 40 * S);
}

static void the_slowest_speed_waits_for_ever_and_overflows_nothing(void **state)
{
    (void)state;
    struct group group = begun(5e-324, 0);
    assert_int_equal(group_due(&group, 100 * S), S);
    assert_true(group_due(&group, 100 * S + 1) > INT64_C(1000000000) * S);
    assert_true(group_due(&group, LAST_NS) > INT64_C(1000000000) * S);
    assert_int_equal(group_tape_ns(&group, INT64_C(1000000000) * S), 100 * S);
    group_pause(&group, LAST_NS);
    group_resume(&group, 2 * S);
    assert_int_equal(group_due(&group, 100 * S), 2 * S);
}

static void the_fastest_speed_ends_at_the_end_of_time(void **state)
{
    (void)state;
    struct group group = begun(1e6, 0);
    assert_int_equal(group_due(&group, 100 * S + 1000 * S), S + MS);
    assert_true(group_tape_ns(&group, INT64_C(4000000000) * S) > 100 * S);
    group_pause(&group, INT64_C(4000000000) * S);
    assert_true(group_tape_ns(&group, S) > 100 * S);
}

static void times_at_either_end_of_the_scale_overflow_nothing(void **state)
{
    (void)state;
    static const double speeds[] = {5e-324, 0.001, 1, 1000, 1e6, 0};
    static const int64_t times[] = {INT64_MIN, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    enum { TIMES = ARRAY_LEN(times) };
    for (size_t i = 0; i < ARRAY_LEN(speeds) * TIMES * TIMES; i++) {
        int64_t first = times[i % TIMES], next = times[i / TIMES % TIMES];
        struct group group = make(speeds[i / TIMES / TIMES], S);
        group_begin(&group, first, S);
        assert_int_equal(group_due(&group, first), S);
        assert_true(group_due(&group, next) >= S);
        assert_true(group_tape_ns(&group, 3600 * S) >= first);
        group_leap(&group, next, 2 * S);
        group_played(&group, next);
        group_pause(&group, 3 * S);
        group.steps = 1;
        group_step(&group, next);
        group_resume(&group, 4 * S);
        group_set_speed(&group, 1e6, 5 * S);
        assert_true(group_due(&group, next) >= 5 * S);
        group_seek(&group, first);
        assert_int_equal(group_tape_ns(&group, 6 * S), first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_tick_is_due_when_the_clock_begins),
        cmocka_unit_test(the_tapes_time_runs_so_many_times_as_fast),
        cmocka_unit_test(what_lies_before_the_tapes_time_is_due_at_once),
        cmocka_unit_test(at_full_speed_everything_is_due_at_once),
        cmocka_unit_test(at_a_speed_a_tick_played_moves_nothing),
        cmocka_unit_test(paused_nothing_is_due_and_the_time_stands),
        cmocka_unit_test(resumed_the_time_goes_on_from_where_it_stood),
        cmocka_unit_test(to_resume_what_plays_changes_nothing),
        cmocka_unit_test(paused_before_it_has_begun_it_begins_paused),
        cmocka_unit_test(another_speed_holds_from_now_on),
        cmocka_unit_test(another_speed_while_paused_holds_when_it_goes_on),
        cmocka_unit_test(a_long_silence_is_cut_to_the_longest_wanted),
        cmocka_unit_test(silences_stay_where_none_is_to_be_cut_or_the_clock_stands),
        cmocka_unit_test(a_step_moves_the_time_to_the_tick_that_was_played),
        cmocka_unit_test(after_a_seek_it_begins_again_with_the_first_tick),
        cmocka_unit_test(whoever_joins_between_a_seek_and_its_first_tick_begins_where_it_leads),
        cmocka_unit_test(the_slowest_speed_waits_for_ever_and_overflows_nothing),
        cmocka_unit_test(the_fastest_speed_ends_at_the_end_of_time),
        cmocka_unit_test(times_at_either_end_of_the_scale_overflow_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
