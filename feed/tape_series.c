/* SPDX-License-Identifier: MIT */
#include "feed/tape_series.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/clock.h"
#include "feed/tape_file.h"
#include "feed/tape_reader.h"

enum { NUMBER_DIGITS = 6, NUMBER_MAX = 999999 };

struct tape_series {
    struct tape_series_config config;
    char path[4096];
    char error[4608];
    int failed;
    int lock; /* on the folder */
    uint32_t number, files;
    struct tape_writer *writer;          /* NULL between files */
    int64_t began_ns;                    /* the file, monotonic */
    int64_t waiting_ns;                  /* since when a tick waits for its block; 0: none does */
    uint64_t ticks_before, bytes_before; /* of the writer, that aren't ours of this run */
    uint64_t ticks, bytes;               /* of files finished in this run */

    /* How far the capture is, while there is no writer to tell. */
    char topics[TAPE_TOPICS_MAX][TAPE_TOPIC_LEN_MAX + 1];
    uint32_t topics_count;
    struct tape_place places[TAPE_PLACES_MAX];
    uint32_t places_count;
};

static int fail(struct tape_series *s, int error, const char *sentence)
{
    if (s->error != sentence)
        snprintf(s->error, sizeof s->error, "%s", sentence);
    s->failed = error;
    return error;
}

static int fail_writer(struct tape_series *s, int error)
{
    return fail(s, error, tape_writer_error(s->writer));
}

/* ---- what is there ---- */

static void set_path(struct tape_series *s)
{
    snprintf(s->path, sizeof s->path, "%s/%s-%0*u.tape", s->config.folder, s->config.name,
             NUMBER_DIGITS, s->number);
}

/* The number of a file of the series, 0 for others. */
static uint32_t number_of(const struct tape_series *s, const char *file)
{
    size_t len = strlen(s->config.name);
    unsigned number;
    int end = 0;
    if (strncmp(file, s->config.name, len) != 0 || strlen(file) != len + NUMBER_DIGITS + 6)
        return 0;
    if (sscanf(file + len, "-%6u.tape%n", &number, &end) != 1 || end != NUMBER_DIGITS + 6)
        return 0;
    return number;
}

static int find_last(struct tape_series *s, struct tape_series_found *found)
{
    DIR *folder = opendir(s->config.folder);
    if (!folder) {
        snprintf(s->error, sizeof s->error, "%s: %s", s->config.folder, strerror(errno));
        return -errno;
    }
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        uint32_t number = number_of(s, entry->d_name);
        found->files += number > 0;
        s->number = number > s->number ? number : s->number;
    }
    closedir(folder);
    return 0;
}

static void take_places(struct tape_series *s, const struct tape_block *block)
{
    size_t at = 0, len;
    const char *name;
    s->topics_count = 0;
    while (tape_name_next(block->topics, block->topics_size, &at, &name, &len)) {
        char *topic = s->topics[s->topics_count++];
        snprintf(topic, sizeof s->topics[0], "%.*s", (int)len, name);
    }
    s->places_count = 0;
    for (uint32_t i = 0; i < block->places_count && i < TAPE_PLACES_MAX; i++)
        s->places[s->places_count++] = tape_place_read(block, i);
}

/* What the last block of the file at `path` says. Returns 1, 0 where it has no block, or -errno. */
static int read_places(struct tape_series *s)
{
    const struct tape_reader_config config = {.path = s->path};
    struct tape_reader *reader;
    const struct tape_block *block;
    int result = tape_reader_open(&reader, &config, s->error, sizeof s->error);
    if (result < 0)
        return result;
    int found = 0;
    while ((result = tape_reader_next_block(reader, &block)) == 1) {
        take_places(s, block);
        found = 1;
    }
    if (result < 0)
        snprintf(s->error, sizeof s->error, "%s", tape_reader_error(reader));
    tape_reader_close(reader);
    return result < 0 ? result : found;
}

/* Goes back to the last file with a block: one that was just begun when the process ended has none,
 * and not being able to read one isn't to be mistaken for that. */
static int find_places(struct tape_series *s)
{
    uint32_t last = s->number;
    int result = 0;
    for (; s->number > 0 && result == 0; s->number--) {
        set_path(s);
        result = access(s->path, F_OK) == 0 ? read_places(s) : 0;
    }
    s->number = last;
    return result < 0 ? result : 0;
}

