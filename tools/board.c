/* SPDX-License-Identifier: MIT */
#include "tools/board.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void board_finish(struct board *board)
{
    free(board->rows);
    free(board->index);
    free(board->order);
    *board = (struct board){0};
}

/* FNV-1a. */
static uint32_t hash(const char *text, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)text[i]) * 16777619u;
    return h;
}

/* Where the symbol is, or the empty place where it belongs. */
static uint32_t *find_place(struct board *board, const char *symbol, size_t len)
{
    uint32_t mask = board->index_size - 1;
    uint32_t at = hash(symbol, len) & mask;
    for (;; at = (at + 1) & mask) {
        uint32_t row = board->index[at];
        if (row == 0 || (board->rows[row - 1].symbol_len == len &&
                         memcmp(board->rows[row - 1].symbol, symbol, len) == 0))
            return &board->index[at];
    }
}

/* Doubles the room; the index is never more than half full. */
static int grow(struct board *board)
{
    uint32_t capacity = board->rows_capacity ? board->rows_capacity * 2 : 64;
    struct board_row *rows = realloc(board->rows, capacity * sizeof *rows);
    if (!rows)
        return -ENOMEM;
    board->rows = rows;
    uint32_t *index = calloc((size_t)capacity * 2, sizeof *index);
    if (!index)
        return -ENOMEM;
    free(board->index);
    board->index = index;
    board->index_size = capacity * 2;
    board->rows_capacity = capacity;
    for (uint32_t i = 0; i < board->rows_count; i++)
        *find_place(board, rows[i].symbol, rows[i].symbol_len) = i + 1;
    return 0;
}

/* The symbol's row, new or old; NULL when there is no room for it. */
static struct board_row *row_of(struct board *board, const char *symbol, uint32_t len)
{
    if (board->rows_count == board->rows_capacity && board->rows_count < BOARD_SYMBOLS_MAX)
        (void)grow(board); /* without memory the symbols known so far go on */
    if (board->index_size == 0)
        return NULL;
    uint32_t *place = find_place(board, symbol, len);
    if (*place != 0)
        return &board->rows[*place - 1];
    if (board->rows_count == board->rows_capacity)
        return NULL;
    struct board_row *row = &board->rows[board->rows_count++];
    *row = (struct board_row){.symbol_len = len};
    memcpy(row->symbol, symbol, len);
    *place = board->rows_count;
    return row;
}

/* What it says about completeness that `from`..`to` is what comes next. */
static struct board_news judge(const struct board_row *row, uint64_t from, uint64_t to)
{
    struct board_news news = {.verdict = BOARD_FINE, .from = row->next_seq, .to = from - 1};
    if (row->next_seq == 0 || from == row->next_seq)
        return news;
    if (from > row->next_seq) {
        news.verdict = row->away ? BOARD_AWAY : BOARD_HOLE;
        return news;
    }
    return (struct board_news){BOARD_REPEAT, from, to};
}

static struct board_news take_tick(struct board_row *row, const struct message *message)
{
    uint64_t seq = message->tick.seq;
    struct board_news news = judge(row, seq, seq);
    bool snapshot = message->kind == MESSAGE_SNAPSHOT;
    /* A snapshot may tell the last tick again: that is what it is for. */
    if (snapshot && seq + 1 == row->next_seq)
        news.verdict = BOARD_FINE;
    if (news.verdict != BOARD_REPEAT)
        row->next_seq = seq + 1;
    row->last = message->tick;
    row->has_tick = true;
    return news;
}

static struct board_news take_gap(struct board_row *row, const struct message *message)
{
    struct board_news news = judge(row, message->from, message->to);
    if (message->to < message->from || message->count != message->to - message->from + 1)
        return (struct board_news){BOARD_REPEAT, message->from, message->to};
    if (message->to >= row->next_seq)
        row->next_seq = message->to + 1;
    return news;
}

struct board_news board_take(struct board *board, const struct message *message, int64_t mono_ns)
{
    struct board_row *row = row_of(board, message->symbol, message->symbol_len);
    if (!row) {
        board->unlisted++;
        return (struct board_news){.verdict = BOARD_FINE};
    }
    struct board_news news =
        message->kind == MESSAGE_GAP ? take_gap(row, message) : take_tick(row, message);
    if (message->kind == MESSAGE_TRADE) {
        row->ticks++;
        row->fresh++;
        row->heard_ns = mono_ns;
        board->ticks++;
    } else if (message->kind == MESSAGE_GAP) {
        row->gaps++;
        row->lost += message->count;
        board->gaps++;
        board->lost += message->count;
    }
    board->violations += news.verdict == BOARD_HOLE || news.verdict == BOARD_REPEAT;
    row->away = false;
    return news;
}

void board_set_away(struct board *board)
{
    for (uint32_t i = 0; i < board->rows_count; i++)
        board->rows[i].away = true;
}

void board_set_epoch(struct board *board)
{
    for (uint32_t i = 0; i < board->rows_count; i++)
        board->rows[i].next_seq = 0;
}

void board_sample(struct board *board, int64_t elapsed_ns)
{
    if (elapsed_ns <= 0)
        return;
    double elapsed = (double)elapsed_ns / 1e9;
    double weight = elapsed / (elapsed + 1.0);
    double sum = 0;
    for (uint32_t i = 0; i < board->rows_count; i++) {
        struct board_row *row = &board->rows[i];
        row->rate += ((double)row->fresh / elapsed - row->rate) * weight;
        row->fresh = 0;
        sum += row->rate;
    }
    board->rate = sum;
}

/* Rates are compared in steps of their own size, so that rows of about the same activity don't
 * change places. */
static int rate_step(double rate)
{
    int step = 0;
    for (; rate >= 0.5 && step < 64; rate /= 1.5)
        step++;
    return step;
}

static int compare_rows(const void *left, const void *right, void *board)
{
    const struct board_row *rows = ((const struct board *)board)->rows;
    const struct board_row *a = &rows[*(const uint32_t *)left];
    const struct board_row *b = &rows[*(const uint32_t *)right];
    int steps = rate_step(b->rate) - rate_step(a->rate);
    return steps != 0 ? steps : strcmp(a->symbol, b->symbol);
}

int board_sort(struct board *board)
{
    if (board->order_count != board->rows_count) {
        uint32_t *order = realloc(board->order, board->rows_capacity * sizeof *order);
        if (!order)
            return -ENOMEM;
        board->order = order;
        for (uint32_t i = board->order_count; i < board->rows_count; i++)
            order[i] = i;
        board->order_count = board->rows_count;
    }
    if (board->order_count > 0)
        qsort_r(board->order, board->order_count, sizeof *board->order, compare_rows, board);
    return 0;
}

const struct board_row *board_row_at(const struct board *board, uint32_t place)
{
    return &board->rows[board->order[place]];
}
