/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "feed/kafka_from.h"

static void each_form_is_read(void **state)
{
    (void)state;
    struct kafka_from from;
    assert_int_equal(kafka_from_parse(NULL, &from), 0);
    assert_int_equal(from.kind, FROM_LATEST);
    assert_int_equal(kafka_from_parse("latest", &from), 0);
    assert_int_equal(from.kind, FROM_LATEST);
    assert_int_equal(kafka_from_parse("earliest", &from), 0);
    assert_int_equal(from.kind, FROM_EARLIEST);
    assert_int_equal(kafka_from_parse("-1000", &from), 0);
    assert_int_equal(from.kind, FROM_TAIL);
    assert_int_equal(from.tail, 1000);
}

static void a_time_is_read_to_the_millisecond_below_in_any_zone(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t time_ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T02:03:04Z", 1795312984000},
        {"2026-11-22T02:03:04.5Z", 1795312984500},
        {"2026-11-22t02:03:04.567890123z", 1795312984567},
        {"2026-11-22 03:03:04.567+01:00", 1795312984567},
        {"2026-11-21T21:33:04-04:30", 1795312984000},
        {"2024-02-29T12:00:00Z", 1709208000000},
        {"2016-12-31T23:59:60Z", 1483228800000},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kafka_from from;
        assert_int_equal(kafka_from_parse(cases[i].text, &from), 0);
        assert_int_equal(from.kind, FROM_TIME);
        assert_int_equal(from.time_ms, cases[i].time_ms);
    }
}

static void what_is_none_of_these_is_refused(void **state)
{
    (void)state;
    const char *bad[] = {"now",
                         "-",
                         "-1x",
                         "--1",
                         "5",
                         "-99999999999999999999",
                         "2026-11-22",
                         "2026-11-22T02:03:04",
                         "2026-11-22T02:03Z",
                         "2026-13-22T02:03:04Z",
                         "2026-00-22T02:03:04Z",
                         "2026-02-29T02:03:04Z",
                         "2026-04-31T02:03:04Z",
                         "2026-04-00T02:03:04Z",
                         "2026-11-22T24:03:04Z",
                         "2026-11-22T02:60:04Z",
                         "2026-11-22T02:03:61Z",
                         "2026-11-22T02:03:04.Z",
                         "2026-11-22T02:03:04.1234567890Z",
                         "2026-11-22T02:03:04+0100",
                         "2026-11-22T02:03:04Zx",
                         "1969-12-31T23:59:59Z",
                         "20261122T020304Z"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kafka_from from;
        assert_int_equal(kafka_from_parse(bad[i], &from), -EINVAL);
    }
}

static void check_span(struct kafka_from from, uint64_t warmup, int64_t by_time, int64_t begin,
                       int64_t start)
{
    struct kafka_span span = kafka_from_span(&from, warmup, 100, 200, by_time);
    assert_int_equal(span.begin, begin);
    assert_int_equal(span.start, start);
}

static void a_span_lies_within_what_the_partition_holds(void **state)
{
    (void)state;
    check_span((struct kafka_from){.kind = FROM_LATEST}, 0, -1, 200, 200);
    check_span((struct kafka_from){.kind = FROM_LATEST}, 30, -1, 170, 200);
    check_span((struct kafka_from){.kind = FROM_LATEST}, 100, -1, 100, 200);
    check_span((struct kafka_from){.kind = FROM_LATEST}, UINT64_MAX, -1, 100, 200);
    check_span((struct kafka_from){.kind = FROM_EARLIEST}, 30, -1, 100, 100);
    check_span((struct kafka_from){.kind = FROM_TAIL, .tail = 10}, 5, -1, 185, 190);
    check_span((struct kafka_from){.kind = FROM_TAIL, .tail = 1000}, 5, -1, 100, 100);
    check_span((struct kafka_from){.kind = FROM_TIME}, 5, 150, 145, 150);
    check_span((struct kafka_from){.kind = FROM_TIME}, 5, -1, 195, 200);
    check_span((struct kafka_from){.kind = FROM_TIME}, 0, 500, 200, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_read),
        cmocka_unit_test(a_time_is_read_to_the_millisecond_below_in_any_zone),
        cmocka_unit_test(what_is_none_of_these_is_refused),
        cmocka_unit_test(a_span_lies_within_what_the_partition_holds),
    };
    return cmocka_run_group_tests_name("kafka_from", tests, NULL, NULL);
}
