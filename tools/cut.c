/* SPDX-License-Identifier: MIT */
/*
 * cut: `tapectl cut` and `tapectl merge`, capture files made out of others. Main thread.
 *
 * Ticks are copied as they are: positions, both clocks, digits, and those that come twice.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "tools/excerpt.h"
#include "tools/splice.h"
#include "tools/stop.h"
#include "tools/subcommands.h"

enum { INPUTS_MAX = 64 };

/* A file that ticks come from, and the one that comes next. */
struct input {
    struct tape_reader *reader;
    struct tape_item item;
    bool ended;
};

struct cut {
    struct excerpt_settings settings;
    const char *path;
    struct excerpt excerpt;
    struct splice splice;
    struct input inputs[INPUTS_MAX];
    int count;
    uint64_t ticks;
};

static int64_t time_of(const struct cut *c, const struct input *input)
{
    const struct tick *tick = &input->item.tick;
    return c->settings.clock == TAPE_EVENT ? tick->ts_ns : tick->rts_ns;
}

/* The input whose next tick is the earliest, of equals the first; NULL when all have ended. */
static struct input *earliest(struct cut *c)
{
    struct input *found = NULL;
    for (int i = 0; i < c->count; i++) {
        struct input *input = &c->inputs[i];
        if (!input->ended && (!found || time_of(c, input) < time_of(c, found)))
            found = input;
    }
    return found;
}

static int advance(struct cut *c, struct input *input)
{
    int result = excerpt_next(&c->excerpt, input->reader, &input->item);
    input->ended = result == 0;
    return result < 0 ? result : 0;
}

static int copy(struct cut *c)
{
    struct input *input;
    int result = 0;
    for (int i = 0; i < c->count && result == 0; i++)
        result = advance(c, &c->inputs[i]);
    while (result == 0 && (input = earliest(c)) != NULL) {
        if (stop_requested()) {
            fprintf(stderr, "%s: stopped: %s is not made\n", c->excerpt.program, c->path);
            return -EINTR;
        }
        result = splice_take(&c->splice, input->reader, &input->item);
        c->ticks += result == 0;
        if (result == 0)
            result = advance(c, input);
    }
    return result;
}

static int run(struct cut *c, char **paths, int count)
{
    stop_on_signals();
    bool good = true;
    for (; c->count < count && good; c->count++) {
        c->inputs[c->count].reader = excerpt_open(&c->excerpt, paths[c->count]);
        good = c->inputs[c->count].reader != NULL;
    }
    good = good && splice_open(&c->splice, c->excerpt.program, c->path) == 0 && copy(c) == 0;
    uint64_t bytes = 0;
    if (good) {
        good = splice_finish(&c->splice) == 0;
        for (int i = 0; i < c->count; i++)
            bytes += tape_reader_stats(c->inputs[i].reader)->read_bytes;
    }
    if (good)
        printf("ticks=%" PRIu64 " read_bytes=%" PRIu64 " damages=%" PRIu64 " ticks_lost=%" PRIu64
               "\n",
               c->ticks, bytes, c->excerpt.damages, c->excerpt.lost);
    splice_close(&c->splice);
    for (int i = 0; i < c->count; i++)
        tape_reader_close(c->inputs[i].reader);
    return good && c->excerpt.damages == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int start(struct options *options, int argc, char **argv, struct cut *c, int operands_max)
{
    const struct option_spec specs[] = {
        {.name = "out",
         .kind = OPTION_STRING,
         .required = true,
         .to.string = &c->path,
         .value = "FILE",
         .help = "the file to make"},
        EXCERPT_OPTIONS(c->settings),
    };
    options->specs = specs;
    options->count = ARRAY_LEN(specs);
    int status;
    int operands = options_start(options, argc, argv, &status);
    if (operands < 0)
        return status;
    if (operands == 0)
        return options_refuse(options, "a FILE is missing");
    if (operands > operands_max)
        return options_refuse(options, "at most %d files are taken", operands_max);
    status = excerpt_init(&c->excerpt, &c->settings, options);
    return status != 0 ? status : run(c, argv + 1, operands);
}

int cut_main(int argc, char **argv)
{
    struct cut c = {.count = 0};
    struct options options = {
        .program = "tapectl cut",
        .operands = "FILE",
        .summary = "Makes a capture file of a part of another: a span of time, some symbols.",
        .notes = "Of a damaged file it makes one of all that can be read, and ends with status 1.",
    };
    return start(&options, argc, argv, &c, 1);
}

int merge_main(int argc, char **argv)
{
    struct cut c = {.settings = {.clock = TAPE_RECEIVE}};
    struct options options = {
        .program = "tapectl merge",
        .operands = "FILE...",
        .summary =
            "Makes one capture file of several, in the order of a clock (here receive is the\n"
            "default). Within a file the order of capture stands. Ticks that come twice stay.",
        .notes = "Ends with status 1 when a part of a file could not be read.",
    };
    return start(&options, argc, argv, &c, INPUTS_MAX);
}
