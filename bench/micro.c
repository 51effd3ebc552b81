/* SPDX-License-Identifier: MIT */
/*
 * micro: runs the small measurements, all or those named, and prints for each the median, least and
 * greatest of nine rounds. CPU time of the thread, so that a busy machine does little harm.
 *
 *   micro [--tsv] [NAME…]
 */
#include "bench/micro.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/clock.h"

enum { ROUNDS = 9, ROUND_NS = 60000000 };

struct outcome {
    double median;
    double least;
    double greatest;
};

static int64_t now(const struct micro *micro)
{
    return clock_read_ns(micro->alone ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID);
}

static double round_of(const struct micro *micro, void *self)
{
    uint64_t operations = 0;
    int64_t began = now(micro), passed = 0;
    while (passed < ROUND_NS) {
        operations += micro->run(self);
        passed = now(micro) - began;
    }
    return (double)passed / (double)operations;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int measure(const struct micro *micro, struct outcome *outcome)
{
    double rounds[ROUNDS];
    void *self = micro->begin();
    if (!self)
        return -1;
    micro->run(self); /* warm */
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] = round_of(micro, self);
    micro->end(self);
    qsort(rounds, ROUNDS, sizeof *rounds, by_value);
    *outcome = (struct outcome){rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]};
    return 0;
}

static void print(const struct micro *micro, const struct outcome *outcome, bool tsv)
{
    if (tsv)
        printf("%s\t%.3f\t%.3f\t%.3f\n", micro->name, outcome->median, outcome->least,
               outcome->greatest);
    else
        printf("%-20s %9.1f ns  (%.1f to %.1f)  %8.2f M/s  per %s\n", micro->name, outcome->median,
               outcome->least, outcome->greatest, 1e3 / outcome->median, micro->operation);
    fflush(stdout);
}

/* A name given selects those that begin with it. */
static bool is_wanted(const struct micro *micro, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strncmp(micro->name, argv[i], strlen(argv[i])) == 0)
            return true;
    return argc == 0;
}

int main(int argc, char **argv)
{
    const struct micro *all[] = {micro_rings, micro_bells, micro_codecs, micro_wires,
                                 micro_fanouts};
    bool tsv = argc > 1 && strcmp(argv[1], "--tsv") == 0;
    int skip = tsv ? 2 : 1, done = 0;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        for (const struct micro *micro = all[i]; micro->name; micro++) {
            struct outcome outcome;
            if (!is_wanted(micro, argc - skip, argv + skip))
                continue;
            if (measure(micro, &outcome) < 0) {
                fprintf(stderr, "micro: %s could not begin\n", micro->name);
                return 1;
            }
            print(micro, &outcome, tsv);
            done++;
        }
    }
    return done ? 0 : 2;
}
