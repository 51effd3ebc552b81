/* SPDX-License-Identifier: MIT */
/*
 * Files line by line: plain, gzip, cut short, with lines too long.
 */
#include <unistd.h>

#include "tests/unit/tools/unit.h"
#include "tools/lines.h"

static char path[64];
static char error[4400];

static void write_file(const void *data, size_t len, bool gzip)
{
    char command[128];
    snprintf(command, sizeof command, "%s > %s", gzip ? "gzip -c" : "cat", path);
    FILE *out = popen(command, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, len, out), len);
    assert_int_equal(pclose(out), 0);
}

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/tapehead-lines-XXXXXX");
    int fd = mkstemp(path);
    close(fd);
    return fd < 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void plain_and_gzip_read_alike(void **state)
{
    (void)state;
    static const char text[] = "one\n\nthree\r\nlast";
    for (int gzip = 0; gzip <= 1; gzip++) {
        struct lines *lines;
        const char *line;
        size_t len;
        write_file(text, sizeof text - 1, gzip);
        assert_int_equal(lines_open(&lines, path, error, sizeof error), 0);
        static const char *const wanted[] = {"one\n", "\n", "three\r\n", "last"};
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
            assert_int_equal(lines_next(lines, &line, &len), 1);
            assert_int_equal(len, strlen(wanted[i]));
            assert_memory_equal(line, wanted[i], len);
            assert_int_equal(lines_number(lines), i + 1);
        }
        assert_int_equal(lines_next(lines, &line, &len), 0);
        assert_int_equal(lines_next(lines, &line, &len), 0);
        assert_int_equal(lines_offset(lines), lines_size(lines));
        lines_close(lines);
    }
}

/* Writes lines of lengths around the bound and reads them back. */
static void a_line_too_long_is_skipped_alone(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, LINE_LEN_MAX, 2, LINE_LEN_MAX + 1, 3, 3 * LINE_LEN_MAX, 4};
    size_t size = 0;
    char *text = malloc(8 * LINE_LEN_MAX);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        memset(text + size, 'x', lengths[i] - 1);
        size += lengths[i];
        text[size - 1] = '\n';
    }
    write_file(text, size, true);
    struct lines *lines;
    assert_int_equal(lines_open(&lines, path, error, sizeof error), 0);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        const char *line;
        size_t len;
        int result = lines_next(lines, &line, &len);
        assert_int_equal(lines_number(lines), i + 1);
        if (lengths[i] > LINE_LEN_MAX) {
            assert_int_equal(result, -E2BIG);
            continue;
        }
        assert_int_equal(result, 1);
        assert_int_equal(len, lengths[i]);
    }
    lines_close(lines);
    free(text);
}

static void a_file_cut_short_is_an_error_after_what_it_holds(void **state)
{
    (void)state;
    /* Random digits, so that the compressed file is long enough to be cut. */
    char text[40000];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof text; i++) {
        random = random * 1664525 + 1013904223;
        text[i] = i % 40 == 39 ? '\n' : (char)('0' + (random >> 24) % 10);
    }
    write_file(text, sizeof text, true);
    assert_int_equal(truncate(path, 10000), 0);
    struct lines *lines;
    const char *line;
    size_t len;
    int result;
    uint64_t count = 0;
    assert_int_equal(lines_open(&lines, path, error, sizeof error), 0);
    while ((result = lines_next(lines, &line, &len)) == 1) {
        assert_memory_equal(line, text + count * 40, 40);
        count++;
    }
    assert_int_equal(result, -EBADMSG);
    assert_true(count > 100 && count < 1000);
    assert_contains(lines_error(lines), path);
    assert_contains(lines_error(lines), "cut short");
    assert_int_equal(lines_next(lines, &line, &len), -EBADMSG);
    lines_close(lines);
}

static void bytes_are_read_by_as_many_as_are_wanted(void **state)
{
    (void)state;
    enum { SIZE = 2 * LINE_LEN_MAX + 1000, STEP = 7777 };
    uint8_t *bytes = malloc(SIZE);
    uint32_t random = 1; /* which gzip doesn't make smaller */
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
    for (int gzip = 0; gzip <= 1; gzip++) {
        struct lines *lines;
        const uint8_t *data;
        size_t len;
        size_t at = 0;
        write_file(bytes, SIZE, gzip);
        assert_int_equal(lines_open(&lines, path, error, sizeof error), 0);
        while (lines_peek(lines, STEP, &data, &len) == 0 && len > 0) {
            size_t taken = len < STEP ? len : STEP;
            assert_true(len >= STEP || at + len == SIZE);
            assert_memory_equal(data, bytes + at, taken);
            lines_skip(lines, taken);
            at += taken;
        }
        assert_int_equal(at, SIZE);
        lines_close(lines);
    }
    assert_int_equal(truncate(path, SIZE / 4), 0);
    struct lines *lines;
    const uint8_t *data;
    size_t len;
    size_t at = 0;
    int result = lines_open(&lines, path, error, sizeof error);
    while (result == 0) {
        result = lines_peek(lines, STEP, &data, &len);
        assert_memory_equal(data, bytes + at, len);
        lines_skip(lines, len);
        at += len;
        assert_true(result < 0 || len > 0);
    }
    assert_int_equal(result, -EBADMSG);
    snprintf(error, sizeof error, "after byte %zu: the compressed data is cut short", at);
    assert_contains(lines_error(lines), error);
    lines_close(lines);
    free(bytes);
}

static void lines_follow_a_look_at_what_the_file_begins_with(void **state)
{
    (void)state;
    struct lines *lines;
    const uint8_t *data;
    const char *line;
    size_t len;
    write_file("one\ntwo\n", 8, false);
    assert_int_equal(lines_open(&lines, path, error, sizeof error), 0);
    assert_int_equal(lines_peek(lines, 1, &data, &len), 0);
    assert_int_equal(len, 8);
    assert_int_equal(lines_next(lines, &line, &len), 1);
    assert_memory_equal(line, "one\n", 4);
    assert_int_equal(lines_number(lines), 1);
    lines_close(lines);
}

static void an_unreadable_file_is_named(void **state)
{
    (void)state;
    struct lines *lines;
    assert_int_equal(lines_open(&lines, "/nonexistent/x", error, sizeof error), -ENOENT);
    assert_contains(error, "/nonexistent/x");
    assert_int_equal(lines_open(&lines, "/tmp", error, sizeof error), -EISDIR);
    assert_contains(error, "/tmp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_gzip_read_alike),
        cmocka_unit_test(a_line_too_long_is_skipped_alone),
        cmocka_unit_test(a_file_cut_short_is_an_error_after_what_it_holds),
        cmocka_unit_test(bytes_are_read_by_as_many_as_are_wanted),
        cmocka_unit_test(lines_follow_a_look_at_what_the_file_begins_with),
        cmocka_unit_test(an_unreadable_file_is_named),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
