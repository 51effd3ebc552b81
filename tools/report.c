/* SPDX-License-Identifier: MIT */
#include "tools/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "feed/clock.h"
#include "schemas/decimal.h"

enum { REPORT_PERIOD_MS = 200, REPORT_SORT_NS = 1000000000, REPORT_BUFFER = 1 << 16 };

int report_init(struct report *report, bool plain)
{
    *report = (struct report){.drawn_ns = clock_mono_ns()};
    if (plain || !isatty(STDOUT_FILENO)) {
        /* Flushed whenever there is nothing more to read: bursts cost one write, and nothing lies
         * around. */
        setvbuf(stdout, NULL, _IOFBF, REPORT_BUFFER);
        return 0;
    }
    report->view = calloc(1, sizeof *report->view);
    if (!report->view)
        return -ENOMEM;
    const char *no_color = getenv("NO_COLOR");
    report->view->color = !(no_color && *no_color);
    term_enter(&report->term);
    return 0;
}

void report_finish(struct report *report)
{
    bool screen = report->view != NULL;
    term_leave(&report->term);
    /* What was said on the screen went with it. */
    if (screen && *report->notice)
        fprintf(stderr, "tapectl watch: %s\n", report->notice);
    free(report->view);
    report->view = NULL;
    fflush(stdout);
}

static void print_tick(const struct message *message)
{
    static const char *const sides[] = {"none", "buy", "sell", "none"};
    const struct tick *tick = &message->tick;
    char price[DECIMAL_TEXT_MAX];
    char size[DECIMAL_TEXT_MAX];
    int price_len = (int)decimal_print(tick->price, tick->price_exp, price);
    int size_len = (int)decimal_print(tick->size, tick->size_exp, size);
    printf("%s%s %" PRIu64 " %.*s %.*s %s %" PRId64 "\n",
           message->kind == MESSAGE_SNAPSHOT ? "# snapshot " : "", message->symbol, tick->seq,
           price_len, price, size_len, size, sides[tick->side], tick->ts_ns / 1000);
}

void report_message(struct report *report, const struct message *message, struct board_news news)
{
    static const char *const verdicts[] = {"", "away", "hole", "repeat"};
    if (report->view)
        return;
    if (news.verdict != BOARD_FINE)
        printf("# %s %s %" PRIu64 " %" PRIu64 "\n", verdicts[news.verdict], message->symbol,
               news.from, news.to);
    if (message->kind == MESSAGE_GAP)
        printf("# gap %s %" PRIu64 " %" PRIu64 " %s\n", message->symbol, message->from, message->to,
               message->reason);
    else
        print_tick(message);
}

void report_notice(struct report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(report->notice, sizeof report->notice, format, args);
    va_end(args);
    if (report->view)
        return;
    fflush(stdout);
    fprintf(stderr, "tapectl watch: %s\n", report->notice);
    report->notice[0] = 0;
}

int report_wait_ms(const struct report *report, int64_t mono_ns)
{
    int64_t left = report->drawn_ns / 1000000 + REPORT_PERIOD_MS - mono_ns / 1000000;
    return left < 0 ? 0 : (int)left;
}

void report_refresh(struct report *report, struct view_head *head, struct board *board,
                    int64_t mono_ns)
{
    if (!report->view) {
        fflush(stdout);
        report->drawn_ns = mono_ns;
        return;
    }
    board_sample(board, mono_ns - report->drawn_ns);
    report->drawn_ns = mono_ns;
    if (mono_ns - report->sorted_ns >= REPORT_SORT_NS || board->order_count == 0) {
        (void)board_sort(board); /* without memory new symbols aren't shown */
        report->sorted_ns = mono_ns;
    }
    term_size(&report->view->columns, &report->view->lines);
    head->notice = report->notice;
    view_draw(report->view, head, board, mono_ns);
    term_write(report->view->out, report->view->len);
}

bool report_quit(const struct report *report)
{
    return term_quit_pressed(&report->term);
}
