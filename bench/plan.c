/* SPDX-License-Identifier: MIT */
#include "bench/plan.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "tools/url.h"

static const char *const scenarios[] = {"steady",          "burst", "slow-readers",
                                        "reconnect-storm", "flood", "idle"};
static const char *const slownesses[] = {"never", "trickle", "pause", "stall"};
static const char *const protocols[] = {"tapehead", "nats", "centrifugo"};

const char *scenario_name(enum scenario_kind scenario)
{
    return scenarios[scenario];
}

const char *slow_name(enum slow_kind slow)
{
    return slownesses[slow];
}

/* ---- options ---- */

enum option_key {
    OPTION_SCENARIO = 256,
    OPTION_URL,
    OPTION_SERVER,
    OPTION_SERVER_PID,
    OPTION_SERVER_CPU,
    OPTION_LOAD_CPU,
    OPTION_PROCESSES,
    OPTION_RATE,
    OPTION_TAPE,
    OPTION_STEP,
    OPTION_BURST,
    OPTION_SEED,
    OPTION_CLIENTS,
    OPTION_SYMBOLS,
    OPTION_SOURCES,
    OPTION_OPENING,
    OPTION_RECEIVE_BUFFER,
    OPTION_WARMUP,
    OPTION_DURATION,
    OPTION_GRACE,
    OPTION_PROTOCOL,
    OPTION_FORMAT,
    OPTION_DEFLATE,
    OPTION_MAX_DELAY,
    OPTION_SLOW,
    OPTION_CHURN,
    OPTION_READY_FILE,
    OPTION_FIND_MAX,
    OPTION_JSON,
    OPTION_HTML,
    OPTION_QUIET,
    OPTION_HELP,
};

struct entry {
    const char *name;
    enum option_key key;
    const char *value;
    const char *help;
};

static const struct entry entries[] = {
    {"scenario", OPTION_SCENARIO, "NAME",
     "steady, burst, slow-readers, reconnect-storm, flood or idle"},
    {"url", OPTION_URL, "URL", "a server that runs already, as ws://host:port/"},
    {"server-pid", OPTION_SERVER_PID, "PID", "with --url: whose CPU time to account for"},
    {"server", OPTION_SERVER, "PATH",
     "start this server, with the simulator as its source; its options follow --"},
    {"server-cpu", OPTION_SERVER_CPU, "N", "pin it to this core (0; -1 for none)"},
    {"load-cpu", OPTION_LOAD_CPU, "N", "pin the load to this core (1; -1 for none)"},
    {"processes", OPTION_PROCESSES, "N",
     "load processes, on the cores from --load-cpu on; beyond 19,000 clients one isn't enough (1)"},
    {"rate", OPTION_RATE, "R", "ticks a second of all symbols (600)"},
    {"tape", OPTION_TAPE, "FILE",
     "with --server: feed it this capture file in a loop, at its own timing"},
    {"step", OPTION_STEP, "R,R,…", "several rates, a trial each"},
    {"burst", OPTION_BURST, "B", "how ticks cluster: 0 even, 1 by chance, 4 in bursts (0)"},
    {"seed", OPTION_SEED, "N", "of the simulated market, and of who takes which symbol (1)"},
    {"clients", OPTION_CLIENTS, "N", "connections (1000)"},
    {"symbols", OPTION_SYMBOLS, "K/M", "each client takes K of M symbols (10/100)"},
    {"sources", OPTION_SOURCES, "N", "source addresses, 127.0.0.2 and up (8)"},
    {"opening", OPTION_OPENING, "N", "connections being opened at a time (128)"},
    {"receive-buffer", OPTION_RECEIVE_BUFFER, "BYTES", "SO_RCVBUF (0: the kernel's choice)"},
    {"warmup", OPTION_WARMUP, "TIME", "before the measured time (2s)"},
    {"duration", OPTION_DURATION, "TIME", "the measured time, up to 10m (10s)"},
    {"grace", OPTION_GRACE, "TIME", "after it, for its ticks to arrive (5s)"},
    {"protocol", OPTION_PROTOCOL, "NAME", "of a peer: tapehead, nats or centrifugo (tapehead)"},
    {"format", OPTION_FORMAT, "json|msgpack", "the subprotocol (json)"},
    {"deflate", OPTION_DEFLATE, NULL, "offer permessage-deflate"},
    {"max-delay-ms", OPTION_MAX_DELAY, "MS", "grant the server a window (0)"},
    {"slow", OPTION_SLOW, "K:HOW",
     "K more clients that read slowly: never, trickle=BYTES (a second), pause, or stall=SECONDS, "
     "then "
     "reading for as long, and held to a complete account"},
    {"churn", OPTION_CHURN, "R", "clients that leave and come back, a second (0)"},
    {"ready-file", OPTION_READY_FILE, "FILE",
     "made once all connections stand, removed at the start"},
    {"find-max", OPTION_FIND_MAX, "p99<50ms", "search for the highest rate that holds this"},
    {"json", OPTION_JSON, "FILE", "write the report for machines; - for standard output"},
    {"html", OPTION_HTML, "FILE", "write a page with curves"},
    {"quiet", OPTION_QUIET, NULL, "no progress line"},
    {"help", OPTION_HELP, NULL, "this"},
};

