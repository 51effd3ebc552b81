/* SPDX-License-Identifier: MIT */
/* sim: see sim.h. */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/source.h"
#include "server/worker.h"
#include "tests/sim/check.h"
#include "tests/sim/peer.h"
#include "tests/sim/plan.h"
#include "tests/sim/sim_io.h"
#include "tests/sim/truth.h"
#include "tests/sim/world.h"

enum {
    REST_ROUNDS_MAX = 20000,  /* in which everything must come to rest */
    REST_MS_MAX = 10000,      /* the same in virtual time */
    SHUTDOWN_GRACE_MS = 4000, /* after drain-ms */
    IDLE_STEP_MS = 20,
};

struct sim {
    struct plan plan;
    struct truth truth;
    struct cluster cluster;
    struct decks decks; /* none */
    struct feed *feed;
    struct worker workers[TRUTH_WORKERS];
    struct worker_metrics metrics[TRUTH_WORKERS];
    const struct worker_metrics *metrics_list[TRUTH_WORKERS];
    struct client_stats *stats_memory[TRUTH_WORKERS];
    struct stats_table stats[TRUTH_WORKERS];
    struct fiber fibers[TRUTH_WORKERS];
    struct peer peers[PEERS_MAX];
    uint32_t round;
    bool stopping;
    bool calm; /* clients do no mischief and begin nothing new */
};

/* ---- start ---- */

static void *run_worker(void *arg)
{
    worker_run(arg);
    return NULL;
}

static void start_worker(struct sim *sim, uint32_t index)
{
    char error[256];
    struct worker *worker = &sim->workers[index];
    uint32_t clients = worker_clients_max(&sim->plan.config, sim->plan.workers);
    sim->stats_memory[index] = calloc(clients, sizeof **sim->stats_memory);
    CHECK(sim->stats_memory[index]);
    sim->stats[index] = (struct stats_table){.clients = sim->stats_memory[index], .count = clients};
    *worker = (struct worker){.cluster = &sim->cluster,
                              .index = index,
                              .listen_fd = WORLD_LISTEN_FD + (int)index,
                              .stats = sim->stats_memory[index],
                              .metrics = &sim->metrics[index]};
    REQUIRE(worker_init(worker, error, sizeof error) == 0, "%s", error);
    sim_io_set_manners(worker->io, &sim->plan.manners);
    fiber_start(&sim->fibers[index], run_worker, worker);
}

static void start_feed(struct sim *sim)
{
    char error[256];
    struct feed_config config = {.symbols_max = (uint32_t)sim->plan.config.symbols_max,
                                 .ring_slots = sim->plan.config.ring_slots,
                                 .workers = sim->plan.workers};
    truth_init(&sim->truth, &sim->plan.script, sim->plan.workers);
    int rc = feed_create_from(&sim->feed, &config, &sim->truth.source, error, sizeof error);
    REQUIRE(rc == 0, "%s", error);
    truth_watch(&sim->truth, sim->feed);
    REQUIRE(feed_start(sim->feed, error, sizeof error) == 0, "%s", error);
}

static void make_peers(struct sim *sim)
{
    const struct config *config = &sim->plan.config;
    for (uint32_t i = 0; i < sim->plan.peers_count; i++) {
        const struct plan_peer *plan = &sim->plan.peers[i];
        struct account account = {.truth = &sim->truth,
                                  .worker = plan->worker,
                                  .limits = {.subscriptions = (uint32_t)config->max_subscriptions,
                                             .queue_frames = (uint32_t)config->queue_frames,
                                             .history_ticks = config->history_ticks,
                                             .pools_are_tight = config->worker_pairs < 1024,
                                             .commands_are_tight = config->max_commands < 1000},
                                  .drops = &sim->workers[plan->worker].fanout.dropped};
        peer_init(&sim->peers[i], i, plan->habit, plan->msgpack, &account);
    }
}

static void start(struct sim *sim)
{
    start_feed(sim);
    sim->cluster = (struct cluster){.config = &sim->plan.config,
                                    .feed = sim->feed,
                                    .metrics = sim->metrics_list,
                                    .stats = sim->stats,
                                    .decks = &sim->decks,
                                    .workers_count = sim->plan.workers,
                                    .epoch = "sim"};
    for (uint32_t i = 0; i < sim->plan.workers; i++)
        sim->metrics_list[i] = &sim->metrics[i];
    for (uint32_t i = 0; i < sim->plan.workers; i++)
        start_worker(sim, i);
    make_peers(sim);
}

/* ---- a round ---- */

