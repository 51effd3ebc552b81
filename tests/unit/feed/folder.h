/* SPDX-License-Identifier: MIT */
/*
 * folder: a folder of its own for a test, and capture files in it, from scripts of a line a tick.
 */
#ifndef TAPEHEAD_TESTS_UNIT_FEED_FOLDER_H
#define TAPEHEAD_TESTS_UNIT_FEED_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "feed/tape_writer.h"

/* A tick: what tells it apart. Its receipt is 7 ms after its event. */
struct line {
    int64_t ms;
    uint32_t partition; /* topic's place * 4096 + number */
    uint64_t offset;
    const char *symbol;
};

struct folder {
    char path[64];
    char names[32][48]; /* of the files made here */
    size_t count;
};

void folder_begin(struct folder *folder);

/* Removes it with all in it. */
void folder_end(struct folder *folder);

/* Where that file is, until the next call. */
const char *folder_path(const struct folder *folder, const char *name);

/* A writer of a new file with the topics "trades" and "more", in small blocks. */
struct tape_writer *folder_writer(struct folder *folder, const char *name);
void folder_append(struct tape_writer *writer, const struct line *lines, size_t count);

/* A whole file, finished. */
void folder_file(struct folder *folder, const char *name, const struct line *lines, size_t count);

/* A file of these bytes. */
void folder_bytes(struct folder *folder, const char *name, const void *data, size_t size);

/* The first bytes of that file; or one of its bytes changed. */
void folder_cut(const struct folder *folder, const char *name, size_t size);
void folder_spoil(const struct folder *folder, const char *name, size_t at);
size_t folder_size(const struct folder *folder, const char *name);
void folder_remove(const struct folder *folder, const char *name);

#endif