enum { ENTRIES = sizeof entries / sizeof *entries };

void plan_help(void)
{
    puts("usage: tapebench --url ws://HOST:PORT/ [options]\n"
         "       tapebench --server PATH [options] [-- server options]\n\n"
         "Exit status: 0, 1 could not run, 2 bad usage, 3 the figures are void.\n");
    for (int i = 0; i < ENTRIES; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", entries[i].name,
                 entries[i].value ? entries[i].value : "");
        printf("  %-26s %s\n", left, entries[i].help);
    }
}

/* ---- values ---- */

static bool take_number(const char *text, double min, double max, double *out)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || end == text || *end || !(value >= min && value <= max))
        return false;
    *out = value;
    return true;
}

static bool take_whole(const char *text, uint32_t max, uint32_t *out)
{
    double value;
    if (!take_number(text, 0, max, &value) || value != (double)(uint32_t)value)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* "30s", "500ms", "2m"; bare seconds too. */
static bool take_time(const char *text, int64_t *out)
{
    char *end;
    double value = strtod(text, &end);
    double unit = strcmp(end, "ms") == 0   ? 1e6
                  : strcmp(end, "us") == 0 ? 1e3
                  : strcmp(end, "m") == 0  ? 6e10
                                           : 1e9;
    bool known = unit != 1e9 || *end == 0 || strcmp(end, "s") == 0;
    if (end == text || !known || !(value >= 0 && value * unit <= 6e11))
        return false;
    *out = (int64_t)(value * unit);
    return true;
}

static bool take_name(const char *text, const char *const *names, int count, int *out)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool take_rates(struct plan *plan, const char *text)
{
    char copy[512];
    char *rest = copy;
    snprintf(copy, sizeof copy, "%s", text);
    plan->rates_count = 0;
    for (char *word; (word = strsep(&rest, ","));) {
        if (plan->rates_count == PLAN_RATES_MAX ||
            !take_number(word, 0.1, 1e8, &plan->rates[plan->rates_count++]))
            return false;
    }
    return true;
}

static bool take_symbols(struct plan *plan, const char *text)
{
    unsigned each, all;
    char rest;
    if (sscanf(text, "%u/%u%c", &each, &all, &rest) != 2 || each > all || all > 1000000)
        return false;
    plan->symbols_each = each;
    plan->symbols_all = all;
    return true;
}

static bool take_slow(struct plan *plan, const char *text)
{
    char how[32];
    unsigned count, rate = 0;
    if (sscanf(text, "%u:%31s", &count, how) != 2)
        return false;
    char *value = strchr(how, '=');
    if (value)
        *value++ = 0;
    if (value && !take_whole(value, UINT32_MAX, &rate))
        return false;
    int kind;
    if (!take_name(how, slownesses, ARRAY_LEN(slownesses), &kind))
        return false;
    if (kind == SLOW_STALL && !rate)
        return false;
    plan->slow = (enum slow_kind)kind;
    plan->slow_clients = count;
    plan->slow_rate = rate ? rate : 4096;
    return true;
}

/* "p99<50ms" */
static bool take_goal(struct plan *plan, const char *text)
{
    char quantile[16];
    const char *below = strchr(text, '<');
    if (text[0] != 'p' || !below || below - text > 15)
        return false;
    snprintf(quantile, sizeof quantile, "%.*s", (int)(below - text - 1), text + 1);
    double percent;
    if (!take_number(quantile, 1, 99.999, &percent) || !take_time(below + 1, &plan->find_below_ns))
        return false;
    plan->find_quantile = percent / 100;
    return true;
}

/* ---- the whole ---- */

static void set_scenario(struct plan *plan, enum scenario_kind scenario)
{
    plan->scenario = scenario;
    switch (scenario) {
    case SCENARIO_BURST: plan->burst = 4; break;
    case SCENARIO_SLOW_READERS:
        plan->slow_clients = 10;
        plan->slow = SLOW_NEVER;
        break;
    case SCENARIO_RECONNECT_STORM: plan->duration_ns = 15000000000; break;
    case SCENARIO_FLOOD:
        plan->clients = 64;
        plan->symbols_each = 0;
        plan->rates[0] = 1;
        break;
    case SCENARIO_IDLE:
        plan->clients = 10000;
        plan->symbols_each = 0;
        plan->rates[0] = 1;
        break;
    case SCENARIO_STEADY: break;
    }
}

static bool take_protocol(struct plan *plan, const char *text)
{
    int kind;
    if (!take_name(text, protocols, ARRAY_LEN(protocols), &kind))
        return false;
    plan->protocol = (enum protocol_kind)kind;
    return true;
}

static bool take_text(struct plan *plan, enum option_key key, const char *text)
{
    switch (key) {
    case OPTION_URL: plan->url = text; return true;
    case OPTION_SERVER: plan->server = text; return true;
    case OPTION_READY_FILE: plan->ready_file = text; return true;
    case OPTION_TAPE: plan->tape = text; return true;
    case OPTION_JSON: plan->json = text; return true;
    case OPTION_HTML: plan->html = text; return true;
    case OPTION_STEP: return take_rates(plan, text);
    case OPTION_SYMBOLS: return take_symbols(plan, text);
    case OPTION_SLOW: return take_slow(plan, text);
    case OPTION_FIND_MAX: return take_goal(plan, text);
    case OPTION_WARMUP: return take_time(text, &plan->warmup_ns);
    case OPTION_DURATION: return take_time(text, &plan->duration_ns) && plan->duration_ns > 0;
    case OPTION_GRACE: return take_time(text, &plan->grace_ns);
    case OPTION_PROTOCOL: return take_protocol(plan, text);
    case OPTION_FORMAT: plan->msgpack = text[0] == 'm'; return strchr("jm", text[0]) != NULL;
    default: return false;
    }
}

static bool take_figure(struct plan *plan, enum option_key key, const char *text)
{
    double number;
    if (!take_number(text, key == OPTION_SERVER_CPU || key == OPTION_LOAD_CPU ? -1 : 0, 4e9,
                     &number))
        return false;
    switch (key) {
    case OPTION_SERVER_PID: plan->server_pid = (int)number; return true;
    case OPTION_SERVER_CPU: plan->server_cpu = (int)number; return true;
    case OPTION_LOAD_CPU: plan->load_cpu = (int)number; return true;
    case OPTION_RATE:
        plan->rates[0] = number;
        plan->rates_count = 1;
        return number > 0;
    case OPTION_BURST: plan->burst = number; return true;
    case OPTION_CHURN: plan->churn = number; return number <= 100000;
    case OPTION_SEED: plan->seed = (uint64_t)number; return true;
    case OPTION_PROCESSES: return take_whole(text, 64, &plan->processes) && plan->processes;
    case OPTION_CLIENTS: return take_whole(text, 1000000, &plan->clients) && plan->clients;
    case OPTION_SOURCES: return take_whole(text, 200, &plan->sources) && plan->sources;
    case OPTION_OPENING: return take_whole(text, 65536, &plan->opening) && plan->opening;
    case OPTION_RECEIVE_BUFFER: return take_whole(text, 1u << 30, &plan->receive_buffer);
    case OPTION_MAX_DELAY: return take_whole(text, 60000, &plan->max_delay_ms);
    default: return false;
    }
}

static bool takes_text(enum option_key key)
{
    static const enum option_key keys[] = {
        OPTION_URL,        OPTION_TAPE,     OPTION_SERVER, OPTION_JSON,     OPTION_HTML,
        OPTION_STEP,       OPTION_SYMBOLS,  OPTION_WARMUP, OPTION_DURATION, OPTION_GRACE,
        OPTION_READY_FILE, OPTION_PROTOCOL, OPTION_FORMAT, OPTION_SLOW,     OPTION_FIND_MAX};
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i] == key)
            return true;
    return false;
}

