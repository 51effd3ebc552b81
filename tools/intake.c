/* SPDX-License-Identifier: MIT */
#include "tools/intake.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/binance.h"
#include "tools/binancecsv.h"
#include "tools/coinbase.h"
#include "tools/kraken.h"
#include "tools/stop.h"

enum { ITCH_PREFIX = 2, ITCH_FRAME_MAX = ITCH_PREFIX + UINT16_MAX };

struct intake {
    struct intake_settings settings;
    intake_take *take;
    void *arg;
    const char *path; /* as it is shown */
    struct lines *lines;
    enum kind kind;                  /* of the open file */
    char symbol[SYMBOL_LEN_MAX + 1]; /* of a file of Binance's */
    int64_t midnight_ns;
    uint64_t message; /* of an ITCH file, from 1, and where it begins */
    uint64_t byte;
    struct itch *itch;
    struct row row;
    struct csv csv;
    char error[4608];
};

struct intake *intake_create(const struct intake_settings *settings, intake_take *take, void *arg)
{
    struct intake *intake = calloc(1, sizeof *intake);
    if (!intake)
        return NULL;
    intake->settings = *settings;
    intake->take = take;
    intake->arg = arg;
    return intake;
}

void intake_close(struct intake *intake)
{
    lines_close(intake->lines);
    intake->lines = NULL;
}

void intake_destroy(struct intake *intake)
{
    if (!intake)
        return;
    intake_close(intake);
    itch_destroy(intake->itch);
    free(intake);
}

const char *intake_error(const struct intake *intake)
{
    return intake->error;
}

uint64_t intake_offset(const struct intake *intake)
{
    return intake->lines ? lines_offset(intake->lines) : 0;
}

uint64_t intake_size(const struct intake *intake)
{
    return intake->lines ? lines_size(intake->lines) : 0;
}

const struct itch_counts *intake_itch(const struct intake *intake)
{
    return intake->itch ? itch_counts(intake->itch) : NULL;
}

/* Says what is wrong with the file. Returns `error`. */
static int refuse(struct intake *intake, int error, const char *why)
{
    snprintf(intake->error, sizeof intake->error, "%s: %s", intake->path, why);
    return error;
}

/* The symbol of a file that has it in its name at best. */
static int settle_symbol(struct intake *intake, const char *path)
{
    const char *given = intake->settings.columns.symbol;
    if (given)
        snprintf(intake->symbol, sizeof intake->symbol, "%s", given);
    else if (!binancecsv_symbol(path, intake->symbol))
        return refuse(intake, -EINVAL,
                      "no symbol in the file's name, as in BTCUSDT-trades-2024-08-09.csv; give "
                      "--symbol");
    return 0;
}

static int settle_date(struct intake *intake, const char *path)
{
    char why[128];
    struct session_date date = intake->settings.date;
    if (!intake->settings.dated && !session_of_name(path, &date))
        return refuse(intake, -EINVAL,
                      "no date in the file's name, as in 01302020.NASDAQ_ITCH50.gz; give --date");
    int error = session_midnight(&date, &intake->midnight_ns, why, sizeof why);
    return error < 0 ? refuse(intake, error, why) : 0;
}

int intake_open(struct intake *intake, const char *path)
{
    const uint8_t *head;
    size_t len;
    intake->path = strcmp(path, "-") == 0 ? "standard input" : path;
    intake->error[0] = 0;
    int result = lines_open(&intake->lines, path, intake->error, sizeof intake->error);
    if (result < 0)
        return result;
    /* What can't be read on is told when what stands before it was taken. */
    lines_peek(intake->lines, 1, &head, &len);
    intake->kind = (enum kind)intake->settings.kind;
    if (intake->kind == KIND_AUTO)
        intake->kind = kind_guess(path, head, len, intake->settings.mapped);
    if (kind_is_zip(head, len))
        return refuse(intake, -EINVAL,
                      "a zip archive; unpack it: unzip -p FILE | tapectl import … -");
    switch (intake->kind) {
    case KIND_BINANCE_TRADES_CSV:
    case KIND_BINANCE_AGG_TRADES_CSV: return settle_symbol(intake, path);
    case KIND_ITCH: return settle_date(intake, path);
    default: return 0;
    }
}

static int give(struct intake *intake, enum row_result result, uint64_t line)
{
    char place[INTAKE_PLACE_MAX] = "";
    if (result == ROW_REJECTED)
        snprintf(place, sizeof place, "%" PRIu64, line);
    return intake->take(intake->arg, result, &intake->row, place);
}

/* The next line that isn't too long; those are told. Returns 1, 0 at the end or when told to stop,
 * -errno when the file can't be read on. */
static int next_line(struct intake *intake, const char **line, size_t *len)
{
    int result;
    while ((result = lines_next(intake->lines, line, len)) == -E2BIG) {
        row_reject(&intake->row, "the line is too long");
        result = give(intake, ROW_REJECTED, lines_number(intake->lines));
        if (result < 0)
            return result;
    }
    if (result < 0)
        snprintf(intake->error, sizeof intake->error, "%s", lines_error(intake->lines));
    return stop_requested() && result > 0 ? 0 : result;
}

static int take_of_line(void *arg, enum row_result result)
{
    struct intake *intake = arg;
    return give(intake, result, lines_number(intake->lines));
}

static int read_stream(struct intake *intake)
{
    const char *line;
    size_t len;
    int result;
    while ((result = next_line(intake, &line, &len)) > 0) {
        if (intake->kind == KIND_COINBASE)
            result = coinbase_read(line, len, &intake->row, take_of_line, intake);
        else if (intake->kind == KIND_KRAKEN)
            result = kraken_read(line, len, &intake->row, take_of_line, intake);
        else
            result = take_of_line(intake, binance_read(line, len, &intake->row));
        if (result < 0)
            break;
    }
    return result;
}

