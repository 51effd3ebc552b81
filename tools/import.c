/* SPDX-License-Identifier: MIT */
/*
 * import: `tapectl import`, recorded trades to Kafka. Main thread.
 *
 * Rows go out in the order of the files; the producer is idempotent, so a symbol's order holds in
 * Kafka too. A row that can't be read is told and skipped, and costs nothing but itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "tools/intake.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/sink.h"
#include "tools/stop.h"
#include "tools/subcommands.h"

enum {
    IMPORT_SERVE_EVERY = 1024,
    IMPORT_BAR_WIDTH = 24,
    /* NASDAQ's busiest days have some two million orders open at a time. */
    IMPORT_ORDERS_DEFAULT = 1 << 22,
    IMPORT_ORDERS_LIMIT = 1 << 28,
};

struct import {
    struct sink_settings settings;
    struct intake_settings intake_settings;
    int unit; /* enum time_unit */
    const char *date;
    int64_t rejects_shown;
    bool strict;
    struct option_list maps;

    struct sink sink;
    struct progress progress;
    struct intake *intake;
    const char *path;      /* the file being read */
    uint64_t bytes_before; /* of the files already read */
    uint64_t bytes_total;
    uint64_t rows;
    uint64_t rejected;
    bool failed;
};

static const char import_notes[] =
    "binance: raw lines of the trade streams, with or without a leading receive time and the\n"
    "combined stream's wrapper. binance-...-csv: files of Binance's public data. coinbase: match\n"
    "messages of the Exchange feed, market_trades of Advanced Trade. kraken: trade messages of\n"
    "either version. csv: RFC 4180, with a header. itch: NASDAQ TotalView-ITCH 5.0, each message\n"
    "behind its length in two bytes; executions E and C, and P. Crosses aren't taken, nor what\n"
    "isn't printable; both are counted.";

/* What the table can't say. */
static int check_options(struct import *import, const struct options *options, int operands,
                         int *status)
{
    char error[256] = "";
    int bad_map = 0;
    struct intake_settings *settings = &import->intake_settings;
    for (size_t i = 0; i < import->maps.count && bad_map == 0; i++)
        bad_map = columns_map(&settings->columns, import->maps.items[i], error, sizeof error);
    const char *symbol = settings->columns.symbol;
    settings->columns.unit = (enum time_unit)import->unit;
    settings->mapped = import->maps.count > 0;
    settings->dated = import->date != NULL;
    if (bad_map < 0)
        *status = options_refuse(options, "%s", error);
    else if (symbol && !symbol_is_valid(symbol, strlen(symbol)))
        *status = options_refuse(options, "--symbol \"%s\" is not a symbol", symbol);
    else if (import->date && !session_parse(import->date, &settings->date))
        *status = options_refuse(options, "--date \"%s\" is no day as 2020-01-30", import->date);
    else if (operands == 0)
        *status = options_refuse(options, "a FILE is missing, or - for standard input");
    else
        return 0;
    return -1;
}

/* long: a table */
static int import_options(struct import *import, int argc, char **argv, int *status)
{
    static const char *const units[] = {"s", "ms", "us", "ns", NULL};
    const struct option_spec specs[] = {
        SINK_OPTIONS(import->settings),
        {.name = "kind",
         .kind = OPTION_CHOICE,
         .to.choice = &import->intake_settings.kind,
         .choices = kind_names,
         .value = "K",
         .help = "binance, binance-trades-csv, binance-aggtrades-csv,\n"
                 "coinbase, kraken, csv, itch, or auto (the default):\n"
                 "what each file's first lines and name tell"},
        {.name = "map",
         .kind = OPTION_PAIRS,
         .to.list = &import->maps,
         .value = "FIELD=COLUMN,...",
         .help = "csv: columns by name for s, p, q, side, id, t;\n"
                 "without it the usual names are looked for"},
        {.name = "symbol",
         .kind = OPTION_STRING,
         .to.string = &import->intake_settings.columns.symbol,
         .value = "SYMBOL",
         .help = "csv, binance-...-csv: of every row, where no column and\n"
                 "no file name tells"},
        {.name = "time-unit",
         .kind = OPTION_CHOICE,
         .to.choice = &import->unit,
         .choices = units,
         .value = "U",
         .help = "csv: of the time column: s, ms, us or ns (the default)"},
        {.name = "date",
         .kind = OPTION_STRING,
         .to.string = &import->date,
         .value = "YYYY-MM-DD",
         .help = "itch: the day in New York, where the file's name, as\n"
                 "01302020.NASDAQ_ITCH50.gz, doesn't tell"},
        {.name = "orders-max",
         .kind = OPTION_INT,
         .to.integer = &import->intake_settings.orders_max,
         .min = 1,
         .max = IMPORT_ORDERS_LIMIT,
         .value = "N",
         .help = "itch: orders that may be open at a time, 4194304; they\n"
                 "take 24 bytes each, with what is kept free up to 72"},
        {.name = "rejects",
         .kind = OPTION_INT,
         .to.integer = &import->rejects_shown,
         .max = INT32_MAX,
         .value = "N",
         .help = "how many unreadable rows are shown, 20"},
        {.name = "strict",
         .kind = OPTION_FLAG,
         .to.flag = &import->strict,
         .help = "end with status 1 if a row couldn't be read"},
    };
    const struct options options = {
        .program = "tapectl import",
        .operands = "FILE...|-",
        .summary = "Sends recorded trades to Kafka. Files may be gzip; - is standard input.",
        .specs = specs,
        .count = ARRAY_LEN(specs),
        .notes = import_notes,
    };
    int operands = options_start(&options, argc, argv, status);
    return operands < 0 || check_options(import, &options, operands, status) < 0 ? -1 : operands;
}

