/* SPDX-License-Identifier: MIT */
/*
 * What a board says about the completeness of `seq`, and its order.
 */
#include "tests/unit/tools/unit.h"
#include "tools/board.h"

static struct board board;

static int start(void **state)
{
    (void)state;
    memset(&board, 0, sizeof board);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    board_finish(&board);
    return 0;
}

static struct message make(enum message_kind kind, const char *symbol)
{
    struct message message = {.kind = kind, .symbol_len = (uint32_t)strlen(symbol)};
    snprintf(message.symbol, sizeof message.symbol, "%s", symbol);
    return message;
}

static struct board_news tick(enum message_kind kind, const char *symbol, uint64_t seq)
{
    struct message message = make(kind, symbol);
    message.tick.seq = seq;
    return board_take(&board, &message, 1);
}

static struct board_news gap(const char *symbol, uint64_t from, uint64_t to)
{
    struct message message = make(MESSAGE_GAP, symbol);
    message.from = from;
    message.to = to;
    message.count = to - from + 1;
    return board_take(&board, &message, 1);
}

static void ticks_and_gaps_without_a_hole_are_fine(void **state)
{
    (void)state;
    assert_int_equal(tick(MESSAGE_SNAPSHOT, "A", 41).verdict, BOARD_FINE);
    assert_int_equal(tick(MESSAGE_TRADE, "A", 42).verdict, BOARD_FINE);
    assert_int_equal(tick(MESSAGE_TRADE, "B", 7).verdict, BOARD_FINE);
    assert_int_equal(gap("A", 43, 50).verdict, BOARD_FINE);
    assert_int_equal(tick(MESSAGE_TRADE, "A", 51).verdict, BOARD_FINE);
    assert_int_equal(board.ticks, 3);
    assert_int_equal(board.lost, 8);
    assert_int_equal(board.violations, 0);
}

static void holes_and_repeats_are_found(void **state)
{
    (void)state;
    tick(MESSAGE_TRADE, "A", 1);
    struct board_news news = tick(MESSAGE_TRADE, "A", 5);
    assert_int_equal(news.verdict, BOARD_HOLE);
    assert_int_equal(news.from, 2);
    assert_int_equal(news.to, 4);
    assert_int_equal(tick(MESSAGE_TRADE, "A", 5).verdict, BOARD_REPEAT);
    assert_int_equal(gap("A", 8, 9).verdict, BOARD_HOLE);
    assert_int_equal(gap("A", 9, 9).verdict, BOARD_REPEAT);
    assert_int_equal(tick(MESSAGE_TRADE, "A", 10).verdict, BOARD_FINE);
    assert_int_equal(board.violations, 4);
}

static void what_is_missed_while_away_is_nobodys_fault(void **state)
{
    (void)state;
    tick(MESSAGE_TRADE, "A", 1);
    tick(MESSAGE_TRADE, "B", 1);
    board_set_away(&board);
    assert_int_equal(tick(MESSAGE_SNAPSHOT, "B", 1).verdict, BOARD_FINE);
    struct board_news news = tick(MESSAGE_SNAPSHOT, "A", 9);
    assert_int_equal(news.verdict, BOARD_AWAY);
    assert_int_equal(news.from, 2);
    assert_int_equal(news.to, 8);
    assert_int_equal(tick(MESSAGE_TRADE, "A", 11).verdict, BOARD_HOLE);
    board_set_epoch(&board);
    assert_int_equal(tick(MESSAGE_TRADE, "A", 1).verdict, BOARD_FINE);
}

static void many_symbols_are_kept_apart(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 2; round++)
        for (int i = 0; i < BOARD_SYMBOLS_MAX + 5; i++) {
            char symbol[16];
            snprintf(symbol, sizeof symbol, "S%d", i);
            assert_int_equal(tick(MESSAGE_TRADE, symbol, round).verdict, BOARD_FINE);
        }
    assert_int_equal(board.rows_count, BOARD_SYMBOLS_MAX);
    assert_int_equal(board.unlisted, 10);
    assert_int_equal(board_sort(&board), 0);
    assert_int_equal(board.order_count, BOARD_SYMBOLS_MAX);
}

static void the_most_active_stand_first(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 100; i++)
        tick(MESSAGE_TRADE, "BUSY", i);
    tick(MESSAGE_TRADE, "A", 1);
    tick(MESSAGE_TRADE, "C", 1);
    board_sample(&board, 1000000000);
    assert_int_equal(board_sort(&board), 0);
    assert_string_equal(board_row_at(&board, 0)->symbol, "BUSY");
    assert_string_equal(board_row_at(&board, 1)->symbol, "A");
    assert_string_equal(board_row_at(&board, 2)->symbol, "C");
    assert_true(board.rate > 50 && board.rate < 52);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ticks_and_gaps_without_a_hole_are_fine, start, finish),
        cmocka_unit_test_setup_teardown(holes_and_repeats_are_found, start, finish),
        cmocka_unit_test_setup_teardown(what_is_missed_while_away_is_nobodys_fault, start, finish),
        cmocka_unit_test_setup_teardown(many_symbols_are_kept_apart, start, finish),
        cmocka_unit_test_setup_teardown(the_most_active_stand_first, start, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
