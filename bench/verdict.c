/* SPDX-License-Identifier: MIT */
#include "bench/verdict.h"

#include <stdarg.h>
#include <stdio.h>

/* A load process that never slept couldn't have read any sooner. */
#define BUSY_MAX 0.97
/* From here on, others on its core are to be seen in the figures. */
#define DELAY_SHARE_MAX 0.05

__attribute__((format(printf, 3, 4))) static void say(struct trial *trial, bool is_void,
                                                      const char *format, ...)
{
    va_list arguments;
    trial->is_void |= is_void;
    if (trial->reasons_count == REASONS_MAX)
        return;
    char *reason = trial->reasons[trial->reasons_count++];
    int len = snprintf(reason, REASON_LEN_MAX, "%s: ", is_void ? "VOID" : "beware");
    va_start(arguments, format);
    vsnprintf(reason + len, REASON_LEN_MAX - (size_t)len, format, arguments);
    va_end(arguments);
}

static unsigned long long get(const counter *c)
{
    return counter_get(c);
}

static void judge_load(struct trial *trial)
{
    const struct ledger *ledger = trial->ledger;
    double busy = trial_load_busy(trial);
    if (busy >= BUSY_MAX)
        say(trial, true,
            "the load ran, or waited for its core, %.0f%% of the time: it was the limit",
            busy * 100);
    double delay = (double)counter_get(&ledger->delay_ns) / 1e9 /
                   (trial->seconds * (double)counter_get(&ledger->ready));
    if (delay > DELAY_SHARE_MAX)
        say(trial, false, "others held the load's core %.0f%% of the time", delay * 100);
    uint64_t turn = curve_quantile(&ledger->turn, 0.99);
    if (trial->latency.total && turn > curve_quantile(&trial->latency, 0.5) / 2)
        say(trial, false, "the load's own turns (p99 %.2f ms) are a large part of the latency",
            (double)turn / 1e6);
}

static void judge_server(struct trial *trial)
{
    double delay = (double)(trial->after.delay_ns - trial->before.delay_ns) / 1e9 / trial->seconds;
    if (!trial->server_known)
        return;
    if (trial->after.cpu_ns == 0)
        say(trial, true, "the server was gone at the end");
    else if (delay > DELAY_SHARE_MAX)
        say(trial, false, "the server's threads waited for a core %.0f%% of the time", delay * 100);
}

static void judge_ticks(struct trial *trial, const struct plan *plan)
{
    const struct ledger *ledger = trial->ledger;
    uint64_t expected = counter_get(&ledger->expected), received = counter_get(&ledger->received);
    if (counter_get(&ledger->missed))
        say(trial, true, "%llu ticks were lost in %llu places without a gap", get(&ledger->missed),
            get(&ledger->holes));
    if (counter_get(&ledger->slow_missed))
        say(trial, true, "slow clients lost %llu ticks without a gap", get(&ledger->slow_missed));
    if (counter_get(&ledger->slow_missing))
        say(trial, true, "slow clients had neither got %llu ticks nor been told at the end",
            get(&ledger->slow_missing));
    if (counter_get(&ledger->missing))
        say(trial, true, "%llu ticks had neither come nor been named by a gap at the end",
            get(&ledger->missing));
    if (counter_get(&ledger->duplicates) || counter_get(&ledger->reordered))
        say(trial, true, "%llu ticks came twice, %llu out of order", get(&ledger->duplicates),
            get(&ledger->reordered));
    if (plan->symbols_each && counter_get(&ledger->arrived) == 0)
        say(trial, true, "nothing arrived");
    else if (plan->symbols_each && counter_get(&ledger->received) == 0)
        say(trial, true, "no tick planned in the measured time came before the end of the grace");
    bool all_stayed = plan->scenario != SCENARIO_RECONNECT_STORM && plan->churn == 0;
    if (all_stayed && !counter_get(&ledger->announced) && !counter_get(&ledger->missed) &&
        !counter_get(&ledger->lost) && expected != received + counter_get(&ledger->missing))
        say(trial, true, "%llu ticks received where %llu were to be", (unsigned long long)received,
            (unsigned long long)expected);
}

static void judge_connections(struct trial *trial)
{
    const struct ledger *ledger = trial->ledger;
    if (counter_get(&ledger->lost))
        say(trial, true, "%llu connections ended early (last close code %llu)", get(&ledger->lost),
            get(&ledger->close_code));
    if (counter_get(&ledger->broken) || counter_get(&ledger->stray))
        say(trial, true, "%llu messages could not be read, %llu were of a symbol not asked for",
            get(&ledger->broken), get(&ledger->stray));
    if (counter_get(&ledger->errors))
        say(trial, true, "the server answered %llu errors", get(&ledger->errors));
    if (counter_get(&ledger->refused))
        say(trial, false, "%llu connections were refused, and tried again", get(&ledger->refused));
}

void verdict_reach(struct trial *trial, const struct plan *plan)
{
    judge_load(trial);
    judge_server(trial);
    judge_ticks(trial, plan);
    judge_connections(trial);
}
