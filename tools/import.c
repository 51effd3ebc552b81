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
#include "tools/binance.h"
#include "tools/columns.h"
#include "tools/lines.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/sink.h"
#include "tools/stop.h"
#include "tools/subcommands.h"

enum import_kind { KIND_AUTO, KIND_BINANCE, KIND_CSV };
enum { IMPORT_SERVE_EVERY = 1024, IMPORT_BAR_WIDTH = 24 };

struct import {
    struct sink_settings settings;
    int kind; /* enum import_kind */
    int unit; /* enum time_unit */
    int64_t rejects_shown;
    bool strict;
    struct option_list maps;
    struct columns columns;

    struct sink sink;
    struct progress progress;
    struct csv *csv;
    const char *path; /* the file being read */
    struct lines *lines;
    uint64_t bytes_before; /* of the files already read */
    uint64_t bytes_total;
    uint64_t rows;
    uint64_t rejected;
    bool failed;
    struct row row;
};

/* What the table can't say. */
static int check_options(struct import *import, const struct options *options, int operands,
                         int *status)
{
    char error[256] = "";
    int bad_map = 0;
    for (size_t i = 0; i < import->maps.count && bad_map == 0; i++)
        bad_map = columns_map(&import->columns, import->maps.items[i], error, sizeof error);
    const char *symbol = import->columns.symbol;
    import->columns.unit = (enum time_unit)import->unit;
    if (bad_map < 0)
        *status = options_refuse(options, "%s", error);
    else if (symbol && !symbol_is_valid(symbol, strlen(symbol)))
        *status = options_refuse(options, "--symbol \"%s\" is not a symbol", symbol);
    else if (operands == 0)
        *status = options_refuse(options, "a FILE is missing, or - for standard input");
    else
        return 0;
    return -1;
}

static int import_options(struct import *import, int argc, char **argv, int *status)
{
    static const char *const kinds[] = {"auto", "binance", "csv", NULL};
    static const char *const units[] = {"s", "ms", "us", "ns", NULL};
    const struct option_spec specs[] = {
        SINK_OPTIONS(import->settings),
        {.name = "kind",
         .kind = OPTION_CHOICE,
         .to.choice = &import->kind,
         .choices = kinds,
         .value = "K",
         .help = "binance, csv, or auto (the default): csv where the\n"
                 "file's name has .csv, else binance"},
        {.name = "map",
         .kind = OPTION_PAIRS,
         .to.list = &import->maps,
         .value = "FIELD=COLUMN,...",
         .help = "csv: columns by name for s, p, q, side, id, t;\n"
                 "without it the usual names are looked for"},
        {.name = "symbol",
         .kind = OPTION_STRING,
         .to.string = &import->columns.symbol,
         .value = "SYMBOL",
         .help = "csv: of every row, where no column tells"},
        {.name = "time-unit",
         .kind = OPTION_CHOICE,
         .to.choice = &import->unit,
         .choices = units,
         .value = "U",
         .help = "csv: of the time column: s, ms, us or ns (the default)"},
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
        .notes = "binance: raw lines of the trade streams, with or without a leading receive time "
                 "and the\n"
                 "combined stream's wrapper. csv: RFC 4180, with a header.",
    };
    int operands = options_start(&options, argc, argv, status);
    return operands < 0 || check_options(import, &options, operands, status) < 0 ? -1 : operands;
}

static void show(struct import *import, int64_t now)
{
    char bar[80] = "";
    uint64_t done = import->bytes_before + lines_offset(import->lines);
    if (import->bytes_total > 0)
        progress_bar(done, import->bytes_total, IMPORT_BAR_WIDTH, bar, sizeof bar);
    progress_draw(&import->progress, now,
                  "%s  %" PRIu64 " rows  acknowledged %" PRIu64 "  rejected %" PRIu64
                  "  %.0f ticks/s",
                  bar, import->rows, producer_delivered(import->sink.producer), import->rejected,
                  (double)import->sink.sent / (sink_seconds(&import->sink) + 1e-9));
}

static void tell_reject(struct import *import, uint64_t line, const char *reason)
{
    import->rejected++;
    if (import->rejected > (uint64_t)import->rejects_shown)
        return;
    progress_clear(&import->progress);
    fprintf(stderr, "%s:%" PRIu64 ": %s\n", import->path, line, reason);
    if (import->rejected == (uint64_t)import->rejects_shown)
        fprintf(stderr, "further unreadable rows are only counted\n");
}

/* Sends the row that was read, or tells why there is none. Returns 0 or -errno. */
static int take_row(struct import *import, enum row_result result, uint64_t line)
{
    if (result == ROW_BLANK)
        return 0;
    import->rows++;
    if (import->rows % IMPORT_SERVE_EVERY == 0) {
        int64_t now = clock_mono_ns();
        producer_poll(import->sink.producer, 0);
        if (progress_due(&import->progress, now))
            show(import, now);
    }
    if (result == ROW_TICK)
        return sink_send(&import->sink, &import->row.tick, import->row.symbol,
                         import->row.symbol_len);
    tell_reject(import, line, import->row.reason);
    return 0;
}

