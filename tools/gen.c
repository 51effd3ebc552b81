/* SPDX-License-Identifier: MIT */
/*
 * gen: `tapectl gen`, the simulator's ticks to Kafka, each at its planned instant, or to a capture
 * file, as fast as it goes. Main thread.
 *
 * A tick's `ts` is the instant that was planned for it, not the one at which it went out: what a
 * sender that falls behind adds to the latency then shows at the far end, and doesn't hide (no
 * coordinated omission).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "feed/sim.h"
#include "feed/tape_writer.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/sink.h"
#include "tools/stop.h"
#include "tools/subcommands.h"

enum {
    GEN_LATE_NS = 10000000, /* later than this after its instant is counted as late */
    GEN_SERVE_EVERY = 256,  /* ticks between looks at deliveries while there is no time to wait */
    GEN_NAP_NS_MAX = 100000000,
};

struct gen {
    struct sink_settings settings;
    double rate;
    int64_t count;
    double duration;
    int64_t symbols;
    int64_t seed;
    double burst;
    const char *tape;

    struct sink sink;
    struct sim *sim;
    struct progress progress;
    int64_t wall_ns; /* the start, on both clocks */
    int64_t mono_ns;
    uint64_t late;
    int64_t late_ns_max;
};

/* What the table can't say. */
static int check_options(const struct gen *gen, const struct options *options, int operands,
                         char **argv, int *status)
{
    bool kafka = gen->settings.brokers && gen->settings.topic;
    if (operands > 0)
        *status = options_refuse(options, "takes no operand, not \"%s\"", argv[1]);
    else if (!gen->tape && !gen->settings.brokers)
        *status = options_refuse(options, "--brokers HOST:PORT,... is required, or --tape FILE");
    else if (!gen->tape && !kafka)
        *status = options_refuse(options, "--topic NAME is required");
    else if (gen->tape && gen->count == 0 && gen->duration <= 0)
        *status = options_refuse(options, "--tape needs a --count or a --duration");
    else
        return 0;
    return -1;
}

static int gen_options(struct gen *gen, int argc, char **argv, int *status)
{
    struct option_spec specs[] = {
        SINK_OPTIONS(gen->settings),
        {.name = "rate",
         .kind = OPTION_NUMBER,
         .to.number = &gen->rate,
         .max = 10000000,
         .value = "R",
         .help = "ticks a second on average, 5000; 0: as fast as it goes"},
        {.name = "count",
         .kind = OPTION_INT,
         .to.integer = &gen->count,
         .min = 1,
         .max = INT64_MAX,
         .value = "N",
         .help = "stop after so many ticks"},
        {.name = "duration",
         .kind = OPTION_NUMBER,
         .to.number = &gen->duration,
         .max = 1000000000,
         .value = "S",
         .help = "stop after so many seconds"},
        {.name = "symbols",
         .kind = OPTION_INT,
         .to.integer = &gen->symbols,
         .min = 1,
         .max = 1000000,
         .value = "N",
         .help = "how many symbols, 50"},
        {.name = "seed",
         .kind = OPTION_INT,
         .to.integer = &gen->seed,
         .max = INT64_MAX,
         .value = "N",
         .help = "the same seed gives the same ticks, 1"},
        {.name = "burst",
         .kind = OPTION_NUMBER,
         .to.number = &gen->burst,
         .max = 100,
         .value = "B",
         .help = "how arrivals cluster: 0 evenly spaced, 1 the default"},
        {.name = "tape",
         .kind = OPTION_STRING,
         .to.string = &gen->tape,
         .value = "FILE",
         .help = "to a new capture file instead, at once"},
    };
    specs[0].required = specs[1].required = false; /* not with --tape */
    const struct options options = {
        .program = "tapectl gen",
        .operands = "",
        .summary = "Sends simulated ticks to Kafka until Ctrl-C, --count or --duration.",
        .specs = specs,
        .count = ARRAY_LEN(specs),
        .notes = "Ends with status 1 when Kafka didn't acknowledge every tick.",
    };
    int operands = options_start(&options, argc, argv, status);
    return operands < 0 ? operands : check_options(gen, &options, operands, argv, status);
}

/* ---- to a file ---- */

/* Received when they happened, as one partition's. */
static int gen_to(struct gen *gen, struct tape_writer *writer)
{
    uint64_t made = 0;
    int result = tape_writer_topic(writer, 0, "sim");
    gen->wall_ns = clock_wall_ns();
    while (result == 0 && !stop_requested() && (gen->count == 0 || made < (uint64_t)gen->count)) {
        struct tick tick;
        const char *symbol;
        sim_next(gen->sim, &tick, &symbol);
        if (gen->duration > 0 && (double)tick.ts_ns >= gen->duration * 1e9)
            break;
        tick.ts_ns += gen->wall_ns;
        tick.rts_ns = tick.ts_ns;
        result = tape_writer_append(writer, &tick, symbol, strlen(symbol));
        made++;
    }
    return result == 0 ? tape_writer_finish(writer) : result;
}

