/* SPDX-License-Identifier: MIT */
/* Tests of feed/replay.c: series of files, and files that grow. */
#include "tests/unit/feed/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/replay.h"
#include "tests/unit/feed/folder.h"

enum { FILES_MAX = 16 };

struct rig {
    struct folder folder;
    char paths[FILES_MAX][128];
    const char *list[FILES_MAX];
    size_t count;
    struct replay *replay;
    char heard[4096];
};

static void begin(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    folder_begin(&rig->folder);
}

static void end(struct rig *rig)
{
    replay_close(rig->replay);
    folder_end(&rig->folder);
}

/* The file is played. */
static void list(struct rig *rig, const char *name)
{
    size_t n = rig->count++;
    snprintf(rig->paths[n], sizeof rig->paths[n], "%s", folder_path(&rig->folder, name));
    rig->list[n] = rig->paths[n];
}

static void add(struct rig *rig, const char *name, const struct line *lines, size_t count)
{
    folder_file(&rig->folder, name, lines, count);
    list(rig, name);
}

static void open_with(struct rig *rig, struct replay_config config)
{
    char error[512] = "";
    replay_close(rig->replay);
    rig->replay = NULL;
    config.paths = rig->list;
    config.paths_count = rig->count;
    if (replay_open(&rig->replay, &config, error, sizeof error) < 0)
        fail_msg("%s", error);
}

/* What comes, up to `max`: "A1 B2 …", symbol and offset; "!" where something is told as damage, "?"
 * for any other failure. */
static const char *play(struct rig *rig, size_t max)
{
    const struct tape_item *item;
    int64_t due_ns;
    size_t len = 0;
    int rc;
    rig->heard[0] = 0;
    for (; max > 0 && (rc = replay_peek(rig->replay, 0, &item, &due_ns)) != 0; max--) {
        char word[64] = "!";
        if (rc == 1)
            snprintf(word, sizeof word, "%.*s%llu", (int)item->symbol_len, item->symbol,
                     (unsigned long long)tick_offset(&item->tick));
        else if (rc != -EBADMSG)
            word[0] = '?';
        len += (size_t)snprintf(rig->heard + len, sizeof rig->heard - len, "%s%s", len ? " " : "",
                                word);
        if (rc == 1)
            replay_take(rig->replay);
    }
    return rig->heard;
}

static void take_place(void *arg, const char *topic, size_t topic_len,
                       const struct tape_place *place)
{
    char *out = arg;
    sprintf(out + strlen(out), "%s%.*s/%u:%llu.%u", out[0] ? " " : "", (int)topic_len, topic,
            place->partition, (unsigned long long)place->offset, place->index);
}

static void expect_places(struct rig *rig, const char *expected)
{
    char got[512] = "";
    replay_places(rig->replay, take_place, got);
    assert_string_equal(got, expected);
}

/* The second file's times lie before the first's, as a feed that is behind captures them. */
static const struct line first[] = {{100, 0, 1, "A"}, {120, 0, 2, "B"}, {110, 0, 3, "A"}};
static const struct line second[] = {{50, 0, 4, "A"}, {130, 0, 5, "B"}};
static const struct line third[] = {{105, 0, 6, "A"}, {200, 0, 7, "C"}};
static const struct line other[] = {
    {90, 1, 1, "X"}, {115, 1, 2, "X"}, {120, 1, 3, "X"}, {125, 1, 4, "X"}, {190, 1, 5, "X"}};

static void add_series(struct rig *rig)
{
    add(rig, "a-000001.tape", first, ARRAY_LEN(first));
    add(rig, "a-000002.tape", second, ARRAY_LEN(second));
    add(rig, "a-000007.tape", third, ARRAY_LEN(third));
}

static void a_series_plays_in_the_order_of_its_capture(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add_series(&rig);
    open_with(&rig, (struct replay_config){0});
    assert_string_equal(play(&rig, 100), "A1 B2 A3 A4 B5 A6 C7");
    end(&rig);
}

