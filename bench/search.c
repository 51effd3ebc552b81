/* SPDX-License-Identifier: MIT */
#include "bench/search.h"

#include <stdbool.h>

/* The search ends when it knows the rate to this share. */
#define PRECISION 0.05

static bool holds(const struct plan *plan, const struct trial *trial)
{
    return !trial->is_void && counter_get(&trial->ledger->announced) == 0 &&
           curve_quantile(&trial->latency, plan->find_quantile) < (uint64_t)plan->find_below_ns;
}

int search_run(struct report *report, struct plan *plan, FILE *out)
{
    double rate = plan->rates[0], good = 0, bad = 0;
    while (report->trials_count < SEARCH_TRIALS_MAX) {
        struct trial *trial = &report->trials[report->trials_count];
        int rc = trial_run(trial, plan, rate);
        if (rc < 0)
            return rc;
        report->trials_count++;
        report_trial(report, trial, out);
        bool held = holds(plan, trial);
        fprintf(out, "  %s at %.0f ticks/s\n", held ? "holds" : "does not hold", rate);
        if (held)
            good = rate;
        else {
            bad = rate;
            report->found_void = trial->is_void;
        }
        if (bad > 0 && (good >= bad * (1 - PRECISION) || bad < 1))
            break;
        rate = bad == 0 ? good * 2 : good == 0 ? bad / 4 : (good + bad) / 2;
    }
    report->found_rate = good;
    return 0;
}
