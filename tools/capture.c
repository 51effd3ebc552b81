/* SPDX-License-Identifier: MIT */
/*
 * capture: `tapectl capture`, Kafka's ticks to files. Main thread.
 *
 * How far each partition came stands in every block beside the ticks, so the two can't disagree:
 * after a crash reading begins where the last whole block ended, in the middle of a message if need
 * be. A tick is in the files once.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "feed/log.h"
#include "feed/source.h"
#include "feed/tape_series.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/stop.h"
#include "tools/subcommands.h"

enum { POLL_MS = 50, TOPIC_PARTITIONS = 4096, SHOWN_MAX = 10 };

struct capture {
    const char *brokers, *topics, *from, *folder, *name;
    struct option_list properties;
    int64_t rotate_mb, rotate_minutes, flush_ms, level, count;
    double duration;
    int sync; /* enum tape_sync */
    bool until_end;

    struct source *source;
    struct feed_metrics *metrics;
    struct tape_series *series;
    struct progress progress;
    char topic_names[TAPE_TOPICS_MAX][TAPE_TOPIC_LEN_MAX + 1];
    uint32_t topics_count;
    struct tape_place *begun; /* where each stored partition is gone on with */
    uint32_t begun_count;
    struct feed_position *positions;
    uint32_t known;   /* partitions whose beginning is noted */
    bool *seen;       /* by tick_partition(): a tick came, or its place was stored */
    uint64_t *next;   /* the offset that isn't to be gone behind */
    uint16_t *polled; /* partitions that had ticks in this poll */
    uint32_t polled_count;
    bool *in_poll;
    uint64_t repeated, went_back, lost_shown;
    int64_t now_ns, started_ns;
    bool cut_short; /* within a message, by --count */
    int failed;
};

/* ---- options ---- */

/* long: a table */
static int capture_options(struct capture *c, int argc, char **argv, int *status)
{
    static const char *const syncs[] = {"block", "close", "never", NULL};
    const struct option_spec specs[] = {
        {.name = "brokers",
         .kind = OPTION_STRING,
         .required = true,
         .to.string = &c->brokers,
         .value = "HOST:PORT,...",
         .help = "Kafka's bootstrap servers"},
        {.name = "topic",
         .kind = OPTION_STRING,
         .required = true,
         .to.string = &c->topics,
         .value = "NAME,...",
         .help = "the topics to capture"},
        {.name = "out",
         .kind = OPTION_STRING,
         .required = true,
         .to.string = &c->folder,
         .value = "DIR",
         .help = "the folder for the files; made if it isn't there"},
        {.name = "name",
         .kind = OPTION_STRING,
         .to.string = &c->name,
         .value = "NAME",
         .help = "of the files, NAME-000001.tape and on; the first topic"},
        {.name = "from",
         .kind = OPTION_STRING,
         .to.string = &c->from,
         .value = "WHERE",
         .help = "where to begin the first time: earliest (the default), latest,\n"
                 "an RFC 3339 time, or -N for N messages before each end"},
        {.name = "rotate-mb",
         .kind = OPTION_INT,
         .to.integer = &c->rotate_mb,
         .max = 1 << 20,
         .value = "N",
         .help = "begin a new file after N MiB, 1024; 0 for never"},
        {.name = "rotate-minutes",
         .kind = OPTION_INT,
         .to.integer = &c->rotate_minutes,
         .max = 1 << 20,
         .value = "N",
         .help = "or after N minutes; 0, the default, for never"},
        {.name = "flush-ms",
         .kind = OPTION_INT,
         .to.integer = &c->flush_ms,
         .min = 1,
         .max = 3600000,
         .value = "N",
         .help = "a tick waits so long for its block to be full, 1000"},
        {.name = "sync",
         .kind = OPTION_CHOICE,
         .to.choice = &c->sync,
         .choices = syncs,
         .value = "WHEN",
         .help = "fsync after each block (the default), at each file's close,\n"
                 "or never"},
        {.name = "level",
         .kind = OPTION_INT,
         .to.integer = &c->level,
         .min = 1,
         .max = 19,
         .value = "N",
         .help = "of zstd, 3"},
        {.name = "count",
         .kind = OPTION_INT,
         .to.integer = &c->count,
         .min = 1,
         .max = INT64_MAX,
         .value = "N",
         .help = "stop after N ticks"},
        {.name = "duration",
         .kind = OPTION_NUMBER,
         .to.number = &c->duration,
         .max = 1000000000,
         .value = "S",
         .help = "stop after S seconds"},
        {.name = "until-end",
         .kind = OPTION_FLAG,
         .to.flag = &c->until_end,
         .help = "stop where every partition ends"},
        {.letter = 'X',
         .kind = OPTION_PAIRS,
         .to.list = &c->properties,
         .value = "key=value",
         .help = "a librdkafka setting; repeatable"},
    };
    const struct options options = {
        .program = "tapectl capture",
        .operands = "",
        .summary =
            "Captures Kafka's ticks to files until Ctrl-C. Started again it goes on where the\n"
            "files end, without a hole or a repetition.",
        .specs = specs,
        .count = ARRAY_LEN(specs),
        .notes =
            "A killed process costs nothing: what it had not written is read again. Nor does a\n"
            "power cut with --sync block; with the others it may damage a file.",
    };
    int operands = options_start(&options, argc, argv, status);
    if (operands <= 0)
        return operands;
    *status = options_refuse(&options, "takes no operand, not \"%s\"", argv[1]);
    return -1;
}

