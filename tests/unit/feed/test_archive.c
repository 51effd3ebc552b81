/* SPDX-License-Identifier: MIT */
/* Tests of feed/archive.c. */
#include "tests/unit/feed/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/archive.h"
#include "feed/base.h"
#include "tests/unit/feed/folder.h"

static const int64_t MS = 1000000;

struct rig {
    struct folder folder;
    struct archive *archive;
    char told[1024];
    uint32_t notices;
};

static void take_notice(void *arg, const char *sentence)
{
    struct rig *rig = arg;
    rig->notices++;
    snprintf(rig->told, sizeof rig->told, "%s", sentence);
}

static void begin(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    folder_begin(&rig->folder);
    rig->archive = archive_create(rig->folder.path, take_notice, rig);
    assert_non_null(rig->archive);
}

static void end(struct rig *rig)
{
    archive_destroy(rig->archive);
    folder_end(&rig->folder);
}

/* A file of two ticks. */
static void add(struct rig *rig, const char *name, int64_t from_ms, int64_t to_ms)
{
    const struct line lines[] = {{from_ms, 0, 1, "A"}, {to_ms, 0, 2, "A"}};
    folder_file(&rig->folder, name, lines, ARRAY_LEN(lines));
}

static void look(struct rig *rig)
{
    char error[256] = "";
    if (archive_look(rig->archive, error, sizeof error) < 0)
        fail_msg("%s", error);
}

/* The names of those chosen, "a b c", looking at nothing anew. */
static void expect_chosen(struct rig *rig, struct archive_wish wish, const char *expected)
{
    char got[1024] = "";
    size_t count, len = strlen(rig->folder.path);
    const char **paths = archive_choose(rig->archive, &wish, &count);
    assert_non_null(paths);
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(paths[i], rig->folder.path, len);
        strcat(strcat(got, i ? " " : ""), paths[i] + len + 1);
    }
    assert_string_equal(got, expected);
    free(paths);
}

static void expect(struct rig *rig, const char *expected)
{
    look(rig);
    expect_chosen(rig, (struct archive_wish){.clock = TAPE_EVENT}, expected);
}

static struct archive_wish between(enum tape_clock clock, int64_t from_ms, int64_t until_ms)
{
    return (struct archive_wish){.clock = clock,
                                 .from = true,
                                 .until = true,
                                 .from_ns = from_ms * MS,
                                 .until_ns = until_ms * MS};
}

