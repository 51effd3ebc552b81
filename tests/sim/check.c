/* SPDX-License-Identifier: MIT */
/* check: see check.h. */
#include "tests/sim/check.h"

#include <inttypes.h>

#include "tests/sim/sim_io.h"
#include "tests/sim/world.h"

/* What the clients hold together. */
struct sum {
    uint64_t lanes;
    uint64_t inboxes;
    uint32_t sending;
    uint32_t connections;
    uint32_t pairs;
    uint32_t holds;
};

enum { LAST_GRACE_MS = 1000 }; /* as in worker.c */

/* Invariant 8: queue, lane and rest keep to their bounds. */
static void check_bounds(const struct worker *worker, uint32_t index)
{
    const struct subscriber *sub = &worker->fanout.subscribers[index];
    const struct fanout_config *config = &worker->fanout.config;
    REQUIRE(sub->queue.count <= config->queue_frames_max, "client %u: %u frames in its queue",
            index, sub->queue.count);
    REQUIRE(sub->queue.bytes <= config->queue_bytes_max || sub->queue.count <= 1,
            "client %u: %u bytes in its queue", index, sub->queue.bytes);
    REQUIRE(sub->lane.len <= sub->lane_max, "client %u: %u bytes on its lane", index,
            sub->lane.len);
    REQUIRE(sub->rest.len <= FRAME_LEN_MAX, "client %u: a rest of %u bytes", index, sub->rest.len);
}

/* A client is held back exactly while a send is under way or its socket is full: else it would wait
 * for ever, or be sent to twice. */
static void check_held(const struct worker *worker, uint32_t index)
{
    const struct client *client = &worker->clients[index];
    const struct subscriber *sub = &worker->fanout.subscribers[index];
    bool busy = client->sending || client->awaiting_writable;
    REQUIRE(sub->held == busy, "client %u is %s, its socket %s", index,
            sub->held ? "held" : "not held", busy ? "busy" : "free");
    REQUIRE(!(client->sending && client->awaiting_writable), "client %u sends to a full socket",
            index);
}

/* Before a worker sleeps nothing that could be sent is left. */
static void check_at_rest(const struct worker *worker, uint32_t index)
{
    const struct subscriber *sub = &worker->fanout.subscribers[index];
    bool lingers = worker->clients[index].state == CLIENT_LINGERING;
    REQUIRE(sub->held || sub->patient || lingers || !fanout_waiting(sub),
            "the worker sleeps, and client %u is forgotten with something to send", index);
    REQUIRE(!sub->patient || timers_is_set(&worker->timers, index * 2 + 1),
            "client %u waits for a window that never ends", index);
}

static void check_client(const struct worker *worker, uint32_t index, struct sum *sum)
{
    const struct client *client = &worker->clients[index];
    const struct subscriber *sub = &worker->fanout.subscribers[index];
    bool lives = client->state != CLIENT_FREE && client->state != CLIENT_GONE;
    REQUIRE(sub->active == lives, "client %u is in state %u, its queue %s", index, client->state,
            sub->active ? "active" : "not");
    sum->connections += client->state != CLIENT_FREE;
    sum->sending += client->sending;
    sum->inboxes += client->inbox.cap;
    if (!lives)
        return;
    sum->lanes += sub->lane.cap;
    sum->pairs += sub->pairs_count;
    sum->holds += sub->holds_count;
    check_bounds(worker, index);
    check_held(worker, index);
    if (sim_io_is_asleep(worker->io))
        check_at_rest(worker, index);
}

void check_wake_up(const struct worker *worker)
{
    const struct cluster *cluster = worker->cluster;
    if (!sim_io_is_asleep(worker->io))
        return;
    uint64_t depth = ring_depth(feed_ring(cluster->feed), worker->index);
    bool rung = world.bells[feed_doorbell(cluster->feed, worker->index)->fd - WORLD_FD];
    REQUIRE(!depth || rung || world.now_ns >= sim_io_wakes_at_ns(worker->io),
            "a lost wake-up: worker %u sleeps over %" PRIu64 " unread slots", worker->index, depth);
}

void check_worker(const struct worker *worker)
{
    const struct fanout *fanout = &worker->fanout;
    struct sum sum = {0};
    for (uint32_t i = 0; i < worker->clients_used; i++)
        check_client(worker, i, &sum);
    REQUIRE(sum.sending == worker->in_flight, "%u sends in flight, %u counted", sum.sending,
            worker->in_flight);
    REQUIRE(sum.connections == counter_get(&worker->metrics->connections),
            "%u connections, and not as many counted", sum.connections);
    REQUIRE(sum.lanes == fanout->lanes.used && sum.lanes <= fanout->lanes.max,
            "lanes hold %" PRIu64 ", %" PRIu64 " counted", sum.lanes, fanout->lanes.used);
    REQUIRE(sum.inboxes == worker->inbox_used, "inboxes hold %" PRIu64 ", %" PRIu64 " counted",
            sum.inboxes, worker->inbox_used);
    REQUIRE(sum.pairs <= fanout->pairs_live && fanout->pairs_live <= fanout->config.pairs_max,
            "%u pairs, %u counted", sum.pairs, fanout->pairs_live);
    REQUIRE(sum.holds == fanout->topics.holds_live && sum.holds <= fanout->topics.max,
            "%u topics held, %u counted", sum.holds, fanout->topics.holds_live);
    check_wake_up(worker);
}

static void check_blocks(const struct sendq_pool *pool)
{
    uint32_t free = 0;
    for (uint32_t i = pool->free; i != SENDQ_NONE; i = pool->blocks[i].next)
        free++;
    REQUIRE(free == pool->used_max, "%u of %u queue blocks come back", free, pool->used_max);
}

void check_worker_finished(const struct worker *worker)
{
    check_worker(worker);
    /* Completions can be so late that the worker's last grace passes. */
    if (worker->now_ms > worker->drain_until_ms + LAST_GRACE_MS)
        return;
    REQUIRE(!counter_get(&worker->metrics->connections), "connections outlive the worker");
    REQUIRE(!counter_get(&worker->metrics->websockets), "WebSockets outlive the worker");
    check_blocks(&worker->fanout.queues);
    sim_io_check_finished(worker->io);
}
