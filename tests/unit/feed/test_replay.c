/* SPDX-License-Identifier: MIT */
/* Tests of feed/replay.c. */
#include "tests/unit/feed/unit.h"

#include "tests/unit/feed/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/base.h"
#include "feed/replay.h"
#include "feed/tape_writer.h"

static const int64_t MS = 1000000;

struct files {
    struct folder folder;
    char paths[4][96];
    const char *list[4];
    size_t count;
};

static void begin(struct files *files)
{
    *files = (struct files){0};
    folder_begin(&files->folder);
}

static void end(struct files *files)
{
    folder_end(&files->folder);
}

static void add_file(struct files *files, const struct line *lines, size_t count)
{
    char name[16];
    size_t n = files->count++;
    snprintf(name, sizeof name, "%zu.tape", n);
    folder_file(&files->folder, name, lines, count);
    snprintf(files->paths[n], sizeof files->paths[n], "%s", folder_path(&files->folder, name));
    files->list[n] = files->paths[n];
}

static struct replay *open_all(struct files *files, struct replay_config config)
{
    struct replay *replay;
    char error[512] = "";
    config.paths = files->list;
    config.paths_count = files->count;
    if (replay_open(&replay, &config, error, sizeof error) < 0)
        fail_msg("%s", error);
    return replay;
}

/* "A1 B2 …": symbol and offset of what comes, up to `max`. */
static void play(struct replay *replay, size_t max, char *out, size_t size)
{
    const struct tape_item *item;
    int64_t due_ns;
    size_t len = 0;
    out[0] = 0;
    for (size_t i = 0; i < max && replay_peek(replay, 0, &item, &due_ns) == 1; i++) {
        len += (size_t)snprintf(out + len, size - len, "%s%.*s%llu", i ? " " : "",
                                (int)item->symbol_len, item->symbol,
                                (unsigned long long)tick_offset(&item->tick));
        replay_take(replay);
    }
}

static void expect(struct files *files, struct replay_config config, size_t max,
                   const char *expected)
{
    char got[512];
    struct replay *replay = open_all(files, config);
    play(replay, max, got, sizeof got);
    assert_string_equal(got, expected);
    replay_close(replay);
}

static const struct line one[] = {
    {10, 0, 1, "A"}, {20, 0, 2, "B"}, {20, 1, 9, "C"}, {15, 0, 3, "A"}, {40, 0, 4, "B"}};
static const struct line two[] = {{5, 0, 11, "B"}, {20, 0, 12, "A"}, {30, 0, 13, "C"}};

static void several_files_are_one_tape_in_one_order(void **state)
{
    (void)state;
    struct files files;
    begin(&files);
    add_file(&files, one, ARRAY_LEN(one));
    add_file(&files, two, ARRAY_LEN(two));
    /* Of equal times partition 0 comes first, then the lower offset. A3 goes back in time: it keeps
     * its place behind C9. */
    expect(&files, (struct replay_config){0}, 100, "B11 A1 B2 A12 C9 A3 C13 B4");
    end(&files);
}

static void ties_go_by_the_order_of_the_files(void **state)
{
    (void)state;
    static const struct line x[] = {{10, 0, 1, "X"}}, y[] = {{10, 0, 1, "Y"}};
    struct files files;
    begin(&files);
    add_file(&files, x, 1);
    add_file(&files, y, 1);
    expect(&files, (struct replay_config){0}, 100, "X1 Y1");
    end(&files);
}

static void only_what_is_wanted_comes(void **state)
{
    (void)state;
    static const char *const symbols[] = {"B", "C*"};
    struct files files;
    begin(&files);
    add_file(&files, one, ARRAY_LEN(one));
    add_file(&files, two, ARRAY_LEN(two));
    expect(&files, (struct replay_config){.symbols = symbols, .symbols_count = 2}, 100,
           "B11 B2 C9 C13 B4");
    expect(&files,
           (struct replay_config){
               .from = true, .from_ns = 20 * MS, .until = true, .until_ns = 40 * MS},
           100, "B2 A12 C9 C13");
    expect(&files, (struct replay_config){.clock = TAPE_RECEIVE, .from = true, .from_ns = 37 * MS},
           100, "C13 B4");
    end(&files);
}

static void a_loop_begins_again(void **state)
{
    (void)state;
    struct files files;
    begin(&files);
    add_file(&files, two, ARRAY_LEN(two));
    expect(&files, (struct replay_config){.loop = true}, 7, "B11 A12 C13 B11 A12 C13 B11");
    /* And an empty one doesn't turn for ever. */
    static const char *const none[] = {"none"};
    expect(&files, (struct replay_config){.loop = true, .symbols = none, .symbols_count = 1}, 7,
           "");
    end(&files);
}

static void ticks_are_due_as_on_the_tape(void **state)
{
    (void)state;
    struct files files;
    const struct tape_item *item;
    int64_t due_ns;
    begin(&files);
    add_file(&files, two, ARRAY_LEN(two));
    struct replay *replay = open_all(&files, (struct replay_config){.speed = 5});
    static const int64_t due_ms[] = {1000, 1003, 1005};
    for (size_t i = 0; i < ARRAY_LEN(due_ms); i++) {
        assert_int_equal(replay_peek(replay, 1000 * MS, &item, &due_ns), 1);
        assert_int_equal(replay_peek(replay, 1001 * MS, &item, &due_ns), 1);
        assert_int_equal(due_ns, due_ms[i] * MS);
        replay_take(replay);
    }
    assert_int_equal(replay_peek(replay, 0, &item, &due_ns), 0);
    replay_close(replay);
    end(&files);
}

static void shifted_times_keep_their_distances(void **state)
{
    (void)state;
    struct files files;
    const struct tape_item *item;
    int64_t due_ns, first;
    begin(&files);
    add_file(&files, two, ARRAY_LEN(two));
    struct replay *replay = open_all(&files, (struct replay_config){.shift = true});
    assert_int_equal(replay_peek(replay, 0, &item, &due_ns), 1);
    first = item->tick.ts_ns;
    assert_true(first > INT64_C(1700000000) * 1000000000);
    replay_take(replay);
    assert_int_equal(replay_peek(replay, 0, &item, &due_ns), 1);
    assert_int_equal(item->tick.ts_ns - first, 15 * MS);
    replay_close(replay);
    end(&files);
}

static void a_file_that_is_no_tape_is_named(void **state)
{
    (void)state;
    char error[512] = "";
    struct replay *replay;
    static const char *const paths[] = {"/dev/null"};
    struct replay_config config = {.paths = paths, .paths_count = 1};
    assert_true(replay_open(&replay, &config, error, sizeof error) < 0);
    assert_non_null(strstr(error, "/dev/null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_files_are_one_tape_in_one_order),
        cmocka_unit_test(ties_go_by_the_order_of_the_files),
        cmocka_unit_test(only_what_is_wanted_comes),
        cmocka_unit_test(a_loop_begins_again),
        cmocka_unit_test(ticks_are_due_as_on_the_tape),
        cmocka_unit_test(shifted_times_keep_their_distances),
        cmocka_unit_test(a_file_that_is_no_tape_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