static void those_that_may_hold_the_stretch_are_chosen_by_either_clock(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add(&rig, "early.tape", 100, 200);
    add(&rig, "late.tape", 300, 400);
    look(&rig);
    static const struct {
        int64_t from_ms, until_ms;
        const char *by_event, *by_receive; /* which is 7 ms later */
    } cases[] = {
        {0, 100, "", ""},
        {0, 101, "early.tape", ""},
        {0, 108, "early.tape", "early.tape"},
        {200, 300, "early.tape", "early.tape"},
        {201, 300, "", "early.tape"},
        {208, 307, "late.tape", ""},
        {200, 301, "early.tape late.tape", "early.tape"},
        {150, 350, "early.tape late.tape", "early.tape late.tape"},
        {401, 900, "", "late.tape"},
        {408, 900, "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t from = cases[i].from_ms, until = cases[i].until_ms;
        expect_chosen(&rig, between(TAPE_EVENT, from, until), cases[i].by_event);
        expect_chosen(&rig, between(TAPE_RECEIVE, from, until), cases[i].by_receive);
    }
    end(&rig);
}

static void a_bound_that_is_not_given_is_none(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add(&rig, "a.tape", 100, 200);
    add(&rig, "b.tape", 300, 400);
    look(&rig);
    struct archive_wish wish = between(TAPE_EVENT, 250, 250);
    wish.until = false;
    expect_chosen(&rig, wish, "b.tape");
    wish.until = true, wish.from = false;
    expect_chosen(&rig, wish, "a.tape");
    wish.until = false;
    expect_chosen(&rig, wish, "a.tape b.tape");
    end(&rig);
}

/* Times may go back within a file, and between its blocks. */
static void a_files_stretch_is_that_of_all_its_ticks(void **state)
{
    (void)state;
    struct rig rig;
    struct line lines[64];
    begin(&rig);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        lines[i] = (struct line){1000 + (i == 20 ? 500 : 0) - (i == 40 ? 500 : 0), 0, i + 1, "A"};
    folder_file(&rig.folder, "a.tape", lines, ARRAY_LEN(lines));
    look(&rig);
    expect_chosen(&rig, between(TAPE_EVENT, 1400, 1501), "a.tape");
    expect_chosen(&rig, between(TAPE_EVENT, 1501, 1600), "");
    expect_chosen(&rig, between(TAPE_EVENT, 400, 501), "a.tape");
    expect_chosen(&rig, between(TAPE_EVENT, 400, 500), "");
    end(&rig);
}

static void series_come_in_their_order(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    static const char *const names[] = {"b-000002.tape",  "a-000010.tape", "a-b-000001.tape",
                                        "b-000001.tape",  "a-000009.tape", "x.tape",
                                        "a-b-000002.tape"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        add(&rig, names[i], 900 - (int64_t)i, 1000);
    expect(&rig, "a-000009.tape a-000010.tape a-b-000001.tape a-b-000002.tape b-000001.tape "
                 "b-000002.tape x.tape");
    end(&rig);
}

static void what_holds_no_whole_block_is_left_out(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add(&rig, "good.tape", 100, 200);
    add(&rig, "torn.tape", 100, 200);
    folder_cut(&rig.folder, "torn.tape", 130);
    folder_bytes(&rig.folder, "empty.tape", "", 0);
    folder_file(&rig.folder, "none.tape", NULL, 0);
    tape_writer_destroy(folder_writer(&rig.folder, "begun.tape"));
    expect(&rig, "good.tape");
    assert_int_equal(rig.notices, 0);
    end(&rig);
}

static void what_is_no_capture_file_is_left_out_and_told_if_it_is_called_one(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add(&rig, "good.tape", 100, 200);
    folder_bytes(&rig.folder, "notes.txt", "a note", 6);
    folder_bytes(&rig.folder, ".tape", "a note", 6);
    assert_int_equal(mkdir(folder_path(&rig.folder, "folder.tape"), 0700), 0);
    assert_int_equal(symlink("nowhere", folder_path(&rig.folder, "lost.tape")), 0);
    expect(&rig, "good.tape");
    assert_int_equal(rig.notices, 0);
    folder_bytes(&rig.folder, "photo.tape", "\xff\xd8\xff\xe0 a photo", 12);
    expect(&rig, "good.tape");
    assert_int_equal(rig.notices, 1);
    assert_non_null(strstr(rig.told, "/photo.tape: is no tape"));
    /* Once. */
    expect(&rig, "good.tape");
    assert_int_equal(rig.notices, 1);
    folder_remove(&rig.folder, "folder.tape");
    folder_remove(&rig.folder, "lost.tape");
    end(&rig);
}

static void a_file_that_may_not_be_read_is_told_and_read_once_it_may(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    bool root = geteuid() == 0;
    add(&rig, "good.tape", 100, 200);
    add(&rig, "mine.tape", 100, 200);
    assert_int_equal(chmod(rig.folder.path, 0755), 0);
    assert_int_equal(chmod(folder_path(&rig.folder, "good.tape"), 0644), 0);
    assert_int_equal(chmod(folder_path(&rig.folder, "mine.tape"), 0), 0);
    assert_true(!root || seteuid(65534) == 0);
    expect(&rig, "good.tape");
    assert_int_equal(rig.notices, 1);
    assert_non_null(strstr(rig.told, "/mine.tape: Permission denied"));
    assert_true(!root || seteuid(0) == 0);
    assert_int_equal(chmod(folder_path(&rig.folder, "mine.tape"), 0644), 0);
    expect(&rig, "good.tape mine.tape");
    end(&rig);
}

static void damage_costs_a_file_no_more_than_its_block(void **state)
{
    (void)state;
    struct rig rig;
    struct line lines[64];
    begin(&rig);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        lines[i] = (struct line){1000 + (int64_t)i, 0, i + 1, "A"};
    struct tape_writer *writer = folder_writer(&rig.folder, "a.tape");
    folder_append(writer, lines, ARRAY_LEN(lines));
    assert_int_equal(tape_writer_flush(writer), 0);
    tape_writer_destroy(writer); /* without an index: headers are in their blocks only */
    folder_spoil(&rig.folder, "a.tape", 50);
    look(&rig);
    expect_chosen(&rig, between(TAPE_EVENT, 1000, 1001), "");
    expect_chosen(&rig, between(TAPE_EVENT, 1063, 1064), "a.tape");
    assert_int_equal(rig.notices, 0); /* whoever plays it is told */
    end(&rig);
}

static void a_file_that_grows_is_read_again_at_the_next_look(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    const struct line first[] = {{100, 0, 1, "A"}}, second[] = {{500, 0, 2, "A"}};
    struct tape_writer *writer = folder_writer(&rig.folder, "a.tape");
    expect(&rig, "");
    folder_append(writer, first, 1);
    assert_int_equal(tape_writer_flush(writer), 0);
    expect_chosen(&rig, (struct archive_wish){.clock = TAPE_EVENT}, ""); /* not looked at yet */
    expect(&rig, "a.tape");
    expect_chosen(&rig, between(TAPE_EVENT, 400, 600), "");
    folder_append(writer, second, 1);
    assert_int_equal(tape_writer_flush(writer), 0);
    look(&rig);
    expect_chosen(&rig, between(TAPE_EVENT, 400, 600), "a.tape");
    assert_int_equal(tape_writer_finish(writer), 0);
    tape_writer_destroy(writer);
    expect(&rig, "a.tape");
    expect_chosen(&rig, between(TAPE_EVENT, 400, 600), "a.tape");
    assert_int_equal(rig.notices, 0);
    end(&rig);
}

static void a_file_that_vanishes_is_forgotten_and_a_new_one_is_found(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    add(&rig, "a.tape", 100, 200);
    add(&rig, "b.tape", 100, 200);
    add(&rig, "c.tape", 100, 200);
    expect(&rig, "a.tape b.tape c.tape");
    folder_remove(&rig.folder, "b.tape");
    add(&rig, "aa.tape", 100, 200);
    expect(&rig, "a.tape aa.tape c.tape");
    folder_remove(&rig.folder, "a.tape");
    folder_remove(&rig.folder, "aa.tape");
    folder_remove(&rig.folder, "c.tape");
    expect(&rig, "");
    end(&rig);
}

static void paths_that_were_chosen_outlive_later_looks(void **state)
{
    (void)state;
    struct rig rig;
    size_t count;
    begin(&rig);
    add(&rig, "a.tape", 100, 200);
    look(&rig);
    const struct archive_wish wish = {.clock = TAPE_EVENT};
    const char **paths = archive_choose(rig.archive, &wish, &count);
    folder_remove(&rig.folder, "a.tape");
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "b%d.tape", i);
        add(&rig, name, 100, 200);
    }
    look(&rig);
    assert_int_equal(count, 1);
    assert_string_equal(paths[0], folder_path(&rig.folder, "a.tape"));
    end(&rig);
    free(paths);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    char error[256] = "";
    struct archive *archive = archive_create("/nowhere/at/all", NULL, NULL);
    assert_int_equal(archive_look(archive, error, sizeof error), -ENOENT);
    assert_non_null(strstr(error, "/nowhere/at/all: No such file"));
    archive_destroy(archive);
    archive_destroy(NULL);
}

