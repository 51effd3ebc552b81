/* SPDX-License-Identifier: MIT */
#include "tests/unit/fanout/support.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/metrics.h"
#include "server/wire/bytes.h"

enum { WORKERS = 3, LINES_MAX = 4096 };

struct page {
    struct feed *feed;
    struct worker_metrics *workers[WORKERS];
    struct bytes text;
    char *lines[LINES_MAX];
    int lines_count;
};

static int page_open(void **state)
{
    struct page *page = calloc(1, sizeof *page);
    char error[200];
    const struct feed_config config = {
        .source = "sim:seed=1", .symbols_max = 16, .ring_slots = 64, .workers = WORKERS};
    if (feed_create(&page->feed, &config, error, sizeof error) < 0)
        return -1;
    for (int i = 0; i < WORKERS; i++)
        page->workers[i] = calloc(1, sizeof *page->workers[i]);
    *state = page;
    return 0;
}

static int page_close(void **state)
{
    struct page *page = *state;
    feed_destroy(page->feed);
    for (int i = 0; i < WORKERS; i++)
        free(page->workers[i]);
    bytes_finish(&page->text);
    free(page);
    return 0;
}

static void print(struct page *page)
{
    bytes_finish(&page->text);
    page->text = (struct bytes){0};
    page->lines_count = 0;
    metrics_print(&page->text, page->feed, (const struct worker_metrics *const *)page->workers,
                  WORKERS);
    assert_false(page->text.failed);
    assert_int_equal(page->text.data[page->text.len - 1], '\n');
    bytes_append(&page->text, "", 1);
    for (char *line = strtok((char *)page->text.data, "\n"); line; line = strtok(NULL, "\n"))
        page->lines[page->lines_count++] = line;
}

/* The value of the series that is written exactly so. */
static double value_of(const struct page *page, const char *series)
{
    size_t len = strlen(series);
    for (int i = 0; i < page->lines_count; i++)
        if (strncmp(page->lines[i], series, len) == 0 && page->lines[i][len] == ' ')
            return strtod(page->lines[i] + len, NULL);
    fail_msg("there is no series %s", series);
    return 0;
}

static const char *skip_name(const char *at)
{
    if (!isalpha((unsigned char)*at) && *at != '_')
        fail_msg("no name at '%s'", at);
    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    return at;
}

/* {name="value",…} */
static const char *skip_labels(const char *at)
{
    while (*at != '}') {
        at = skip_name(at + 1);
        assert_memory_equal(at, "=\"", 2);
        for (at += 2; *at != '"'; at++)
            assert_true(*at && *at != '\\' && *at != '\n');
        at++;
        assert_true(*at == ',' || *at == '}');
    }
    return at + 1;
}

static void assert_sample(const char *line)
{
    char *end;
    const char *at = skip_name(line);
    assert_memory_equal(line, "tapehead_", 9);
    if (*at == '{')
        at = skip_labels(at);
    assert_int_equal(*at, ' ');
    assert_true(isdigit((unsigned char)at[1]));
    strtod(at + 1, &end);
    assert_int_equal(*end, 0);
}

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

static void every_line_is_a_comment_or_a_sample(void **state)
{
    struct page *page = *state;
    print(page);
    assert_true(page->lines_count > 50);
    for (int i = 0; i < page->lines_count; i++) {
        assert_null(strstr(page->lines[i], "(null)"));
        if (page->lines[i][0] != '#')
            assert_sample(page->lines[i]);
        else
            assert_true(begins(page->lines[i], "# HELP tapehead_") ||
                        begins(page->lines[i], "# TYPE tapehead_"));
    }
}

/* A sample belongs to the family above it: that name, or for a histogram with an ending. */
static void assert_of_family(const char *line, const char *family, const char *type)
{
    size_t len = strlen(family);
    assert_int_equal(strncmp(line, family, len), 0);
    const char *rest = line + len;
    if (strcmp(type, "histogram") == 0)
        assert_true(begins(rest, "_bucket{le=\"") || begins(rest, "_sum ") ||
                    begins(rest, "_count "));
    else
        assert_true(*rest == ' ' || *rest == '{');
}

