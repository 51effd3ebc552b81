/* SPDX-License-Identifier: MIT */
#include "tests/unit/fanout/support.h"

#include <stdlib.h>

#include "feed/histogram.h"

/* The first value of a bucket: where the one before it ends. */
static uint64_t begin_of(uint32_t bucket)
{
    return bucket ? histogram_bound(bucket - 1) : 0;
}

/* int64_t nanoseconds are all that can be added. */
static uint32_t last_bucket(void)
{
    return histogram_bucket(INT64_MAX);
}

static void buckets_follow_each_other_without_a_hole(void **state)
{
    (void)state;
    assert_true(last_bucket() < HISTOGRAM_BUCKETS);
    for (uint32_t i = 0; i <= last_bucket(); i++) {
        assert_true(histogram_bound(i) > begin_of(i));
        assert_int_equal(histogram_bucket(begin_of(i)), i);
        assert_int_equal(histogram_bucket(histogram_bound(i) - 1), i);
        assert_int_equal(histogram_bucket(histogram_bound(i)), i + 1);
    }
}

static void any_value_lies_within_its_bucket(void **state)
{
    (void)state;
    uint64_t random = 3;
    for (int i = 0; i < 1000000; i++) {
        uint64_t value = random_next(&random) >> (1 + random_below(&random, 63));
        uint32_t bucket = histogram_bucket(value);
        assert_true(value >= begin_of(bucket) && value < histogram_bound(bucket));
    }
}

static void a_bucket_is_at_most_a_sixteenth_of_its_value_wide(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= last_bucket(); i++) {
        uint64_t width = histogram_bound(i) - begin_of(i);
        assert_true(width == 1 || width * 16 <= begin_of(i));
    }
}

static void values_are_counted_and_summed(void **state)
{
    (void)state;
    struct histogram *histogram = calloc(1, sizeof *histogram);
    histogram_add(histogram, 5);
    histogram_add(histogram, 5);
    histogram_add(histogram, 1000000);
    assert_int_equal(counter_get(&histogram->buckets[5]), 2);
    assert_int_equal(counter_get(&histogram->buckets[histogram_bucket(1000000)]), 1);
    assert_int_equal(counter_get(&histogram->sum_ns), 1000010);
    free(histogram);
}

static void a_negative_duration_counts_as_none(void **state)
{
    (void)state;
    struct histogram *histogram = calloc(1, sizeof *histogram);
    histogram_add(histogram, -1);
    histogram_add(histogram, INT64_MIN);
    histogram_add(histogram, INT64_MAX);
    assert_int_equal(counter_get(&histogram->buckets[0]), 2);
    assert_int_equal(counter_get(&histogram->sum_ns), INT64_MAX);
    free(histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_follow_each_other_without_a_hole),
        cmocka_unit_test(any_value_lies_within_its_bucket),
        cmocka_unit_test(a_bucket_is_at_most_a_sixteenth_of_its_value_wide),
        cmocka_unit_test(values_are_counted_and_summed),
        cmocka_unit_test(a_negative_duration_counts_as_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