static void while_a_folder_can_not_be_looked_at_what_was_found_stays(void **state)
{
    (void)state;
    struct rig rig;
    char error[256] = "", moved[80];
    begin(&rig);
    add(&rig, "a.tape", 100, 200);
    expect(&rig, "a.tape");
    snprintf(moved, sizeof moved, "%s-moved", rig.folder.path);
    assert_int_equal(rename(rig.folder.path, moved), 0);
    assert_int_equal(archive_look(rig.archive, error, sizeof error), -ENOENT);
    expect_chosen(&rig, (struct archive_wish){.clock = TAPE_EVENT}, "a.tape");
    assert_int_equal(rename(moved, rig.folder.path), 0);
    expect(&rig, "a.tape");
    end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_may_hold_the_stretch_are_chosen_by_either_clock),
        cmocka_unit_test(a_bound_that_is_not_given_is_none),
        cmocka_unit_test(a_files_stretch_is_that_of_all_its_ticks),
        cmocka_unit_test(series_come_in_their_order),
        cmocka_unit_test(what_holds_no_whole_block_is_left_out),
        cmocka_unit_test(what_is_no_capture_file_is_left_out_and_told_if_it_is_called_one),
        cmocka_unit_test(a_file_that_may_not_be_read_is_told_and_read_once_it_may),
        cmocka_unit_test(damage_costs_a_file_no_more_than_its_block),
        cmocka_unit_test(a_file_that_grows_is_read_again_at_the_next_look),
        cmocka_unit_test(a_file_that_vanishes_is_forgotten_and_a_new_one_is_found),
        cmocka_unit_test(paths_that_were_chosen_outlive_later_looks),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
        cmocka_unit_test(while_a_folder_can_not_be_looked_at_what_was_found_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
