/* SPDX-License-Identifier: MIT */
/*
 * replay: `tapectl replay`, capture files to Kafka, each tick at its instant. Main thread.
 *
 * On a terminal: space pauses and goes on, '.' sends the next tick while paused, '+' and '-' double
 * and halve the speed, q ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "feed/histogram.h"
#include "feed/replay.h"
#include "schemas/instant.h"
#include "tools/excerpt.h"
#include "tools/keys.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/sink.h"
#include "tools/stop.h"
#include "tools/subcommands.h"

enum {
    SERVE_EVERY = 256,     /* ticks between looks at deliveries while there is no time to wait */
    LOOK_NS = 20000000,    /* between looks at keys and terminal */
    SPIN_NS = 60000,       /* before a tick's instant sleeping ends: a sleep is late by as much */
    SETTLE_NS = 100000000, /* after a change of pace ticks are late by no fault of the pacing */
};

static const double speed_max = 1e6;

struct replayer {
    struct sink_settings settings;
    struct excerpt_settings excerpt;
    const char *speed, *max_gap, *shift;
    bool loop;
    struct replay_config config;

    struct replay *replay;
    struct sink sink;
    struct progress progress;
    struct keys keys;
    struct histogram error; /* of the pacing, ns after each tick's instant */
    int64_t looked_ns;
    int64_t settle_ns; /* pacing counts from then on */
    bool damaged;
    bool ended;
};

/* ---- options ---- */

/* "1s", "250ms", "2m"; a bare number is seconds. */
static int read_span(const char *text, int64_t *ns)
{
    char *unit;
    double value = strtod(text, &unit);
    double scale = strcmp(unit, "ms") == 0            ? 1e6
                   : !*unit || strcmp(unit, "s") == 0 ? 1e9
                   : strcmp(unit, "m") == 0           ? 60e9
                                                      : 0;
    if (unit == text || scale == 0 || !(value >= 0) || value * scale > 1e18)
        return -EINVAL;
    *ns = (int64_t)(value * scale);
    return 0;
}

static int read_speed(const char *text, double *speed)
{
    char *end;
    *speed = 0;
    if (strcmp(text, "max") == 0)
        return 0;
    *speed = strtod(text, &end);
    return end != text && !*end && *speed > 0 && *speed <= speed_max ? 0 : -EINVAL;
}

/* What the table can't check. */
static int check(struct replayer *r, const struct options *options)
{
    struct replay_config *config = &r->config;
    struct excerpt excerpt;
    int status = excerpt_init(&excerpt, &r->excerpt, options);
    if (status)
        return status;
    config->clock = excerpt.filter.clock;
    config->from = excerpt.filter.from;
    config->until = excerpt.filter.until;
    config->from_ns = excerpt.filter.from_ns;
    config->until_ns = excerpt.filter.until_ns;
    config->symbols = r->excerpt.symbols.items;
    config->symbols_count = r->excerpt.symbols.count;
    config->loop = r->loop;
    config->shift = r->shift != NULL;
    if (read_speed(r->speed, &config->speed) < 0)
        return options_refuse(options, "--speed %s: must be a number above 0, or max", r->speed);
    if (r->max_gap && read_span(r->max_gap, &config->max_gap_ns) < 0)
        return options_refuse(options, "--max-gap %s: must be as 1s, 250ms or 2m", r->max_gap);
    if (r->shift && strcmp(r->shift, "now") != 0)
        return options_refuse(options, "--shift %s: there is only now", r->shift);
    return 0;
}

static const char summary[] =
    "Sends the ticks of capture files to Kafka, each at its instant; several files as one tape.";
static const char notes[] =
    "On a terminal: space pauses and goes on, . steps, + and - change the speed, q ends.\n"
    "Ends with status 1 when a file was damaged, or Kafka didn't acknowledge every tick.";

static int read_options(struct replayer *r, int argc, char **argv, int *status)
{
    const struct option_spec specs[] = {
        SINK_OPTIONS(r->settings),
        {.name = "speed",
         .kind = OPTION_STRING,
         .to.string = &r->speed,
         .value = "N",
         .help = "times the original pace, 1; max: as fast as it goes"},
        {.name = "max-gap",
         .kind = OPTION_STRING,
         .to.string = &r->max_gap,
         .value = "TIME",
         .help = "longer silences are cut to this, as 1s"},
        EXCERPT_OPTIONS(r->excerpt),
        {.name = "shift",
         .kind = OPTION_STRING,
         .to.string = &r->shift,
         .value = "now",
         .help = "move event times so that the first is now"},
        {.name = "loop",
         .kind = OPTION_FLAG,
         .to.flag = &r->loop,
         .help = "begin again at the end, until Ctrl-C"},
    };
    const struct options options = {"tapectl replay", "FILE...", summary, specs,
                                    ARRAY_LEN(specs), notes};
    int operands = options_start(&options, argc, argv, status);
    if (operands < 0)
        return -1;
    *status = operands ? check(r, &options) : options_refuse(&options, "names no FILE");
    r->config.paths = (const char *const *)argv + 1;
    r->config.paths_count = (size_t)operands;
    return *status ? -1 : 0;
}

static void notice(void *arg, const char *sentence)
{
    struct replayer *r = arg;
    progress_clear(&r->progress);
    fprintf(stderr, "tapectl replay: %s\n", sentence);
}

/* ---- while it runs ---- */