/* ---- files ---- */

/* Tells a new writer what those before it knew. */
static int hand_on(struct tape_series *s)
{
    int result = 0;
    for (uint32_t i = 0; i < s->topics_count && result == 0; i++)
        result = tape_writer_topic(s->writer, i, s->topics[i]);
    for (uint32_t i = 0; i < s->places_count && result == 0; i++)
        result = tape_writer_place(s->writer, &s->places[i]);
    return result < 0 ? fail_writer(s, result) : 0;
}

static void began(struct tape_series *s)
{
    s->began_ns = clock_mono_ns();
    s->waiting_ns = 0;
    s->ticks_before = tape_writer_ticks(s->writer);
    s->bytes_before = tape_writer_bytes(s->writer);
}

static int begin_file(struct tape_series *s)
{
    if (s->number == NUMBER_MAX)
        return fail(s, -EOVERFLOW, "the series has come to its last number");
    s->number++;
    set_path(s);
    struct tape_writer_config config = s->config.writer;
    config.path = s->path;
    int result = tape_writer_create(&s->writer, &config, s->error, sizeof s->error);
    if (result < 0)
        return fail(s, result, s->error);
    s->files++;
    began(s);
    return hand_on(s);
}

static void take_writer_places(struct tape_series *s)
{
    const char *topic;
    const struct tape_place *places = tape_writer_places(s->writer, &s->places_count);
    memcpy(s->places, places, s->places_count * sizeof *places);
    s->topics_count = 0;
    while ((topic = tape_writer_topic_name(s->writer, s->topics_count)) != NULL)
        snprintf(s->topics[s->topics_count++], sizeof s->topics[0], "%s", topic);
}

static int end_file(struct tape_series *s)
{
    int result = tape_writer_finish(s->writer);
    if (result < 0)
        return fail_writer(s, result);
    s->ticks += tape_writer_ticks(s->writer) - s->ticks_before;
    s->bytes += tape_writer_bytes(s->writer) - s->bytes_before;
    take_writer_places(s);
    tape_writer_destroy(s->writer);
    s->writer = NULL;
    return 0;
}

/* Goes on with the last file if it isn't finished; else the next is begun with its first tick. */
static int resume(struct tape_series *s, struct tape_series_found *found)
{
    struct tape_writer_config config = s->config.writer;
    set_path(s);
    config.path = s->path;
    int result =
        tape_writer_reopen(&s->writer, &config, &found->recovery, s->error, sizeof s->error);
    if (result == -EALREADY)
        return find_places(s);
    if (result < 0)
        return result;
    snprintf(found->resumed, sizeof found->resumed, "%s", s->path);
    began(s);
    if (found->recovery.blocks > 0) {
        take_writer_places(s);
        return 0;
    }
    result = find_places(s);
    set_path(s);
    return result < 0 ? result : hand_on(s);
}

/* ---- opening ---- */

static int take_folder(struct tape_series *s)
{
    int result = mkdir(s->config.folder, 0755) < 0 ? -errno : 0;
    if (result == 0 && s->config.writer.sync != TAPE_SYNC_NEVER)
        result = tape_file_sync_folder(s->config.folder);
    if (result < 0 && result != -EEXIST) {
        snprintf(s->error, sizeof s->error, "%s: %s", s->config.folder, strerror(-result));
        return result;
    }
    s->lock = open(s->config.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0 || flock(s->lock, LOCK_EX | LOCK_NB) < 0) {
        snprintf(s->error, sizeof s->error, "%s: %s", s->config.folder,
                 errno == EWOULDBLOCK ? "another process captures to it" : strerror(errno));
        return -errno;
    }
    return 0;
}

int tape_series_open(struct tape_series **out, const struct tape_series_config *config,
                     struct tape_series_found *found, char *error, size_t error_size)
{
    struct tape_series *s = calloc(1, sizeof *s);
    memset(found, 0, sizeof *found);
    if (!s) {
        snprintf(error, error_size, "%s: %s", config->folder, strerror(ENOMEM));
        return -ENOMEM;
    }
    s->config = *config;
    s->lock = -1;
    int result = take_folder(s);
    if (result == 0)
        result = find_last(s, found);
    if (result == 0 && s->number > 0)
        result = resume(s, found);
    if (result < 0) {
        snprintf(error, error_size, "%s", s->error);
        tape_series_close(s);
        return result;
    }
    *out = s;
    return 0;
}

