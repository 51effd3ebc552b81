/* SPDX-License-Identifier: MIT */
/*
 * main: reads the settings, starts the feed and the workers, says when they are ready, and turns
 * signals into a shutdown. It owns what they share and never touches a tick.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "feed/clock.h"
#include "feed/demo.h"
#include "feed/log.h"
#include "server/admin.h"
#include "server/decks.h"
#include "server/io/tls_warm.h"
#include "server/listener.h"
#include "server/worker.h"

enum {
    EXIT_USAGE = 2,
    WORKERS_MAX = 64,
    LIBRARIES_BYTES = 24 << 20, /* what code, stacks and libraries take before the first client */
    DEMO_PARTITIONS = 4,
    DEMO_PROPERTIES_MAX = 16,
    READY_POLL_MS = 20
};

struct thread {
    pthread_t id;
    struct worker *worker;
    sem_t started;
    int rc; /* of worker_init(); valid once `started` is posted */
    char error[256];
    bool running;
};

struct server {
    struct config config;
    struct cluster cluster;
    const char *properties[CONFIG_LIST_MAX + DEMO_PROPERTIES_MAX]; /* for librdkafka */
    size_t properties_count;
    struct demo *demo;
    struct feed *feed;
    struct worker *workers;
    struct worker_metrics *metrics;
    const struct worker_metrics *metrics_list[WORKERS_MAX];
    struct stats_table stats[WORKERS_MAX];
    struct client_stats *stats_memory[WORKERS_MAX];
    struct admin *admin;
    struct decks decks;
    struct thread threads[WORKERS_MAX];
    uint32_t workers_count;
    char url[128];
};

/* ---- settings ---- */

static int check_log_level(const char *name, char *error, size_t error_size)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0) {
            log_set_level((enum log_level)i);
            return 0;
        }
    }
    snprintf(error, error_size, "setting 'log-level': '%s' is none of debug, info, warn, error",
             name);
    return -EINVAL;
}

static int check_config(struct server *server, char *error, size_t error_size)
{
    const struct config *config = &server->config;
    bool sim = strncmp(config->source, "sim:", 4) == 0 || strcmp(config->source, "sim") == 0;
    bool file = strncmp(config->source, "file:", 5) == 0;
    if (!sim && !file && strcmp(config->source, "kafka") != 0) {
        snprintf(error, error_size, "setting 'source': '%s' is none of kafka, sim:… and file:…",
                 config->source);
        return -EINVAL;
    }
    if (!sim && !file && !config->demo && !config->brokers[0]) {
        snprintf(error, error_size, "setting 'brokers' is needed with source kafka; or try --demo");
        return -EINVAL;
    }
    if (config->demo && config->brokers[0]) {
        snprintf(error, error_size, "settings 'demo' and 'brokers' exclude each other");
        return -EINVAL;
    }
    uint32_t workers = (uint32_t)config->workers;
    if (!workers) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        workers = cores > 1 ? (uint32_t)cores - 1 : 1;
    }
    server->workers_count = workers < WORKERS_MAX ? workers : WORKERS_MAX;
    return check_log_level(config->log_level, error, error_size);
}

/* Direct descriptors are bounded a ring by RLIMIT_NOFILE. */
static int check_descriptors(struct server *server, char *error, size_t error_size)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    uint64_t need = worker_clients_max(&server->config, server->workers_count) + 16;
    if (need <= limit.rlim_cur)
        return 0;
    snprintf(error, error_size,
             "setting 'max-connections': %" PRIu64 " over %u workers needs %" PRIu64
             " descriptors a worker, RLIMIT_NOFILE allows %" PRIu64
             "; more workers or a higher limit would do",
             server->config.max_connections, server->workers_count, need, (uint64_t)limit.rlim_cur);
    return -EINVAL;
}

/* The demo's own librdkafka properties come first, so that the user's win. */
static void merge_properties(struct server *server)
{
    size_t count = 0;
    const char *const *demo = server->demo ? demo_properties(&count) : NULL;
    for (size_t i = 0; i < count; i++)
        server->properties[server->properties_count++] = demo[i];
    for (size_t i = 0; i < server->config.properties_count; i++)
        server->properties[server->properties_count++] = server->config.properties[i];
}

