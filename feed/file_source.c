/* SPDX-License-Identifier: MIT */
/*
 * file_source: capture files as a source, for research and tests: the replay engine without a
 * Kafka. Thread F.
 *
 *     file:PATH[,PATH…][,speed=1][,clock=event][,max-gap-ms=0][,from=…][,to=…][,shift=now]
 *         [,delay-ms=0][,end=wait]
 *
 * The ticks are those of the tape in every field but the instant of receipt, which is now.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"
#include "feed/log.h"
#include "feed/replay.h"
#include "feed/source.h"
#include "schemas/instant.h"

enum { POLL_TICKS_MAX = 256, FULL_NAP_NS = 200000 };

enum at_end { END_WAIT, END_STOP, END_LOOP };

struct file_source {
    struct source source;
    char *text; /* the settings, cut into pieces that `config` points to */
    const char *paths[REPLAY_FILES_MAX];
    struct replay_config config;
    int64_t delay_ns;
    enum at_end end;
    struct replay *replay;
    struct source_sink sink;
    struct feed_metrics *metrics;
    int64_t begin_ns; /* monotonic: not before */
    bool over;
};

/* ---- settings ---- */

static int refuse(const char *key, const char *value, const char *expected, char *error,
                  size_t error_size)
{
    snprintf(error, error_size, "source file: %s=%s: %s", key, value, expected);
    return -EINVAL;
}

static bool read_number(const char *text, double max, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out) && *out >= 0 && *out <= max;
}

static int apply(struct file_source *s, const char *key, const char *value, char *error,
                 size_t error_size)
{
    struct replay_config *config = &s->config;
    double number = 0;
    if (strcmp(key, "speed") == 0) {
        if (strcmp(value, "max") != 0 && (!read_number(value, 1e6, &number) || number <= 0))
            return refuse(key, value, "must be a number above 0, or max", error, error_size);
        config->speed = number;
    } else if (strcmp(key, "clock") == 0) {
        if (strcmp(value, "event") != 0 && strcmp(value, "receive") != 0)
            return refuse(key, value, "must be event or receive", error, error_size);
        config->clock = value[0] == 'e' ? TAPE_EVENT : TAPE_RECEIVE;
    } else if (strcmp(key, "max-gap-ms") == 0 || strcmp(key, "delay-ms") == 0) {
        if (!read_number(value, 1e9, &number))
            return refuse(key, value, "must be milliseconds", error, error_size);
        *(key[0] == 'm' ? &config->max_gap_ns : &s->delay_ns) = (int64_t)(number * 1e6);
    } else if (strcmp(key, "from") == 0) {
        config->from = true;
        if (instant_parse(value, &config->from_ns) < 0)
            return refuse(key, value, "must be an RFC 3339 time", error, error_size);
    } else if (strcmp(key, "to") == 0) {
        config->until = true;
        if (instant_parse(value, &config->until_ns) < 0)
            return refuse(key, value, "must be an RFC 3339 time", error, error_size);
    } else if (strcmp(key, "shift") == 0) {
        config->shift = true;
        if (strcmp(value, "now") != 0)
            return refuse(key, value, "must be now", error, error_size);
    } else if (strcmp(key, "end") == 0) {
        if (strcmp(value, "wait") != 0 && strcmp(value, "stop") != 0 && strcmp(value, "loop") != 0)
            return refuse(key, value, "must be wait, stop or loop", error, error_size);
        s->end = value[0] == 'w' ? END_WAIT : value[0] == 's' ? END_STOP : END_LOOP;
    } else {
        return refuse(
            key, value,
            "unknown; there are speed, clock, max-gap-ms, from, to, shift, delay-ms and end", error,
            error_size);
    }
    return 0;
}

/* A piece with a '=' and no '/' before it is a setting, any other a path. */
static int read_settings(struct file_source *s, char *error, size_t error_size)
{
    char *save = NULL;
    s->config.speed = 1;
    for (char *piece = strtok_r(s->text, ",", &save); piece; piece = strtok_r(NULL, ",", &save)) {
        char *equals = strchr(piece, '='), *slash = strchr(piece, '/');
        if (equals && (!slash || equals < slash)) {
            *equals = 0;
            int rc = apply(s, piece, equals + 1, error, error_size);
            if (rc < 0)
                return rc;
            continue;
        }
        if (s->config.paths_count == REPLAY_FILES_MAX)
            return refuse("paths", piece, "too many files", error, error_size);
        s->paths[s->config.paths_count++] = piece;
    }
    s->config.paths = s->paths;
    s->config.loop = s->end == END_LOOP;
    if (s->config.paths_count)
        return 0;
    snprintf(error, error_size, "source file: names no file; as file:trades.tape,speed=10");
    return -EINVAL;
}