/* One pass over the command line; the scenario's own pass comes first. */
static enum plan_action pass(struct plan *plan, int argc, char **argv, bool scenario_only)
{
    struct option options[ENTRIES + 1] = {0};
    for (int i = 0; i < ENTRIES; i++)
        options[i] = (struct option){.name = entries[i].name,
                                     .has_arg = entries[i].value ? required_argument : no_argument,
                                     .val = (int)entries[i].key};
    optind = 0;
    opterr = !scenario_only;
    int key, index, scenario;
    while ((key = getopt_long(argc, argv, "+", options, &index)) != -1) {
        if (key == '?' && !scenario_only)
            return PLAN_BAD;
        if (key == OPTION_HELP)
            return PLAN_HELP;
        bool good = true;
        if (key == OPTION_SCENARIO) {
            good = take_name(optarg, scenarios, 6, &scenario);
            if (good && scenario_only)
                set_scenario(plan, (enum scenario_kind)scenario);
        } else if (scenario_only)
            continue;
        else if (key == OPTION_DEFLATE)
            plan->deflate = true;
        else if (key == OPTION_QUIET)
            plan->quiet = true;
        else
            good = takes_text((enum option_key)key)
                       ? take_text(plan, (enum option_key)key, optarg)
                       : take_figure(plan, (enum option_key)key, optarg);
        if (!good) {
            fprintf(stderr, "tapebench: --%s: %s is not a value for it\n", options[index].name,
                    optarg);
            return PLAN_BAD;
        }
    }
    return PLAN_RUN;
}

