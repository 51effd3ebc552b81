/* SPDX-License-Identifier: MIT */
/*
 * tapebench: loads a server with thousands of clients and says what came, how late, and at what
 * cost. Main process: command line, trials in turn, reports. The load itself runs in processes of
 * its own (crowd.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/plan.h"
#include "bench/report.h"
#include "bench/search.h"

enum { EXIT_CANNOT = 1, EXIT_USAGE = 2, EXIT_VOID = 3 };

static int run_steps(struct report *report, struct plan *plan, FILE *out)
{
    for (uint32_t i = 0; i < plan->rates_count; i++) {
        struct trial *trial = &report->trials[i];
        int rc = trial_run(trial, plan, plan->rates[i]);
        if (rc < 0) {
            trial_finish(trial);
            return rc;
        }
        report->trials_count++;
        report_trial(report, trial, out);
    }
    return 0;
}

typedef void writer(const struct report *report, FILE *out);

static int write_file(const struct report *report, const char *path, writer *write)
{
    bool standard = path && strcmp(path, "-") == 0;
    if (!path)
        return 0;
    FILE *out = standard ? stdout : fopen(path, "we");
    if (!out) {
        fprintf(stderr, "tapebench: %s: %s\n", path, strerror(errno));
        return -errno;
    }
    write(report, out);
    return standard || fclose(out) == 0 ? 0 : -EIO;
}

static bool any_void(const struct report *report)
{
    for (uint32_t i = 0; i < report->trials_count; i++)
        if (report->trials[i].is_void)
            return true;
    return false;
}

static int run(struct report *report, struct plan *plan)
{
    /* Where the JSON goes to standard output, text would spoil it. */
    FILE *out = plan->json && strcmp(plan->json, "-") == 0 ? stderr : stdout;
    report_head(report, out);
    int rc = plan->find_quantile > 0 ? search_run(report, plan, out) : run_steps(report, plan, out);
    report_end(report, out);
    if (write_file(report, plan->json, report_json) < 0 ||
        write_file(report, plan->html, report_html) < 0)
        rc = -EIO;
    if (rc < 0)
        return EXIT_CANNOT;
    /* A search goes on until trials fail: that is no flaw of what it found. */
    return plan->find_quantile == 0 && any_void(report) ? EXIT_VOID : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct plan plan;
    struct report report = {.plan = &plan};
    switch (plan_read(&plan, argc, argv)) {
    case PLAN_HELP: plan_help(); return EXIT_SUCCESS;
    case PLAN_BAD: return EXIT_USAGE;
    case PLAN_RUN: break;
    }
    machine_read(&report.machine, argc, argv);
    report.trials = calloc(PLAN_RATES_MAX, sizeof *report.trials);
    int status = report.trials ? run(&report, &plan) : EXIT_CANNOT;
    for (uint32_t i = 0; i < report.trials_count; i++)
        trial_finish(&report.trials[i]);
    free(report.trials);
    return status;
}
