/* SPDX-License-Identifier: MIT */
/*
 * feeder: the same simulated market as the server's, published to a peer at each tick's planned
 * instant, in the same bytes. One thread; ends when the peer does, or on SIGTERM.
 *
 *   feeder --source sim:… --to lines                     standard output: "SYMBOL JSON\n"
 *   feeder --source sim:… --to nats|nchan|centrifugo --port N    127.0.0.1, by the peer's own
 * protocol
 *
 * --after FILE begins when that file is there: tapebench makes it once its connections stand, which
 * a peer in full flood might never let them.
 *
 * What is due by now leaves in one write. What is later than 300 ms is thrown away before it gets a
 * seq, as in floor.c: a peer beyond its limit shows what it can carry, not how far it can fall
 * behind.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/catalog.h"
#include "feed/base.h"
#include "feed/clock.h"
#include "feed/sim.h"
#include "server/fanout/encode.h"

enum {
    OUT_SIZE = 1 << 20,
    BATCH_MAX = 512,
    LATE_NS_MAX = 300000000,
    IDLE_NS = 20000000,
};

struct feeder;

/* How a peer takes ticks. */
struct manner {
    const char *name;
    void (*hello)(struct feeder *feeder);
    void (*begin)(struct feeder *feeder); /* a batch */
    void (*put)(struct feeder *feeder, const char *symbol, const uint8_t *json, size_t len);
    void (*end)(struct feeder *feeder);
};

struct feeder {
    const struct manner *manner;
    struct catalog catalog;
    struct sim_config config;
    struct sim *sim;
    uint64_t *seqs;
    int64_t start_wall_ns;
    struct tick next;
    const char *next_name;
    const char *after; /* a file; NULL: begin at once */
    int fd;
    bool answers; /* the peer says something back, which is read and forgotten */
    size_t used;
    size_t body; /* where the batch's body begins */
    uint8_t out[OUT_SIZE];
};

/* ---- bytes out ---- */

static void put_bytes(struct feeder *feeder, const void *data, size_t len)
{
    CHECK(len <= OUT_SIZE - feeder->used);
    memcpy(feeder->out + feeder->used, data, len);
    feeder->used += len;
}

__attribute__((format(printf, 2, 3))) static void put_text(struct feeder *feeder,
                                                           const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_bytes(feeder, text, (size_t)len);
}

static void read_answers(struct feeder *feeder)
{
    static uint8_t heard[1 << 16];
    ssize_t n;
    while (feeder->answers && (n = recv(feeder->fd, heard, sizeof heard, MSG_DONTWAIT)) != -1)
        if (n == 0)
            exit(0);
}

/* A peer that has gone is the end of the feeder, too. One that answers is heard meanwhile: it may
 * take no more until it is. */
static void flush(struct feeder *feeder)
{
    struct pollfd ready = {.fd = feeder->fd, .events = POLLOUT | (feeder->answers ? POLLIN : 0)};
    for (size_t at = 0; at < feeder->used;) {
        poll(&ready, 1, -1);
        if (ready.revents & POLLIN)
            read_answers(feeder);
        ssize_t n = feeder->answers
                        ? send(feeder->fd, feeder->out + at, feeder->used - at, MSG_DONTWAIT)
                        : write(feeder->fd, feeder->out + at, feeder->used - at);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            exit(0);
        at += (size_t)n;
    }
    feeder->used = 0;
}

/* ---- manners ---- */

static void nothing(struct feeder *feeder)
{
    (void)feeder;
}

static void lines_put(struct feeder *feeder, const char *symbol, const uint8_t *json, size_t len)
{
    put_text(feeder, "%s ", symbol);
    put_bytes(feeder, json, len);
    put_bytes(feeder, "\n", 1);
}

