/* SPDX-License-Identifier: MIT */
/* Tests of feed/pace.c. */
#include "tests/unit/feed/unit.h"

#include "feed/base.h"
#include "feed/pace.h"

static const int64_t MS = 1000000;

static void ticks_keep_their_distances_at_any_speed(void **state)
{
    (void)state;
    static const double speeds[] = {0.5, 1, 10, 1000};
    for (size_t i = 0; i < ARRAY_LEN(speeds); i++) {
        struct pace pace;
        pace_begin(&pace, speeds[i], 0);
        assert_int_equal(pace_next(&pace, 5000 * MS, 700), 700);
        assert_int_equal(pace_next(&pace, 5010 * MS, 800), 700 + (int64_t)(10 * MS / speeds[i]));
        assert_int_equal(pace_next(&pace, 6000 * MS, 900), 700 + (int64_t)(1000 * MS / speeds[i]));
    }
}

static void as_fast_as_it_goes_means_now(void **state)
{
    (void)state;
    struct pace pace;
    pace_begin(&pace, 0, 0);
    assert_int_equal(pace_next(&pace, 5 * MS, 700), 700);
    assert_int_equal(pace_next(&pace, 5000 * MS, 800), 700);
}

static void a_tape_that_goes_back_waits_for_nothing(void **state)
{
    (void)state;
    struct pace pace;
    pace_begin(&pace, 1, 0);
    pace_next(&pace, 100 * MS, 0);
    assert_int_equal(pace_next(&pace, 110 * MS, 0), 10 * MS);
    assert_int_equal(pace_next(&pace, 50 * MS, 0), 10 * MS);
    assert_int_equal(pace_next(&pace, 111 * MS, 0), 11 * MS);
}

static void long_silences_are_cut(void **state)
{
    (void)state;
    struct pace pace;
    pace_begin(&pace, 2, 1000 * MS);
    pace_next(&pace, 0, 0);
    assert_int_equal(pace_next(&pace, INT64_C(3600000) * MS, 0), 500 * MS);
    assert_int_equal(pace_next(&pace, INT64_C(3600100) * MS, 0), 550 * MS);
}

static void a_pause_moves_all_that_follows(void **state)
{
    (void)state;
    struct pace pace;
    pace_begin(&pace, 1, 0);
    pace_next(&pace, 0, 0);
    assert_int_equal(pace_next(&pace, 100 * MS, 0), 100 * MS);
    pace_pause(&pace, 40 * MS);
    assert_int_equal(pace_due(&pace), PACE_NEVER);
    pace_pause(&pace, 50 * MS); /* already */
    pace_resume(&pace, 1040 * MS);
    assert_int_equal(pace_due(&pace), 1100 * MS);
    assert_int_equal(pace_next(&pace, 130 * MS, 1100 * MS), 1130 * MS);
}

static void steps_while_paused_leave_the_distances_after_them(void **state)
{
    (void)state;
    struct pace pace;
    pace_begin(&pace, 1, 0);
    pace_next(&pace, 0, 0);
    pace_next(&pace, 100 * MS, 0);
    pace_pause(&pace, 10 * MS);
    pace_skip(&pace, 20 * MS); /* the tick at 100 goes out */
    assert_int_equal(pace_next(&pace, 150 * MS, 20 * MS), PACE_NEVER);
    pace_resume(&pace, 500 * MS);
    assert_int_equal(pace_due(&pace), 550 * MS);
}

static void a_change_of_speed_counts_from_then_on(void **state)
{
    (void)state;
    struct pace pace;
    pace_begin(&pace, 1, 0);
    pace_next(&pace, 0, 0);
    pace_next(&pace, 100 * MS, 0);
    pace_set_speed(&pace, 2, 40 * MS); /* 60 are left, at twice the speed */
    assert_int_equal(pace_due(&pace), 70 * MS);
    pace_set_speed(&pace, 0.5, 60 * MS); /* 20 are left */
    assert_int_equal(pace_due(&pace), 100 * MS);
    assert_int_equal(pace_next(&pace, 110 * MS, 100 * MS), 120 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_keep_their_distances_at_any_speed),
        cmocka_unit_test(as_fast_as_it_goes_means_now),
        cmocka_unit_test(a_tape_that_goes_back_waits_for_nothing),
        cmocka_unit_test(long_silences_are_cut),
        cmocka_unit_test(a_pause_moves_all_that_follows),
        cmocka_unit_test(steps_while_paused_leave_the_distances_after_them),
        cmocka_unit_test(a_change_of_speed_counts_from_then_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
