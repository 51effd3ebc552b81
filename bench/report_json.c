/* SPDX-License-Identifier: MIT */
/* report_json: the report for machines, with the raw counts of every curve, so that runs can be
 * merged. See report.h. */
#include "bench/crowd.h"
#include "bench/report.h"

static unsigned long long get(const counter *c)
{
    return counter_get(c);
}

/* A string with what JSON wants escaped. */
static void put_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\')
            fputc('\\', out);
        if ((unsigned char)*at >= 0x20)
            fputc(*at, out);
    }
    fputc('"', out);
}

static void put_curve(FILE *out, const char *name, const struct curve *curve)
{
    fprintf(out, "\"%s\":{\"count\":%llu,\"mean_ns\":%.0f", name, (unsigned long long)curve->total,
            curve->total ? (double)curve->sum_ns / (double)curve->total : 0);
    for (int i = 0; i < QUANTILES; i++)
        fprintf(out, ",\"%s_ns\":%llu", quantiles[i].name,
                (unsigned long long)curve_quantile(curve, quantiles[i].share));
    fprintf(out, ",\"buckets_from_ns\":[");
    const char *comma = "";
    for (uint32_t i = 0; i < CURVE_BUCKETS; i++) {
        if (!curve->counts[i])
            continue;
        fprintf(out, "%s[%llu,%llu]", comma, (unsigned long long)curve_floor(i),
                (unsigned long long)curve->counts[i]);
        comma = ",";
    }
    fprintf(out, "]}");
}

static void put_machine(const struct report *report, FILE *out)
{
    const struct machine *machine = &report->machine;
    fprintf(out, "\"machine\":{\"processor\":");
    put_text(out, machine->processor);
    fprintf(out, ",\"cores\":%d,\"kernel\":\"%s\",\"clocksource\":\"%s\"},\"commit\":\"%s\",",
            machine->cores, machine->kernel, machine->clocksource, machine->commit);
    fprintf(out, "\"when\":\"%s\",\"clocks\":\"%s\",\"command\":", machine->when, machine_clocks());
    put_text(out, machine->command);
}

static void put_plan(const struct plan *plan, FILE *out)
{
    fprintf(out,
            "\"plan\":{\"scenario\":\"%s\",\"clients\":%u,\"symbols_each\":%u,\"symbols_all\":%u,"
            "\"format\":\"%s\",\"max_delay_ms\":%u,\"burst\":%g,\"seed\":%llu,\"duration_s\":%g,"
            "\"warmup_s\":%g,\"server_cpu\":%d,\"load_cpu\":%d,\"processes\":%u,"
            "\"slow_clients\":%u,\"slow\":\"%s\",\"churn\":%g}",
            scenario_name(plan->scenario), plan->clients, plan->symbols_each, plan->symbols_all,
            plan->msgpack ? "msgpack" : "json", plan->max_delay_ms, plan->burst,
            (unsigned long long)plan->seed, (double)plan->duration_ns / 1e9,
            (double)plan->warmup_ns / 1e9, plan->server_cpu, plan->load_cpu, plan->processes,
            plan->slow_clients, slow_name(plan->slow), plan->churn);
}

