/* SPDX-License-Identifier: MIT */
/* report_html: the report as one page that needs nothing else: curves as inline SVG, then the
 * figures. See report.h. */
#include <math.h>
#include <string.h>

#include "bench/chart.h"
#include "bench/crowd.h"
#include "bench/report.h"

enum { LINE_POINTS_MAX = 128, STEPS_A_NINE = 12, NINES = 4 };

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static void put_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else
            fputc(*text, out);
    }
}

static const char style[] =
    "<style>:root{--bg:#fbfbf9;--fg:#1d2126;--soft:#69717a;--line:#dfe2e0;--c0:#0b66c3;--c1:#"
    "c4421a;"
    "--c2:#14804a;--c3:#8a3fc4;--c4:#a86a00;--c5:#0b8a94}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e6e8ea;--soft:#949ca5;--line:#"
    "2b3136;"
    "--c0:#62a8f5;--c1:#f08a63;--c2:#58c48b;--c3:#c08cf0;--c4:#e0b04c;--c5:#4fc7d0}}"
    "body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;max-width:900px;"
    "margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem "
    "0 .5rem}"
    "p,dd,td{font-variant-numeric:tabular-nums}dl{display:grid;grid-template-columns:7rem "
    "1fr;gap:.2rem 1rem;"
    "color:var(--soft);font-size:13px}dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}"
    "figure{margin:1.5rem 0}figcaption{font-weight:600}svg{width:100%;height:auto}"
    "svg text{fill:var(--soft);font-size:11px}.end{text-anchor:end}.mid{text-anchor:middle}"
    ".grid{stroke:var(--line)}g line{stroke-width:2}polyline{fill:none;stroke-width:2}"
    "circle{fill:transparent}circle:hover{fill:currentColor}"
    ".c0 *{stroke:var(--c0)}.c1 *{stroke:var(--c1)}.c2 *{stroke:var(--c2)}.c3 *{stroke:var(--c3)}"
    ".c4 *{stroke:var(--c4)}.c5 *{stroke:var(--c5)}g text,g circle{stroke:none!important}"
    "table{border-collapse:collapse;width:100%;font-size:14px}th,td{text-align:right;padding:.3rem "
    ".6rem;"
    "border-bottom:1px solid var(--line)}th:first-child,td:first-child{text-align:left}"
    ".void{background:#b3261e;color:#fff;padding:.6rem 1rem;border-radius:6px;font-weight:600}"
    ".beware{color:var(--c4)}.wide{overflow-x:auto}</style>";

static void put_head(const struct report *report, FILE *out)
{
    const struct machine *machine = &report->machine;
    const struct plan *plan = report->plan;
    fprintf(out,
            "<!doctype html><html lang=en><meta charset=utf-8>"
            "<meta name=viewport content=\"width=device-width\"><title>tapebench %s</title>%s"
            "<h1>tapebench: %s</h1><p>%u clients take %u of %u symbols each, %s",
            scenario_name(plan->scenario), style, scenario_name(plan->scenario), plan->clients,
            plan->symbols_each, plan->symbols_all, plan->msgpack ? "msgpack" : "JSON");
    if (plan->max_delay_ms)
        fprintf(out, ", max_delay_ms %u", plan->max_delay_ms);
    if (plan->slow_clients)
        fprintf(out, ", and %u more read slowly (%s)", plan->slow_clients, slow_name(plan->slow));
    fprintf(out, ".</p><dl><dt>machine<dd>");
    put_escaped(out, machine->processor);
    fprintf(out, ", %d cores, %s, clocksource %s<dt>commit<dd>%s, %s<dt>command<dd>",
            machine->cores, machine->kernel, machine->clocksource, machine->commit, machine->when);
    put_escaped(out, machine->command);
    fprintf(out, "<dt>clocks<dd>%s</dl>\n", machine_clocks());
}