static void a_series_is_as_one_file_of_the_same_ticks(void **state)
{
    (void)state;
    struct rig rig, one;
    struct line all[ARRAY_LEN(first) + ARRAY_LEN(second) + ARRAY_LEN(third)];
    char expected[512];
    begin(&rig);
    begin(&one);
    memcpy(all, first, sizeof first);
    memcpy(all + ARRAY_LEN(first), second, sizeof second);
    memcpy(all + ARRAY_LEN(first) + ARRAY_LEN(second), third, sizeof third);
    add_series(&rig);
    add(&rig, "x.tape", other, ARRAY_LEN(other));
    add(&one, "all.tape", all, ARRAY_LEN(all));
    add(&one, "x.tape", other, ARRAY_LEN(other));
    static const char *const symbols[] = {"A", "X*"};
    const struct replay_config configs[] = {
        {0},
        {.clock = TAPE_RECEIVE},
        {.symbols = symbols, .symbols_count = 2},
        {.from = true, .from_ns = 110000000, .until = true, .until_ns = 131000000},
        {.growing = true},
    };
    for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
        open_with(&one, configs[i]);
        snprintf(expected, sizeof expected, "%s", play(&one, 100));
        open_with(&rig, configs[i]);
        assert_string_equal(play(&rig, 100), expected);
        assert_int_equal(replay_stats(rig.replay).ticks_passed,
                         replay_stats(one.replay).ticks_passed);
    }
    end(&rig);
    end(&one);
}

static void two_series_merge_in_the_usual_order(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add_series(&rig);
    add(&rig, "b-000001.tape", other, 2);
    add(&rig, "b-000002.tape", other + 2, ARRAY_LEN(other) - 2);
    open_with(&rig, (struct replay_config){0});
    /* A3 and A4 count with the time of B2, A6 with that of B5. */
    assert_string_equal(play(&rig, 100), "X1 A1 X2 B2 A3 A4 X3 X4 B5 A6 X5 C7");
    end(&rig);
}