static bool feed_acts(struct sim *sim)
{
    if (!world.feed_runs || world.feed.done)
        return false;
    fiber_resume(&world.feed);
    for (uint32_t i = 0; i < sim->plan.workers; i++)
        if (!sim->fibers[i].done)
            check_wake_up(&sim->workers[i]);
    return true;
}

/* Runs it until it yields. Returns whether it had anything to do. */
static bool worker_acts(struct sim *sim, uint32_t index)
{
    struct worker *worker = &sim->workers[index];
    if (sim->fibers[index].done || !sim_io_is_awake(worker->io))
        return false;
    TRACE("worker %u runs", index);
    fiber_resume(&sim->fibers[index]);
    truth_follow(&sim->truth, index);
    check_worker(worker);
    truth_check_ring(&sim->truth);
    return true;
}

static void dial(struct sim *sim, struct peer *peer)
{
    uint32_t worker = sim->plan.peers[peer->number].worker;
    if (world.listener_closed[worker] || sim->fibers[worker].done) {
        peer->state = PEER_ENDED;
        peer->link.closed = true;
        return;
    }
    peer_dial(peer);
    sim_io_connect(sim->workers[worker].io, &peer->link);
}

static void peers_act(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->plan.peers_count; i++) {
        struct peer *peer = &sim->peers[i];
        if (peer->state == PEER_WAITING && sim->round >= sim->plan.peers[i].round)
            dial(sim, peer);
        peer_act(peer, sim->calm);
    }
}

/* Everybody in turn, beginning with anyone, and some not at all. */
static void act(struct sim *sim)
{
    uint32_t actors = sim->plan.workers + 2, first = roll(0, actors - 1);
    bool any = false;
    for (uint32_t i = 0; i < actors; i++) {
        uint32_t actor = (first + i) % actors;
        if (!sim->calm && chance(sim->plan.lazy))
            any = true;
        else if (actor == 0)
            peers_act(sim);
        else if (actor == 1)
            any |= feed_acts(sim) && !sim->truth.ended;
        else
            any |= worker_acts(sim, actor - 2);
    }
    sim->round++;
    world.now_ns += any ? roll(1, sim->plan.round_us * 1000) : roll(1, IDLE_STEP_MS) * 1000000;
    if (chance(1))
        world.now_ns += 30000000;
}

/* ---- rest ---- */

static bool is_at_rest(const struct sim *sim)
{
    if (!truth_is_settled(&sim->truth))
        return false;
    for (uint32_t i = 0; i < sim->plan.peers_count; i++)
        if (!peer_is_quiet(&sim->peers[i]))
            return false;
    for (uint32_t w = 0; w < sim->plan.workers; w++) {
        const struct worker *worker = &sim->workers[w];
        if (!sim_io_is_quiet(worker->io) || worker->rests.set)
            return false;
        for (uint32_t i = 0; i < worker->clients_used; i++)
            if (worker->fanout.subscribers[i].active &&
                (worker->fanout.subscribers[i].patient || worker->fanout.subscribers[i].held))
                return false;
    }
    return true;
}

/* The server is left alone, by clients that read, until nothing is under way. */
static void come_to_rest(struct sim *sim)
{
    struct sim_io_manners kind = {.yield = 50, .buffers_max = 64};
    sim->calm = true;
    sim->truth.ended = true;
    for (uint32_t i = 0; i < sim->plan.workers; i++)
        sim_io_set_manners(sim->workers[i].io, &kind);
    for (uint32_t i = 0; i < sim->plan.peers_count; i++)
        sim->peers[i].link.down_max = 1024 * 1024;
    int64_t until_ns = world.now_ns + REST_MS_MAX * INT64_C(1000000);
    uint32_t rounds = 0;
    while (!is_at_rest(sim) && world.now_ns < until_ns && rounds++ < REST_ROUNDS_MAX)
        act(sim);
    TRACE("at rest after %u rounds", rounds);
}

static void check_accounts(const struct sim *sim, struct sim_tally *tally)
{
    for (uint32_t i = 0; i < sim->plan.peers_count; i++) {
        if (!peer_is_whole(&sim->peers[i]))
            continue;
        TRACE("account of peer %u", i);
        account_check_complete(&sim->peers[i].account, true);
        account_check_answered(&sim->peers[i].account);
        tally->accounts++;
    }
    REQUIRE(truth_is_settled(&sim->truth), "the workers never read all that the feed took");
}

/* ---- ends ---- */

static bool code_is_fair(const struct sim *sim, const struct peer *peer)
{
    const struct config *config = &sim->plan.config;
    if (peer->broke)
        return true;
    switch (peer->close_code) {
    case 1000: return peer->goodbye;
    case 1001: return sim->stopping || peer->habit != PEER_STEADY;
    case 1013: return config->worker_pairs < 1024;
    case 4008: return peer->account.ever_strict;
    case 4009: return config->max_commands < 1000;
    default: return false;
    }
}

