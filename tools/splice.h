/* SPDX-License-Identifier: MIT */
/*
 * splice: one new capture file out of ticks of others. It has its name only once it is complete:
 * until then it is FILE.part. Main thread.
 */
#ifndef TAPEHEAD_TOOLS_SPLICE_H
#define TAPEHEAD_TOOLS_SPLICE_H

#include <stdint.h>

#include "feed/tape_reader.h"
#include "feed/tape_writer.h"

struct splice {
    const char *program; /* for messages */
    const char *path;
    char part[4096];
    struct tape_writer *writer;
};

/* The functions below return 0, or -errno after printing why. A file that is there is left alone.
 */
int splice_open(struct splice *splice, const char *program, const char *path);

/* Appends a tick that `reader` handed out. */
int splice_take(struct splice *splice, const struct tape_reader *reader,
                const struct tape_item *item);

/* Completes the file and gives it its name. */
int splice_finish(struct splice *splice);

/* Removes what isn't complete. */
void splice_close(struct splice *splice);

#endif