/* ---- ticks ---- */

/* How far the capture had come in a partition when it was opened; NULL where it had not begun. */
static const struct tape_place *begun_at(const struct capture *c, uint32_t partition)
{
    for (uint32_t i = 0; i < c->begun_count; i++)
        if (c->begun[i].partition == partition)
            return &c->begun[i];
    return NULL;
}

/* Whether a tick of the message that reading begins with is in the files already. */
static bool is_repeated(struct capture *c, const struct tick *tick)
{
    const struct tape_place *place = begun_at(c, tick_partition(tick));
    return place && tick_offset(tick) == place->offset && tick->index < place->index &&
           !c->seen[tick_partition(tick)];
}

static uint64_t captured(const struct capture *c)
{
    return tape_series_ticks(c->series) + tape_series_pending(c->series);
}

static void note_back(struct capture *c, const struct tick *tick)
{
    const struct tape_place place = {.partition = (uint16_t)tick_partition(tick),
                                     .offset = tick_offset(tick)};
    const char *topic = tape_series_topic_name(c->series, place.partition / TOPIC_PARTITIONS);
    progress_clear(&c->progress);
    if (c->went_back++ < SHOWN_MAX)
        fprintf(stderr,
                "tapectl capture: %s/%u goes back from offset %" PRIu64 " to %" PRIu64
                ": the topic was made anew or has lost its end; what comes is captured\n",
                topic ? topic : "?", place.partition % TOPIC_PARTITIONS, c->next[place.partition],
                place.offset);
    tape_series_place(c->series, &place);
}

static void take(void *arg, const struct tick *tick, const char *symbol, size_t symbol_len)
{
    struct capture *c = arg;
    uint32_t partition = tick_partition(tick);
    if (c->failed < 0)
        return;
    if (is_repeated(c, tick)) {
        c->repeated++;
        return;
    }
    if (c->count > 0 && captured(c) >= (uint64_t)c->count) {
        c->cut_short = true;
        return;
    }
    if (tick_offset(tick) < c->next[partition])
        note_back(c, tick);
    c->seen[partition] = true;
    c->next[partition] = tick_offset(tick);
    if (!c->in_poll[partition]) {
        c->in_poll[partition] = true;
        c->polled[c->polled_count++] = (uint16_t)partition;
    }
    c->failed = tape_series_append(c->series, tick, symbol, symbol_len, c->now_ns);
}

/* ---- what isn't ticks ---- */

/* A poll hands over whole messages: what was come to in each partition needn't be read again. */
static void note_whole_messages(struct capture *c)
{
    for (uint32_t i = 0; i < c->polled_count && c->failed == 0; i++) {
        const struct tape_place place = {.partition = c->polled[i],
                                         .offset = c->next[c->polled[i]] + 1};
        c->in_poll[place.partition] = false;
        c->next[place.partition] = place.offset;
        if (!c->cut_short)
            c->failed = tape_series_place(c->series, &place);
    }
    c->polled_count = 0;
}

