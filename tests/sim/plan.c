/* SPDX-License-Identifier: MIT */
/* plan: see plan.h. */
#include "tests/sim/plan.h"

#include <string.h>

#include "feed/base.h"
#include "tests/sim/world.h"

#define PICK(...)                                                                                  \
    ((const uint64_t[]){__VA_ARGS__})[roll(0, sizeof((const uint64_t[]){__VA_ARGS__}) / 8 - 1)]

/* Read once: the defaults of every setting that a seed doesn't draw. */
static const struct config *defaults(void)
{
    static struct config config;
    static bool read;
    char *arguments[] = {"sim", NULL};
    char error[256];
    if (!read)
        REQUIRE(config_read(&config, 1, arguments, error, sizeof error) == CONFIG_RUN, "%s", error);
    read = true;
    return &config;
}

static void draw_sizes(struct config *config)
{
    config->ring_slots = PICK(2, 4, 8, 32, 256);
    config->symbols_max = chance(10) ? 3 : 64;
    config->queue_frames = PICK(1, 2, 5, 21, 22, 64, 1024);
    config->queue_bytes = PICK(1024, 4096, 65536, 524288);
    config->arena_bytes = PICK(4096, 4096, 16384, 65536, 1048576);
    config->control_bytes = PICK(4096, 131072);
    config->control_budget = PICK(65536, 4194304, 4194304, 4194304);
    config->worker_pairs = PICK(16, 64, 1024, 1024);
    config->max_subscriptions = PICK(2, 20, 20, 20);
    config->max_message_bytes = 4096;
    config->max_commands = PICK(3, 1000, 1000, 1000);
    config->max_frames = 1000000;
    config->inbox_budget = 65536;
    config->history_ticks = PICK(0, 1, 10, 100, 100000);
    config->zero_copy_min = PICK(0, 1, 200, 16384);
    config->accept_rate = PICK(0, 1000, 10000);
    config->max_window_ms = PICK(0, 20);
}

static void draw_times(struct config *config, uint32_t round_us)
{
    config->heartbeat_ms = PICK(0, 5, 100, 1000);
    /* A few hundred rounds: a request may come byte by byte, and input rests. */
    config->handshake_ms = 2000 + round_us * 2 / 5;
    config->ping_ms = PICK(150, 20000);
    config->idle_ms = config->ping_ms + 3000 + round_us; /* polite clients answer their pings */
    config->stall_ms = 1000 + round_us / 2; /* an event may be late, and so may the next */
    config->close_ms = PICK(1000, 5000) + round_us / 2; /* likewise */
    uint32_t drain_ms = 5000 + round_us;                /* likewise, for all that waits */
    config->drain_ms = PICK(0, 50, drain_ms, drain_ms);
}

static void draw_script(struct plan *plan)
{
    plan->script = (struct truth_script){.symbols = roll(1, TRUTH_SYMBOLS),
                                         .quiet = chance(20) ? roll(1, 30) : 0,
                                         .ticks = roll(0, 9) ? roll(50, 600) : 2000,
                                         .burst_max = (uint32_t)PICK(1, 4, 30, 300),
                                         .busy = (uint32_t)PICK(5, 30, 90),
                                         .interrupted = (uint32_t)PICK(0, 5, 50)};
}

static void draw_manners(struct plan *plan)
{
    static const struct sim_io_manners kind = {.yield = 50, .buffers_max = 64};
    plan->manners = kind;
    if (chance(10))
        return;
    plan->manners = (struct sim_io_manners){.short_send = (uint32_t)PICK(0, 5, 50),
                                            .again = (uint32_t)PICK(0, 2, 20),
                                            .late = (uint32_t)PICK(0, 10, 50),
                                            .hold_back = (uint32_t)PICK(0, 20, 50),
                                            .no_buffers = (uint32_t)PICK(0, 2, 20),
                                            .ghost = (uint32_t)PICK(0, 5, 20),
                                            .few_events = (uint32_t)PICK(0, 20),
                                            .copied = (uint32_t)PICK(0, 10, 100),
                                            .yield = (uint32_t)PICK(20, 50, 100),
                                            .buffers_max = (uint32_t)PICK(1, 4, 64)};
}

/* So many share turns and buffers that the polite would be taken for dead. */
static void be_patient(struct plan *plan)
{
    plan->manners.buffers_max = 64;
    plan->manners.again = plan->manners.few_events = 0;
    plan->lazy = 0;
    plan->config.stall_ms = 30000;
    plan->config.drain_ms = 5000;
}

static void draw_peers(struct plan *plan)
{
    uint32_t flood = chance(4) ? roll(60, 100) : 0;
    plan->peers_count = roll(1, 14) + flood;
    if (flood)
        be_patient(plan);
    plan->config.max_connections = chance(80) ? 200 : roll(1, 8);
    plan->crowded = plan->config.max_connections < plan->peers_count;
    for (uint32_t i = 0; i < plan->peers_count; i++) {
        struct plan_peer *peer = &plan->peers[i];
        peer->habit = chance(40) ? PEER_STEADY : (enum peer_habit)roll(0, PEER_HABITS - 1);
        if (i >= 14)
            peer->habit = chance(80) ? PEER_MUTE : PEER_STEADY;
        peer->msgpack = chance(40);
        peer->worker = roll(0, plan->workers - 1);
        peer->round = chance(50) ? roll(0, 5) : roll(0, plan->rounds - 1);
    }
}

void plan_draw(struct plan *plan)
{
    memset(plan, 0, sizeof *plan);
    plan->config = *defaults();
    plan->workers = chance(60) ? 1 : 2;
    plan->rounds = roll(0, 4) ? roll(50, 250) : roll(250, 600);
    plan->midway = chance(25);
    plan->lazy = (uint32_t)PICK(0, 20, 80);
    plan->round_us = (uint32_t)PICK(10, 300, 3000, 20000);
    draw_sizes(&plan->config);
    draw_times(&plan->config, plan->round_us);
    draw_script(plan);
    draw_manners(plan);
    draw_peers(plan);
}
