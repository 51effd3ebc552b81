/* SPDX-License-Identifier: MIT */
/*
 * floor: the physical limit of fan-out on this machine: sends ready-made frames to N sockets by
 * io_uring, and does nothing else. One thread, no ring of ticks, no queues, no commands. The same
 * simulated market as the server's, so the same ticks at the same instants, in the same bytes.
 *
 *   --mode tick       a send a tick and client
 *   --mode coalesce   what waits at each wake-up leaves in one send a client
 *
 * tapebench starts it in the server's place.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/floor_audience.h"
#include "feed/clock.h"
#include "server/fanout/encode.h"

enum {
    RING_ENTRIES = 1024,
    RING_COMPLETIONS = 65536,
    SCRATCH = 8 << 20,
    IDLE_NS = 20000000,
    LATE_NS_MAX = 300000000,
};

struct arrival {
    uint32_t symbol;
    uint32_t len;
    uint8_t *frame;
};

struct floor {
    struct io_uring ring;
    struct audience audience;
    struct catalog catalog;
    struct sim_config config;
    struct sim *sim;
    uint64_t *seqs; /* by symbol */
    bool coalesce;
    uint32_t payload; /* 0: the server's own message */
    uint32_t members_max;

    int64_t start_wall_ns;
    struct tick next;
    const char *next_name;

    struct arrival arrivals[FLOOR_TICKS_MAX];
    uint32_t arrivals_count;
    uint8_t *frames; /* ENCODE_MAX each */
    uint8_t *scratch;
    uint32_t scratch_used;
    uint32_t queued; /* sends since the last submit */
    uint32_t *dirty;
    uint32_t dirty_count;
};

/* ---- frames ---- */

/* A tick of another length: no price, but stuffing. */
static uint32_t stuffed(const struct floor *floor, uint8_t *out, const struct tick *tick,
                        const char *name)
{
    char head[256], tail[64];
    int head_len =
        snprintf(head, sizeof head, "{\"type\":\"trade\",\"symbol\":\"%s\",\"seq\":%llu,\"x\":\"",
                 name, (unsigned long long)tick->seq);
    int tail_len = snprintf(tail, sizeof tail, "\",\"ts\":%lld}", (long long)tick->ts_ns / 1000);
    uint32_t len = floor->payload;
    if (len < (uint32_t)(head_len + tail_len))
        len = (uint32_t)(head_len + tail_len);
    uint32_t header = len < 126 ? 2 : 4;
    out[0] = 0x81;
    out[1] = len < 126 ? (uint8_t)len : 126;
    if (header == 4) {
        out[2] = (uint8_t)(len >> 8);
        out[3] = (uint8_t)len;
    }
    memset(out + header, 'x', len);
    memcpy(out + header, head, (size_t)head_len);
    memcpy(out + header + len - (uint32_t)tail_len, tail, (size_t)tail_len);
    return header + len;
}

static void take_tick(struct floor *floor, int64_t now_ns)
{
    struct arrival *arrival = &floor->arrivals[floor->arrivals_count];
    struct tick tick = floor->next;
    const char *name = floor->next_name;
    size_t name_len = strlen(name);
    uint32_t skip = 0;
    uint8_t *frame = floor->frames + (size_t)floor->arrivals_count * ENCODE_MAX;
    arrival->symbol = catalog_find(&floor->catalog, (const uint8_t *)name, (uint32_t)name_len);
    tick.ts_ns += floor->start_wall_ns;
    tick.rts_ns = now_ns;
    tick.seq = ++floor->seqs[arrival->symbol];
    arrival->len = floor->payload
                       ? stuffed(floor, frame, &tick, name)
                       : encode_tick(frame, &skip, (struct encoding){.format = ENCODE_JSON}, &tick,
                                     name, name_len, WIRE_TRADE);
    arrival->frame = frame + skip;
    floor->arrivals_count++;
    sim_next(floor->sim, &floor->next, &floor->next_name);
}

/* All that is due, up to a bound. What is later than that is thrown away before it gets a seq: as
 * if it had never been, so that a floor beyond its limit shows what it can carry. */
static void take_due(struct floor *floor)
{
    int64_t now = clock_wall_ns();
    floor->arrivals_count = 0;
    while (floor->start_wall_ns + floor->next.ts_ns < now - LATE_NS_MAX)
        sim_next(floor->sim, &floor->next, &floor->next_name);
    while (floor->arrivals_count < FLOOR_TICKS_MAX &&
           floor->start_wall_ns + floor->next.ts_ns <= now)
        take_tick(floor, now);
}

/* ---- sending ---- */

static void submit(struct floor *floor)
{
    audience_submit(&floor->audience, 0);
    floor->queued = 0;
    floor->scratch_used = 0;
}

static void send_each(struct floor *floor)
{
    for (uint32_t i = 0; i < floor->arrivals_count; i++) {
        const struct arrival *arrival = &floor->arrivals[i];
        const struct takers *takers = &floor->audience.takers[arrival->symbol];
        for (uint32_t j = 0; j < takers->count; j++) {
            audience_send(&floor->audience, takers->members[j], arrival->frame, arrival->len);
            if (++floor->queued == AUDIENCE_BATCH)
                submit(floor);
        }
        submit(floor); /* one send a client is under way at a time: it may come up short */
    }
}