/* A partition that has no ticks yet: where it began is to be known after a restart. */
static void note_partitions(struct capture *c)
{
    /* Acquire pairs with the source's release: who sees the count sees the rows. */
    uint32_t count =
        (uint32_t)atomic_load_explicit(&c->metrics->partitions_count, memory_order_acquire);
    for (; c->known < count; c->known++) {
        int32_t number;
        uint32_t topic = 0;
        const char *name = c->source->ops->partition(c->source, c->known, &number);
        while (topic < c->topics_count && strcmp(c->topic_names[topic], name) != 0)
            topic++;
        const struct tape_place place = {
            .partition = (uint16_t)(topic * TOPIC_PARTITIONS + (uint32_t)number),
            .offset = counter_get(&c->metrics->partitions[c->known].offset),
        };
        if (!c->seen[place.partition] && !begun_at(c, place.partition))
            c->failed = tape_series_place(c->series, &place);
    }
}

static void note_lost(struct capture *c)
{
    uint64_t lost = counter_get(&c->metrics->lost);
    if (lost == c->lost_shown)
        return;
    progress_clear(&c->progress);
    fprintf(stderr,
            "tapectl capture: Kafka deleted %" PRIu64 " messages before they were captured\n",
            lost - c->lost_shown);
    c->lost_shown = lost;
}

static uint64_t rejected(const struct capture *c)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < VALUE_ERROR_COUNT; i++)
        sum += counter_get(&c->metrics->rejected[i]);
    return sum;
}

static bool at_end(const struct capture *c)
{
    if (!c->source->ops->ready(c->source) || c->source->ops->state(c->source) != FEED_LIVE)
        return false;
    for (uint32_t i = 0; i < c->known; i++)
        if (counter_get(&c->metrics->partitions[i].offset) <
            counter_get(&c->metrics->partitions[i].end))
            return false;
    return c->known > 0;
}

static bool is_done(const struct capture *c)
{
    return stop_requested() || (c->count > 0 && captured(c) >= (uint64_t)c->count) ||
           (c->duration > 0 && (double)(c->now_ns - c->started_ns) >= c->duration * 1e9) ||
           (c->until_end && at_end(c));
}

static void show(struct capture *c)
{
    uint64_t ticks = captured(c);
    double seconds = (double)(c->now_ns - c->started_ns) / 1e9;
    progress_draw(&c->progress, c->now_ns,
                  "%s  %" PRIu64 " ticks  %.0f ticks/s  %.1f MiB  %" PRIu64 " rejected",
                  tape_series_path(c->series), ticks, (double)ticks / (seconds + 1e-9),
                  (double)tape_series_bytes(c->series) / (1 << 20), rejected(c));
}

/* ---- the run ---- */