static struct feed_config feed_settings(const struct server *server)
{
    const struct config *config = &server->config;
    bool demo = server->demo != NULL;
    return (struct feed_config){
        .source = demo ? "kafka" : config->source,
        .brokers = demo ? demo_brokers(server->demo) : config->brokers,
        .topics = config->topic,
        .from = config->from,
        .properties = server->properties,
        .properties_count = server->properties_count,
        .warmup = config->warmup,
        .partition_refresh_ms = (uint32_t)config->partition_refresh_ms,
        .stall_ms = (uint32_t)config->source_stall_ms,
        .symbols_max = (uint32_t)config->symbols_max,
        .ring_slots = config->ring_slots,
        .workers = server->workers_count,
    };
}

/* ---- start ---- */

static int start_demo(struct server *server, char *error, size_t error_size)
{
    struct sim_config sim;
    const char *source = server->config.source;
    const char *spec = strncmp(source, "sim:", 4) == 0 ? source + 4 : "";
    int rc = sim_config_parse(spec, &sim, error, error_size);
    if (rc < 0)
        return rc;
    return demo_create(&server->demo, &sim, server->config.topic, DEMO_PARTITIONS, error,
                       error_size);
}

static void print_claims(const struct claims *claims, uint32_t times)
{
    for (uint32_t i = 0; i < claims->count; i++)
        LOG_INFO("memory.bound", "what=%s bytes=%" PRIu64 " times=%u", claims->list[i].what,
                 claims->list[i].bytes, times);
}

/* What the process is held to. */
static void print_memory(const struct server *server)
{
    struct feed_config feed_config = feed_settings(server);
    uint32_t workers = server->workers_count;
    struct claims once = {0}, each = {0};
    claims_add(&once, "libraries", LIBRARIES_BYTES);
    feed_claims(&feed_config, &once);
    if (server->cluster.addresses)
        claims_add(&once, "addresses", addresses_memory(server->config.max_connections));
    decks_claims(&server->decks, &once);
    worker_claims(&server->config, workers, &each);
    print_claims(&once, 1);
    print_claims(&each, workers);
    LOG_INFO("memory.bound", "what=sum bytes=%" PRIu64,
             claims_sum(&once) + claims_sum(&each) * workers);
}

static void make_epoch(char *epoch, size_t size)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t random[8] = {0};
    if (getrandom(random, sizeof random, 0) != sizeof random) {
        int64_t now = clock_wall_ns();
        memcpy(random, &now, sizeof random);
    }
    size_t len = sizeof random < size - 1 ? sizeof random : size - 1;
    for (size_t i = 0; i < len; i++)
        epoch[i] = alphabet[random[i] % 32];
    epoch[len] = 0;
}

static void *run_worker(void *arg)
{
    struct thread *thread = arg;
    char name[16]; /* all that Linux keeps */
    snprintf(name, sizeof name, "worker %u", thread->worker->index);
    pthread_setname_np(pthread_self(), name);
    thread->rc = worker_init(thread->worker, thread->error, sizeof thread->error);
    bool ok = thread->rc == 0;
    sem_post(&thread->started);
    if (ok) {
        worker_run(thread->worker);
        worker_finish(thread->worker);
    }
    return NULL;
}

static int start_worker(struct server *server, uint32_t i, int listen_fd, char *error,
                        size_t error_size)
{
    struct thread *thread = &server->threads[i];
    struct worker *worker = &server->workers[i];
    worker->cluster = &server->cluster;
    worker->index = i;
    worker->listen_fd = listen_fd;
    worker->metrics = &server->metrics[i];
    worker->stats = server->stats_memory[i];
    thread->worker = worker;
    sem_init(&thread->started, 0, 0);
    int rc = -pthread_create(&thread->id, NULL, run_worker, thread);
    if (rc < 0) {
        snprintf(error, error_size, "worker %u: %s", i, strerror(-rc));
        return rc;
    }
    thread->running = true;
    while (sem_wait(&thread->started) < 0 && errno == EINTR)
        ;
    if (thread->rc < 0)
        snprintf(error, error_size, "worker %u: %s", i, thread->error);
    return thread->rc;
}