static void put_counters(const struct trial *trial, FILE *out)
{
    const struct ledger *ledger = trial->ledger;
    const struct {
        const char *name;
        const counter *value;
    } fields[] = {
        {"arrived", &ledger->arrived},
        {"bytes", &ledger->bytes},
        {"offered", &ledger->offered},
        {"expected", &ledger->expected},
        {"received", &ledger->received},
        {"gaps", &ledger->gaps},
        {"announced", &ledger->announced},
        {"holes", &ledger->holes},
        {"missed", &ledger->missed},
        {"missing", &ledger->missing},
        {"duplicates", &ledger->duplicates},
        {"reordered", &ledger->reordered},
        {"refused", &ledger->refused},
        {"lost", &ledger->lost},
        {"close_code", &ledger->close_code},
        {"errors", &ledger->errors},
        {"broken", &ledger->broken},
        {"stray", &ledger->stray},
        {"handshakes", &ledger->handshakes},
        {"reads", &ledger->reads},
        {"slow_received", &ledger->slow_received},
        {"slow_announced", &ledger->slow_announced},
        {"slow_missed", &ledger->slow_missed},
        {"slow_missing", &ledger->slow_missing},
        {"churned", &ledger->churned},
        {"slow_lost", &ledger->slow_lost},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        fprintf(out, "\"%s\":%llu,", fields[i].name, get(fields[i].value));
}

static void put_server(const struct trial *trial, FILE *out)
{
    const struct usage *before = &trial->before, *after = &trial->after;
    fprintf(out,
            "\"server\":{\"known\":%s,\"cpu_ns\":%llu,\"delay_ns\":%llu,\"rss_empty\":%llu,"
            "\"rss_before\":%llu,\"rss\":%llu,\"rss_max\":%llu,\"threads_cpu_ns\":[",
            trial->server_known ? "true" : "false",
            (unsigned long long)(after->cpu_ns - before->cpu_ns),
            (unsigned long long)(after->delay_ns - before->delay_ns),
            (unsigned long long)trial->empty.rss_bytes, (unsigned long long)before->rss_bytes,
            (unsigned long long)after->rss_bytes, (unsigned long long)after->rss_bytes_max);
    for (uint32_t i = 0; i < after->threads; i++)
        fprintf(out, "%s%llu", i ? "," : "",
                (unsigned long long)(after->threads_ns[i] - before->threads_ns[i]));
    fprintf(out, "]},\"load\":{\"cpu_ns\":%llu,\"delay_ns\":%llu,\"busy\":%.4f},",
            get(&trial->ledger->cpu_ns), get(&trial->ledger->delay_ns), trial_load_busy(trial));
    fprintf(out, "\"socket_bytes\":%llu,\"socket_bytes_max\":%llu,",
            (unsigned long long)trial->socket_bytes, (unsigned long long)trial->socket_bytes_max);
}

static void put_slices(const struct report *report, const struct trial *trial, FILE *out)
{
    int64_t width = slice_ns(report->plan);
    fprintf(out, "\"slices\":[");
    for (int64_t i = 0; i * width < report->plan->duration_ns; i++) {
        const struct slice *slice = &trial->ledger->slices[i];
        fprintf(
            out,
            "%s{\"at_s\":%.3f,\"arrived\":%llu,\"announced\":%llu,\"p50_ns\":%llu,\"p99_ns\":%llu,"
            "\"server_rss\":%llu}",
            i ? "," : "", (double)(i * width) / 1e9, get(&slice->arrived), get(&slice->announced),
            (unsigned long long)curve_quantile(&slice->latency, 0.5),
            (unsigned long long)curve_quantile(&slice->latency, 0.99),
            (unsigned long long)trial->rss_bytes[i]);
    }
    fprintf(out, "],\"storms_ns\":[");
    for (uint64_t i = 0; i < get(&trial->ledger->storms_count); i++)
        fprintf(out, "%s%llu", i ? "," : "", (unsigned long long)trial->ledger->storms_ns[i]);
    fprintf(out, "],");
}

static void put_trial(const struct report *report, const struct trial *trial, FILE *out)
{
    fprintf(out, "{\"void\":%s,\"reasons\":[", trial->is_void ? "true" : "false");
    for (uint32_t i = 0; i < trial->reasons_count; i++) {
        fprintf(out, i ? "," : "");
        put_text(out, trial->reasons[i]);
    }
    fprintf(out, "],\"rate\":%g,\"seconds\":%.6f,\"deliveries_per_s\":%.1f,", trial->rate,
            trial->seconds, trial_delivered(trial));
    fprintf(out,
            "\"cpu_s_per_million\":%.4f,\"server_cores\":%.4f,\"load_cores\":%.4f,\"reach\":%.8f,",
            trial_cpu_per_million(trial), trial_server_cores(trial), trial_load_cores(trial),
            trial_reach(trial));
    put_counters(trial, out);
    put_server(trial, out);
    put_slices(report, trial, out);
    put_curve(out, "latency", &trial->latency);
    fputc(',', out);
    put_curve(out, "connect", &trial->ledger->connect);
    fputc(',', out);
    put_curve(out, "handshake", &trial->ledger->handshake);
    fputc(',', out);
    put_curve(out, "snapshot", &trial->ledger->snapshot);
    fputc(',', out);
    put_curve(out, "turn", &trial->ledger->turn);
    fputc('}', out);
}

void report_json(const struct report *report, FILE *out)
{
    fprintf(out, "{\"tapebench\":1,");
    put_machine(report, out);
    fputc(',', out);
    put_plan(report->plan, out);
    if (report->plan->find_quantile > 0)
        fprintf(out, ",\"found_rate\":%g,\"found_void\":%s", report->found_rate,
                report->found_void ? "true" : "false");
    fprintf(out, ",\"trials\":[\n");
    for (uint32_t i = 0; i < report->trials_count; i++) {
        fprintf(out, i ? ",\n" : "");
        put_trial(report, &report->trials[i], out);
    }
    fprintf(out, "\n]}\n");
}