static int run(struct capture *c)
{
    c->started_ns = c->now_ns = clock_mono_ns();
    progress_init(&c->progress);
    while (c->failed == 0 && !is_done(c)) {
        c->source->ops->poll(c->source, c->flush_ms < POLL_MS ? (int)c->flush_ms : POLL_MS);
        c->now_ns = clock_mono_ns();
        note_whole_messages(c);
        note_partitions(c);
        note_lost(c);
        if (c->failed == 0)
            c->failed = tape_series_serve(c->series, c->now_ns);
        if (progress_due(&c->progress, c->now_ns))
            show(c);
    }
    progress_clear(&c->progress);
    if (c->failed == 0)
        c->failed = tape_series_finish(c->series);
    if (c->failed < 0)
        fprintf(stderr, "tapectl capture: %s\n", tape_series_error(c->series));
    printf("ticks=%" PRIu64 " files=%u bytes=%" PRIu64 " rejected=%" PRIu64 " deleted=%" PRIu64
           " went_back=%" PRIu64 " seconds=%.1f\n",
           tape_series_ticks(c->series), tape_series_files(c->series), tape_series_bytes(c->series),
           rejected(c), c->lost_shown, c->went_back, (double)(c->now_ns - c->started_ns) / 1e9);
    return c->failed < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int split_topics(struct capture *c)
{
    for (const char *at = c->topics;; at++) {
        size_t len = strcspn(at, ",");
        if (c->topics_count == TAPE_TOPICS_MAX || len < 1 || len > TAPE_TOPIC_LEN_MAX) {
            fprintf(stderr, "tapectl capture: --topic \"%s\": 1 to %d names with commas between\n",
                    c->topics, TAPE_TOPICS_MAX);
            return EXIT_USAGE;
        }
        memcpy(c->topic_names[c->topics_count++], at, len);
        at += len;
        if (*at == '\0')
            return 0;
    }
}

static int open_series(struct capture *c)
{
    const struct tape_series_config config = {
        .folder = c->folder,
        .name = c->name ? c->name : c->topic_names[0],
        .writer = {.level = (int)c->level, .sync = (enum tape_sync)c->sync},
        .rotate_bytes = (uint64_t)c->rotate_mb << 20,
        .rotate_ns = c->rotate_minutes * 60000000000,
        .flush_ns = c->flush_ms * 1000000,
    };
    struct tape_series_found found;
    char error[4608];
    int result = tape_series_open(&c->series, &config, &found, error, sizeof error);
    if (result < 0) {
        fprintf(stderr, "tapectl capture: %s\n", error);
        return result;
    }
    if (found.resumed[0])
        fprintf(stderr,
                "tapectl capture: %s: goes on after %" PRIu64 " whole blocks with %" PRIu64
                " ticks; %" PRIu64 " bytes of a torn one were cut off at byte %" PRIu64 "\n",
                found.resumed, found.recovery.blocks, found.recovery.ticks,
                found.recovery.cut_bytes, found.recovery.bytes);
    for (uint32_t i = 0; i < c->topics_count && result == 0; i++)
        result = tape_series_topic(c->series, i, c->topic_names[i]);
    if (result < 0)
        fprintf(stderr, "tapectl capture: %s\n", tape_series_error(c->series));
    return result;
}

/* What the files say of partitions, as the source wants it. */
static int read_places(struct capture *c)
{
    const struct tape_place *places = tape_series_places(c->series, &c->begun_count);
    c->seen = calloc(UINT16_MAX + 1, sizeof *c->seen);
    c->next = calloc(UINT16_MAX + 1, sizeof *c->next);
    c->in_poll = calloc(UINT16_MAX + 1, sizeof *c->in_poll);
    c->polled = calloc(UINT16_MAX + 1, sizeof *c->polled);
    c->begun = calloc(TAPE_PLACES_MAX, sizeof *c->begun);
    c->positions = calloc(TAPE_PLACES_MAX, sizeof *c->positions);
    c->metrics = calloc(1, sizeof *c->metrics);
    if (!c->seen || !c->next || !c->in_poll || !c->polled || !c->begun || !c->positions ||
        !c->metrics) {
        fprintf(stderr, "tapectl capture: %s\n", strerror(ENOMEM));
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < c->begun_count; i++) {
        const struct tape_place *place = &places[i];
        c->begun[i] = *place;
        c->next[place->partition] = place->offset;
        c->positions[i] = (struct feed_position){
            .topic = tape_series_topic_name(c->series, place->partition / TOPIC_PARTITIONS),
            .partition = place->partition % TOPIC_PARTITIONS,
            .offset = (int64_t)place->offset,
        };
    }
    return 0;
}

static int open_source(struct capture *c)
{
    const struct feed_config config = {
        .brokers = c->brokers,
        .topics = c->topics,
        /* A partition that the files don't know was added while nobody looked. */
        .from = c->begun_count > 0 ? "earliest" : c->from,
        .properties = c->properties.items,
        .properties_count = c->properties.count,
        .positions = c->positions,
        .positions_count = c->begun_count,
    };
    const struct source_sink sink = {.take = take, .arg = c};
    char error[512] = "";
    int result = kafka_create(&c->source, &config, error, sizeof error);
    if (result == 0)
        result = c->source->ops->start(c->source, &sink, c->metrics, error, sizeof error);
    if (result < 0)
        fprintf(stderr, "tapectl capture: %s\n", error);
    return result;
}

int capture_main(int argc, char **argv)
{
    int status = EXIT_FAILURE;
    struct capture *c = calloc(1, sizeof *c);
    if (!c) {
        fprintf(stderr, "tapectl capture: %s\n", strerror(ENOMEM));
        return EXIT_FAILURE;
    }
    c->from = "earliest";
    c->rotate_mb = 1024;
    c->flush_ms = 1000;
    if (capture_options(c, argc, argv, &status) == 0 && (status = split_topics(c)) == 0) {
        status = EXIT_FAILURE;
        log_set_level(LOG_LEVEL_WARN);
        stop_on_signals();
        if (open_series(c) == 0 && read_places(c) == 0 && open_source(c) == 0)
            status = run(c);
    }
    if (c->source)
        c->source->ops->destroy(c->source);
    tape_series_close(c->series);
    free(c->seen);
    free(c->next);
    free(c->in_poll);
    free(c->polled);
    free(c->begun);
    free(c->positions);
    free(c->metrics);
    free(c);
    return status;
}