/* Only what the settings forbid may end a client that is polite. */
static void check_ends(const struct sim *sim)
{
    const struct config *config = &sim->plan.config;
    /* Control lanes share a budget: whoever finds it used up is cut off. */
    bool forced =
        (sim->stopping && config->drain_ms < 1000) || config->control_budget < 1024 * 1024;
    for (uint32_t i = 0; i < sim->plan.peers_count; i++) {
        const struct peer *peer = &sim->peers[i];
        REQUIRE(!peer->close_code || code_is_fair(sim, peer), "peer %u is closed with %u", i,
                peer->close_code);
        if (peer->habit != PEER_STEADY || peer->state == PEER_WAITING || peer->goodbye)
            continue;
        bool broken = peer->link.reset || peer->state == PEER_ENDED;
        bool in_time = peer->status == 101;
        REQUIRE(!broken || peer->close_code || forced || (!in_time && sim->stopping) ||
                    (!in_time && sim->plan.crowded),
                "peer %u, which is polite, is ended without a word (status %d)", i, peer->status);
    }
}

/* ---- shutdown ---- */

static bool all_done(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->plan.workers; i++)
        if (!sim->fibers[i].done)
            return false;
    return true;
}

/* In main.c's order: the feed first, then the workers. */
static void shut_down(struct sim *sim)
{
    TRACE("shutdown");
    sim->truth.ended = sim->stopping = true;
    feed_stop(sim->feed);
    for (uint32_t i = 0; i < sim->plan.workers; i++)
        worker_stop(&sim->workers[i]);
    int64_t until_ns =
        world.now_ns + ((int64_t)sim->plan.config.drain_ms + SHUTDOWN_GRACE_MS) * INT64_C(1000000);
    while (!all_done(sim)) {
        REQUIRE(world.now_ns < until_ns, "a worker doesn't end %d ms after drain-ms",
                SHUTDOWN_GRACE_MS);
        act(sim);
    }
    sim->calm = true;
    for (uint32_t i = 0; i < 3; i++)
        peers_act(sim); /* what has been sent is still read */
}

/* Whoever was told 1001 has had all that waited for him. */
static void check_farewells(const struct sim *sim, struct sim_tally *tally)
{
    for (uint32_t i = 0; i < sim->plan.peers_count; i++) {
        const struct peer *peer = &sim->peers[i];
        if (peer->close_code != 1001 || !peer->account.shutdown_told || peer->goodbye ||
            peer->broke)
            continue;
        TRACE("account of peer %u", i);
        account_check_complete(&peer->account, false);
        tally->accounts++;
    }
}

static void add_up(const struct sim *sim, struct sim_tally *tally)
{
    tally->merged += counter_get(&feed_metrics(sim->feed)->conflated);
    for (uint32_t i = 0; i < sim->plan.workers; i++) {
        tally->dropped += sim->workers[i].fanout.dropped;
        tally->shorts += counter_get(&sim->metrics[i].sends_short);
        tally->stale += counter_get(&sim->metrics[i].events_stale);
    }
    for (uint32_t i = 0; i < sim->plan.peers_count; i++) {
        tally->ticks += sim->peers[i].account.ticks;
        tally->gaps += sim->peers[i].account.gaps;
        tally->upgraded += sim->peers[i].status == 101;
        tally->closes += sim->peers[i].close_code != 0;
    }
}

static void finish(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->plan.workers; i++) {
        check_worker_finished(&sim->workers[i]);
        worker_finish(&sim->workers[i]);
        fiber_finish(&sim->fibers[i]);
        free(sim->stats_memory[i]);
    }
    for (uint32_t i = 0; i < sim->plan.peers_count; i++)
        peer_finish(&sim->peers[i]);
    feed_destroy(sim->feed);
    truth_finish(&sim->truth);
    world_end();
}

void sim_run(uint64_t seed, bool trace_it, struct sim_tally *tally)
{
    static struct sim sim; /* large, and one at a time */
    memset(&sim, 0, sizeof sim);
    world_begin(seed, trace_it);
    plan_draw(&sim.plan);
    start(&sim);
    while (sim.round < sim.plan.rounds)
        act(&sim);
    if (!sim.plan.midway) {
        come_to_rest(&sim);
        check_accounts(&sim, tally);
        check_ends(&sim);
    }
    shut_down(&sim);
    check_farewells(&sim, tally);
    check_ends(&sim);
    add_up(&sim, tally);
    finish(&sim);
}