static int gen_tape(struct gen *gen)
{
    const struct tape_writer_config config = {.path = gen->tape, .sync = TAPE_SYNC_CLOSE};
    struct tape_writer *writer;
    char error[4608];
    int64_t started_ns = clock_mono_ns();
    if (tape_writer_create(&writer, &config, error, sizeof error) < 0) {
        fprintf(stderr, "tapectl gen: %s\n", error);
        return EXIT_FAILURE;
    }
    int result = gen_to(gen, writer);
    if (result < 0)
        fprintf(stderr, "tapectl gen: %s\n", tape_writer_error(writer));
    double seconds = (double)(clock_mono_ns() - started_ns) / 1e9;
    printf("ticks=%" PRIu64 " bytes=%" PRIu64 " seconds=%.1f ticks_per_s=%.0f\n",
           tape_writer_ticks(writer), tape_writer_bytes(writer), seconds,
           (double)tape_writer_ticks(writer) / (seconds + 1e-9));
    tape_writer_destroy(writer);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- to Kafka ---- */

static void show(struct gen *gen, int64_t now)
{
    double seconds = (double)(now - gen->mono_ns) / 1e9;
    progress_draw(&gen->progress, now,
                  "%.0f ticks/s  sent %" PRIu64 "  acknowledged %" PRIu64 "  late %" PRIu64,
                  seconds > 0 ? (double)gen->sink.sent / seconds : 0.0, gen->sink.sent,
                  producer_delivered(gen->sink.producer), gen->late);
}

/* Serves deliveries and the terminal until the instant has come. Returns false when told to stop.
 */
static bool wait_until(struct gen *gen, int64_t due_ns)
{
    while (!stop_requested()) {
        int64_t now = clock_mono_ns();
        if (progress_due(&gen->progress, now))
            show(gen, now);
        int64_t left = due_ns - now;
        if (left <= 0)
            return true;
        producer_poll(gen->sink.producer, 0);
        if (left > GEN_NAP_NS_MAX)
            left = GEN_NAP_NS_MAX;
        struct timespec nap = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        nanosleep(&nap, NULL);
    }
    return false;
}

static void note_lateness(struct gen *gen, int64_t due_ns)
{
    int64_t late = clock_mono_ns() - due_ns;
    if (late > gen->late_ns_max)
        gen->late_ns_max = late;
    if (late > GEN_LATE_NS)
        gen->late++;
}

/* Sends one tick at its instant. Returns 1, 0 when it is time to end, -errno when sending failed.
 */
static int gen_one(struct gen *gen)
{
    struct tick tick;
    const char *symbol;
    sim_next(gen->sim, &tick, &symbol);
    int64_t since_start = gen->rate > 0 ? tick.ts_ns : clock_mono_ns() - gen->mono_ns;
    if (gen->duration > 0 && (double)since_start >= gen->duration * 1e9)
        return 0;
    if (gen->sink.sent % GEN_SERVE_EVERY == 0)
        producer_poll(gen->sink.producer, 0);
    if (!wait_until(gen, gen->mono_ns + since_start))
        return 0;
    tick.ts_ns = gen->wall_ns + since_start;
    int result = sink_send(&gen->sink, &tick, symbol, strlen(symbol));
    if (result < 0)
        return result;
    if (gen->rate > 0)
        note_lateness(gen, gen->mono_ns + since_start);
    return 1;
}

static int gen_run(struct gen *gen)
{
    progress_init(&gen->progress);
    gen->wall_ns = clock_wall_ns();
    gen->mono_ns = clock_mono_ns();
    int result = 1;
    while (result > 0 && (gen->count == 0 || gen->sink.sent < (uint64_t)gen->count))
        result = gen_one(gen);
    progress_clear(&gen->progress);
    double sending = sink_seconds(&gen->sink);
    bool complete = sink_flush(&gen->sink);
    printf("sent=%" PRIu64 " acknowledged=%" PRIu64 " late=%" PRIu64
           " late_ms_max=%.1f seconds=%.1f ticks_per_s=%.0f\n",
           gen->sink.sent, producer_delivered(gen->sink.producer), gen->late,
           (double)gen->late_ns_max / 1e6, sending,
           sending > 0 ? (double)gen->sink.sent / sending : 0.0);
    return complete && result >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int gen_main(int argc, char **argv)
{
    struct gen gen = {.rate = 5000, .symbols = 50, .seed = 1, .burst = 1};
    int status;
    if (gen_options(&gen, argc, argv, &status) < 0)
        return status;
    struct sim_config config = {
        .seed = (uint64_t)gen.seed,
        .rate = gen.rate > 0 ? gen.rate : 5000, /* at full speed its instants aren't looked at */
        .symbols = (uint32_t)gen.symbols,
        .burst = gen.burst,
    };
    gen.sim = sim_create(&config);
    if (!gen.sim) {
        fprintf(stderr, "tapectl gen: no memory for %" PRId64 " symbols\n", gen.symbols);
        return EXIT_FAILURE;
    }
    stop_on_signals();
    status = EXIT_FAILURE;
    if (gen.tape)
        status = gen_tape(&gen);
    else if (sink_open(&gen.sink, "tapectl gen", &gen.settings) == 0)
        status = gen_run(&gen);
    sink_close(&gen.sink);
    sim_destroy(gen.sim);
    return status;
}
