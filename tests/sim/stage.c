/* SPDX-License-Identifier: MIT */
/* stage: see stage.h. */
#include "tests/sim/stage.h"

#include <stdlib.h>

#include "tests/sim/check.h"
#include "tests/sim/sim_io.h"
#include "tests/sim/world.h"

enum { END_ROUNDS_MAX = 20000 };

static void *run_worker(void *arg)
{
    worker_run(arg);
    return NULL;
}

static void read_config(struct config *config)
{
    char *arguments[] = {"transcripts",
                         "--enable-echo",
                         "--max-connections",
                         "8",
                         "--control-bytes",
                         "1048576",
                         "--ring-slots",
                         "256",
                         "--symbols-max",
                         "64",
                         "--close-ms",
                         "60000",
                         NULL};
    char error[256];
    int count = (int)(sizeof arguments / sizeof *arguments) - 1;
    REQUIRE(config_read(config, count, arguments, error, sizeof error) == CONFIG_RUN, "%s", error);
}

void stage_begin(struct stage *stage)
{
    char error[256];
    struct truth_script script = {
        .symbols = TRUTH_SYMBOLS, .ticks = UINT32_MAX, .burst_max = 4, .busy = 50};
    world_begin(1, false);
    read_config(&stage->config);
    truth_init(&stage->truth, &script, 1);
    struct feed_config config = {.symbols_max = (uint32_t)stage->config.symbols_max,
                                 .ring_slots = stage->config.ring_slots,
                                 .workers = 1};
    int rc = feed_create_from(&stage->feed, &config, &stage->truth.source, error, sizeof error);
    REQUIRE(rc == 0, "%s", error);
    truth_watch(&stage->truth, stage->feed);
    REQUIRE(feed_start(stage->feed, error, sizeof error) == 0, "%s", error);
    stage->metrics_list[0] = &stage->metrics;
    uint32_t clients = worker_clients_max(&stage->config, 1);
    stage->stats_memory = calloc(clients, sizeof *stage->stats_memory);
    CHECK(stage->stats_memory);
    stage->stats = (struct stats_table){.clients = stage->stats_memory, .count = clients};
    stage->cluster = (struct cluster){.config = &stage->config,
                                      .feed = stage->feed,
                                      .metrics = stage->metrics_list,
                                      .stats = &stage->stats,
                                      .decks = &stage->decks,
                                      .workers_count = 1,
                                      .epoch = "sim"};
    stage->worker = (struct worker){.cluster = &stage->cluster,
                                    .listen_fd = WORLD_LISTEN_FD,
                                    .stats = stage->stats_memory,
                                    .metrics = &stage->metrics};
    REQUIRE(worker_init(&stage->worker, error, sizeof error) == 0, "%s", error);
    fiber_start(&stage->fiber, run_worker, &stage->worker);
}

void stage_act(struct stage *stage)
{
    if (world.feed_runs && !world.feed.done)
        fiber_resume(&world.feed);
    if (!stage->fiber.done && sim_io_is_awake(stage->worker.io)) {
        fiber_resume(&stage->fiber);
        truth_follow(&stage->truth, 0);
        check_worker(&stage->worker);
    }
    world.now_ns += roll(1, 300000);
}

void stage_end(struct stage *stage)
{
    stage->truth.ended = true;
    feed_stop(stage->feed);
    worker_stop(&stage->worker);
    for (uint32_t i = 0; !stage->fiber.done; i++) {
        REQUIRE(i < END_ROUNDS_MAX, "the worker doesn't end");
        stage_act(stage);
    }
    check_worker_finished(&stage->worker);
    worker_finish(&stage->worker);
    fiber_finish(&stage->fiber);
    free(stage->stats_memory);
    feed_destroy(stage->feed);
    truth_finish(&stage->truth);
    world_end();
}