/* Both settings or none. */
static int load_tls(struct server *server, char *error, size_t error_size)
{
    const struct config *config = &server->config;
    struct tls_config tls = {
        .cert = config->tls_cert, .key = config->tls_key, .min = config->tls_min};
    if (!tls.cert[0] && !tls.key[0])
        return 0;
    if (!tls.cert[0] || !tls.key[0]) {
        snprintf(error, error_size, "settings 'tls-cert' and 'tls-key' are needed together");
        return -EINVAL;
    }
    return tls_keys_load(&server->cluster.tls, &tls, error, error_size);
}

static void reload_tls(struct server *server)
{
    char error[256];
    if (!server->cluster.tls)
        LOG_INFO("server.reload", "what=nothing");
    else if (tls_keys_reload(server->cluster.tls, error, sizeof error) < 0)
        LOG_ERROR("server.reload", "what=tls kept=old error=\"%s\"", error);
    else
        LOG_INFO("server.reload", "what=tls cert=%s", server->config.tls_cert);
}

static void say_https(char *url, size_t size)
{
    char rest[128];
    snprintf(rest, sizeof rest, "%s", url + strlen("http"));
    snprintf(url, size, "https%.100s", rest);
}

static int start_workers(struct server *server, char *error, size_t error_size)
{
    int fds[WORKERS_MAX];
    uint32_t n = server->workers_count;
    int rc = listener_open("listen", server->config.listen, server->config.send_buffer,
                           2 * server->config.stall_ms, fds, n, server->url, sizeof server->url,
                           error, error_size);
    if (rc < 0)
        return rc;
    if (server->cluster.tls)
        say_https(server->url, sizeof server->url);
    server->workers = calloc(n, sizeof *server->workers);
    server->metrics = aligned_alloc(CACHE_LINE, (n * sizeof *server->metrics + CACHE_LINE - 1) &
                                                    ~(CACHE_LINE - 1ul));
    if (!server->workers || !server->metrics) {
        snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    memset(server->metrics, 0, n * sizeof *server->metrics);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t clients = worker_clients_max(&server->config, n);
        server->metrics_list[i] = &server->metrics[i];
        server->stats_memory[i] = calloc(clients, sizeof *server->stats_memory[i]);
        if (!server->stats_memory[i]) {
            snprintf(error, error_size, "out of memory");
            return -ENOMEM;
        }
        server->stats[i] =
            (struct stats_table){.clients = server->stats_memory[i], .count = clients};
    }
    server->cluster = (struct cluster){.config = &server->config,
                                       .feed = server->feed,
                                       .metrics = server->metrics_list,
                                       .stats = server->stats,
                                       .tls = server->cluster.tls,
                                       .addresses = server->cluster.addresses,
                                       .decks = &server->decks,
                                       .workers_count = n};
    make_epoch(server->cluster.epoch, sizeof server->cluster.epoch);
    for (uint32_t i = 0; i < n && rc == 0; i++)
        rc = start_worker(server, i, fds[i], error, error_size);
    return rc;
}

static int start(struct server *server, char *error, size_t error_size)
{
    int rc = 0;
    if (server->config.demo)
        rc = start_demo(server, error, error_size);
    if (rc < 0)
        return rc;
    merge_properties(server);
    struct feed_config feed_config = feed_settings(server);
    rc = feed_create(&server->feed, &feed_config, error, error_size);
    if (rc < 0)
        return rc;
    rc = load_tls(server, error, error_size);
    if (rc < 0)
        return rc;
    const struct config *config = &server->config;
    if (config->address_connections || config->address_rate)
        rc = addresses_create(&server->cluster.addresses, config->max_connections,
                              config->address_connections, config->address_rate);
    if (rc < 0) {
        snprintf(error, error_size, "out of memory");
        return rc;
    }
    decks_init(&server->decks, config, &feed_config, server->feed);
    print_memory(server);
    rc = decks_start(&server->decks, error, error_size);
    if (rc < 0)
        return rc;
    rc = start_workers(server, error, error_size);
    if (rc < 0)
        return rc;
    if (server->config.admin[0])
        rc = admin_start(&server->admin, server->config.admin, &server->cluster, error, error_size);
    if (rc < 0)
        return rc;
    LOG_INFO("server.listening", "url=%s workers=%u epoch=%s", server->url, server->workers_count,
             server->cluster.epoch);
    return feed_start(server->feed, error, error_size);
}

