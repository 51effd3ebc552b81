/* SPDX-License-Identifier: MIT */
/*
 * sim_source: the simulated market as a source: each tick is handed over at its planned instant,
 * which is also its event time, so that `rts - ts` is what the server itself adds. Thread F.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"
#include "feed/sim.h"
#include "feed/source.h"

enum { POLL_TICKS_MAX = 256, SLEEP_NS_MIN = 100000 };

struct sim_source {
    struct source source;
    struct sim *sim;
    struct source_sink sink;
    struct feed_metrics *metrics;
    int64_t start_mono_ns, start_wall_ns;
    struct tick next; /* not yet due; ts_ns counts from the start */
    const char *next_symbol;
};

static int start(struct source *source, const struct source_sink *sink,
                 struct feed_metrics *metrics, char *error, size_t error_size)
{
    struct sim_source *s = (struct sim_source *)source;
    (void)error;
    (void)error_size;
    s->sink = *sink;
    s->metrics = metrics;
    counter_set(&metrics->partitions_count, 1);
    s->start_mono_ns = clock_mono_ns();
    s->start_wall_ns = clock_wall_ns();
    sim_next(s->sim, &s->next, &s->next_symbol);
    return 0;
}

static void hand_over(struct sim_source *s, int64_t rts_ns)
{
    struct tick tick = s->next;
    tick.ts_ns += s->start_wall_ns;
    tick.rts_ns = rts_ns;
    s->sink.take(s->sink.arg, &tick, s->next_symbol, strlen(s->next_symbol));
    int64_t lag_ms = (rts_ns - tick.ts_ns) / 1000000;
    counter_set(&s->metrics->lag_ms, lag_ms > 0 ? (uint64_t)lag_ms : 0);
    sim_next(s->sim, &s->next, &s->next_symbol);
}

static void poll(struct source *source, int timeout_ms)
{
    struct sim_source *s = (struct sim_source *)source;
    int64_t now = clock_mono_ns();
    int64_t due = s->start_mono_ns + s->next.ts_ns;
    int64_t latest = now + (int64_t)timeout_ms * 1000000;
    if (due > now) {
        /* Closer ticks than this come together: a sleep a tick would cost more than the tick. */
        due = due > now + SLEEP_NS_MIN ? due : now + SLEEP_NS_MIN;
        clock_sleep_until(due < latest ? due : latest);
        now = clock_mono_ns();
    }
    int64_t rts_ns = clock_wall_ns();
    uint64_t taken = 0;
    while (taken < POLL_TICKS_MAX && s->start_mono_ns + s->next.ts_ns <= now) {
        hand_over(s, rts_ns);
        taken++;
    }
    counter_add(&s->metrics->messages, taken);
    counter_add(&s->metrics->partitions[0].offset, taken);
    counter_set(&s->metrics->partitions[0].end, tick_offset(&s->next));
}

static enum feed_state state(const struct source *source)
{
    (void)source;
    return FEED_LIVE;
}

static bool ready(const struct source *source)
{
    (void)source;
    return true;
}

static const char *partition(const struct source *source, uint32_t i, int32_t *number)
{
    (void)source;
    *number = (int32_t)i;
    return "sim";
}

static void destroy(struct source *source)
{
    struct sim_source *s = (struct sim_source *)source;
    sim_destroy(s->sim);
    free(s);
}

int sim_source_create(struct source **out, const char *text, char *error, size_t error_size)
{
    static const struct source_ops ops = {
        .start = start,
        .poll = poll,
        .state = state,
        .ready = ready,
        .partition = partition,
        .destroy = destroy,
    };
    struct sim_config config;
    int result = sim_config_parse(text, &config, error, error_size);
    if (result < 0)
        return result;
    struct sim_source *s = calloc(1, sizeof *s);
    struct sim *sim = sim_create(&config);
    if (!s || !sim) {
        free(s);
        sim_destroy(sim);
        return -ENOMEM;
    }
    s->source.ops = &ops;
    s->sim = sim;
    *out = &s->source;
    return 0;
}
