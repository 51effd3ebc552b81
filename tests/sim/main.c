/* SPDX-License-Identifier: MIT */
/*
 * main: runs seeds of the simulation, on several processes; ends at the first that fails.
 *
 *     sim [--seeds N] [--from N] [--seconds N] [--jobs N]     many
 *     sim --seed N                                            one, with a trace of it
 */
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "feed/base.h"
#include "feed/log.h"
#include "tests/sim/sim.h"
#include "tests/sim/world.h"

enum { JOBS_MAX = 64, STUCK_SECONDS = 60, EXIT_USAGE = 2 };

struct options {
    uint64_t from, seeds, seconds, jobs;
    bool one;   /* --seed */
    bool fresh; /* --from was not given, --seconds was: begin anywhere */
};

/* What the processes share: one line each. */
struct progress {
    _Alignas(CACHE_LINE) _Atomic uint64_t seeds;
    struct sim_tally tally; /* read once the process has ended */
};

static int usage(void)
{
    fputs("usage: sim [--seeds N] [--from N] [--seconds N] [--jobs N] | --seed N\n", stderr);
    return EXIT_USAGE;
}

/* A crash, or a loop that never yields, is a failure of the seed as well. */
static void on_signal(int number)
{
    char text[128];
    int len = snprintf(
        text, sizeof text,
        "\nsim: seed %" PRIu64 " ends in %s\nreplay: tests/sim/run --seed %" PRIu64 "\n",
        world.seed, number == SIGALRM ? "a loop without end" : strsignal(number), world.seed);
    (void)!write(STDERR_FILENO, text, (size_t)len);
    _exit(1);
}

static void catch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        signal(signals[i], on_signal);
}

static int64_t real_seconds(void)
{
    return time(NULL);
}

/* Every jobs-th seed, from `first` on. */
static void run_seeds(const struct options *options, uint64_t job, struct progress *progress)
{
    int64_t until = options->seconds ? real_seconds() + (int64_t)options->seconds : INT64_MAX;
    for (uint64_t i = job; i < options->seeds && real_seconds() < until; i += options->jobs) {
        alarm(STUCK_SECONDS);
        sim_run(options->from + i, false, &progress->tally);
        atomic_fetch_add(&progress->seeds, 1);
    }
    alarm(0);
}

static int wait_for_jobs(pid_t *jobs, uint64_t count)
{
    int result = EXIT_SUCCESS;
    for (uint64_t left = count; left > 0; left--) {
        int status;
        if (wait(&status) < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
            continue;
        if (result == EXIT_SUCCESS)
            for (uint64_t i = 0; i < count; i++)
                kill(jobs[i], SIGKILL); /* one failure is enough */
        result = EXIT_FAILURE;
    }
    return result;
}

static void print_tally(const struct progress *progress, uint64_t jobs, int64_t seconds)
{
    struct sim_tally sum = {0};
    uint64_t seeds = 0;
    for (uint64_t i = 0; i < jobs; i++) {
        const struct sim_tally *tally = &progress[i].tally;
        seeds += atomic_load((_Atomic uint64_t *)&progress[i].seeds);
        sum.ticks += tally->ticks;
        sum.gaps += tally->gaps;
        sum.merged += tally->merged;
        sum.dropped += tally->dropped;
        sum.shorts += tally->shorts;
        sum.stale += tally->stale;
        sum.upgraded += tally->upgraded;
        sum.accounts += tally->accounts;
        sum.closes += tally->closes;
    }
    printf("%" PRIu64 " seeds in %" PRId64 " s: %" PRIu64 " clients, %" PRIu64
           " complete accounts, %" PRIu64 " ticks and %" PRIu64 " gaps read, %" PRIu64
           " merged, %" PRIu64 " dropped, %" PRIu64 " short sends, %" PRIu64
           " stale completions, %" PRIu64 " closes\n",
           seeds, seconds, sum.upgraded, sum.accounts, sum.ticks, sum.gaps, sum.merged, sum.dropped,
           sum.shorts, sum.stale, sum.closes);
}

static int run_many(const struct options *options)
{
    int64_t began = real_seconds();
    pid_t jobs[JOBS_MAX];
    struct progress *progress = mmap(NULL, options->jobs * sizeof *progress, PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED)
        return EXIT_FAILURE;
    printf("seeds from %" PRIu64 "\n", options->from);
    fflush(stdout);
    for (uint64_t i = 0; i < options->jobs; i++) {
        jobs[i] = fork();
        if (jobs[i] == 0) {
            run_seeds(options, i, &progress[i]);
            exit(EXIT_SUCCESS);
        }
    }
    int result = wait_for_jobs(jobs, options->jobs);
    print_tally(progress, options->jobs, real_seconds() - began);
    return result;
}

static bool read_options(struct options *options, int argc, char **argv)
{
    struct {
        const char *name;
        uint64_t *value;
    } known[] = {{"--seeds", &options->seeds},
                 {"--from", &options->from},
                 {"--seconds", &options->seconds},
                 {"--jobs", &options->jobs},
                 {"--seed", &options->from}};
    for (int i = 1; i < argc; i += 2) {
        size_t k = 0;
        while (k < ARRAY_LEN(known) && strcmp(argv[i], known[k].name) != 0)
            k++;
        char *end = NULL;
        if (k == ARRAY_LEN(known) || i + 1 == argc)
            return false;
        *known[k].value = strtoull(argv[i + 1], &end, 10);
        if (*end || end == argv[i + 1])
            return false;
        options->one |= known[k].value == &options->from && strcmp(argv[i], "--seed") == 0;
    }
    return options->jobs >= 1 && options->jobs <= JOBS_MAX;
}

int main(int argc, char **argv)
{
    struct options options = {.jobs = 1, .from = UINT64_MAX};
    if (!read_options(&options, argc, argv))
        return usage();
    if (options.from == UINT64_MAX) /* fresh ones when it is time that is bounded */
        options.from = options.seconds ? (uint64_t)real_seconds() * 1000000 : 1;
    if (!options.seeds)
        options.seeds = options.seconds ? UINT64_MAX / 2 : 1000;
    /* Seeds allocate and free alike: memory is kept rather than given back each time. */
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    log_set_level(LOG_LEVEL_ERROR);
    catch_crashes();
    if (!options.one)
        return run_many(&options);
    struct sim_tally tally = {0};
    sim_run(options.from, true, &tally);
    printf("seed %" PRIu64 " passes\n", options.from);
    return EXIT_SUCCESS;
}
