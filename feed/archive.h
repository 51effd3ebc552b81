/* SPDX-License-Identifier: MIT */
/*
 * archive: a folder of capture files, and which of them hold a stretch of time. One thread.
 *
 * Files are known by what their blocks' headers say: those of finished files are read once, those
 * of files that grow again at each look. Files without a whole block are left out.
 */
#ifndef TAPEHEAD_FEED_ARCHIVE_H
#define TAPEHEAD_FEED_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/tape_reader.h"

enum { ARCHIVE_FILES_MAX = 65536 };

struct archive;

/* Reads nothing yet. `folder` must outlive the archive; `notice` is told of what can't be read, and
 * may be NULL. Returns NULL when out of memory. */
struct archive *archive_create(const char *folder, void (*notice)(void *arg, const char *sentence),
                               void *arg);

/* Accepts NULL. */
void archive_destroy(struct archive *archive);

/* Looks at the folder, again. A file that can't be read is told and left out. Returns 0, or -errno
 * with a sentence that names the folder. */
int archive_look(struct archive *archive, char *error, size_t error_size);

/* What of the archive is wanted. */
struct archive_wish {
    enum tape_clock clock;
    bool from, until;
    int64_t from_ns, until_ns; /* [from_ns, until_ns) */
};

/* The paths of files that may hold what is wanted, each series in its order: `*count` of them in
 * one piece of memory, the caller's to free. NULL when out of memory. */
const char **archive_choose(const struct archive *archive, const struct archive_wish *wish,
                            size_t *count);

#endif