/* The next line that isn't too long; those are told. Returns 1, 0 at the end or when told to stop,
 * -errno when the file can't be read on, which is told too. */
static int next_line(struct import *import, const char **line, size_t *len)
{
    int result;
    while ((result = lines_next(import->lines, line, len)) == -E2BIG) {
        import->rows++;
        tell_reject(import, lines_number(import->lines), "the line is too long");
    }
    if (result < 0) {
        progress_clear(&import->progress);
        fprintf(stderr, "tapectl import: %s\n", lines_error(import->lines));
    }
    return stop_requested() && result > 0 ? 0 : result;
}

static int import_binance(struct import *import)
{
    const char *line;
    size_t len;
    int result;
    while ((result = next_line(import, &line, &len)) > 0) {
        result =
            take_row(import, binance_read(line, len, &import->row), lines_number(import->lines));
        if (result < 0)
            break;
    }
    return result;
}

/* Reads one record, which may span lines; `*first` is where it begins. Returns CSV_RECORD, CSV_MORE
 * at the end of the file, or what is wrong with it; `*error` is -errno where the file can't be read
 * on. */
static enum csv_result next_record(struct import *import, uint64_t *first, int *error)
{
    enum csv_result result = CSV_MORE;
    const char *line;
    size_t len;
    *first = 0;
    while (result == CSV_MORE) {
        *error = next_line(import, &line, &len);
        if (*error < 0)
            return CSV_MORE;
        if (*first == 0)
            *first = lines_number(import->lines);
        if (*error == 0)
            return stop_requested() ? CSV_MORE : csv_end(import->csv);
        csv_feed(import->csv, line, len, &result);
    }
    /* What is left of a spoiled line is skipped with it: a record never begins within a line. */
    if (result < 0)
        csv_reset(import->csv);
    return result;
}

static int read_header(struct import *import)
{
    char why[256] = "there is no header";
    uint64_t first;
    int error;
    csv_reset(import->csv);
    enum csv_result result = next_record(import, &first, &error);
    if (error < 0)
        return error;
    if (result == CSV_RECORD && columns_find(&import->columns, import->csv, why, sizeof why) == 0)
        return 0;
    fprintf(stderr, "tapectl import: %s: %s\n", import->path,
            result < 0 ? csv_error_text(result) : why);
    return -EINVAL;
}

static int import_csv(struct import *import)
{
    int error = read_header(import);
    while (error >= 0) {
        uint64_t first;
        enum csv_result result = next_record(import, &first, &error);
        if (error < 0 || result == CSV_MORE)
            break;
        enum row_result row = ROW_REJECTED;
        if (result == CSV_RECORD)
            row = columns_read(&import->columns, import->csv, &import->row);
        else
            row_reject(&import->row, "%s", csv_error_text(result));
        int at_end = error;
        error = take_row(import, row, first);
        if (error < 0 || at_end == 0 || result == CSV_OPEN_QUOTE)
            break;
    }
    return error;
}

static int import_file(struct import *import, const char *path)
{
    char error[4352];
    import->path = strcmp(path, "-") == 0 ? "standard input" : path;
    int result = lines_open(&import->lines, path, error, sizeof error);
    if (result < 0) {
        fprintf(stderr, "tapectl import: %s\n", error);
        return result;
    }
    bool csv = import->kind == KIND_CSV || (import->kind == KIND_AUTO && strstr(path, ".csv"));
    result = csv ? import_csv(import) : import_binance(import);
    import->bytes_before += lines_size(import->lines);
    lines_close(import->lines);
    import->lines = NULL;
    return result;
}

/* Before anything is sent: a name mistyped at the end of a long list shall not show after an hour.
 */
static int check_files(struct import *import, char **paths, int count)
{
    for (int i = 0; i < count; i++) {
        char error[4352];
        struct lines *lines;
        if (strcmp(paths[i], "-") == 0)
            continue;
        if (lines_open(&lines, paths[i], error, sizeof error) < 0) {
            fprintf(stderr, "tapectl import: %s\n", error);
            return -1;
        }
        import->bytes_total += lines_size(lines);
        lines_close(lines);
    }
    return 0;
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
    struct csv *csv = calloc(1, sizeof *csv);
    if (!import || !csv) {
        fprintf(stderr, "tapectl import: %s\n", strerror(ENOMEM));
        goto done;
    }
    import->csv = csv;
    import->unit = TIME_NS;
    import->rejects_shown = 20;
    int count = import_options(import, argc, argv, &status);
    if (count < 0 || check_files(import, argv + 1, count) < 0)
        goto done;
    stop_on_signals();
    if (sink_open(&import->sink, "tapectl import", &import->settings) == 0)
        status = import_run(import, argv + 1, count);
    sink_close(&import->sink);
done:
    free(csv);
    free(import);
    return status;
}