/* ---- run and stop ---- */

static void announce_ready(const struct server *server)
{
    printf("tapehead ready url=%s workers=%u source=%s\n", server->url, server->workers_count,
           server->demo ? "demo" : server->config.source);
    fflush(stdout);
}

/* Returns the signal that ends the server, 0 when its source has ended and nothing more will come.
 */
static int wait_for_signal(struct server *server, const sigset_t *signals)
{
    const struct feed_metrics *feed = feed_metrics(server->feed);
    bool announced = false, may_end = strncmp(server->config.source, "file:", 5) == 0;
    struct timespec poll = {.tv_nsec = READY_POLL_MS * 1000000};
    for (;;) {
        bool look = !announced || may_end;
        int signal = look ? sigtimedwait(signals, NULL, &poll) : sigwaitinfo(signals, NULL);
        if (signal == SIGHUP)
            reload_tls(server);
        else if (signal > 0 || counter_get(&feed->ended))
            return signal > 0 ? signal : 0;
        if (!announced && counter_get(&feed->ready)) {
            announce_ready(server);
            announced = true;
        }
    }
}

/* Accepts any half-started server. */
static void stop(struct server *server)
{
    if (server->feed)
        feed_stop(server->feed); /* no more ticks: the queues only shrink from here */
    for (uint32_t i = 0; i < server->workers_count; i++)
        if (server->threads[i].running && server->threads[i].rc == 0)
            worker_stop(&server->workers[i]);
    for (uint32_t i = 0; i < server->workers_count; i++)
        if (server->threads[i].running)
            pthread_join(server->threads[i].id, NULL);
    admin_stop(server->admin);
    decks_stop(&server->decks);
    for (uint32_t i = 0; i < server->workers_count; i++)
        free(server->stats_memory[i]);
    feed_destroy(server->feed);
    demo_destroy(server->demo);
    tls_keys_free(server->cluster.tls);
    addresses_destroy(server->cluster.addresses);
    free(server->workers);
    free(server->metrics);
}

static int run(struct server *server)
{
    /* Blocked here before any thread starts, so that only wait_for_signal() sees them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    char error[512] = "";
    int rc = start(server, error, sizeof error);
    if (rc < 0) {
        fprintf(stderr, "tapehead: %s\n", error);
        stop(server);
        return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
    }
    int signal_number = wait_for_signal(server, &signals);
    LOG_INFO("server.stopping", "signal=%s drain_ms=%" PRIu64,
             signal_number == SIGTERM  ? "TERM"
             : signal_number == SIGINT ? "INT"
                                       : "none",
             server->config.drain_ms);
    stop(server);
    LOG_INFO("server.stopped", "url=%s", server->url);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct server server;
    char error[512];
    switch (config_read(&server.config, argc, argv, error, sizeof error)) {
    case CONFIG_HELP: config_print_help(stdout); return EXIT_SUCCESS;
    case CONFIG_HELP_MARKDOWN: config_print_markdown(stdout); return EXIT_SUCCESS;
    case CONFIG_VERSION: puts("tapehead " TAPEHEAD_VERSION); return EXIT_SUCCESS;
    case CONFIG_PRINT: config_print(&server.config, stdout); return EXIT_SUCCESS;
    case CONFIG_BAD_USAGE: fprintf(stderr, "tapehead: %s\n", error); return EXIT_USAGE;
    case CONFIG_RUN: break;
    }
    if (check_config(&server, error, sizeof error) < 0 ||
        check_descriptors(&server, error, sizeof error) < 0) {
        fprintf(stderr, "tapehead: %s\n", error);
        return EXIT_USAGE;
    }
    /* Before Kafka's client uses OpenSSL. */
    if (server.config.tls_cert[0] && !warm_init())
        LOG_WARN("server.tls", "what=slower reason=\"OpenSSL was in use already\"");
    return run(&server);
}