/* Reads one record, which may span lines; `*first` is where it begins. Returns CSV_RECORD, CSV_MORE
 * at the end of the file, or what is wrong with it; `*error` is -errno where the file can't be read
 * on. */
static enum csv_result next_record(struct intake *intake, uint64_t *first, int *error)
{
    enum csv_result result = CSV_MORE;
    const char *line;
    size_t len;
    *first = 0;
    while (result == CSV_MORE) {
        *error = next_line(intake, &line, &len);
        if (*error < 0)
            return CSV_MORE;
        if (*first == 0)
            *first = lines_number(intake->lines);
        if (*error == 0)
            return stop_requested() ? CSV_MORE : csv_end(&intake->csv);
        csv_feed(&intake->csv, line, len, &result);
    }
    /* What is left of a spoiled line is skipped with it: a record never begins within a line. */
    if (result < 0)
        csv_reset(&intake->csv);
    return result;
}

static int read_header(struct intake *intake)
{
    char why[256] = "there is no header";
    uint64_t first;
    int error;
    enum csv_result result = next_record(intake, &first, &error);
    if (error < 0)
        return error;
    if (result == CSV_RECORD &&
        columns_find(&intake->settings.columns, &intake->csv, why, sizeof why) == 0)
        return 0;
    return refuse(intake, -EINVAL, result < 0 ? csv_error_text(result) : why);
}

static enum row_result read_record(struct intake *intake, bool is_first)
{
    if (intake->kind == KIND_CSV)
        return columns_read(&intake->settings.columns, &intake->csv, &intake->row);
    if (is_first && binancecsv_is_header(&intake->csv))
        return ROW_BLANK;
    return binancecsv_read(intake->kind == KIND_BINANCE_TRADES_CSV ? BINANCECSV_TRADES
                                                                   : BINANCECSV_AGG_TRADES,
                           intake->symbol, &intake->csv, &intake->row);
}

static int read_csv(struct intake *intake)
{
    csv_reset(&intake->csv);
    int error = intake->kind == KIND_CSV ? read_header(intake) : 0;
    for (bool is_first = true; error >= 0; is_first = false) {
        uint64_t first;
        enum csv_result result = next_record(intake, &first, &error);
        if (error < 0 || result == CSV_MORE)
            break;
        enum row_result row = ROW_REJECTED;
        if (result == CSV_RECORD)
            row = read_record(intake, is_first);
        else
            row_reject(&intake->row, "%s", csv_error_text(result));
        int at_end = error;
        error = give(intake, row, first);
        if (error < 0 || at_end == 0 || result == CSV_OPEN_QUOTE)
            break;
    }
    return error;
}

/* Reads the messages that lie there whole. `*used` are their bytes. */
static int read_messages(struct intake *intake, const uint8_t *data, size_t len, size_t *used)
{
    int error = 0;
    *used = 0;
    while (error >= 0 && len - *used >= ITCH_PREFIX) {
        const uint8_t *message = data + *used + ITCH_PREFIX;
        size_t message_len = (size_t)data[*used] << 8 | data[*used + 1];
        if (len - *used - ITCH_PREFIX < message_len)
            break;
        intake->message++;
        enum row_result result = itch_read(intake->itch, message, message_len, &intake->row);
        if (result == ROW_TICK)
            error = give(intake, result, 0);
        if (result == ROW_REJECTED) {
            char place[INTAKE_PLACE_MAX];
            snprintf(place, sizeof place, "message %" PRIu64 " at byte %" PRIu64, intake->message,
                     intake->byte + *used);
            error = intake->take(intake->arg, result, &intake->row, place);
        }
        *used += ITCH_PREFIX + message_len;
    }
    return error;
}

static int read_itch(struct intake *intake)
{
    if (!intake->itch)
        intake->itch = itch_create((uint64_t)intake->settings.orders_max);
    if (!intake->itch || itch_begin(intake->itch, intake->midnight_ns) < 0)
        return refuse(intake, -ENOMEM, "no memory for so many orders; see --orders-max");
    intake->message = 0;
    intake->byte = 0;
    while (!stop_requested()) {
        const uint8_t *data;
        size_t len;
        size_t used;
        int failed = lines_peek(intake->lines, ITCH_FRAME_MAX, &data, &len);
        int error = read_messages(intake, data, len, &used);
        lines_skip(intake->lines, used);
        intake->byte += used;
        if (error < 0)
            return error;
        if (failed < 0) {
            snprintf(intake->error, sizeof intake->error, "%s", lines_error(intake->lines));
            return failed;
        }
        if (used == 0 && len > 0) {
            char why[96];
            snprintf(why, sizeof why, "the file ends within message %" PRIu64 " at byte %" PRIu64,
                     intake->message + 1, intake->byte);
            return refuse(intake, -EBADMSG, why);
        }
        error = used == 0 ? 0 : give(intake, ROW_BLANK, 0);
        if (used == 0 || error < 0)
            return error;
    }
    return 0;
}

int intake_read(struct intake *intake)
{
    intake->error[0] = 0;
    switch (intake->kind) {
    case KIND_CSV:
    case KIND_BINANCE_TRADES_CSV:
    case KIND_BINANCE_AGG_TRADES_CSV: return read_csv(intake);
    case KIND_ITCH: return read_itch(intake);
    default: return read_stream(intake);
    }
}
