/* SPDX-License-Identifier: MIT */
#include "tools/splice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "feed/tape_file.h"

enum { TOPIC_PARTITIONS = 4096 };

int splice_open(struct splice *s, const char *program, const char *path)
{
    *s = (struct splice){.program = program, .path = path};
    char error[4608];
    const struct tape_writer_config config = {.path = s->part, .sync = TAPE_SYNC_CLOSE};
    if (access(path, F_OK) == 0) {
        fprintf(stderr, "%s: %s: is there already\n", program, path);
        return -EEXIST;
    }
    if ((size_t)snprintf(s->part, sizeof s->part, "%s.part", path) >= sizeof s->part) {
        fprintf(stderr, "%s: %s: %s\n", program, path, strerror(ENAMETOOLONG));
        return -ENAMETOOLONG;
    }
    int result = tape_writer_create(&s->writer, &config, error, sizeof error);
    if (result < 0)
        fprintf(stderr, "%s: %s\n", program, error);
    return result;
}

static int fail(const struct splice *s, int error)
{
    fprintf(stderr, "%s: %s\n", s->program, tape_writer_error(s->writer));
    return error;
}

/* The file's own number for a topic, a new one if need be. */
static uint32_t place_of(struct splice *s, const char *topic)
{
    uint32_t place = 0;
    const char *known;
    while ((known = tape_writer_topic_name(s->writer, place)) != NULL && strcmp(known, topic) != 0)
        place++;
    if (!known)
        tape_writer_topic(s->writer, place, topic);
    return place;
}

int splice_take(struct splice *s, const struct tape_reader *reader, const struct tape_item *item)
{
    struct tick tick = item->tick;
    uint32_t partition = tick_partition(&tick);
    uint32_t place = place_of(s, tape_reader_topic(reader, partition / TOPIC_PARTITIONS));
    tick.pos =
        tick_pos(place * TOPIC_PARTITIONS + partition % TOPIC_PARTITIONS, tick_offset(&tick));
    int result = tape_writer_append(s->writer, &tick, item->symbol, item->symbol_len);
    return result < 0 ? fail(s, result) : 0;
}

int splice_finish(struct splice *s)
{
    int result = tape_writer_finish(s->writer);
    if (result < 0)
        return fail(s, result);
    result = rename(s->part, s->path) < 0 ? -errno : tape_file_sync_folder(s->path);
    if (result < 0) {
        fprintf(stderr, "%s: %s: %s\n", s->program, s->path, strerror(-result));
        return result;
    }
    tape_writer_destroy(s->writer);
    s->writer = NULL;
    return 0;
}

void splice_close(struct splice *s)
{
    if (!s->writer)
        return;
    unlink(s->part);
    tape_writer_destroy(s->writer);
    s->writer = NULL;
}