static void every_sample_follows_its_help_and_type(void **state)
{
    struct page *page = *state;
    char family[100] = "", type[20] = "", help[100];
    print(page);
    for (int i = 0; i < page->lines_count; i++) {
        if (sscanf(page->lines[i], "# HELP %99s", help) == 1) {
            assert_int_equal(sscanf(page->lines[i + 1], "# TYPE %99s %19s", family, type), 2);
            assert_string_equal(help, family);
            assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 ||
                        strcmp(type, "histogram") == 0);
        } else if (page->lines[i][0] != '#') {
            assert_of_family(page->lines[i], family, type);
        }
    }
}

static void no_series_is_written_twice(void **state)
{
    struct page *page = *state;
    print(page);
    for (int i = 0; i < page->lines_count; i++) {
        size_t len = strcspn(page->lines[i], " ");
        if (page->lines[i][0] == '#')
            len = strlen(page->lines[i]);
        for (int k = i + 1; k < page->lines_count; k++)
            assert_false(strncmp(page->lines[i], page->lines[k], len + 1) == 0);
    }
}

static void every_counter_of_a_worker_is_in_its_line(void **state)
{
    struct page *page = *state;
    for (int i = 0; i < WORKERS; i++) {
        counter_set(&page->workers[i]->connections, 10 + (uint64_t)i);
        counter_set(&page->workers[i]->dropped_slow, 20 + (uint64_t)i);
        counter_set(&page->workers[i]->bytes_sent, UINT64_MAX - (uint64_t)i);
    }
    print(page);
    assert_true(value_of(page, "tapehead_connections{worker=\"1\"}") == 11);
    assert_true(value_of(page, "tapehead_connections{worker=\"2\"}") == 12);
    assert_true(value_of(page, "tapehead_dropped_total{worker=\"0\",reason=\"slow_client\"}") ==
                20);
    assert_true(value_of(page, "tapehead_sent_bytes_total{worker=\"0\"}") > 1.8e19);
}

static void closed_connections_are_summed_by_reason(void **state)
{
    struct page *page = *state;
    for (int i = 0; i < WORKERS; i++)
        for (int reason = 0; reason < CLOSED_REASONS; reason++)
            counter_set(&page->workers[i]->closed[reason], 100 + (uint64_t)reason);
    print(page);
    assert_true(value_of(page, "tapehead_closed_total{reason=\"peer\"}") == 300);
    assert_true(value_of(page, "tapehead_closed_total{reason=\"done\"}") ==
                3 * (100 + CLOSED_DONE));
}

/* ---- the histogram ---- */

static const int64_t samples[] = {1,      3000,    4095,     4096,       5000,
                                  100000, 1000000, 77000000, 2000000000, 40000000000};

static void fill(struct page *page)
{
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        histogram_add(&page->workers[i % WORKERS]->latency, samples[i]);
    print(page);
}

static void a_bucket_counts_all_below_its_bound(void **state)
{
    struct page *page = *state;
    double bound_s, count, before = -1;
    int buckets = 0;
    fill(page);
    for (int i = 0; i < page->lines_count; i++) {
        if (sscanf(page->lines[i], "tapehead_delivery_seconds_bucket{le=\"%lf\"} %lf", &bound_s,
                   &count) != 2)
            continue;
        double expected = 0;
        for (size_t k = 0; k < ARRAY_LEN(samples); k++)
            expected += (double)samples[k] < bound_s * 1e9;
        assert_true(count == expected && count >= before);
        before = count;
        buckets++;
    }
    assert_true(buckets >= 10);
}

static void the_last_bucket_is_the_count_and_the_sum_is_in_seconds(void **state)
{
    struct page *page = *state;
    double sum = 0;
    fill(page);
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        sum += (double)samples[i] / 1e9;
    assert_true(value_of(page, "tapehead_delivery_seconds_bucket{le=\"+Inf\"}") ==
                ARRAY_LEN(samples));
    assert_true(value_of(page, "tapehead_delivery_seconds_count") == ARRAY_LEN(samples));
    double difference = value_of(page, "tapehead_delivery_seconds_sum") - sum;
    assert_true(difference < 1e-6 && difference > -1e-6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, page_open, page_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_line_is_a_comment_or_a_sample),
        TEST(every_sample_follows_its_help_and_type),
        TEST(no_series_is_written_twice),
        TEST(every_counter_of_a_worker_is_in_its_line),
        TEST(closed_connections_are_summed_by_reason),
        TEST(a_bucket_counts_all_below_its_bound),
        TEST(the_last_bucket_is_the_count_and_the_sum_is_in_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
