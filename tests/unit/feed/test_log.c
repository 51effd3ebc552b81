/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "feed/log.h"

static int saved_stderr, reading_end;

static void capture(void)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reading_end = ends[0];
}

/* What was written since capture(), terminated. */
static size_t captured(char *out, size_t size)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    ssize_t len = read(reading_end, out, size - 1);
    close(reading_end);
    out[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

static void an_event_is_one_line_with_its_time_level_name_and_keys(void **state)
{
    (void)state;
    char line[2048];
    capture();
    LOG_INFO("kafka.assigned", "topic=%s partition=%d", "trades", 3);
    captured(line, sizeof line);
    assert_int_equal(line[4], '-');
    assert_int_equal(line[10], 'T');
    assert_int_equal(line[26], 'Z');
    assert_string_equal(line + 27, " info kafka.assigned topic=trades partition=3\n");
}

static void events_below_the_level_are_not_written(void **state)
{
    (void)state;
    char line[2048];
    log_set_level(LOG_LEVEL_WARN);
    capture();
    LOG_INFO("a", "%s", "");
    LOG_WARN("b", "k=%d", 1);
    captured(line, sizeof line);
    log_set_level(LOG_LEVEL_INFO);
    assert_null(strstr(line, " a"));
    assert_string_equal(line + 27, " warn b k=1\n");
}

static void a_line_too_long_is_cut_and_still_ends(void **state)
{
    (void)state;
    char line[4096], text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    capture();
    LOG_ERROR("long", "text=%s", text);
    size_t len = captured(line, sizeof line);
    assert_int_equal(len, 1024);
    assert_int_equal(line[1023], '\n');
    assert_int_equal(line[1022], 'x');
}

static void quoting_escapes_what_could_break_a_line(void **state)
{
    (void)state;
    char out[64];
    assert_string_equal(log_quote("a b", 3, out, sizeof out), "\"a b\"");
    assert_string_equal(log_quote("q\"\\\n\x7f\xc3", 6, out, sizeof out),
                        "\"q\\\"\\\\\\x0a\\x7f\\xc3\"");
    assert_string_equal(log_quote("", 0, out, sizeof out), "\"\"");
}

static void quoting_cuts_to_the_room_and_always_closes(void **state)
{
    (void)state;
    char out[16];
    for (uint32_t size = 3; size <= sizeof out; size++) {
        log_quote("ab\n\n\ncdefgh", 11, out, size);
        size_t len = strlen(out);
        assert_true(len < size);
        assert_int_equal(out[0], '"');
        assert_int_equal(out[len - 1], '"');
    }
    assert_string_equal(log_quote("abc", 3, out, 2), "");
}

static void a_rate_lets_its_burst_through_each_second_and_counts_the_rest(void **state)
{
    (void)state;
    struct log_rate rate = {.burst = 2};
    assert_true(log_rate_allows(&rate, 5000000000));
    assert_true(log_rate_allows(&rate, 5100000000));
    assert_false(log_rate_allows(&rate, 5200000000));
    assert_false(log_rate_allows(&rate, 5999999999));
    assert_int_equal(rate.suppressed, 2);
    assert_true(log_rate_allows(&rate, 6000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_line_with_its_time_level_name_and_keys),
        cmocka_unit_test(events_below_the_level_are_not_written),
        cmocka_unit_test(a_line_too_long_is_cut_and_still_ends),
        cmocka_unit_test(quoting_escapes_what_could_break_a_line),
        cmocka_unit_test(quoting_cuts_to_the_room_and_always_closes),
        cmocka_unit_test(a_rate_lets_its_burst_through_each_second_and_counts_the_rest),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
