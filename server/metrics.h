/* SPDX-License-Identifier: MIT */
/*
 * metrics: what a worker counts about itself; it alone writes, anyone reads. /metrics sums the
 * workers and adds the feed's.
 */
#ifndef TAPEHEAD_SERVER_METRICS_H
#define TAPEHEAD_SERVER_METRICS_H

#include "feed/base.h"
#include "feed/feed.h"
#include "feed/histogram.h"
#include "server/wire/answer.h"

/* Why a connection ended. */
enum close_reason {
    CLOSED_BY_PEER,  /* close handshake, or end of stream */
    CLOSED_PROTOCOL, /* a violation of RFC 6455, or of HTTP */
    CLOSED_TLS,      /* a handshake that failed, or a record that is none */
    CLOSED_TIMEOUT,  /* handshake, idle, or close not finished in time */
    CLOSED_STALLED,  /* read nothing for stall-ms */
    CLOSED_STRICT,   /* a strict subscription lost a tick */
    CLOSED_CONTROL,  /* its control lane was full */
    CLOSED_LIMIT,    /* too many commands, too big a message, no room for its patterns */
    CLOSED_REFUSED,  /* over max-connections */
    CLOSED_ADDRESS,  /* its address has too many, or opens them too fast */
    CLOSED_ORIGIN,   /* a page of a site that isn't allowed */
    CLOSED_SHUTDOWN,
    CLOSED_BROKEN, /* reset, or an error of the socket */
    CLOSED_DONE,   /* an HTTP answer without keep-alive */
    CLOSED_REASONS,
};

struct worker_metrics {
    counter connections;   /* now */
    counter websockets;    /* now */
    counter subscriptions; /* now: topics held */
    counter pairs;         /* now: (client, symbol) */
    counter accepted;
    counter closed[CLOSED_REASONS];
    counter requests; /* HTTP, upgrades included */
    counter commands;
    counter command_errors;
    counter ticks;
    counter encoded; /* frames of ticks */
    counter deliveries;
    counter dropped_slow;
    counter gaps_overload;
    counter sends;
    counter sends_zero_copy;
    counter zero_copies_copied; /* of them, by the kernel after all */
    counter sends_short;
    counter stalls; /* sockets that took nothing, or only a part, for a while */
    counter queued; /* now: ticks that wait */
    counter queued_bytes;
    counter bytes_sent;
    counter bytes_received;
    counter heartbeats;
    counter replays; /* now */
    counter replays_begun;
    counter events_stale; /* completions of a client that had gone */
    counter window_ms; /* now: how long ticks wait for each other because there is too much to do */
    counter turns;
    counter sleeps;
    struct histogram latency; /* from receipt to the hand-over to the socket, a tick and client */
};

/* Prometheus text exposition format 0.0.4. */
void metrics_print(struct bytes *out, const struct feed *feed,
                   const struct worker_metrics *const *workers, uint32_t workers_count);

#endif
