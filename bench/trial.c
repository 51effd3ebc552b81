/* SPDX-License-Identifier: MIT */
#include "bench/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/catalog.h"
#include "bench/crowd.h"
#include "bench/launch.h"
#include "bench/verdict.h"
#include "feed/clock.h"

enum { READY_S = 120, STEP_MS = 50, CATALOG_MS = 10000, PROCESSES_MAX = 64 };

/* What all processes of a trial share, and the parent's own notes. */
struct bout {
    struct plan *plan;
    struct trial *trial;
    struct catalog catalog;
    uint32_t *hands;
    struct stage *stage;    /* shared */
    struct ledger *ledgers; /* shared, one a load process */
    pid_t loads[PROCESSES_MAX];
    pid_t server;
};

static void *share(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static uint32_t clients_of(const struct plan *plan)
{
    return plan->clients + plan->slow_clients;
}

/* ---- before ---- */

static int learn_symbols(struct bout *bout)
{
    const struct plan *plan = bout->plan;
    struct sim_config sim = {
        .seed = plan->seed, .rate = 1000, .symbols = plan->symbols_all, .burst = plan->burst};
    uint32_t wanted = plan->symbols_each ? plan->symbols_all : 0;
    int rc = catalog_init(&bout->catalog, plan->symbols_all + 1);
    if (rc == 0 && wanted)
        rc = plan->server && !plan->tape
                 ? catalog_from_sim(&bout->catalog, &sim, wanted)
                 : catalog_from_server(&bout->catalog, plan->host, plan->port, wanted, CATALOG_MS);
    if (rc < 0)
        fprintf(stderr, "tapebench: only %u of %u symbols are known\n", bout->catalog.count,
                wanted);
    return rc;
}

static int deal(struct bout *bout)
{
    uint32_t clients = clients_of(bout->plan), each = bout->plan->symbols_each;
    bout->hands = calloc((size_t)clients * each + 1, sizeof *bout->hands);
    if (!bout->hands)
        return -ENOMEM;
    return each ? catalog_deal(&bout->catalog, clients, each, bout->plan->seed, bout->hands) : 0;
}

static int prepare(struct bout *bout)
{
    struct plan *plan = bout->plan;
    bout->stage = share(sizeof *bout->stage);
    bout->ledgers = share(plan->processes * sizeof *bout->ledgers);
    bout->trial->ledger = calloc(1, sizeof *bout->trial->ledger);
    if (!bout->stage || !bout->ledgers || !bout->trial->ledger)
        return -ENOMEM;
    if (plan->server) {
        bout->server = launch_server(plan, bout->trial->rate);
        if (bout->server < 0)
            return bout->server;
    }
    int rc = learn_symbols(bout);
    return rc < 0 ? rc : deal(bout);
}

/* Never returns. */
static void become_load(struct bout *bout, uint32_t i)
{
    struct plan *plan = bout->plan;
    uint32_t clients = clients_of(plan);
    uint32_t first = (uint32_t)((uint64_t)clients * i / plan->processes);
    uint32_t next = (uint32_t)((uint64_t)clients * (i + 1) / plan->processes);
    struct crowd_config config = {.plan = plan,
                                  .catalog = &bout->catalog,
                                  .hands = bout->hands,
                                  .stage = bout->stage,
                                  .ledger = &bout->ledgers[i],
                                  .first = first,
                                  .count = next - first};
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    launch_pin(plan->load_cpu < 0 ? -1 : plan->load_cpu + (int)i);
    int rc = crowd_run(&config);
    if (rc < 0)
        fprintf(stderr, "tapebench: load process %u: %s\n", i, strerror(-rc));
    fflush(NULL);
    _exit(rc < 0);
}

static int start_loads(struct bout *bout)
{
    fflush(NULL);
    for (uint32_t i = 0; i < bout->plan->processes; i++) {
        bout->loads[i] = fork();
        if (bout->loads[i] == 0)
            become_load(bout, i);
        if (bout->loads[i] < 0)
            return -errno;
    }
    return 0;
}

/* ---- during ---- */

static uint64_t sum(const struct bout *bout, size_t offset)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < bout->plan->processes; i++)
        total += counter_get((counter *)((char *)&bout->ledgers[i] + offset));
    return total;
}