/* The NATS client protocol. */
static void nats_hello(struct feeder *feeder)
{
    put_text(feeder, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
    flush(feeder);
}

static void nats_put(struct feeder *feeder, const char *symbol, const uint8_t *json, size_t len)
{
    put_text(feeder, "PUB %s %zu\r\n", symbol, len);
    put_bytes(feeder, json, len);
    put_bytes(feeder, "\r\n", 2);
}

/* HTTP, one POST a tick, pipelined. */
static void nchan_put(struct feeder *feeder, const char *symbol, const uint8_t *json, size_t len)
{
    put_text(feeder, "POST /pub?id=%s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", symbol,
             len);
    put_bytes(feeder, json, len);
}

/* Centrifugo's HTTP API, a batch of publications a request. */
static void centrifugo_begin(struct feeder *feeder)
{
    put_text(feeder, "POST /api/batch HTTP/1.1\r\nHost: x\r\nX-API-Key: feeder\r\n"
                     "Content-Type: application/json\r\nContent-Length: 00000000\r\n\r\n");
    feeder->body = feeder->used;
    put_text(feeder, "{\"commands\":[");
}

static void centrifugo_put(struct feeder *feeder, const char *symbol, const uint8_t *json,
                           size_t len)
{
    const char *comma = feeder->out[feeder->used - 1] == '[' ? "" : ",";
    put_text(feeder, "%s{\"publish\":{\"channel\":\"%s\",\"data\":", comma, symbol);
    put_bytes(feeder, json, len);
    put_bytes(feeder, "}}", 2);
}

static void centrifugo_end(struct feeder *feeder)
{
    char digits[16];
    put_text(feeder, "]}");
    snprintf(digits, sizeof digits, "%08zu", feeder->used - feeder->body);
    memcpy(feeder->out + feeder->body - 12, digits, 8);
}

static const struct manner manners[] = {
    {"lines", nothing, nothing, lines_put, nothing},
    {"nats", nats_hello, nothing, nats_put, nothing},
    {"nchan", nothing, nothing, nchan_put, nothing},
    {"centrifugo", nothing, centrifugo_begin, centrifugo_put, centrifugo_end},
};

/* ---- ticks ---- */

static void put_tick(struct feeder *feeder, int64_t now_ns)
{
    uint8_t frame[ENCODE_MAX];
    struct tick tick = feeder->next;
    const char *name = feeder->next_name;
    size_t name_len = strlen(name);
    uint32_t skip = 0;
    tick.ts_ns += feeder->start_wall_ns;
    tick.rts_ns = now_ns;
    tick.seq =
        ++feeder->seqs[catalog_find(&feeder->catalog, (const uint8_t *)name, (uint32_t)name_len)];
    uint32_t len = encode_tick(frame, &skip, (struct encoding){.format = ENCODE_JSON}, &tick, name,
                               name_len, WIRE_TRADE);
    uint32_t header = frame[skip + 1] < 126 ? 2 : 4;
    feeder->manner->put(feeder, name, frame + skip + header, len - header);
    sim_next(feeder->sim, &feeder->next, &feeder->next_name);
}

static bool is_due(const struct feeder *feeder, int64_t now_ns)
{
    return feeder->start_wall_ns + feeder->next.ts_ns <= now_ns;
}

static void publish_due(struct feeder *feeder)
{
    int64_t now = clock_wall_ns();
    while (is_due(feeder, now - LATE_NS_MAX))
        sim_next(feeder->sim, &feeder->next, &feeder->next_name);
    if (!is_due(feeder, now))
        return;
    feeder->manner->begin(feeder);
    for (uint32_t i = 0; i < BATCH_MAX && is_due(feeder, now); i++)
        put_tick(feeder, now);
    feeder->manner->end(feeder);
    flush(feeder);
}

static void rest(struct feeder *feeder)
{
    int64_t wait = feeder->start_wall_ns + feeder->next.ts_ns - clock_wall_ns();
    if (wait > IDLE_NS)
        wait = IDLE_NS;
    if (wait > 0)
        nanosleep(&(struct timespec){.tv_nsec = wait}, NULL);
}

/* ---- start ---- */

static int read_options(struct feeder *feeder, int argc, char **argv)
{
    static const struct option options[] = {{"source", required_argument, NULL, 's'},
                                            {"to", required_argument, NULL, 't'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"after", required_argument, NULL, 'a'},
                                            {0}};
    const char *source = "", *to = "", *port = NULL;
    char error[256] =
        "usage: feeder --source sim:… --to lines|nats|nchan|centrifugo [--port N] [--after FILE]";
    for (int key; (key = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (key) {
        case 's': source = optarg; break;
        case 't': to = optarg; break;
        case 'p': port = optarg; break;
        case 'a': feeder->after = optarg; break;
        default: return -EINVAL;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(manners); i++)
        if (strcmp(manners[i].name, to) == 0)
            feeder->manner = &manners[i];
    feeder->answers = feeder->manner && feeder->manner != &manners[0];
    if (!feeder->manner || (feeder->answers && !port) || strncmp(source, "sim:", 4) != 0 ||
        sim_config_parse(source + 4, &feeder->config, error, sizeof error) < 0) {
        fprintf(stderr, "feeder: %s\n", error);
        return -EINVAL;
    }
    feeder->fd = STDOUT_FILENO;
    if (feeder->answers)
        feeder->fd = catalog_dial("127.0.0.1", port);
    return feeder->fd < 0 ? feeder->fd : 0;
}

static int start(struct feeder *feeder)
{
    feeder->sim = sim_create(&feeder->config);
    feeder->seqs = calloc(feeder->config.symbols, sizeof *feeder->seqs);
    if (!feeder->sim || !feeder->seqs)
        return -ENOMEM;
    int rc = catalog_init(&feeder->catalog, feeder->config.symbols);
    if (rc == 0)
        rc = catalog_from_sim(&feeder->catalog, &feeder->config, feeder->config.symbols);
    while (feeder->after && access(feeder->after, F_OK) < 0)
        nanosleep(&(struct timespec){.tv_nsec = IDLE_NS}, NULL);
    feeder->start_wall_ns = clock_wall_ns();
    sim_next(feeder->sim, &feeder->next, &feeder->next_name);
    return rc;
}

int main(int argc, char **argv)
{
    static struct feeder feeder;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int rc = read_options(&feeder, argc, argv);
    if (rc == 0)
        rc = start(&feeder);
    if (rc < 0) {
        fprintf(stderr, "feeder: cannot start: %s\n", strerror(-rc));
        return 1;
    }
    feeder.manner->hello(&feeder);
    for (;;) {
        publish_due(&feeder);
        read_answers(&feeder);
        rest(&feeder);
    }
}