static enum plan_action complain(const char *what)
{
    fprintf(stderr, "tapebench: %s\n", what);
    return PLAN_BAD;
}

static enum plan_action check(struct plan *plan)
{
    struct url url;
    char error[256];
    if (!plan->url == !plan->server)
        return complain("give either --url or --server (--help tells more)");
    if (plan->url && (plan->rates_count > 1 || plan->find_quantile > 0))
        return complain("--step and --find-max need --server: they set its rate");
    if (plan->tape && (!plan->server || plan->rates_count > 1 || plan->find_quantile > 0))
        return complain("--tape goes with --server, and has a pace of its own");
    if (plan->server) {
        plan->target[0] = '/';
        return PLAN_RUN;
    }
    if (url_parse(plan->url, &url, error, sizeof error) < 0)
        return complain(error);
    plan->secure = url.secure;
    snprintf(plan->host, sizeof plan->host, "%s", url.host);
    snprintf(plan->port, sizeof plan->port, "%s", url.port);
    snprintf(plan->target, sizeof plan->target, "%s", url.target);
    return PLAN_RUN;
}

enum plan_action plan_read(struct plan *plan, int argc, char **argv)
{
    *plan = (struct plan){
        .server_cpu = 0,
        .load_cpu = 1,
        .processes = 1,
        .rates = {600},
        .rates_count = 1,
        .seed = 1,
        .clients = 1000,
        .symbols_each = 10,
        .symbols_all = 100,
        .sources = 8,
        .opening = 128,
        .warmup_ns = 2000000000,
        .duration_ns = 10000000000,
        .grace_ns = 5000000000,
        .argc = argc,
        .argv = argv,
    };
    enum plan_action action = pass(plan, argc, argv, true);
    if (action == PLAN_RUN)
        action = pass(plan, argc, argv, false);
    if (action != PLAN_RUN)
        return action;
    while (optind < argc && plan->server_options_count < PLAN_OPTIONS_MAX - 8)
        plan->server_options[plan->server_options_count++] = argv[optind++];
    return check(plan);
}
