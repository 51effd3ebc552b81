/* SPDX-License-Identifier: MIT */
/*
 * stats: what each client has been through, so that "why did this client fall behind, and when" has
 * an answer. Its worker writes, any thread reads; the fields of one client are each exact, but not
 * all of one instant.
 */
#ifndef TAPEHEAD_SERVER_STATS_H
#define TAPEHEAD_SERVER_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "feed/base.h"
#include "server/io/io.h"
#include "server/wire/bytes.h"

enum { STATS_EPISODES = 4 };

/* A time in which the socket took nothing, or only now and then. */
struct stats_episode {
    counter began_ms; /* since 1970 UTC; 0 where there is none */
    counter lasted_ms;
    counter dropped;
};

struct client_stats {
    counter id;         /* of the connection, unique in this run; 0 when the slot is free */
    counter address[2]; /* IPv6 or mapped IPv4, big-endian halves */
    counter port;
    counter format;
    counter connected_ms; /* since 1970 UTC, as all times here */
    counter queued;
    counter queued_bytes;
    counter control_bytes;
    counter delivered;
    counter dropped; /* slow_client */
    counter overload;
    counter stalls;
    counter blocked_since_ms;                      /* 0 when the socket takes what it is sent */
    struct stats_episode episodes[STATS_EPISODES]; /* the newest overwrites the oldest */
    counter episodes_count;
};

/* The clients of one worker. */
struct stats_table {
    const struct client_stats *clients;
    uint32_t count;
};

void stats_open(struct client_stats *stats, uint64_t id, const struct io_peer *peer,
                int64_t wall_ms);
void stats_close(struct client_stats *stats);

/* The socket took nothing from `began_ms` on; `dropped` ticks were lost meanwhile. Stalls less than
 * a second apart are one episode. */
void stats_add_episode(struct client_stats *stats, uint64_t began_ms, uint64_t lasted_ms,
                       uint64_t dropped);

/* {"clients":[…]}: at most `limit`, those first that fell behind most: blocked, then by drops, then
 * by what waits. `id` not 0: only that one. */
void stats_print(struct bytes *out, const struct stats_table *tables, uint32_t tables_count,
                 uint32_t limit, uint64_t id, int64_t wall_ms);

#endif