static void show(struct replayer *r, int64_t now_ns)
{
    char instant[INSTANT_TEXT_MAX], bar[32];
    struct tape_stats stats = replay_stats(r->replay);
    const struct pace *pace = replay_pace(r->replay);
    instant_write(replay_time_ns(r->replay), instant);
    progress_bar(stats.read_bytes, stats.file_bytes, 12, bar, sizeof bar);
    progress_draw(&r->progress, now_ns, "%s %.23s  %s%g x  sent %" PRIu64, bar, instant,
                  pace->paused ? "paused " : "", pace->speed, r->sink.sent);
}

static void press(struct replayer *r, char key, int64_t now_ns)
{
    struct pace *pace = replay_pace(r->replay);
    switch (key) {
    case ' ':
        if (pace->paused)
            pace_resume(pace, now_ns);
        else
            pace_pause(pace, now_ns);
        break;
    case '+':
    case '-':
        if (pace->speed > 0)
            pace_set_speed(pace, key == '+' ? pace->speed * 2 : pace->speed / 2, now_ns);
        break;
    case 'q': r->ended = true; break;
    default: return;
    }
    r->settle_ns = now_ns + SETTLE_NS;
}

/* Keys, terminal and deliveries. Returns whether '.' asked for a step. */
static bool look(struct replayer *r, int64_t now_ns)
{
    bool step = false;
    for (char key; (key = keys_next(&r->keys)) != 0;) {
        press(r, key, now_ns);
        step = step || (key == '.' && replay_pace(r->replay)->paused);
    }
    if (progress_due(&r->progress, now_ns))
        show(r, now_ns);
    producer_poll(r->sink.producer, 0);
    r->looked_ns = now_ns;
    return step;
}

/* Until the next tick's instant. Returns false when it is time to end. */
static bool wait_for(struct replayer *r)
{
    while (!stop_requested() && !r->ended) {
        int64_t now_ns = clock_mono_ns(), due_ns = pace_due(replay_pace(r->replay));
        if (due_ns <= now_ns)
            return true;
        if (now_ns - r->looked_ns >= LOOK_NS && look(r, now_ns)) {
            pace_skip(replay_pace(r->replay), now_ns);
            return true; /* one tick, and the pause goes on */
        }
        int64_t left_ns = due_ns == PACE_NEVER ? LOOK_NS : due_ns - now_ns;
        if (left_ns <= SPIN_NS)
            continue;
        left_ns = left_ns - SPIN_NS < LOOK_NS ? left_ns - SPIN_NS : LOOK_NS;
        struct timespec nap = {.tv_nsec = left_ns};
        nanosleep(&nap, NULL);
    }
    return false;
}

/* Returns 1, 0 at the end, or -errno. */
static int send_one(struct replayer *r)
{
    const struct tape_item *item;
    int64_t due_ns;
    int rc = replay_peek(r->replay, clock_mono_ns(), &item, &due_ns);
    if (rc < 0) {
        notice(r, replay_error(r->replay));
        r->damaged = true;
        return rc == -EBADMSG ? 1 : rc;
    }
    if (rc == 0 || !wait_for(r))
        return 0;
    const struct pace *pace = replay_pace(r->replay);
    int64_t now_ns = clock_mono_ns();
    if (pace->speed > 0 && !pace->paused && now_ns >= r->settle_ns)
        histogram_add(&r->error, now_ns - pace_due(pace));
    if (r->sink.sent % SERVE_EVERY == 0 && now_ns - r->looked_ns >= LOOK_NS)
        look(r, now_ns);
    rc = sink_send(&r->sink, &item->tick, item->symbol, item->symbol_len);
    replay_take(r->replay);
    return rc < 0 ? rc : 1;
}

static void print_summary(const struct replayer *r, double seconds)
{
    struct tape_stats stats = replay_stats(r->replay);
    printf("sent=%" PRIu64 " acknowledged=%" PRIu64 " rounds=%" PRIu64 " blocks_read=%" PRIu64
           " blocks_skipped=%" PRIu64 " seconds=%.1f ticks_per_s=%.0f",
           r->sink.sent, producer_delivered(r->sink.producer), replay_rounds(r->replay),
           stats.blocks_read, stats.blocks_skipped, seconds,
           seconds > 0 ? (double)r->sink.sent / seconds : 0.0);
    if (histogram_count(&r->error))
        printf(" late_p50_us=%.0f late_p99_us=%.0f",
               (double)histogram_quantile(&r->error, 0.5) / 1e3,
               (double)histogram_quantile(&r->error, 0.99) / 1e3);
    printf("\n");
}

static int run(struct replayer *r)
{
    int rc = 1;
    progress_init(&r->progress);
    keys_begin(&r->keys);
    while (rc > 0)
        rc = send_one(r);
    keys_end(&r->keys);
    progress_clear(&r->progress);
    double seconds = sink_seconds(&r->sink);
    bool complete = sink_flush(&r->sink);
    print_summary(r, seconds);
    return complete && rc == 0 && !r->damaged ? EXIT_SUCCESS : EXIT_FAILURE;
}

int replay_main(int argc, char **argv)
{
    static struct replayer r = {.speed = "1"};
    int status;
    char error[512];
    if (read_options(&r, argc, argv, &status) < 0)
        return status;
    r.config.notice = notice;
    r.config.arg = &r;
    if (replay_open(&r.replay, &r.config, error, sizeof error) < 0) {
        fprintf(stderr, "tapectl replay: %s\n", error);
        return EXIT_FAILURE;
    }
    status = EXIT_FAILURE;
    stop_on_signals();
    if (sink_open(&r.sink, "tapectl replay", &r.settings) == 0)
        status = run(&r);
    sink_close(&r.sink);
    replay_close(r.replay);
    return status;
}
