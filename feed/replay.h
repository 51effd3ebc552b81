/* SPDX-License-Identifier: MIT */
/*
 * replay: the ticks of one or more capture files as one tape, with the instant at which each is
 * due. For `tapectl replay` and for the server's --source file:. One thread.
 *
 * The order is the same every time: by time, then partition, then offset, then the files' order;
 * within a file the order of capture stands, a tick that goes back in time counts with the latest
 * time before it. Files of one series, NAME-000001.tape and on, given in their order, are as one
 * file: they are read one after the other, and one reader's memory is enough for them.
 */
#ifndef TAPEHEAD_FEED_REPLAY_H
#define TAPEHEAD_FEED_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/pace.h"
#include "feed/tape_reader.h"

enum {
    REPLAY_FILES_MAX = 65536,
    REPLAY_TRACKS_MAX = 256, /* files, or series of files, read at a time */
};

struct replay_config {
    const char *const *paths;
    size_t paths_count;
    size_t tracks_max; /* files or series at a time; 0: REPLAY_TRACKS_MAX */
    enum tape_clock clock;
    bool from, until;           /* whether the bounds hold */
    int64_t from_ns, until_ns;  /* [from_ns, until_ns) by `clock` */
    const char *const *symbols; /* names, or beginnings that end in '*'; none: all */
    size_t symbols_count;
    double speed;       /* 0: as fast as it goes */
    int64_t max_gap_ns; /* longer silences are cut to this; 0: none is */
    bool shift;         /* event times are moved so that the first tick's is now */
    bool loop;          /* begin again at the end, for ever */
    bool growing;       /* as tape_reader_config's: the files may still be written */
    /* Of what is amiss but loses nothing; may be NULL. */
    void (*notice)(void *arg, const char *sentence);
    void *arg;
};

struct replay;

/* Returns 0 or -errno with a sentence that names the file. */
int replay_open(struct replay **out, const struct replay_config *config, char *error,
                size_t error_size);

/* Accepts NULL. */
void replay_close(struct replay *replay);

/* The tick that comes next, and in `*due_ns` when it is due, monotonic, PACE_NEVER while paused.
 * Returns 1, 0 at the end, or -errno as tape_reader_next() does, with the sentence in
 * replay_error(): -EBADMSG for damage, after which what stands behind it comes. Asked again it says
 * the same until replay_take(). */
int replay_peek(struct replay *replay, int64_t now_ns, const struct tape_item **item,
                int64_t *due_ns);
void replay_take(struct replay *replay);

struct pace *replay_pace(struct replay *replay);

/* The tape's own time, of the tick that comes next: by the clock of the config. */
int64_t replay_time_ns(const struct replay *replay);

/* Times round so far, with loop. */
uint64_t replay_rounds(const struct replay *replay);
const char *replay_error(const struct replay *replay);

/* Summed over the files. */
struct tape_stats replay_stats(const struct replay *replay);

/* The topic of the tick that replay_peek() has shown. */
const char *replay_topic(const struct replay *replay);

/* Hands to `take` how far each partition is captured in what has been read to its end: the next
 * tick to come is that of `place`. place.partition has no topic in it. */
void replay_places(const struct replay *replay,
                   void (*take)(void *arg, const char *topic, size_t topic_len,
                                const struct tape_place *place),
                   void *arg);

#endif