void tape_series_close(struct tape_series *s)
{
    if (!s)
        return;
    tape_writer_destroy(s->writer);
    if (s->lock >= 0)
        close(s->lock);
    free(s);
}

/* ---- ticks ---- */

int tape_series_topic(struct tape_series *s, uint32_t place, const char *topic)
{
    if (s->failed < 0)
        return s->failed;
    if (s->writer) {
        int result = tape_writer_topic(s->writer, place, topic);
        if (result < 0)
            return fail_writer(s, result);
    } else if (place < s->topics_count && strcmp(s->topics[place], topic) != 0) {
        snprintf(s->error, sizeof s->error,
                 "%s: topic %u was \"%s\" in the files before, and is \"%s\" now", s->config.folder,
                 place, s->topics[place], topic);
        return fail(s, -EINVAL, s->error);
    }
    if (place < TAPE_TOPICS_MAX)
        snprintf(s->topics[place], sizeof s->topics[0], "%s", topic);
    if (place == s->topics_count && place < TAPE_TOPICS_MAX)
        s->topics_count++;
    return 0;
}

int tape_series_append(struct tape_series *s, const struct tick *tick, const char *symbol,
                       size_t symbol_len, int64_t mono_ns)
{
    if (s->failed < 0)
        return s->failed;
    int result = s->writer ? 0 : begin_file(s);
    if (result < 0)
        return result;
    result = tape_writer_append(s->writer, tick, symbol, symbol_len);
    if (result < 0)
        return fail_writer(s, result);
    if (tape_writer_pending(s->writer) == 1)
        s->waiting_ns = mono_ns;
    return 0;
}

int tape_series_place(struct tape_series *s, const struct tape_place *place)
{
    if (s->failed < 0)
        return s->failed;
    if (s->writer) {
        int result = tape_writer_place(s->writer, place);
        return result < 0 ? fail_writer(s, result) : 0;
    }
    uint32_t i = 0;
    while (i < s->places_count && s->places[i].partition != place->partition)
        i++;
    if (i == TAPE_PLACES_MAX)
        return fail(s, -ENOSPC, "too many partitions");
    s->places[i] = *place;
    s->places_count += i == s->places_count;
    return 0;
}

int tape_series_serve(struct tape_series *s, int64_t mono_ns)
{
    if (s->failed < 0 || !s->writer)
        return s->failed;
    const struct tape_series_config *c = &s->config;
    if (tape_writer_pending(s->writer) > 0 && mono_ns - s->waiting_ns >= c->flush_ns) {
        int result = tape_writer_flush(s->writer);
        if (result < 0)
            return fail_writer(s, result);
    }
    bool full = c->rotate_bytes > 0 && tape_writer_bytes(s->writer) >= c->rotate_bytes;
    bool old = c->rotate_ns > 0 && mono_ns - s->began_ns >= c->rotate_ns &&
               tape_writer_blocks(s->writer) > 0;
    return full || old ? end_file(s) : 0;
}

int tape_series_finish(struct tape_series *s)
{
    if (s->failed < 0)
        return s->failed;
    return s->writer ? end_file(s) : 0;
}

/* ---- what stands ---- */

const char *tape_series_error(const struct tape_series *s)
{
    return s->error;
}

const struct tape_place *tape_series_places(const struct tape_series *s, uint32_t *count)
{
    if (s->writer)
        return tape_writer_places(s->writer, count);
    *count = s->places_count;
    return s->places;
}

const char *tape_series_topic_name(const struct tape_series *s, uint32_t place)
{
    return place < s->topics_count ? s->topics[place] : NULL;
}

uint64_t tape_series_ticks(const struct tape_series *s)
{
    return s->ticks + (s->writer ? tape_writer_ticks(s->writer) - s->ticks_before : 0);
}

uint64_t tape_series_bytes(const struct tape_series *s)
{
    return s->bytes + (s->writer ? tape_writer_bytes(s->writer) - s->bytes_before : 0);
}

uint32_t tape_series_pending(const struct tape_series *s)
{
    return s->writer ? tape_writer_pending(s->writer) : 0;
}

uint32_t tape_series_files(const struct tape_series *s)
{
    return s->files;
}

const char *tape_series_path(const struct tape_series *s)
{
    return s->writer ? s->path : "";
}