static void notice(void *arg, const char *sentence)
{
    (void)arg;
    LOG_WARN("file.notice", "text=\"%s\"", sentence);
}

/* ---- the source's functions ---- */

static int start(struct source *source, const struct source_sink *sink,
                 struct feed_metrics *metrics, char *error, size_t error_size)
{
    struct file_source *s = (struct file_source *)source;
    (void)error;
    (void)error_size;
    s->sink = *sink;
    s->metrics = metrics;
    s->begin_ns = clock_mono_ns() + s->delay_ns;
    return 0;
}

static void note_end(struct file_source *s)
{
    struct tape_stats stats = replay_stats(s->replay);
    s->over = true;
    LOG_INFO("file.end", "ticks=%llu blocks=%llu", (unsigned long long)stats.ticks_passed,
             (unsigned long long)stats.blocks_read);
    if (s->end == END_STOP)
        counter_set(&s->metrics->ended, 1);
}

/* The next tick and when it is due; false where there is none. What is damaged is told and passed
 * over. */
static bool peek(struct file_source *s, int64_t now_ns, const struct tape_item **item,
                 int64_t *due_ns)
{
    for (;;) {
        int rc = replay_peek(s->replay, now_ns, item, due_ns);
        if (rc == 1)
            return true;
        if (rc < 0) {
            counter_add(&s->metrics->holes, 1);
            LOG_ERROR("file.unreadable", "text=\"%s\"", replay_error(s->replay));
        }
        if (rc == -EBADMSG)
            continue;
        note_end(s);
        return false;
    }
}

static void hand_over(struct file_source *s, const struct tape_item *item, int64_t rts_ns)
{
    struct tick tick = item->tick;
    tick.rts_ns = rts_ns;
    s->sink.take(s->sink.arg, &tick, item->symbol, item->symbol_len);
    replay_take(s->replay);
}

static void poll(struct source *source, int timeout_ms)
{
    struct file_source *s = (struct file_source *)source;
    const struct tape_item *item;
    int64_t now_ns = clock_mono_ns(), latest_ns = now_ns + (int64_t)timeout_ms * 1000000, due_ns;
    if (s->over || s->begin_ns > latest_ns) {
        clock_sleep_until(latest_ns);
        return;
    }
    if (s->begin_ns > now_ns)
        clock_sleep_until(s->begin_ns);
    now_ns = clock_mono_ns();
    uint64_t taken = 0, room = s->sink.room(s->sink.arg);
    int64_t rts_ns = clock_wall_ns();
    if (!room)
        clock_sleep_until(now_ns +
                          FULL_NAP_NS); /* the workers are behind: the tape waits for them */
    while (taken < POLL_TICKS_MAX && taken < room && peek(s, now_ns, &item, &due_ns)) {
        if (due_ns > now_ns && taken > 0)
            break;
        if (due_ns > now_ns) {
            clock_sleep_until(due_ns < latest_ns ? due_ns : latest_ns);
            now_ns = clock_mono_ns();
            rts_ns = clock_wall_ns();
            if (due_ns > now_ns)
                break;
        }
        hand_over(s, item, rts_ns);
        taken++;
    }
    counter_add(&s->metrics->messages, taken);
}

static enum feed_state state(const struct source *source)
{
    (void)source;
    return FEED_REPLAY;
}

static bool ready(const struct source *source)
{
    (void)source;
    return true;
}

static const char *partition(const struct source *source, uint32_t i, int32_t *number)
{
    (void)source;
    *number = (int32_t)i;
    return "file";
}

static void destroy(struct source *source)
{
    struct file_source *s = (struct file_source *)source;
    replay_close(s->replay);
    free(s->text);
    free(s);
}

int file_source_create(struct source **out, const char *text, char *error, size_t error_size)
{
    static const struct source_ops ops = {
        .start = start,
        .poll = poll,
        .state = state,
        .ready = ready,
        .partition = partition,
        .destroy = destroy,
    };
    struct file_source *s = calloc(1, sizeof *s);
    if (s)
        s->text = strdup(text);
    if (!s || !s->text) {
        free(s);
        snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    s->source.ops = &ops;
    int rc = read_settings(s, error, error_size);
    s->config.notice = notice;
    if (rc == 0)
        rc = replay_open(&s->replay, &s->config, error, error_size);
    if (rc < 0)
        destroy(&s->source);
    else
        *out = &s->source;
    return rc == -EPROTO || rc == -ENOENT ? -EINVAL : rc;
}

uint64_t file_source_memory_max(const char *text)
{
    uint64_t files = 1;
    for (const char *at = text; *at; at++)
        files += *at == ',';
    return files * tape_reader_memory();
}
