/* SPDX-License-Identifier: MIT */
/*
 * worker: a thread W with an io of its own and everything that its clients touch. Nothing of it is
 * shared but the ring it reads, the doorbell that wakes it, its metrics (others read them) and
 * `stop`.
 *
 * A turn, in this order: reap what ended and act on it; take some of what clients sent; drain some
 * ticks into queues; gather and send for the dirty, those with many symbols last; fire timers. It
 * is cut into chunks, so that one tick to ten thousand clients delays neither an accept nor a pong,
 * and what clients send has a share of the time (intake.h), so that it delays ticks little.
 */
#ifndef TAPEHEAD_SERVER_WORKER_H
#define TAPEHEAD_SERVER_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "feed/feed.h"
#include "server/addresses.h"
#include "server/client.h"
#include "server/config.h"
#include "server/decks.h"
#include "server/fanout/gather.h"
#include "server/io/io.h"
#include "server/io/timers.h"
#include "server/metrics.h"
#include "server/stats.h"
#include "server/wire/inflate.h"

/* What all workers know of each other, for limits and for /metrics. Read-only after start, but for
 * what is atomic. */
struct cluster {
    const struct config *config;
    struct feed *feed;
    const struct worker_metrics *const *metrics;
    const struct stats_table *stats;
    struct tls_keys *tls;        /* NULL in clear text */
    struct addresses *addresses; /* NULL without limits an address */
    const struct decks *decks;   /* that play replays */
    uint32_t workers_count;
    char epoch[16]; /* this run's: `seq` counts within it */
};

struct worker {
    const struct cluster *cluster;
    uint32_t index;
    int listen_fd;
    uint32_t clients_max;

    struct io *io;
    struct fanout fanout;
    struct timers timers; /* two a client: liveness, window */
    struct timers rests;  /* one a pair: its interval, in mode latest */
    struct batch batch;
    struct client *clients;
    uint32_t clients_free;
    uint32_t clients_used; /* slots below this have been used */
    uint32_t in_flight;    /* sends of the batch */
    uint8_t *plain;        /* TLS: what was just read of a client */
    uint8_t *seals;        /* TLS: the batch's records */
    uint32_t seals_used;
    struct bytes answer; /* where answers are written before they go to a lane */
    struct inflate *inflate;
    struct bytes inflated; /* a client's deflated message */
    uint64_t inbox_used;   /* bytes of clients' unfinished messages */
    uint32_t budgets_hand; /* the client at which to look next, see budgets.h */
    uint32_t inputs_first; /* clients whose input waits, in order; SOCKET_NONE when none does */
    uint32_t inputs_last;
    int64_t intake_took_ns; /* the last time that any was taken; see intake.h */
    int64_t intake_ended_ns;
    int64_t ticked_ms;      /* when there was last a tick */
    int64_t now_ns;         /* wall, once a turn */
    int64_t now_ms;         /* monotonic, once a turn */
    int64_t drain_until_ms; /* 0 before shutdown */
    uint32_t reap_from;     /* for the sweep at shutdown */

    uint32_t *playing; /* clients that a replay is played to */
    uint32_t playing_count;
    struct player **played_out; /* to be released once no send can name them */
    uint32_t played_out_count;
    uint32_t played; /* replays begun: spreads them over the decks */

    uint32_t window_ms; /* how long ticks wait for each other, because there is too much to do */
    int64_t window_judged_ms;
    uint32_t accepts_armed;
    int64_t accept_at_ns; /* when the next connection may be accepted, monotonic */

    struct worker_metrics *metrics;
    struct client_stats *stats; /* by client; this worker writes */
    _Atomic bool stop;          /* main writes: release; the worker reads: acquire */
};

/* What each of `workers` claims at most. */
void worker_claims(const struct config *config, uint32_t workers, struct claims *claims);

/* How many clients each worker can hold. */
uint32_t worker_clients_max(const struct config *config, uint32_t workers);

/* On the worker's own thread. Returns 0 or -errno with a sentence. */
int worker_init(struct worker *worker, char *error, size_t error_size);

/* Runs until told to stop and drained. */
void worker_run(struct worker *worker);
void worker_finish(struct worker *worker);

/* Any thread: asks it to stop accepting, tell its clients, drain and return. */
void worker_stop(struct worker *worker);

#endif
