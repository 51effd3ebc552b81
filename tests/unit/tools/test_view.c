/* SPDX-License-Identifier: MIT */
/*
 * A screen of any size, never overdrawn.
 */
#include "tests/unit/tools/unit.h"
#include "tools/view.h"

static struct view view;
static struct board board;

static const struct view_head head = {.url = "ws://h/ws",
                                      .server = "tapehead/1.0.0",
                                      .state = "connected",
                                      .source = "live",
                                      .notice = "",
                                      .connected = true};

static int fill(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 30; i++) {
        struct message message = {.kind = MESSAGE_TRADE};
        message.symbol_len =
            (uint32_t)snprintf(message.symbol, sizeof message.symbol, "SYM-%02u", (unsigned)i);
        message.tick = (struct tick){.seq = 1,
                                     .price = 6168599000000,
                                     .price_exp = -8,
                                     .size = 1,
                                     .size_exp = i == 0 ? 127 : -1};
        board_take(&board, &message, 0);
    }
    return board_sort(&board);
}

static int empty(void **state)
{
    (void)state;
    board_finish(&board);
    return 0;
}

/* Draws, and checks that no line is wider and there are no more lines than the screen has. */
static void draw(unsigned columns, unsigned lines)
{
    view.columns = columns;
    view.lines = lines;
    view_draw(&view, &head, &board, 1500000000);
    assert_true(view.len < VIEW_SIZE);
    view.out[view.len] = 0;
    unsigned rows = 0;
    for (const char *at = view.out; (at = strstr(at, "\r\n")); at += 2)
        rows++;
    assert_true(rows < lines || lines <= VIEW_HEAD_LINES);
    const char *start = view.out + 3;
    for (const char *end; (end = strstr(start, "\r\n")); start = end + 2) {
        const char *escape = strstr(start, "\033[K");
        assert_true((size_t)((escape && escape < end ? escape : end) - start) <= columns);
    }
}

static void a_screen_of_any_size_is_not_overdrawn(void **state)
{
    (void)state;
    for (unsigned columns = 1; columns < 150; columns += 7)
        for (unsigned lines = 1; lines < 60; lines++)
            draw(columns, lines);
}

static void a_row_shows_exact_digits(void **state)
{
    (void)state;
    draw(100, 50);
    assert_contains(view.out, "SYM-29");
    assert_contains(view.out, "61685.99000000");
    assert_contains(view.out, "1.5s");
    assert_contains(view.out, "0000~");
    assert_contains(view.out, "feed live");
}

static void color_is_left_out_when_not_wanted(void **state)
{
    (void)state;
    view.color = false;
    draw(100, 50);
    assert_null(strstr(view.out, "\033[1m"));
    view.color = true;
    view.columns = 100;
    view_draw(&view, &head, &board, 0);
    view.out[view.len] = 0;
    assert_contains(view.out, "\033[1m");
    view.color = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_screen_of_any_size_is_not_overdrawn),
        cmocka_unit_test(a_row_shows_exact_digits),
        cmocka_unit_test(color_is_left_out_when_not_wanted),
    };
    return cmocka_run_group_tests(tests, fill, empty);
}
