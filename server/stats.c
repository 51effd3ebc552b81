/* SPDX-License-Identifier: MIT */
/* stats: see stats.h. */
#include "server/stats.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/fanout/encode.h"

enum { EPISODE_APART_MS = 1000 };

void stats_open(struct client_stats *stats, uint64_t id, const struct io_peer *peer,
                int64_t wall_ms)
{
    uint64_t halves[2];
    memcpy(halves, peer->address, sizeof halves);
    counter *fields = &stats->id;
    for (size_t i = 0; i < sizeof *stats / sizeof *fields; i++)
        counter_set(&fields[i], 0);
    counter_set(&stats->address[0], halves[0]);
    counter_set(&stats->address[1], halves[1]);
    counter_set(&stats->port, peer->port);
    counter_set(&stats->connected_ms, (uint64_t)wall_ms);
    counter_set(&stats->id, id);
}

void stats_close(struct client_stats *stats)
{
    counter_set(&stats->id, 0);
}

void stats_add_episode(struct client_stats *stats, uint64_t began_ms, uint64_t lasted_ms,
                       uint64_t dropped)
{
    uint64_t count = counter_get(&stats->episodes_count);
    struct stats_episode *last = &stats->episodes[(count - 1) % STATS_EPISODES];
    uint64_t last_began_ms = counter_get(&last->began_ms);
    if (count && began_ms < last_began_ms + counter_get(&last->lasted_ms) + EPISODE_APART_MS) {
        counter_set(&last->lasted_ms, began_ms + lasted_ms - last_began_ms);
        counter_add(&last->dropped, dropped);
        return;
    }
    struct stats_episode *episode = &stats->episodes[count % STATS_EPISODES];
    counter_set(&episode->began_ms, began_ms);
    counter_set(&episode->lasted_ms, lasted_ms);
    counter_set(&episode->dropped, dropped);
    counter_set(&stats->episodes_count, count + 1);
}

/* ---- printing ---- */

struct candidate {
    const struct client_stats *stats;
    uint32_t worker;
    uint64_t blocked_since_ms, dropped, queued; /* read once, so that the order is one */
};

/* Whether `a` fell behind more than `b`. */
static bool is_worse(const struct candidate *a, const struct candidate *b)
{
    if (!a->blocked_since_ms != !b->blocked_since_ms)
        return a->blocked_since_ms != 0;
    if (a->blocked_since_ms != b->blocked_since_ms)
        return a->blocked_since_ms < b->blocked_since_ms;
    if (a->dropped != b->dropped)
        return a->dropped > b->dropped;
    return a->queued > b->queued;
}

/* Keeps `list` sorted, worst first. */
static void consider(struct candidate *list, uint32_t *count, uint32_t limit,
                     const struct candidate *new)
{
    if (*count == limit && !is_worse(new, &list[limit - 1]))
        return;
    uint32_t i = *count < limit ? (*count)++ : limit - 1;
    for (; i > 0 && is_worse(new, &list[i - 1]); i--)
        list[i] = list[i - 1];
    list[i] = *new;
}

static void print_address(struct bytes *out, const struct client_stats *stats)
{
    uint64_t halves[2] = {counter_get(&stats->address[0]), counter_get(&stats->address[1])};
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN] = "?";
    memcpy(&address, halves, sizeof address);
    unsigned port = (unsigned)counter_get(&stats->port);
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        inet_ntop(AF_INET, &address.s6_addr[12], text, sizeof text);
        bytes_printf(out, "\"%s:%u\"", text, port);
    } else {
        inet_ntop(AF_INET6, &address, text, sizeof text);
        bytes_printf(out, "\"[%s]:%u\"", text, port);
    }
}

/* Newest first. */
static void print_episodes(struct bytes *out, const struct client_stats *stats)
{
    uint64_t count = counter_get(&stats->episodes_count);
    bytes_printf(out, "\"episodes\":[");
    for (uint64_t i = 0; i < STATS_EPISODES && i < count; i++) {
        const struct stats_episode *episode = &stats->episodes[(count - 1 - i) % STATS_EPISODES];
        bytes_printf(
            out, "%s{\"began_ms\":%" PRIu64 ",\"lasted_ms\":%" PRIu64 ",\"dropped\":%" PRIu64 "}",
            i ? "," : "", counter_get(&episode->began_ms), counter_get(&episode->lasted_ms),
            counter_get(&episode->dropped));
    }
    bytes_printf(out, "]");
}

static void print_client(struct bytes *out, const struct candidate *candidate, int64_t wall_ms)
{
    const struct client_stats *stats = candidate->stats;
    uint64_t since = candidate->blocked_since_ms;
    bytes_printf(out, "{\"id\":%" PRIu64 ",\"worker\":%u,\"address\":", counter_get(&stats->id),
                 candidate->worker);
    print_address(out, stats);
    bytes_printf(out, ",\"format\":\"%s\",\"connected_ms\":%" PRIu64,
                 encode_is_msgpack((int)counter_get(&stats->format)) ? "msgpack" : "json",
                 counter_get(&stats->connected_ms));
    bytes_printf(
        out, ",\"queued\":%" PRIu64 ",\"queued_bytes\":%" PRIu64 ",\"control_bytes\":%" PRIu64,
        candidate->queued, counter_get(&stats->queued_bytes), counter_get(&stats->control_bytes));
    bytes_printf(out,
                 ",\"delivered\":%" PRIu64 ",\"dropped\":{\"slow_client\":%" PRIu64
                 ",\"overload\":%" PRIu64 "}",
                 counter_get(&stats->delivered), candidate->dropped, counter_get(&stats->overload));
    bytes_printf(out, ",\"stalls\":%" PRIu64 ",\"blocked_ms\":%" PRIu64 ",",
                 counter_get(&stats->stalls),
                 since && (uint64_t)wall_ms > since ? (uint64_t)wall_ms - since : 0);
    print_episodes(out, stats);
    bytes_printf(out, "}");
}

void stats_print(struct bytes *out, const struct stats_table *tables, uint32_t tables_count,
                 uint32_t limit, uint64_t id, int64_t wall_ms)
{
    struct candidate *list = calloc(limit, sizeof *list);
    uint32_t count = 0;
    if (!list) {
        out->failed = true;
        return;
    }
    for (uint32_t worker = 0; worker < tables_count; worker++) {
        for (uint32_t i = 0; i < tables[worker].count; i++) {
            const struct client_stats *stats = &tables[worker].clients[i];
            uint64_t own = counter_get(&stats->id);
            struct candidate candidate = {.stats = stats,
                                          .worker = worker,
                                          .blocked_since_ms = counter_get(&stats->blocked_since_ms),
                                          .dropped = counter_get(&stats->dropped),
                                          .queued = counter_get(&stats->queued)};
            if (own && (!id || id == own))
                consider(list, &count, limit, &candidate);
        }
    }
    bytes_printf(out, "{\"clients\":[");
    for (uint32_t i = 0; i < count; i++) {
        bytes_printf(out, i ? ",\n" : "\n");
        print_client(out, &list[i], wall_ms);
    }
    bytes_printf(out, "]}\n");
    free(list);
}
