/* SPDX-License-Identifier: MIT */
/*
 * export: `tapectl cat` and `tapectl export`, capture files as text: lines for people, CSV, JSON.
 * Main thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "tools/excerpt.h"
#include "tools/stop.h"
#include "tools/subcommands.h"
#include "tools/ticktext.h"

enum { TOPIC_PARTITIONS = 4096, BUFFER_SIZE = 1 << 18 };

typedef size_t write_line(const struct tape_item *item, const char *topic, char *out);

struct export
{
    struct excerpt_settings settings;
    int64_t count;
    int format; /* a place in formats */
    const char *path;

    struct excerpt excerpt;
    write_line *write;
    FILE *out;
    uint64_t written;
    bool failed;
};

static void fail(struct export *e)
{
    /* A reader that has had enough, as head(1), is no mistake. */
    if (errno != EPIPE)
        fprintf(stderr, "%s: can't write%s%s: %s\n", e->excerpt.program, e->path ? " " : "",
                e->path ? e->path : "", strerror(errno));
    e->failed = true;
}

static bool has_enough(const struct export *e)
{
    return e->failed || stop_requested() || (e->count > 0 && e->written >= (uint64_t)e->count);
}

static int export_file(struct export *e, const char *path)
{
    struct tape_reader *reader = excerpt_open(&e->excerpt, path);
    struct tape_item item;
    char line[TICKTEXT_MAX];
    int result = 0;
    if (!reader)
        return -ENOENT;
    while (!has_enough(e) && (result = excerpt_next(&e->excerpt, reader, &item)) == 1) {
        const char *topic =
            tape_reader_topic(reader, tick_partition(&item.tick) / TOPIC_PARTITIONS);
        size_t len = e->write(&item, topic, line);
        if (fwrite(line, 1, len, e->out) != len)
            fail(e);
        e->written++;
    }
    tape_reader_close(reader);
    return result < 0 ? result : 0;
}

static int run(struct export *e, char **paths, int count)
{
    bool good = true;
    stop_on_signals();
    e->out = e->path ? fopen(e->path, "we") : stdout;
    if (!e->out) {
        fail(e);
        return EXIT_FAILURE;
    }
    setvbuf(e->out, NULL, _IOFBF, BUFFER_SIZE);
    if (e->write == ticktext_csv)
        fputs(ticktext_csv_header, e->out);
    for (int i = 0; i < count && !has_enough(e); i++)
        good = export_file(e, paths[i]) == 0 && good;
    if (!e->failed && (fflush(e->out) != 0 || (e->path && fclose(e->out) != 0)))
        fail(e);
    return good && !e->failed && e->excerpt.damages == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The number of operands, or -1 when the program is to end with `*status`. */
static int start(struct export *e, const struct options *options, int argc, char **argv,
                 int *status)
{
    int operands = options_start(options, argc, argv, status);
    if (operands < 0)
        return -1;
    *status = operands == 0 ? options_refuse(options, "a FILE is missing")
                            : excerpt_init(&e->excerpt, &e->settings, options);
    return *status == 0 ? operands : -1;
}

int cat_main(int argc, char **argv)
{
    struct export e = {.write = ticktext_line};
    const struct option_spec specs[] = {
        EXCERPT_OPTIONS(e.settings),
        {.name = "count",
         .kind = OPTION_INT,
         .to.integer = &e.count,
         .min = 1,
         .max = INT64_MAX,
         .value = "N",
         .help = "stop after N ticks"},
    };
    const struct options options = {
        .program = "tapectl cat",
        .operands = "FILE...",
        .summary =
            "Prints capture files' ticks, a line each: when received, event time, symbol, price,\n"
            "size, side, id, topic/partition@offset.",
        .specs = specs,
        .count = ARRAY_LEN(specs),
        .notes = "Ends with status 1 when a part of a file could not be read.",
    };
    int status;
    int operands = start(&e, &options, argc, argv, &status);
    return operands < 0 ? status : run(&e, argv + 1, operands);
}

int export_main(int argc, char **argv)
{
    static const char *const formats[] = {"csv", "jsonl", NULL};
    struct export e = {.path = NULL};
    const struct option_spec specs[] = {
        EXCERPT_OPTIONS(e.settings),
        {.name = "format",
         .kind = OPTION_CHOICE,
         .to.choice = &e.format,
         .choices = formats,
         .value = "F",
         .help = "csv (the default), with a header, or jsonl"},
        {.name = "out",
         .kind = OPTION_STRING,
         .to.string = &e.path,
         .value = "FILE",
         .help = "instead of standard output"},
    };
    const struct options options = {
        .program = "tapectl export",
        .operands = "FILE...",
        .summary =
            "Writes capture files' ticks as CSV or as JSON lines, with the digits of the source.",
        .specs = specs,
        .count = ARRAY_LEN(specs),
        .notes = "tapectl import reads the CSV. Ends with status 1 when a part of a file could\n"
                 "not be read.",
    };
    int status;
    int operands = start(&e, &options, argc, argv, &status);
    e.write = e.format == 0 ? ticktext_csv : ticktext_json;
    return operands < 0 ? status : run(&e, argv + 1, operands);
}
