/* SPDX-License-Identifier: MIT */
#include "bench/report.h"

#include "bench/crowd.h"

const struct quantile quantiles[QUANTILES] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}, {"max", 1},
};

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static unsigned long long get(const counter *c)
{
    return counter_get(c);
}

void report_head(const struct report *report, FILE *out)
{
    const struct machine *machine = &report->machine;
    const struct plan *plan = report->plan;
    fprintf(out, "tapebench %s: %u clients take %u of %u symbols each, %s",
            scenario_name(plan->scenario), plan->clients, plan->symbols_each, plan->symbols_all,
            plan->msgpack ? "msgpack" : "JSON");
    if (plan->max_delay_ms)
        fprintf(out, ", max_delay_ms %u", plan->max_delay_ms);
    if (plan->churn > 0)
        fprintf(out, ", %g a second leave and come back", plan->churn);
    if (plan->slow_clients)
        fprintf(out, ", %u more read slowly (%s)", plan->slow_clients, slow_name(plan->slow));
    fprintf(out, "\n  machine  %s, %d cores, %s, clocksource %s\n", machine->processor,
            machine->cores, machine->kernel, machine->clocksource);
    fprintf(out, "  commit   %s, %s\n  command  %s\n  clocks   %s\n", machine->commit,
            machine->when, machine->command, machine_clocks());
}

static void put_curve(FILE *out, const char *name, const struct curve *curve)
{
    if (!curve->total)
        return;
    fprintf(out, "  %-10s", name);
    for (int i = 0; i < QUANTILES; i++)
        fprintf(out, " %s %.3f ", quantiles[i].name, ms(curve_quantile(curve, quantiles[i].share)));
    fprintf(out, "ms\n");
}

static void put_ticks(const struct report *report, const struct trial *trial, FILE *out)
{
    const struct ledger *ledger = trial->ledger;
    if (report->plan->tape)
        fprintf(out, "  rate       the tape's own");
    else
        fprintf(out, "  rate       offered %.0f ticks/s", trial->rate);
    fprintf(out, ", seen %.0f; achieved %.0f deliveries/s, %.1f MB/s\n",
            (double)get(&ledger->offered) * 1e9 / (double)report->plan->duration_ns,
            trial_delivered(trial), (double)get(&ledger->bytes) / 1e6 / trial->seconds);
    put_curve(out, "latency", &trial->latency);
    fprintf(out,
            "  reach      %.4f%% (%llu of %llu); announced %llu in %llu gaps; NOT announced %llu; "
            "twice %llu; out of order %llu\n",
            trial_reach(trial) * 100, get(&ledger->received), get(&ledger->expected),
            get(&ledger->announced), get(&ledger->gaps),
            get(&ledger->missed) + get(&ledger->missing), get(&ledger->duplicates),
            get(&ledger->reordered));
}

static void put_usage(const struct report *report, const struct trial *trial, FILE *out)
{
    const struct plan *plan = report->plan;
    const struct usage *after = &trial->after;
    uint64_t connections = plan->clients + plan->slow_clients;
    if (trial->server_known) {
        fprintf(out, "  server     %.3f CPU-s a second (threads", trial_server_cores(trial));
        for (uint32_t i = 0; i < after->threads && i < 8; i++)
            fprintf(out, " %.3f",
                    (double)(after->threads_ns[i] - trial->before.threads_ns[i]) / 1e9 /
                        trial->seconds);
        fprintf(out, "), %.2f CPU-s a million deliveries; RSS %.1f MB, %.0f bytes a connection\n",
                trial_cpu_per_million(trial), (double)after->rss_bytes / 1e6,
                ((double)trial->before.rss_bytes - (double)trial->empty.rss_bytes) /
                    (double)connections);
    }
    fprintf(
        out,
        "  load       %.3f CPU-s a second, busy %.1f%%, turn p99 %.3f max %.3f ms; %llu reads\n",
        trial_load_cores(trial), trial_load_busy(trial) * 100,
        ms(curve_quantile(&trial->ledger->turn, 0.99)), ms(trial->ledger->turn.max_ns),
        get(&trial->ledger->reads));
    fprintf(out, "  kernel     %.1f MB of TCP memory before, %.1f at most\n",
            (double)trial->socket_bytes / 1e6, (double)trial->socket_bytes_max / 1e6);
}

static void put_scenario(const struct report *report, const struct trial *trial, FILE *out)
{
    const struct ledger *ledger = trial->ledger;
    if (report->plan->scenario == SCENARIO_FLOOD)
        fprintf(out, "  flood      %.0f handshakes/s\n",
                (double)get(&ledger->handshakes) / trial->seconds);
    for (uint64_t i = 0; i < get(&ledger->storms_count); i++)
        fprintf(out, "  storm      all %u back after %.1f ms\n",
                report->plan->clients + report->plan->slow_clients, ms(ledger->storms_ns[i]));
    if (report->plan->churn > 0)
        fprintf(out, "  churn      %llu left, and came back\n", get(&ledger->churned));
    if (report->plan->slow_clients)
        fprintf(out,
                "  slow       %llu ticks received, %llu announced as lost, %llu not; %llu were "
                "closed\n",
                get(&ledger->slow_received), get(&ledger->slow_announced),
                get(&ledger->slow_missed) + get(&ledger->slow_missing), get(&ledger->slow_lost));
}

void report_trial(const struct report *report, const struct trial *trial, FILE *out)
{
    fprintf(out, "\n");
    put_ticks(report, trial, out);
    put_curve(out, "connect", &trial->ledger->connect);
    put_curve(out, "handshake", &trial->ledger->handshake);
    put_curve(out, "snapshot", &trial->ledger->snapshot);
    put_usage(report, trial, out);
    put_scenario(report, trial, out);
    for (uint32_t i = 0; i < trial->reasons_count; i++)
        fprintf(out, "  %s\n", trial->reasons[i]);
    if (trial->is_void)
        fprintf(out, "  *** VOID: don't use these figures ***\n");
    fflush(out);
}

void report_end(const struct report *report, FILE *out)
{
    if (report->plan->find_quantile == 0)
        return;
    fprintf(out, "\nhighest rate with p%g < %.3f ms, every tick delivered: ",
            report->plan->find_quantile * 100, (double)report->plan->find_below_ns / 1e6);
    if (report->found_rate > 0)
        fprintf(out, "%.0f ticks/s\n", report->found_rate);
    else
        fprintf(out, "none of those tried\n");
    if (report->found_void)
        fprintf(out,
                "beware: the trial above it was void, so this may not be the server's limit\n");
}
