/* SPDX-License-Identifier: MIT */
#include "tools/csv.h"

/*
 * What the next byte means. CR is only a line end before LF, so it waits for the byte after it; a
 * quote within quotes closes them unless another follows.
 *
 *     START --"--> QUOTED --"--> CLOSED --"--> QUOTED
 *     START --other--> PLAIN          CLOSED, PLAIN, START --,--> START   --LF--> record
 *     PLAIN, START --CR--> CR --LF--> record       CLOSED --CR--> CLOSED_CR --LF--> record
 */
enum csv_state { CSV_DONE, CSV_START, CSV_PLAIN, CSV_QUOTED, CSV_CLOSED, CSV_CR, CSV_CLOSED_CR };

void csv_reset(struct csv *csv)
{
    csv->state = CSV_DONE;
    csv->fields_count = 0;
    csv->text_len = 0;
}

static enum csv_result append(struct csv *csv, char c)
{
    if (csv->text_len == CSV_RECORD_MAX)
        return CSV_TOO_LONG;
    csv->text[csv->text_len++] = c;
    return CSV_MORE;
}

static enum csv_result end_field(struct csv *csv, enum csv_state next)
{
    if (csv->fields_count == CSV_FIELDS_MAX)
        return CSV_TOO_MANY;
    csv->ends[csv->fields_count++] = csv->text_len;
    csv->state = (int)next;
    return next == CSV_DONE ? CSV_RECORD : CSV_MORE;
}

static enum csv_result feed_unquoted(struct csv *csv, char c)
{
    switch (c) {
    case ',': return end_field(csv, CSV_START);
    case '\n': return end_field(csv, CSV_DONE);
    case '\r': csv->state = CSV_CR; return CSV_MORE;
    case '"':
        if (csv->state == CSV_PLAIN)
            return CSV_QUOTE;
        csv->state = CSV_QUOTED;
        return CSV_MORE;
    default: csv->state = CSV_PLAIN; return append(csv, c);
    }
}

static enum csv_result feed_closed(struct csv *csv, char c)
{
    switch (c) {
    case ',': return end_field(csv, CSV_START);
    case '\n': return end_field(csv, CSV_DONE);
    case '\r': csv->state = CSV_CLOSED_CR; return CSV_MORE;
    case '"': csv->state = CSV_QUOTED; return append(csv, c);
    default: return CSV_QUOTE;
    }
}

static enum csv_result feed_byte(struct csv *csv, char c)
{
    enum csv_result result;
    switch ((enum csv_state)csv->state) {
    case CSV_DONE:
        csv_reset(csv);
        csv->state = CSV_START;
        return feed_unquoted(csv, c);
    case CSV_START:
    case CSV_PLAIN: return feed_unquoted(csv, c);
    case CSV_CLOSED: return feed_closed(csv, c);
    case CSV_CLOSED_CR: return c == '\n' ? end_field(csv, CSV_DONE) : CSV_QUOTE;
    case CSV_CR:
        if (c == '\n')
            return end_field(csv, CSV_DONE);
        csv->state = CSV_PLAIN;
        result = append(csv, '\r');
        return result == CSV_MORE ? feed_unquoted(csv, c) : result;
    case CSV_QUOTED: break;
    }
    if (c != '"')
        return append(csv, c);
    csv->state = CSV_CLOSED;
    return CSV_MORE;
}

size_t csv_feed(struct csv *csv, const char *data, size_t len, enum csv_result *result)
{
    *result = CSV_MORE;
    size_t used = 0;
    while (used < len && *result == CSV_MORE)
        *result = feed_byte(csv, data[used++]);
    return used;
}

enum csv_result csv_end(struct csv *csv)
{
    switch ((enum csv_state)csv->state) {
    case CSV_DONE: return CSV_MORE;
    case CSV_QUOTED: return CSV_OPEN_QUOTE;
    default: return end_field(csv, CSV_DONE);
    }
}

const char *csv_field(const struct csv *csv, uint32_t i, size_t *len)
{
    uint32_t start = i == 0 ? 0 : csv->ends[i - 1];
    *len = csv->ends[i] - start;
    return csv->text + start;
}

const char *csv_error_text(enum csv_result error)
{
    switch (error) {
    case CSV_QUOTE: return "a quote in the wrong place";
    case CSV_TOO_LONG: return "a record over 64 KiB, perhaps a quote that isn't closed";
    case CSV_TOO_MANY: return "more than 1024 fields";
    case CSV_OPEN_QUOTE: return "the file ends within quotes";
    default: return "";
    }
}
