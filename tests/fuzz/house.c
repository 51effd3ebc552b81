/* SPDX-License-Identifier: MIT */
/* house: see house.h. */
#include "tests/fuzz/house.h"

#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/source.h"
#include "tests/sim/check.h"
#include "tests/sim/world.h"

enum { IDLE_STEP_MS = 20, ROUND_US = 300, CLIENTS_MAX = 8 };

static const struct sim_io_manners kind = {.yield = 50, .buffers_max = 64};
static const struct sim_io_manners unkind = {.short_send = 20,
                                             .again = 5,
                                             .late = 20,
                                             .hold_back = 20,
                                             .no_buffers = 5,
                                             .ghost = 10,
                                             .few_events = 10,
                                             .yield = 50,
                                             .copied = 10,
                                             .buffers_max = 4};

/* ---- opening ---- */

static void read_config(struct config *config)
{
    static struct config defaults;
    static bool read;
    char program[] = "house", *arguments[] = {program, NULL};
    char error[256];
    if (!read)
        REQUIRE(config_read(&defaults, 1, arguments, error, sizeof error) == CONFIG_RUN, "%s",
                error);
    read = true;
    *config = defaults;
}

static void choose_sizes(struct config *config, uint8_t sizes)
{
    static const uint16_t rings[] = {256, 32, 4, 2}, queues[] = {1024, 64, 21, 2};
    config->ring_slots = rings[sizes & 3];
    config->queue_frames = queues[sizes >> 2 & 3];
    config->queue_bytes = sizes & 16 ? 1024 : 524288;
    config->arena_bytes = sizes & 32 ? 4096 : 65536;
    config->history_ticks = sizes & 64 ? 10 : 1000;
    config->zero_copy_min = sizes & 128 ? 200 : 0;
    config->symbols_max = 64;
    config->worker_pairs = 1024;
    config->max_connections = CLIENTS_MAX;
    config->inbox_budget = 65536;
    config->control_budget = 4194304;
}

static void choose_limits(struct config *config, uint8_t limits)
{
    config->max_commands = limits & 1 ? 3 : 1000;
    config->max_frames = 1000000; /* a story takes no time */
    config->max_subscriptions = limits & 2 ? 2 : 20;
    config->heartbeat_ms = limits & 4 ? 50 : 0;
    config->max_window_ms = limits & 8 ? 0 : 20;
    config->control_bytes = limits & 16 ? 4096 : 131072;
    config->max_message_bytes = limits & 32 ? 512 : 4096;
    config->drain_ms = limits & 64 ? 50 : 5000;
    config->address_connections = limits & 128 ? 1 : 0;
    config->address_rate = limits & 128 ? 2 : 0;
    config->enable_echo = true;
}

static struct truth_script choose_script(uint8_t manners)
{
    return (struct truth_script){.symbols = TRUTH_SYMBOLS,
                                 .quiet = manners & 2 ? 5 : 0,
                                 .ticks = 400,
                                 .burst_max = manners & 4 ? 60 : 4,
                                 .busy = manners & 8 ? 90 : 30,
                                 .interrupted = manners & 16 ? 50 : 0};
}

static void open_feed(struct house *house, uint8_t manners)
{
    char error[256];
    struct truth_script script = choose_script(manners);
    struct feed_config config = {.symbols_max = (uint32_t)house->config.symbols_max,
                                 .ring_slots = house->config.ring_slots,
                                 .workers = 1};
    truth_init(&house->truth, &script, 1);
    int rc = feed_create_from(&house->feed, &config, &house->truth.source, error, sizeof error);
    REQUIRE(rc == 0, "%s", error);
    truth_watch(&house->truth, house->feed);
    REQUIRE(feed_start(house->feed, error, sizeof error) == 0, "%s", error);
}

static void *run_worker(void *arg)
{
    worker_run(arg);
    return NULL;
}

void house_open(struct house *house, const struct house_plan *plan)
{
    char error[256];
    memset(house, 0, sizeof *house);
    read_config(&house->config);
    choose_sizes(&house->config, plan->sizes);
    choose_limits(&house->config, plan->limits);
    open_feed(house, plan->manners);
    uint32_t clients = worker_clients_max(&house->config, 1);
    house->stats_memory = calloc(clients, sizeof *house->stats_memory);
    CHECK(house->stats_memory);
    house->stats = (struct stats_table){.clients = house->stats_memory, .count = clients};
    house->metrics_list[0] = &house->metrics;
    house->cluster = (struct cluster){.config = &house->config,
                                      .feed = house->feed,
                                      .metrics = house->metrics_list,
                                      .stats = &house->stats,
                                      .decks = &house->decks,
                                      .workers_count = 1,
                                      .epoch = "fuzz"};
    if (house->config.address_rate)
        CHECK(addresses_create(&house->cluster.addresses, CLIENTS_MAX,
                               house->config.address_connections, house->config.address_rate) == 0);
    house->worker = (struct worker){.cluster = &house->cluster,
                                    .listen_fd = WORLD_LISTEN_FD,
                                    .stats = house->stats_memory,
                                    .metrics = &house->metrics};
    REQUIRE(worker_init(&house->worker, error, sizeof error) == 0, "%s", error);
    sim_io_set_manners(house->worker.io, plan->manners & 1 ? &unkind : &kind);
    fiber_start(&house->fiber, run_worker, &house->worker);
}

void house_connect(struct house *house, struct link *link)
{
    if (world.listener_closed[0] || house->fiber.done)
        link->reset = link->closed = true;
    else
        sim_io_connect(house->worker.io, link);
}

/* ---- its days ---- */

static bool feed_acts(struct house *house)
{
    if (!world.feed_runs || world.feed.done)
        return false;
    fiber_resume(&world.feed);
    if (!house->fiber.done)
        check_wake_up(&house->worker);
    return !house->truth.ended;
}

static bool worker_acts(struct house *house)
{
    if (house->fiber.done || !sim_io_is_awake(house->worker.io))
        return false;
    fiber_resume(&house->fiber);
    truth_follow(&house->truth, 0);
    check_worker(&house->worker);
    truth_check_ring(&house->truth);
    return true;
}

void house_act(struct house *house, bool feed_runs)
{
    bool any = feed_runs && feed_acts(house);
    any |= worker_acts(house);
    world.now_ns += any ? roll(1, ROUND_US * 1000) : roll(1, IDLE_STEP_MS) * 1000000;
}

void house_calm_down(struct house *house)
{
    house->truth.ended = true;
    if (!house->fiber.done)
        sim_io_set_manners(house->worker.io, &kind);
}

bool house_is_at_rest(const struct house *house)
{
    const struct worker *worker = &house->worker;
    if (!truth_is_settled(&house->truth) || !sim_io_is_quiet(worker->io) || worker->rests.set)
        return false;
    for (uint32_t i = 0; i < worker->clients_used; i++) {
        const struct subscriber *sub = &worker->fanout.subscribers[i];
        if (sub->active && (sub->patient || sub->held))
            return false;
    }
    return true;
}

/* ---- its end ---- */

void house_stop(struct house *house)
{
    house->truth.ended = true;
    feed_stop(house->feed);
    worker_stop(&house->worker);
}

bool house_is_done(const struct house *house)
{
    return house->fiber.done;
}

void house_close(struct house *house)
{
    check_worker_finished(&house->worker);
    worker_finish(&house->worker);
    fiber_finish(&house->fiber);
    free(house->stats_memory);
    addresses_destroy(house->cluster.addresses);
    feed_destroy(house->feed);
    truth_finish(&house->truth);
}
