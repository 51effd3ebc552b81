/* SPDX-License-Identifier: MIT */
#include "tools/view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schemas/decimal.h"

#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define RED   "\033[31m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

enum { VIEW_LINE_MAX = 1024, VIEW_DECIMAL_MAX = 22 };

static void put(struct view *view, const char *data, size_t len)
{
    if (len > VIEW_SIZE - view->len)
        return;
    memcpy(view->out + view->len, data, len);
    view->len += len;
}

static void put_text(struct view *view, const char *text)
{
    put(view, text, strlen(text));
}

/* One line, cut to the screen's width; all of what is printed is ASCII, so bytes are columns. */
static void put_line(struct view *view, const char *style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_line(struct view *view, const char *style, const char *format, ...)
{
    char line[VIEW_LINE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t len = strnlen(line, view->columns);
    bool styled = view->color && *style;
    if (styled)
        put_text(view, style);
    put(view, line, len);
    if (styled)
        put_text(view, PLAIN);
    /* Filling the last column leaves the cursor on it, and erasing would take that character away.
     */
    if (len < view->columns)
        put_text(view, "\033[K");
    put_text(view, "\r\n");
}

/* 12345678 as 12,345,678 to `out` of 32 bytes. */
static const char *grouped(uint64_t value, char *out)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, value);
    char *at = out;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = 0;
    return out;
}

static void draw_head(struct view *view, const struct view_head *head, const struct board *board)
{
    char ticks[32];
    char lost[32];
    put_line(view, BOLD, "%s%s%s", head->server, *head->server ? "  " : "", head->url);
    put_line(view, head->connected ? GREEN : RED, "%s%s%s", head->state,
             *head->source ? "  feed " : "", head->source);
    put_line(
        view, "", "%u symbols  %s ticks  %.0f/s  %" PRIu64 " gaps  %s lost  lag %" PRIu64 " ms%s",
        board->rows_count, grouped(board->ticks, ticks), board->rate, board->gaps,
        grouped(board->lost, lost), head->lag_ms, board->violations > 0 ? "  SEQUENCE BROKEN" : "");
    put_line(view, RED, "%s", head->notice);
}

static void print_decimal(int64_t mantissa, int8_t exponent, char *out)
{
    char text[DECIMAL_TEXT_MAX];
    size_t len = decimal_print(mantissa, exponent, text);
    size_t shown = len <= VIEW_DECIMAL_MAX ? len : VIEW_DECIMAL_MAX;
    memcpy(out, text, shown);
    out[shown] = 0;
    if (shown < len)
        out[shown - 1] = '~';
}

static void print_age(const struct board_row *row, int64_t mono_ns, char *out, size_t size)
{
    if (row->ticks == 0) {
        snprintf(out, size, "-");
        return;
    }
    int64_t ms = (mono_ns - row->heard_ns) / 1000000;
    if (ms < 10000)
        snprintf(out, size, "%.1fs", (double)(ms > 0 ? ms : 0) / 1000);
    else if (ms < 600000)
        snprintf(out, size, "%" PRId64 "s", ms / 1000);
    else
        snprintf(out, size, "%" PRId64 "m", ms / 60000);
}

static void draw_row(struct view *view, const struct board_row *row, int width, int64_t mono_ns)
{
    static const char *const sides[] = {"none", "buy", "sell", ""};
    static const char *const styles[] = {"", GREEN, RED, ""};
    char price[VIEW_DECIMAL_MAX + 1] = "-";
    char size[VIEW_DECIMAL_MAX + 1] = "-";
    char age[24];
    if (row->has_tick) {
        print_decimal(row->last.price, row->last.price_exp, price);
        print_decimal(row->last.size, row->last.size_exp, size);
    }
    print_age(row, mono_ns, age, sizeof age);
    put_line(view, styles[row->last.side], "%-*s %15s %13s %-4s %9.1f %7s %6" PRIu64 " %8" PRIu64,
             width, row->symbol, price, size, row->has_tick ? sides[row->last.side] : "-",
             row->rate, age, row->gaps, row->lost);
}

void view_draw(struct view *view, const struct view_head *head, const struct board *board,
               int64_t mono_ns)
{
    view->len = 0;
    put_text(view, "\033[H");
    draw_head(view, head, board);
    /* The last line of the screen stays empty: a line end there would scroll. */
    uint32_t room = view->lines > VIEW_HEAD_LINES + 1 ? view->lines - VIEW_HEAD_LINES - 1 : 0;
    uint32_t shown = board->order_count < room ? board->order_count : room;
    int width = 10;
    for (uint32_t i = 0; i < shown; i++)
        if ((int)board_row_at(board, i)->symbol_len > width)
            width = (int)board_row_at(board, i)->symbol_len;
    put_line(view, DIM, "%-*s %15s %13s %-4s %9s %7s %6s %8s", width, "SYMBOL", "PRICE", "SIZE",
             "SIDE", "TICKS/S", "AGE", "GAPS", "LOST");
    for (uint32_t i = 0; i < shown; i++)
        draw_row(view, board_row_at(board, i), width, mono_ns);
    put_text(view, "\033[J");
}
