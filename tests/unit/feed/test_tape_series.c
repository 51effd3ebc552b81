/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/tape_reader.h"
#include "feed/tape_series.h"

static char folder[64];

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/series-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    char path[512];
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    (void)state;
    while ((entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    closedir(dir);
    return rmdir(folder);
}

static struct tape_series *open_series(struct tape_series_found *found, uint64_t rotate_bytes)
{
    const struct tape_series_config config = {
        .folder = folder,
        .name = "t",
        .writer = {.sync = TAPE_SYNC_NEVER, .symbols_max = 100},
        .rotate_bytes = rotate_bytes,
        .rotate_ns = 10000000000,
        .flush_ns = 1000,
    };
    struct tape_series *series;
    char error[512];
    if (tape_series_open(&series, &config, found, error, sizeof error) < 0)
        fail_msg("%s", error);
    assert_int_equal(tape_series_topic(series, 0, "trades"), 0);
    return series;
}

/* Ticks with the offsets from `from` to before `to`. */
static void append(struct tape_series *series, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        const struct tick tick = {.price = (int64_t)i, .pos = tick_pos(3, i), .rts_ns = (int64_t)i};
        assert_int_equal(tape_series_append(series, &tick, "X", 1, 0), 0);
    }
}

/* Counts the ticks of file `number`, -1 where it isn't there. */
static int count(uint32_t number, bool *indexed)
{
    char path[96], error[512];
    struct tape_reader *reader;
    struct tape_item item;
    uint64_t blocks, ticks;
    int found = 0;
    snprintf(path, sizeof path, "%s/t-%06u.tape", folder, number);
    const struct tape_reader_config config = {.path = path};
    if (tape_reader_open(&reader, &config, error, sizeof error) < 0)
        return -1;
    while (tape_reader_next(reader, &item) == 1)
        found++;
    *indexed = tape_reader_totals(reader, &blocks, &ticks);
    tape_reader_close(reader);
    return found;
}

static void a_file_that_is_full_is_finished_and_the_next_begins_with_the_next_tick(void **state)
{
    (void)state;
    struct tape_series_found found;
    struct tape_series *series = open_series(&found, 100);
    bool indexed;
    assert_int_equal(found.files, 0);
    append(series, 0, 10);
    assert_int_equal(tape_series_serve(series, 2000), 0);
    assert_int_equal(count(1, &indexed), 10);
    assert_true(indexed);
    assert_string_equal(tape_series_path(series), "");
    assert_int_equal(count(2, &indexed), -1);
    append(series, 10, 12);
    assert_int_equal(tape_series_finish(series), 0);
    assert_int_equal(count(2, &indexed), 2);
    assert_int_equal(tape_series_ticks(series), 12);
    assert_int_equal(tape_series_files(series), 2);
    tape_series_close(series);
}

static void a_tick_waits_no_longer_than_it_is_told_to(void **state)
{
    (void)state;
    struct tape_series_found found;
    struct tape_series *series = open_series(&found, 0);
    append(series, 0, 1);
    tape_series_serve(series, 999);
    assert_int_equal(tape_series_pending(series), 1);
    tape_series_serve(series, 1000);
    assert_int_equal(tape_series_pending(series), 0);
    assert_int_equal(tape_series_ticks(series), 1);
    tape_series_close(series);
}

static void after_a_stop_it_goes_on_in_a_new_file_from_where_each_partition_was(void **state)
{
    (void)state;
    struct tape_series_found found;
    struct tape_series *series = open_series(&found, 0);
    bool indexed;
    uint32_t places;
    append(series, 0, 10);
    tape_series_place(series, &(struct tape_place){.partition = 7, .offset = 500});
    assert_int_equal(tape_series_finish(series), 0);
    tape_series_close(series);
    series = open_series(&found, 0);
    assert_int_equal(found.files, 1);
    assert_string_equal(found.resumed, "");
    const struct tape_place *place = tape_series_places(series, &places);
    assert_int_equal(places, 2);
    assert_true(place[0].partition == 3 && place[0].offset == 9 && place[0].index == 1);
    assert_true(place[1].partition == 7 && place[1].offset == 500);
    append(series, 10, 11);
    assert_int_equal(tape_series_finish(series), 0);
    tape_series_close(series);
    assert_int_equal(count(2, &indexed), 1);
}

static void after_a_kill_it_goes_on_in_the_same_file_even_if_that_is_still_empty(void **state)
{
    (void)state;
    struct tape_series_found found;
    struct tape_series *series = open_series(&found, 100);
    uint32_t places;
    bool indexed;
    append(series, 0, 10);
    tape_series_serve(series, 2000);
    append(series, 10, 15);
    tape_series_close(series); /* the second file has no block yet */
    assert_int_equal(count(2, &indexed), 0);
    series = open_series(&found, 0);
    assert_int_equal(found.files, 2);
    assert_non_null(strstr(found.resumed, "t-000002.tape"));
    assert_int_equal(found.recovery.ticks, 0);
    assert_int_equal(tape_series_places(series, &places)[0].offset, 9);
    append(series, 10, 20);
    tape_series_serve(series, 2000);
    append(series, 20, 25);
    tape_series_close(series);
    series = open_series(&found, 0);
    assert_int_equal(found.recovery.ticks, 10);
    assert_int_equal(tape_series_places(series, &places)[0].offset, 19);
    append(series, 20, 21);
    assert_int_equal(tape_series_finish(series), 0);
    assert_int_equal(tape_series_ticks(series), 1);
    tape_series_close(series);
    assert_int_equal(count(2, &indexed), 11);
    assert_true(indexed);
}

static void a_folder_belongs_to_one_capture_and_keeps_the_names_of_its_topics(void **state)
{
    (void)state;
    struct tape_series_found found;
    struct tape_series *series = open_series(&found, 0), *second;
    const struct tape_series_config config = {.folder = folder, .name = "t"};
    char error[512];
    assert_int_equal(tape_series_open(&second, &config, &found, error, sizeof error), -EAGAIN);
    append(series, 0, 1);
    tape_series_finish(series);
    tape_series_close(series);
    assert_int_equal(tape_series_open(&second, &config, &found, error, sizeof error), 0);
    assert_int_equal(tape_series_topic(second, 0, "other"), -EINVAL);
    assert_non_null(strstr(tape_series_error(second), "trades"));
    tape_series_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_file_that_is_full_is_finished_and_the_next_begins_with_the_next_tick, begin, end),
        cmocka_unit_test_setup_teardown(a_tick_waits_no_longer_than_it_is_told_to, begin, end),
        cmocka_unit_test_setup_teardown(
            after_a_stop_it_goes_on_in_a_new_file_from_where_each_partition_was, begin, end),
        cmocka_unit_test_setup_teardown(
            after_a_kill_it_goes_on_in_the_same_file_even_if_that_is_still_empty, begin, end),
        cmocka_unit_test_setup_teardown(
            a_folder_belongs_to_one_capture_and_keeps_the_names_of_its_topics, begin, end),
    };
    return cmocka_run_group_tests_name("tape_series", tests, NULL, NULL);
}