static void put_verdicts(const struct report *report, FILE *out)
{
    for (uint32_t i = 0; i < report->trials_count; i++) {
        const struct trial *trial = &report->trials[i];
        for (uint32_t j = 0; j < trial->reasons_count; j++) {
            fprintf(out, "<p class=%s>%.0f ticks/s: ",
                    strncmp(trial->reasons[j], "VOID", 4) == 0 ? "void" : "beware", trial->rate);
            put_escaped(out, trial->reasons[j]);
            fprintf(out, "</p>");
        }
    }
}

/* ---- curves ---- */

static void name_trial(const struct trial *trial, char *name, size_t size)
{
    snprintf(name, size, "%.0f ticks/s", trial->rate);
}

static struct axis latency_axis(const struct report *report)
{
    double high = 0.1, low = 1e9;
    for (uint32_t i = 0; i < report->trials_count; i++) {
        const struct curve *curve = &report->trials[i].latency;
        if (curve->total && ms(curve->max_ns) > high)
            high = ms(curve->max_ns);
        if (curve->total && ms(curve_quantile(curve, 0)) < low)
            low = ms(curve_quantile(curve, 0));
    }
    if (low > high || low <= 0)
        low = 0.01;
    return (struct axis){.title = "ms",
                         .low = pow(10, floor(log10(low))),
                         .high = pow(10, ceil(log10(high))),
                         .logarithmic = true};
}

/* The x axis counts nines: 1 is 90 %, 2 is 99 %. */
static void put_quantiles(const struct report *report, FILE *out)
{
    static const struct chart_label labels[] = {{0, "0 %"},  {0.30103, "50 %"}, {1, "90 %"},
                                                {2, "99 %"}, {3, "99.9 %"},     {4, "99.99 %"}};
    struct chart chart;
    struct point points[STEPS_A_NINE * NINES + 1];
    chart_begin(&chart, out, "Latency from the planned instant, by share of ticks",
                (struct axis){.title = "share of ticks", .high = NINES}, latency_axis(report),
                labels, ARRAY_LEN(labels));
    for (uint32_t i = 0; i < report->trials_count; i++) {
        char name[32];
        name_trial(&report->trials[i], name, sizeof name);
        for (uint32_t j = 0; j <= STEPS_A_NINE * NINES; j++) {
            double nines = (double)j / STEPS_A_NINE;
            uint64_t ns = curve_quantile(&report->trials[i].latency, 1 - pow(10, -nines));
            points[j] = (struct point){nines, ms(ns)};
        }
        chart_line(&chart, name, points, ARRAY_LEN(points));
    }
    chart_end(&chart);
}

static uint32_t slices_count(const struct report *report)
{
    return (uint32_t)(report->plan->duration_ns / slice_ns(report->plan));
}

/* Deliveries a second, or `share` of the latency where that isn't 0. */
static uint32_t over_time(const struct report *report, const struct trial *trial, double share,
                          struct point *points)
{
    uint32_t count = slices_count(report);
    double width = (double)slice_ns(report->plan) / 1e9;
    if (count > LINE_POINTS_MAX)
        count = LINE_POINTS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const struct slice *slice = &trial->ledger->slices[i];
        double value = share > 0 ? ms(curve_quantile(&slice->latency, share))
                                 : (double)counter_get(&slice->arrived) / width;
        points[i] = (struct point){((double)i + 0.5) * width, value};
    }
    return count;
}

static void put_rates(const struct report *report, FILE *out)
{
    struct chart chart;
    struct point points[LINE_POINTS_MAX];
    double high = 1;
    for (uint32_t i = 0; i < report->trials_count; i++) {
        uint32_t count = over_time(report, &report->trials[i], 0, points);
        for (uint32_t j = 0; j < count; j++)
            high = points[j].y > high ? points[j].y : high;
    }
    struct axis x = {.title = "seconds", .high = (double)report->plan->duration_ns / 1e9};
    chart_begin(&chart, out, "Deliveries a second, over time", x,
                (struct axis){.title = "deliveries/s", .high = chart_round_up(high)}, NULL, 0);
    for (uint32_t i = 0; i < report->trials_count; i++) {
        char name[32];
        name_trial(&report->trials[i], name, sizeof name);
        chart_line(&chart, name, points, over_time(report, &report->trials[i], 0, points));
    }
    chart_end(&chart);
}

