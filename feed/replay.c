/* SPDX-License-Identifier: MIT */
/* replay: see replay.h. */
#include "feed/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "feed/clock.h"
#include "schemas/tick_value.h"

enum { TOPIC_PARTITIONS = 4096 };

/* A file, or the files of a series one after the other, and its next tick. */
struct track {
    const char *const *paths;
    size_t count, at; /* files; the one that `reader` reads */
    struct tape_reader *reader;
    struct tape_stats before; /* of the files read so far; file_bytes of them all */
    struct tape_item item;
    char symbol[SYMBOL_LEN_MAX];
    int64_t time_ns; /* the item's, or the latest before it */
    bool filled, ended;
    bool rewound; /* the first file comes next, `reader` is what was read before */
};

struct replay {
    struct replay_config config;
    struct pace pace;
    struct track *tracks;
    size_t count;
    struct track *next; /* whose tick comes next; NULL: to be chosen */
    struct tape_item out;
    bool paced; /* `next` has been given to the pace */
    bool moved; /* `shift_ns` holds */
    int64_t shift_ns;
    uint64_t rounds;
    uint64_t taken; /* in this round */
    char error[512];
};

static bool wants(void *arg, const char *symbol, size_t len)
{
    const struct replay_config *config = arg;
    return symbol_matches_any(config->symbols, config->symbols_count, symbol, len);
}

static void close_file(struct track *track);

/* Opens the track's file in place of the one before, which stays where that can't be. */
static int open_file(struct replay *replay, struct track *track, char *error, size_t error_size)
{
    const struct replay_config *config = &replay->config;
    struct tape_reader_config reader = {.path = track->paths[track->at],
                                        .notice = config->notice,
                                        .arg = config->arg,
                                        .growing = config->growing};
    struct tape_filter filter = {.clock = config->clock,
                                 .from = config->from,
                                 .until = config->until,
                                 .from_ns = config->from_ns,
                                 .until_ns = config->until_ns,
                                 .wants = config->symbols_count ? wants : NULL,
                                 .arg = &replay->config};
    struct tape_reader *opened;
    int rc = tape_reader_open(&opened, &reader, error, error_size);
    if (rc < 0)
        return rc;
    close_file(track);
    track->reader = opened;
    rc = tape_reader_filter(track->reader, &filter);
    if (rc < 0)
        snprintf(error, error_size, "%s: %s", reader.path, tape_reader_error(track->reader));
    return rc;
}

static void add_stats(struct tape_stats *sum, const struct tape_stats *one)
{
    sum->read_bytes += one->read_bytes;
    sum->blocks_read += one->blocks_read;
    sum->blocks_skipped += one->blocks_skipped;
    sum->ticks_read += one->ticks_read;
    sum->ticks_passed += one->ticks_passed;
    sum->plain_bytes += one->plain_bytes;
}

static void close_file(struct track *track)
{
    if (track->reader)
        add_stats(&track->before, tape_reader_stats(track->reader));
    tape_reader_close(track->reader);
    track->reader = NULL;
}

/* Whether both are files of one series, `b` a later one. */
static bool goes_on(const char *a, const char *b)
{
    enum { TAIL = sizeof "000001.tape" - 1 };
    size_t len = strlen(a);
    if (len <= TAIL || strlen(b) != len || a[len - TAIL - 1] != '-')
        return false;
    return memcmp(a, b, len - TAIL) == 0 && strspn(a + len - TAIL, "0123456789") == 6 &&
           strspn(b + len - TAIL, "0123456789") == 6 && strcmp(a + len - TAIL, b + len - TAIL) < 0;
}