static void names_that_are_no_series_are_files_of_their_own(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    static const struct line late[] = {{900, 0, 1, "L"}}, early[] = {{10, 0, 2, "E"}};
    static const char *const pairs[][2] = {
        {"a-000002.tape", "a-000001.tape"}, {"b-000001.tape", "c-000002.tape"},
        {"d000001.tape", "d000002.tape"},   {"e-00001.tape", "e-00002.tape"},
        {"f-00000x.tape", "f-00000y.tape"}, {"g-000001.tape", "g-1000002.tape"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        rig.count = 0;
        add(&rig, pairs[i][0], late, 1);
        add(&rig, pairs[i][1], early, 1);
        open_with(&rig, (struct replay_config){0});
        assert_string_equal(play(&rig, 100), "E2 L1");
    }
    end(&rig);
}

static void a_series_counts_as_one_of_those_read_at_a_time(void **state)
{
    (void)state;
    struct rig rig;
    char error[512] = "";
    begin(&rig);
    add_series(&rig);
    open_with(&rig, (struct replay_config){.tracks_max = 1});
    assert_string_equal(play(&rig, 100), "A1 B2 A3 A4 B5 A6 C7");
    add(&rig, "x.tape", other, 1);
    struct replay *refused;
    struct replay_config config = {.paths = rig.list, .paths_count = rig.count, .tracks_max = 1};
    assert_int_equal(replay_open(&refused, &config, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "more than 1 files"));
    end(&rig);
}

static void a_loop_over_a_series_begins_with_its_first_file_again(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add(&rig, "a-000001.tape", first, 2);
    add(&rig, "a-000002.tape", second, 1);
    add(&rig, "x.tape", other, 1);
    open_with(&rig, (struct replay_config){.loop = true});
    assert_string_equal(play(&rig, 10), "X1 A1 B2 A4 X1 A1 B2 A4 X1 A1");
    assert_int_equal(replay_rounds(rig.replay), 2);
    assert_int_equal(replay_stats(rig.replay).ticks_passed, 10);
    end(&rig);
}

static void a_loop_goes_on_with_what_is_left_when_a_file_has_gone(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add(&rig, "a-000001.tape", first, 2);
    add(&rig, "a-000002.tape", second, 1);
    add(&rig, "x.tape", other, 1);
    open_with(&rig, (struct replay_config){.loop = true});
    assert_string_equal(play(&rig, 4), "X1 A1 B2 A4");
    folder_remove(&rig.folder, "a-000001.tape");
    assert_string_equal(play(&rig, 7), "! A4 X1 ! A4 X1 !");
    end(&rig);
}

static void figures_are_those_of_all_its_files(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add_series(&rig);
    uint64_t bytes = folder_size(&rig.folder, "a-000001.tape") +
                     folder_size(&rig.folder, "a-000002.tape") +
                     folder_size(&rig.folder, "a-000007.tape");
    open_with(&rig, (struct replay_config){0});
    assert_int_equal(replay_stats(rig.replay).file_bytes, bytes);
    play(&rig, 4);
    assert_int_equal(replay_stats(rig.replay).file_bytes, bytes);
    play(&rig, 100);
    struct tape_stats stats = replay_stats(rig.replay);
    assert_int_equal(stats.ticks_passed, 7);
    assert_int_equal(stats.ticks_read, 7);
    assert_true(stats.blocks_read >= 3 && stats.read_bytes < bytes && stats.plain_bytes > 0);
    assert_int_equal(stats.file_bytes, bytes);
    end(&rig);
}

/* ---- places ---- */

static const struct line placed[] = {
    {10, 0, 5, "A"}, {11, 7, 70, "B"}, {12, 4096 + 7, 700, "C"}, {13, 0, 6, "A"}};

static void at_the_end_it_is_known_how_far_each_partition_is_captured(void **state)
{
    (void)state;
    struct rig rig;
    static const char *const none[] = {"none"};
    begin(&rig);
    add(&rig, "a.tape", placed, ARRAY_LEN(placed));
    open_with(&rig, (struct replay_config){0});
    expect_places(&rig, "");
    play(&rig, 3);
    expect_places(&rig, ""); /* not yet */
    play(&rig, 100);
    expect_places(&rig, "trades/0:6.1 trades/7:70.1 more/7:700.1");
    /* Also where none of it was wanted. */
    open_with(&rig, (struct replay_config){.symbols = none, .symbols_count = 1});
    play(&rig, 100);
    expect_places(&rig, "trades/0:6.1 trades/7:70.1 more/7:700.1");
    open_with(&rig, (struct replay_config){.until = true, .until_ns = 1});
    play(&rig, 100);
    expect_places(&rig, "trades/0:6.1 trades/7:70.1 more/7:700.1");
    end(&rig);
}

static void places_are_those_of_a_series_last_file_and_of_each_series(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add(&rig, "a-000001.tape", placed, ARRAY_LEN(placed));
    static const struct line later[] = {{20, 0, 9, "A"}};
    struct tape_writer *writer = folder_writer(&rig.folder, "a-000002.tape");
    /* As a capture's next file begins: with what it knows of all partitions. */
    assert_int_equal(tape_writer_place(writer, &(struct tape_place){.partition = 7, .offset = 71}),
                     0);
    folder_append(writer, later, 1);
    assert_int_equal(tape_writer_finish(writer), 0);
    tape_writer_destroy(writer);
    list(&rig, "a-000002.tape");
    add(&rig, "b.tape", other, 2);
    open_with(&rig, (struct replay_config){0});
    play(&rig, 4);
    expect_places(&rig, "");
    play(&rig, 100);
    expect_places(&rig, "trades/7:71.0 trades/0:9.1 trades/1:2.1");
    end(&rig);
}

/* ---- files that grow, or are damaged, or gone ---- */

static struct line many[60];

/* A file of several blocks, M1 to M60, that nobody has finished, and the first `keep` bytes of one
 * more. Returns false where that would be all of it. */
static bool add_torn(struct rig *rig, const char *name, size_t keep)
{
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (struct line){1000 + (int64_t)i, 0, i + 1, "M"};
    struct tape_writer *writer = folder_writer(&rig->folder, name);
    folder_append(writer, many, ARRAY_LEN(many));
    assert_int_equal(tape_writer_flush(writer), 0);
    size_t whole = folder_size(&rig->folder, name);
    static const struct line last[] = {{5000, 0, 900, "M"}, {5001, 3, 901, "M"}};
    folder_append(writer, last, 2);
    assert_int_equal(tape_writer_flush(writer), 0);
    tape_writer_destroy(writer);
    size_t all = folder_size(&rig->folder, name);
    if (whole + keep < all)
        folder_cut(&rig->folder, name, whole + keep);
    rig->count = 0;
    list(rig, name);
    return whole + keep < all;
}

static void what_is_torn_at_the_end_of_a_file_that_grows_is_no_damage(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    /* Cut at any byte of its header or its data. */
    for (size_t keep = 1; add_torn(&rig, "torn.tape", keep); keep++) {
        open_with(&rig, (struct replay_config){.growing = true});
        play(&rig, 1000);
        assert_null(strchr(rig.heard, '!'));
        assert_string_equal(rig.heard + strlen(rig.heard) - 4, " M60");
        expect_places(&rig, "trades/0:60.1");
        /* Of one that nobody writes any more it is. */
        open_with(&rig, (struct replay_config){0});
        play(&rig, 1000);
        assert_string_equal(rig.heard + strlen(rig.heard) - 6, " M60 !");
        assert_non_null(strstr(replay_error(rig.replay), "the file ends within it"));
        expect_places(&rig, "trades/0:60.1");
        folder_remove(&rig.folder, "torn.tape");
        rig.folder.count--;
    }
    end(&rig);
}

static void damage_within_a_series_is_told_and_the_rest_goes_on(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add_series(&rig);
    /* In the data of the only block. */
    folder_spoil(&rig.folder, "a-000002.tape", 200);
    open_with(&rig, (struct replay_config){0});
    assert_string_equal(play(&rig, 100), "A1 B2 A3 ! A6 C7");
    assert_non_null(strstr(replay_error(rig.replay), "a-000002.tape: block 0 at byte 0"));
    end(&rig);
}

static void damage_in_one_of_several_files_changes_nothing_in_the_order_of_the_rest(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add(&rig, "x.tape", other, 2);
    add(&rig, "y.tape", second, ARRAY_LEN(second));
    add(&rig, "z.tape", first, ARRAY_LEN(first));
    folder_spoil(&rig.folder, "y.tape", 200);
    open_with(&rig, (struct replay_config){0});
    assert_string_equal(play(&rig, 100), "! X1 A1 X2 B2 A3");
    end(&rig);
}

static void a_later_file_that_has_gone_is_told_and_the_rest_goes_on(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add_series(&rig);
    add(&rig, "x.tape", other, ARRAY_LEN(other));
    open_with(&rig, (struct replay_config){0});
    folder_remove(&rig.folder, "a-000002.tape");
    assert_string_equal(play(&rig, 100), "X1 A1 X2 B2 A3 ! A6 X3 X4 X5 C7");
    assert_non_null(strstr(replay_error(rig.replay), "a-000002.tape: No such file"));
    expect_places(&rig, "trades/0:7.1 trades/1:5.1");
    end(&rig);
}

static void a_later_file_that_is_no_tape_is_told_and_the_rest_goes_on(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add(&rig, "a-000001.tape", first, ARRAY_LEN(first));
    folder_bytes(&rig.folder, "a-000002.tape", "hello, hello, hello", 19);
    list(&rig, "a-000002.tape");
    add(&rig, "a-000003.tape", third, ARRAY_LEN(third));
    open_with(&rig, (struct replay_config){0});
    assert_string_equal(play(&rig, 100), "A1 B2 A3 ! A6 C7");
    assert_non_null(strstr(replay_error(rig.replay), "a-000002.tape: is no tape"));
    end(&rig);
}

static void a_last_file_that_has_gone_leaves_the_places_before_it(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add_series(&rig);
    open_with(&rig, (struct replay_config){0});
    folder_remove(&rig.folder, "a-000007.tape");
    assert_string_equal(play(&rig, 100), "A1 B2 A3 A4 B5 !");
    expect_places(&rig, "trades/0:5.1");
    end(&rig);
}

static void a_first_file_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    char error[512] = "";
    begin(&rig);
    add_series(&rig);
    folder_remove(&rig.folder, "a-000001.tape");
    struct replay *refused;
    struct replay_config config = {.paths = rig.list, .paths_count = rig.count};
    assert_int_equal(replay_open(&refused, &config, error, sizeof error), -ENOENT);
    assert_non_null(strstr(error, "a-000001.tape"));
    end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_series_plays_in_the_order_of_its_capture),
        cmocka_unit_test(a_series_is_as_one_file_of_the_same_ticks),
        cmocka_unit_test(two_series_merge_in_the_usual_order),
        cmocka_unit_test(names_that_are_no_series_are_files_of_their_own),
        cmocka_unit_test(a_series_counts_as_one_of_those_read_at_a_time),
        cmocka_unit_test(a_loop_over_a_series_begins_with_its_first_file_again),
        cmocka_unit_test(a_loop_goes_on_with_what_is_left_when_a_file_has_gone),
        cmocka_unit_test(figures_are_those_of_all_its_files),
        cmocka_unit_test(at_the_end_it_is_known_how_far_each_partition_is_captured),
        cmocka_unit_test(places_are_those_of_a_series_last_file_and_of_each_series),
        cmocka_unit_test(what_is_torn_at_the_end_of_a_file_that_grows_is_no_damage),
        cmocka_unit_test(damage_within_a_series_is_told_and_the_rest_goes_on),
        cmocka_unit_test(damage_in_one_of_several_files_changes_nothing_in_the_order_of_the_rest),
        cmocka_unit_test(a_later_file_that_has_gone_is_told_and_the_rest_goes_on),
        cmocka_unit_test(a_later_file_that_is_no_tape_is_told_and_the_rest_goes_on),
        cmocka_unit_test(a_last_file_that_has_gone_leaves_the_places_before_it),
        cmocka_unit_test(a_first_file_that_is_not_there_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
