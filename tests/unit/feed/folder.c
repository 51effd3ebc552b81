/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t MS = 1000000;

void folder_begin(struct folder *folder)
{
    *folder = (struct folder){.path = "/tmp/tapehead-folder-XXXXXX"};
    assert_non_null(mkdtemp(folder->path));
}

void folder_end(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++)
        remove(folder_path(folder, folder->names[i]));
    assert_int_equal(rmdir(folder->path), 0);
}

const char *folder_path(const struct folder *folder, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    return path;
}

static void note(struct folder *folder, const char *name)
{
    assert_true(folder->count < sizeof folder->names / sizeof folder->names[0]);
    snprintf(folder->names[folder->count++], sizeof folder->names[0], "%s", name);
}

struct tape_writer *folder_writer(struct folder *folder, const char *name)
{
    char error[256];
    struct tape_writer *writer;
    struct tape_writer_config config = {
        .path = folder_path(folder, name), .sync = TAPE_SYNC_NEVER, .block_bytes = 200};
    if (tape_writer_create(&writer, &config, error, sizeof error) < 0)
        fail_msg("%s", error);
    note(folder, name);
    assert_int_equal(tape_writer_topic(writer, 0, "trades"), 0);
    assert_int_equal(tape_writer_topic(writer, 1, "more"), 0);
    return writer;
}

void folder_append(struct tape_writer *writer, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tick tick = {.price = 5,
                            .size = 1,
                            .ts_ns = lines[i].ms * MS,
                            .rts_ns = (lines[i].ms + 7) * MS,
                            .pos = tick_pos(lines[i].partition, lines[i].offset)};
        assert_int_equal(
            tape_writer_append(writer, &tick, lines[i].symbol, strlen(lines[i].symbol)), 0);
    }
}

void folder_file(struct folder *folder, const char *name, const struct line *lines, size_t count)
{
    struct tape_writer *writer = folder_writer(folder, name);
    folder_append(writer, lines, count);
    assert_int_equal(tape_writer_finish(writer), 0);
    tape_writer_destroy(writer);
}

void folder_bytes(struct folder *folder, const char *name, const void *data, size_t size)
{
    FILE *file = fopen(folder_path(folder, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
    note(folder, name);
}

void folder_cut(const struct folder *folder, const char *name, size_t size)
{
    assert_int_equal(truncate(folder_path(folder, name), (off_t)size), 0);
}

void folder_spoil(const struct folder *folder, const char *name, size_t at)
{
    FILE *file = fopen(folder_path(folder, name), "r+b");
    assert_non_null(file);
    fseek(file, (long)at, SEEK_SET);
    int was = fgetc(file);
    fseek(file, (long)at, SEEK_SET);
    fputc(was ^ 0x55, file);
    fclose(file);
}

size_t folder_size(const struct folder *folder, const char *name)
{
    struct stat status;
    assert_int_equal(stat(folder_path(folder, name), &status), 0);
    return (size_t)status.st_size;
}

void folder_remove(const struct folder *folder, const char *name)
{
    assert_int_equal(remove(folder_path(folder, name)), 0);
}