/* The first file of each track is opened, so that what is none is refused at once. */
static int open_tracks(struct replay *replay, char *error, size_t error_size)
{
    const struct replay_config *config = &replay->config;
    size_t tracks_max = config->tracks_max ? config->tracks_max : REPLAY_TRACKS_MAX;
    int rc = 0;
    for (size_t i = 0; i < config->paths_count && rc == 0; i++) {
        struct track *track = &replay->tracks[replay->count];
        struct stat status;
        int64_t size = stat(config->paths[i], &status) == 0 ? status.st_size : 0;
        if (i > 0 && goes_on(config->paths[i - 1], config->paths[i])) {
            track[-1].count++;
            track[-1].before.file_bytes += (uint64_t)size;
            continue;
        }
        if (replay->count == tracks_max) {
            snprintf(error, error_size, "more than %zu files or series of files at a time",
                     tracks_max);
            return -EINVAL;
        }
        *track = (struct track){.paths = config->paths + i, .count = 1};
        track->before.file_bytes = (uint64_t)size;
        replay->count++;
        rc = open_file(replay, track, error, error_size);
    }
    return rc;
}

int replay_open(struct replay **out, const struct replay_config *config, char *error,
                size_t error_size)
{
    struct replay *replay = calloc(1, sizeof *replay);
    if (config->paths_count == 0 || config->paths_count > REPLAY_FILES_MAX) {
        free(replay);
        snprintf(error, error_size, "%zu files; 1 to %d can be replayed at a time",
                 config->paths_count, REPLAY_FILES_MAX);
        return -EINVAL;
    }
    if (replay)
        replay->tracks = calloc(config->paths_count, sizeof *replay->tracks);
    if (!replay || !replay->tracks) {
        free(replay);
        snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    replay->config = *config;
    pace_begin(&replay->pace, config->speed, config->max_gap_ns);
    int rc = open_tracks(replay, error, error_size);
    if (rc == 0)
        *out = replay;
    else
        replay_close(replay);
    return rc;
}

void replay_close(struct replay *replay)
{
    if (!replay)
        return;
    for (size_t i = 0; i < replay->count; i++)
        close_file(&replay->tracks[i]);
    free(replay->tracks);
    free(replay);
}

/* The series' next file. One that isn't there, or is none, costs no more than itself. Returns 0, or
 * -errno with the sentence kept. */
static int next_file(struct replay *replay, struct track *track)
{
    track->at = track->rewound ? 0 : track->at + 1;
    track->rewound = false;
    int rc = open_file(replay, track, replay->error, sizeof replay->error);
    if (rc == -ENOENT || rc == -EACCES || rc == -EPROTO)
        return -EBADMSG;
    track->ended = rc < 0;
    return rc;
}

/* Returns 0, or -errno with the sentence kept. */
static int fill(struct replay *replay, struct track *track)
{
    int rc = track->rewound ? 0 : tape_reader_next(track->reader, &track->item);
    if (rc == 0 && (track->rewound || track->at + 1 < track->count))
        return next_file(replay, track);
    if (rc < 0) {
        snprintf(replay->error, sizeof replay->error, "%s", tape_reader_error(track->reader));
        track->ended = rc != -EBADMSG;
        return rc;
    }
    track->filled = rc == 1;
    track->ended = rc == 0;
    if (!track->filled)
        return 0;
    int64_t time_ns =
        replay->config.clock == TAPE_EVENT ? track->item.tick.ts_ns : track->item.tick.rts_ns;
    track->time_ns = time_ns > track->time_ns ? time_ns : track->time_ns;
    /* The reader's own memory holds only until its next call, which another tick may need. */
    memcpy(track->symbol, track->item.symbol, track->item.symbol_len);
    track->item.symbol = track->symbol;
    return 0;
}

/* Whether `a` comes before `b`; of equals the one of the earlier file does. */
static bool is_before(const struct track *a, const struct track *b)
{
    const struct tick *x = &a->item.tick, *y = &b->item.tick;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    if (tick_partition(x) != tick_partition(y))
        return tick_partition(x) < tick_partition(y);
    return tick_offset(x) < tick_offset(y);
}

static void begin_again(struct replay *replay)
{
    for (size_t i = 0; i < replay->count; i++) {
        struct track *track = &replay->tracks[i];
        track->filled = track->ended = false;
        track->time_ns = 0;
        if (track->count == 1)
            tape_reader_rewind(track->reader);
        else
            track->rewound = true;
    }
    replay->rounds++;
    replay->taken = 0;
    replay->moved = false;
    pace_begin(&replay->pace, replay->pace.speed, replay->pace.max_gap_ns);
}

/* Returns 1, 0 at the end of all, or -errno. */
static int choose(struct replay *replay)
{
    struct track *next = NULL;
    for (size_t i = 0; i < replay->count; i++) {
        struct track *track = &replay->tracks[i];
        while (!track->filled && !track->ended) {
            int rc = fill(replay, track);
            if (rc < 0)
                return rc;
        }
        if (track->filled && (!next || is_before(track, next)))
            next = track;
    }
    replay->next = next;
    return next != NULL;
}

static void prepare(struct replay *replay)
{
    replay->out = replay->next->item;
    replay->paced = false;
    if (!replay->config.shift)
        return;
    if (!replay->moved) {
        replay->moved = true;
        replay->shift_ns = clock_wall_ns() - replay->out.tick.ts_ns;
    }
    replay->out.tick.ts_ns += replay->shift_ns;
}

int replay_peek(struct replay *replay, int64_t now_ns, const struct tape_item **item,
                int64_t *due_ns)
{
    if (!replay->next) {
        int rc = choose(replay);
        if (rc == 0 && replay->config.loop && replay->taken > 0) {
            begin_again(replay);
            rc = choose(replay);
        }
        if (rc <= 0)
            return rc;
        prepare(replay);
    }
    if (!replay->paced)
        pace_next(&replay->pace, replay->next->time_ns, now_ns);
    replay->paced = true;
    *item = &replay->out;
    *due_ns = pace_due(&replay->pace);
    return 1;
}

void replay_take(struct replay *replay)
{
    replay->next->filled = false;
    replay->next = NULL;
    replay->taken++;
}

struct pace *replay_pace(struct replay *replay)
{
    return &replay->pace;
}

int64_t replay_time_ns(const struct replay *replay)
{
    return replay->next ? replay->next->time_ns : replay->pace.tape_ns;
}

uint64_t replay_rounds(const struct replay *replay)
{
    return replay->rounds;
}

const char *replay_error(const struct replay *replay)
{
    return replay->error;
}

struct tape_stats replay_stats(const struct replay *replay)
{
    struct tape_stats sum = {0};
    for (size_t i = 0; i < replay->count; i++) {
        const struct track *track = &replay->tracks[i];
        sum.file_bytes += track->before.file_bytes;
        add_stats(&sum, &track->before);
        if (track->reader)
            add_stats(&sum, tape_reader_stats(track->reader));
    }
    return sum;
}

const char *replay_topic(const struct replay *replay)
{
    const struct track *track = replay->next;
    return tape_reader_topic(track->reader, tick_partition(&track->item.tick) / TOPIC_PARTITIONS);
}

static void hand_places(const struct tape_block *block,
                        void (*take)(void *arg, const char *topic, size_t topic_len,
                                     const struct tape_place *place),
                        void *arg)
{
    size_t at = 0, len;
    const char *name;
    for (uint32_t topic = 0; tape_name_next(block->topics, block->topics_size, &at, &name, &len);
         topic++) {
        for (uint32_t i = 0; i < block->places_count; i++) {
            struct tape_place place = tape_place_read(block, i);
            if (place.partition / TOPIC_PARTITIONS != topic)
                continue;
            place.partition %= TOPIC_PARTITIONS;
            take(arg, name, len, &place);
        }
    }
}

void replay_places(const struct replay *replay,
                   void (*take)(void *arg, const char *topic, size_t topic_len,
                                const struct tape_place *place),
                   void *arg)
{
    for (size_t i = 0; i < replay->count; i++) {
        const struct track *track = &replay->tracks[i];
        const struct tape_block *block =
            track->reader && track->ended ? tape_reader_block(track->reader) : NULL;
        if (block)
            hand_places(block, take, arg);
    }
}