static void put_latencies(const struct report *report, const struct trial *trial, FILE *out)
{
    struct chart chart;
    struct point points[LINE_POINTS_MAX];
    char title[96];
    struct axis x = {.title = "seconds", .high = (double)report->plan->duration_ns / 1e9};
    snprintf(title, sizeof title, "Latency over time, at %.0f ticks/s", trial->rate);
    chart_begin(&chart, out, title, x, latency_axis(report), NULL, 0);
    chart_line(&chart, "p50", points, over_time(report, trial, 0.5, points));
    chart_line(&chart, "p99", points, over_time(report, trial, 0.99, points));
    chart_line(&chart, "max", points, over_time(report, trial, 1, points));
    chart_end(&chart);
}

/* Several trials: what a higher rate costs. */
static void put_growth(const struct report *report, FILE *out)
{
    struct chart chart;
    struct point points[PLAN_RATES_MAX];
    double high = 1;
    for (uint32_t i = 0; i < report->trials_count; i++)
        high = report->trials[i].rate > high ? report->trials[i].rate : high;
    chart_begin(&chart, out, "Latency by offered rate",
                (struct axis){.title = "ticks/s offered", .high = chart_round_up(high)},
                latency_axis(report), NULL, 0);
    for (int i = 0; i < 4; i++) {
        for (uint32_t j = 0; j < report->trials_count; j++) {
            const struct trial *trial = &report->trials[j];
            points[j] = (struct point){trial->rate,
                                       ms(curve_quantile(&trial->latency, quantiles[i].share))};
        }
        chart_line(&chart, quantiles[i].name, points, report->trials_count);
    }
    chart_end(&chart);
}

/* ---- figures ---- */

static void put_table(const struct report *report, FILE *out)
{
    fprintf(out, "<h2>Figures</h2><div class=wide><table><tr><th>ticks/s<th>deliveries/s<th>reach"
                 "<th>announced<th>lost unsaid");
    for (int i = 0; i < QUANTILES; i++)
        fprintf(out, "<th>%s ms", quantiles[i].name);
    fprintf(out, "<th>CPU-s a million<th>server<th>load\n");
    for (uint32_t i = 0; i < report->trials_count; i++) {
        const struct trial *trial = &report->trials[i];
        const struct ledger *ledger = trial->ledger;
        fprintf(out, "<tr><td>%.0f<td>%.0f<td>%.3f&nbsp;%%<td>%llu<td>%llu", trial->rate,
                trial_delivered(trial), trial_reach(trial) * 100,
                (unsigned long long)counter_get(&ledger->announced),
                (unsigned long long)(counter_get(&ledger->missed) + counter_get(&ledger->missing)));
        for (int j = 0; j < QUANTILES; j++)
            fprintf(out, "<td>%.2f", ms(curve_quantile(&trial->latency, quantiles[j].share)));
        fprintf(out, "<td>%.2f<td>%.0f&nbsp;%%<td>%.0f&nbsp;%%\n", trial_cpu_per_million(trial),
                trial_server_cores(trial) * 100, trial_load_busy(trial) * 100);
    }
    fprintf(out, "</table></div><h2>In full</h2><pre class=wide>");
}

void report_html(const struct report *report, FILE *out)
{
    put_head(report, out);
    put_verdicts(report, out);
    if (report->trials_count && report->plan->symbols_each) {
        put_quantiles(report, out);
        put_rates(report, out);
        if (report->trials_count > 1)
            put_growth(report, out);
        else
            put_latencies(report, &report->trials[0], out);
    }
    put_table(report, out);
    for (uint32_t i = 0; i < report->trials_count; i++)
        report_trial(report, &report->trials[i], out);
    report_end(report, out);
    fprintf(out, "</pre></html>\n");
}