static void gather(struct floor *floor)
{
    for (uint32_t i = 0; i < floor->arrivals_count; i++) {
        const struct takers *takers = &floor->audience.takers[floor->arrivals[i].symbol];
        for (uint32_t j = 0; j < takers->count; j++) {
            struct member *member = &floor->audience.members[takers->members[j]];
            if (!member->dirty)
                floor->dirty[floor->dirty_count++] = takers->members[j];
            member->dirty = true;
            member->waiting[member->waiting_count++] = (uint16_t)i;
        }
    }
}

static void send_gathered(struct floor *floor, uint32_t index)
{
    struct member *member = &floor->audience.members[index];
    uint8_t *start = floor->scratch + floor->scratch_used;
    uint32_t len = 0;
    for (uint32_t i = 0; i < member->waiting_count; i++) {
        const struct arrival *arrival = &floor->arrivals[member->waiting[i]];
        memcpy(start + len, arrival->frame, arrival->len);
        len += arrival->len;
    }
    bool here = member->fd >= 0 && member->waiting_count;
    member->waiting_count = 0;
    member->dirty = false;
    if (!here)
        return;
    audience_send(&floor->audience, index, start, len);
    floor->scratch_used += len;
    if (++floor->queued == AUDIENCE_BATCH ||
        floor->scratch_used > SCRATCH - FLOOR_TICKS_MAX * ENCODE_MAX)
        submit(floor);
}

static void send_coalesced(struct floor *floor)
{
    floor->dirty_count = 0;
    gather(floor);
    for (uint32_t i = 0; i < floor->dirty_count; i++)
        send_gathered(floor, floor->dirty[i]);
    submit(floor);
}

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static void run(struct floor *floor)
{
    while (!stopped) {
        take_due(floor);
        if (floor->coalesce)
            send_coalesced(floor);
        else
            send_each(floor);
        int64_t wait = floor->start_wall_ns + floor->next.ts_ns - clock_wall_ns();
        if (floor->audience.blocked_count) {
            audience_retry(&floor->audience);
            wait = wait > 1000000 ? 1000000 : wait;
        }
        if (wait > 0)
            audience_submit(&floor->audience, wait < IDLE_NS ? wait : IDLE_NS);
    }
}

/* ---- start ---- */

static int open_ring(struct floor *floor)
{
    struct io_uring_params params = {
        /* As the server's: completions are run when this thread asks for them. */
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = RING_COMPLETIONS,
    };
    return io_uring_queue_init_params(RING_ENTRIES, &floor->ring, &params);
}

static int start(struct floor *floor, uint16_t *port)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    floor->frames = malloc((size_t)FLOOR_TICKS_MAX * ENCODE_MAX);
    floor->scratch = malloc(SCRATCH);
    floor->dirty = calloc(floor->members_max, sizeof *floor->dirty);
    floor->seqs = calloc(floor->config.symbols, sizeof *floor->seqs);
    floor->sim = sim_create(&floor->config);
    if (!floor->frames || !floor->scratch || !floor->dirty || !floor->seqs || !floor->sim)
        return -ENOMEM;
    int rc = catalog_init(&floor->catalog, floor->config.symbols);
    if (rc == 0)
        rc = catalog_from_sim(&floor->catalog, &floor->config, floor->config.symbols);
    if (rc == 0)
        rc = open_ring(floor);
    if (rc == 0)
        rc = audience_init(&floor->audience, &floor->ring, &floor->catalog, floor->members_max,
                           port);
    floor->start_wall_ns = clock_wall_ns();
    sim_next(floor->sim, &floor->next, &floor->next_name);
    return rc;
}

/* The server's options that tapebench passes are taken, those that mean nothing here too. */
static int read_options(struct floor *floor, int argc, char **argv)
{
    static const struct option options[] = {
        {"source", required_argument, NULL, 's'},
        {"listen", required_argument, NULL, 'i'},
        {"workers", required_argument, NULL, 'i'},
        {"log-level", required_argument, NULL, 'i'},
        {"mode", required_argument, NULL, 'm'},
        {"payload", required_argument, NULL, 'p'},
        {"max-connections", required_argument, NULL, 'c'},
        {0},
    };
    char error[256] = "usage: floor --source sim:… [--mode tick|coalesce] [--payload BYTES]";
    const char *source = NULL;
    floor->members_max = 16384;
    for (int key; (key = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (key) {
        case 's': source = optarg; break;
        case 'm': floor->coalesce = strcmp(optarg, "coalesce") == 0; break;
        case 'p': floor->payload = (uint32_t)atoi(optarg) % 600; break;
        case 'c': floor->members_max = (uint32_t)atoi(optarg); break;
        case 'i': break;
        default: return -EINVAL;
        }
    }
    if (!source || strncmp(source, "sim:", 4) != 0 ||
        sim_config_parse(source + 4, &floor->config, error, sizeof error) < 0) {
        fprintf(stderr, "floor: %s\n", error);
        return -EINVAL;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct floor floor;
    uint16_t port = 0;
    if (read_options(&floor, argc, argv) < 0)
        return 2;
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    signal(SIGPIPE, SIG_IGN);
    int rc = start(&floor, &port);
    if (rc < 0) {
        fprintf(stderr, "floor: cannot start: %s\n", strerror(-rc));
        return 1;
    }
    printf("floor ready url=http://127.0.0.1:%u/ mode=%s\n", port,
           floor.coalesce ? "coalesce" : "tick");
    fflush(stdout);
    run(&floor);
    return 0;
}