#define SUM(bout, field) sum(bout, offsetof(struct ledger, field))

static void show(const struct bout *bout, const char *what, double seconds)
{
    static uint64_t arrived_before;
    static double seconds_before;
    if (bout->plan->quiet || !isatty(STDERR_FILENO))
        return;
    uint64_t arrived = SUM(bout, arrived);
    double passed = seconds - seconds_before;
    double rate =
        passed > 0 && arrived >= arrived_before ? (double)(arrived - arrived_before) / passed : 0;
    fprintf(stderr, "\r%-10s %6.1f s  %6llu connections  %9.0f deliveries/s \033[K", what, seconds,
            (unsigned long long)SUM(bout, opened), rate);
    arrived_before = arrived;
    seconds_before = seconds;
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static bool load_has_ended(const struct bout *bout)
{
    return SUM(bout, failed) > 0;
}

static int await_crowd(struct bout *bout)
{
    for (int waited_ms = 0; waited_ms < READY_S * 1000; waited_ms += STEP_MS) {
        if (SUM(bout, ready) == bout->plan->processes)
            return 0;
        if (load_has_ended(bout))
            break;
        show(bout, "connecting", waited_ms / 1000.0);
        pause_ms(STEP_MS);
    }
    fprintf(stderr, "\ntapebench: only %llu of %u connections stand; %llu were refused\n",
            (unsigned long long)SUM(bout, opened), clients_of(bout->plan),
            (unsigned long long)SUM(bout, refused));
    return -ECONNREFUSED;
}

static void read_server(const struct bout *bout, struct usage *usage)
{
    pid_t pid = bout->plan->server ? bout->server : bout->plan->server_pid;
    if (pid > 0)
        usage_read(usage, pid);
}

/* In the measured time. */
static void note_memory(struct bout *bout, int64_t passed_ns)
{
    struct usage usage = {0};
    int64_t slice = passed_ns / slice_ns(bout->plan);
    read_server(bout, &usage);
    if (slice < SLICES_MAX)
        bout->trial->rss_bytes[slice] = usage.rss_bytes;
}

static void wait_until(struct bout *bout, int64_t instant_ns, const char *what)
{
    int64_t started = clock_wall_ns();
    int64_t from = atomic_load_explicit(&bout->stage->from_ns, memory_order_relaxed);
    int shown = 0;
    for (int64_t now; (now = clock_wall_ns()) < instant_ns;) {
        int64_t left_ms = (instant_ns - now) / 1000000 + 1;
        uint64_t held = usage_socket_bytes();
        if (held > bout->trial->socket_bytes_max)
            bout->trial->socket_bytes_max = held;
        if (now >= from && shown % 4 == 0)
            note_memory(bout, now - from);
        if (shown++ % 4 == 0)
            show(bout, what, (double)(now - started) / 1e9);
        pause_ms(left_ms < STEP_MS ? (int)left_ms : STEP_MS);
    }
}

static void measure(struct bout *bout)
{
    const struct plan *plan = bout->plan;
    struct trial *trial = bout->trial;
    int64_t from = clock_wall_ns() + plan->warmup_ns;
    int64_t to = from + plan->duration_ns;
    atomic_store_explicit(&bout->stage->from_ns, from, memory_order_relaxed);
    /* Release pairs with the acquire in crowd.c: who sees `to_ns` sees `from_ns`. */
    atomic_store_explicit(&bout->stage->to_ns, to, memory_order_release);
    wait_until(bout, from, "warming up");
    read_server(bout, &trial->before);
    int64_t began = clock_mono_ns();
    trial->socket_bytes_max = 0;
    wait_until(bout, to, "measuring");
    read_server(bout, &trial->after);
    trial->seconds = (double)(clock_mono_ns() - began) / 1e9;
}

/* ---- after ---- */

/* The load drains for as long as its grace, and no longer than that and a little. */
static void reap_loads(struct bout *bout)
{
    int64_t until = clock_mono_ns() + bout->plan->grace_ns + INT64_C(10000000000);
    for (uint32_t i = 0; i < bout->plan->processes; i++) {
        if (bout->loads[i] <= 0)
            continue;
        while (waitpid(bout->loads[i], NULL, WNOHANG) == 0) {
            if (clock_mono_ns() > until)
                kill(bout->loads[i], SIGKILL);
            pause_ms(10);
        }
    }
    if (!bout->plan->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

static void release(struct bout *bout)
{
    launch_stop(bout->server);
    catalog_finish(&bout->catalog);
    free(bout->hands);
    if (bout->stage)
        munmap(bout->stage, sizeof *bout->stage);
    if (bout->ledgers)
        munmap(bout->ledgers, bout->plan->processes * sizeof *bout->ledgers);
}

/* One descriptor a connection, and a few. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* For a feeder that is to begin only now. */
static int tell_ready(const char *path)
{
    FILE *file = path ? fopen(path, "we") : NULL;
    if (path && !file) {
        int rc = -errno;
        fprintf(stderr, "tapebench: cannot make %s: %s\n", path, strerror(errno));
        return rc;
    }
    if (file)
        fclose(file);
    return 0;
}

int trial_run(struct trial *trial, struct plan *plan, double rate)
{
    struct bout bout = {.plan = plan, .trial = trial};
    *trial = (struct trial){.rate = rate, .server_known = plan->server || plan->server_pid};
    raise_descriptors();
    if (plan->ready_file)
        unlink(plan->ready_file);
    int rc = prepare(&bout);
    if (rc == 0) {
        read_server(&bout, &trial->empty);
        trial->socket_bytes = usage_socket_bytes();
        rc = start_loads(&bout);
    }
    if (rc == 0)
        rc = await_crowd(&bout);
    if (rc == 0)
        rc = tell_ready(plan->ready_file);
    if (rc == 0)
        measure(&bout);
    else
        for (uint32_t i = 0; i < plan->processes; i++)
            if (bout.loads[i] > 0)
                kill(bout.loads[i], SIGTERM);
    reap_loads(&bout);
    for (uint32_t i = 0; rc == 0 && i < plan->processes; i++)
        ledger_merge(trial->ledger, &bout.ledgers[i]);
    if (rc == 0) {
        ledger_latency(trial->ledger, &trial->latency);
        verdict_reach(trial, plan);
    }
    release(&bout);
    return rc;
}

void trial_finish(struct trial *trial)
{
    free(trial->ledger);
    trial->ledger = NULL;
}

/* ---- figures ---- */

static double share_of(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

double trial_delivered(const struct trial *trial)
{
    return share_of((double)counter_get(&trial->ledger->arrived), trial->seconds);
}

double trial_server_cores(const struct trial *trial)
{
    return share_of((double)(trial->after.cpu_ns - trial->before.cpu_ns) / 1e9, trial->seconds);
}

double trial_load_cores(const struct trial *trial)
{
    return share_of((double)counter_get(&trial->ledger->cpu_ns) / 1e9, trial->seconds);
}

double trial_load_busy(const struct trial *trial)
{
    const struct ledger *ledger = trial->ledger;
    double processes = (double)counter_get(&ledger->ready);
    double ns = (double)(counter_get(&ledger->cpu_ns) + counter_get(&ledger->delay_ns));
    return share_of(ns / 1e9, trial->seconds * processes);
}

double trial_cpu_per_million(const struct trial *trial)
{
    return share_of((double)(trial->after.cpu_ns - trial->before.cpu_ns) / 1e3,
                    (double)counter_get(&trial->ledger->arrived));
}

double trial_reach(const struct trial *trial)
{
    return share_of((double)counter_get(&trial->ledger->received),
                    (double)counter_get(&trial->ledger->expected));
}
