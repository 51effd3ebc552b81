/* SPDX-License-Identifier: MIT */
/*
 * tape_series: a capture as a row of files in one folder, NAME-000001.tape and on: begins a new one
 * by size or age, and goes on where the last whole block ended after a stop or a crash. One thread.
 */
#ifndef TAPEHEAD_FEED_TAPE_SERIES_H
#define TAPEHEAD_FEED_TAPE_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "feed/tape_writer.h"

struct tape_series_config {
    const char *folder;
    const char *name;                 /* of the files, without number and extension */
    struct tape_writer_config writer; /* `path` is set for each file */
    uint64_t rotate_bytes;            /* a file that has reached so many is finished; 0: never */
    int64_t rotate_ns;                /* the same by age; 0: never */
    int64_t flush_ns;                 /* how long a tick may wait for its block to be full */
};

struct tape_series;

/* What was there. */
struct tape_series_found {
    uint32_t files;
    char resumed[4096];            /* the file that is gone on with, "" for a new one */
    struct tape_recovery recovery; /* of it */
};

/* Takes the folder, makes nothing yet. Returns 0, -EAGAIN where another process captures there, or
 * another -errno, with a sentence. */
int tape_series_open(struct tape_series **out, const struct tape_series_config *config,
                     struct tape_series_found *found, char *error, size_t error_size);

/* Where capturing goes on: how far each partition came, `*count` of them, and the topics' names. */
const struct tape_place *tape_series_places(const struct tape_series *series, uint32_t *count);
const char *tape_series_topic_name(const struct tape_series *series, uint32_t place);

/* The functions below return 0, or -errno with a sentence in tape_series_error(), for good. */

int tape_series_topic(struct tape_series *series, uint32_t place, const char *topic);
int tape_series_append(struct tape_series *series, const struct tick *tick, const char *symbol,
                       size_t symbol_len, int64_t mono_ns);

/* As tape_writer_place(). */
int tape_series_place(struct tape_series *series, const struct tape_place *place);

/* Now and then: flushes and rotates what is due. */
int tape_series_serve(struct tape_series *series, int64_t mono_ns);

/* Finishes the last file. */
int tape_series_finish(struct tape_series *series);

/* Closes without finishing. Accepts NULL. */
void tape_series_close(struct tape_series *series);

const char *tape_series_error(const struct tape_series *series);

/* Since it was opened: in whole blocks, and waiting for one. */
uint64_t tape_series_ticks(const struct tape_series *series);
uint64_t tape_series_bytes(const struct tape_series *series);
uint32_t tape_series_pending(const struct tape_series *series);
uint32_t tape_series_files(const struct tape_series *series); /* made */

/* The file being written, "" before there is one. */
const char *tape_series_path(const struct tape_series *series);

#endif