static void show(struct import *import, int64_t now)
{
    char bar[80] = "";
    uint64_t done = import->bytes_before + intake_offset(import->intake);
    if (import->bytes_total > 0)
        progress_bar(done, import->bytes_total, IMPORT_BAR_WIDTH, bar, sizeof bar);
    progress_draw(&import->progress, now,
                  "%s  %" PRIu64 " rows  acknowledged %" PRIu64 "  rejected %" PRIu64
                  "  %.0f ticks/s",
                  bar, import->rows, producer_delivered(import->sink.producer), import->rejected,
                  (double)import->sink.sent / (sink_seconds(&import->sink) + 1e-9));
}

static void tell_reject(struct import *import, const char *place, const char *reason)
{
    import->rejected++;
    if (import->rejected > (uint64_t)import->rejects_shown)
        return;
    progress_clear(&import->progress);
    fprintf(stderr, "%s:%s: %s\n", import->path, place, reason);
    if (import->rejected == (uint64_t)import->rejects_shown)
        fprintf(stderr, "further unreadable rows are only counted\n");
}

static void serve(struct import *import)
{
    int64_t now = clock_mono_ns();
    producer_poll(import->sink.producer, 0);
    if (progress_due(&import->progress, now))
        show(import, now);
}

/* Sends the row that was read, or tells why there is none. Returns 0 or -errno. */
static int take_row(void *arg, enum row_result result, const struct row *row, const char *place)
{
    struct import *import = arg;
    if (result != ROW_BLANK)
        import->rows++;
    if (result == ROW_BLANK || import->rows % IMPORT_SERVE_EVERY == 0)
        serve(import);
    if (result == ROW_TICK)
        return sink_send(&import->sink, &row->tick, row->symbol, row->symbol_len);
    if (result == ROW_REJECTED)
        tell_reject(import, place, row->reason);
    return 0;
}

static void tell_error(struct import *import)
{
    progress_clear(&import->progress);
    if (*intake_error(import->intake))
        fprintf(stderr, "tapectl import: %s\n", intake_error(import->intake));
}

static int import_file(struct import *import, const char *path)
{
    import->path = strcmp(path, "-") == 0 ? "standard input" : path;
    int result = intake_open(import->intake, path);
    if (result == 0)
        result = intake_read(import->intake);
    if (result < 0)
        tell_error(import);
    import->bytes_before += intake_size(import->intake);
    intake_close(import->intake);
    return result;
}

/* Before anything is sent: a name mistyped at the end of a long list shall not show after an hour.
 */
static int check_files(struct import *import, char **paths, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(paths[i], "-") == 0)
            continue;
        int result = intake_open(import->intake, paths[i]);
        if (result < 0)
            tell_error(import);
        import->bytes_total += intake_size(import->intake);
        intake_close(import->intake);
        if (result < 0)
            return -1;
    }
    return 0;
}

static void tell_itch(const struct itch_counts *counts)
{
    if (counts)
        printf("itch messages=%" PRIu64 " trades=%" PRIu64 " unprintable=%" PRIu64
               " crosses=%" PRIu64 " broken=%" PRIu64 "\n",
               counts->messages, counts->trades, counts->unprintable, counts->crosses,
               counts->broken);
}

static int import_run(struct import *import, char **paths, int count)
{
    progress_init(&import->progress);
    for (int i = 0; i < count && !stop_requested(); i++)
        if (import_file(import, paths[i]) < 0)
            import->failed = true;
    progress_clear(&import->progress);
    bool complete = sink_flush(&import->sink);
    double seconds = sink_seconds(&import->sink);
    tell_itch(intake_itch(import->intake));
    printf("rows=%" PRIu64 " sent=%" PRIu64 " acknowledged=%" PRIu64 " rejected=%" PRIu64
           " seconds=%.2f ticks_per_s=%.0f\n",
           import->rows, import->sink.sent, producer_delivered(import->sink.producer),
           import->rejected, seconds, (double)import->sink.sent / (seconds + 1e-9));
    bool strictly = !import->strict || import->rejected == 0;
    return complete && strictly && !import->failed && !stop_requested() ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
}

int import_main(int argc, char **argv)
{
    int status = EXIT_FAILURE;
    struct import *import = calloc(1, sizeof *import);
    if (!import)
        goto no_memory;
    import->unit = TIME_NS;
    import->rejects_shown = 20;
    import->intake_settings.orders_max = IMPORT_ORDERS_DEFAULT;
    int count = import_options(import, argc, argv, &status);
    if (count < 0)
        goto done;
    import->intake = intake_create(&import->intake_settings, take_row, import);
    if (!import->intake)
        goto no_memory;
    if (check_files(import, argv + 1, count) < 0)
        goto done;
    stop_on_signals();
    if (sink_open(&import->sink, "tapectl import", &import->settings) == 0)
        status = import_run(import, argv + 1, count);
    sink_close(&import->sink);
    goto done;
no_memory:
    fprintf(stderr, "tapectl import: %s\n", strerror(ENOMEM));
done:
    if (import)
        intake_destroy(import->intake);
    free(import);
    return status;
}
