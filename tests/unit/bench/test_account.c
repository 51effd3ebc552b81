/* SPDX-License-Identifier: MIT */
/*
 * The load tool's own bookkeeping: a loss that no gap names is never overlooked.
 */
#include "bench/account.h"
#include "tests/unit/tools/unit.h"

enum { FROM = 1000, TO = 2000 };

struct scene {
    struct ledger *ledger;
    struct range ranges[1];
    struct account account;
    struct pair tables[2][4];
    struct pairs reader;
    struct pairs stalled; /* reads slowly, and must have everything by the end */
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->ledger = calloc(1, sizeof *scene->ledger);
    scene->account = (struct account){.ledger = scene->ledger,
                                      .ranges = scene->ranges,
                                      .symbols = 1,
                                      .slice = scene->ledger->slices,
                                      .from_ns = FROM,
                                      .to_ns = TO};
    scene->reader = (struct pairs){.table = scene->tables[0], .mask = 3, .whole = true};
    scene->stalled =
        (struct pairs){.table = scene->tables[1], .mask = 3, .slow = true, .whole = true};
    pairs_clear(&scene->reader);
    pairs_clear(&scene->stalled);
    pairs_add(&scene->reader, 0);
    pairs_add(&scene->stalled, 0);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    free(scene->ledger);
    free(scene);
    return 0;
}

static void trades(struct scene *scene, struct pairs *pairs, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++) {
        struct message message = {.kind = MESSAGE_TRADE, .seq = seq, .ts_ns = FROM + (int64_t)seq};
        account_message(&scene->account, pairs, &message, 0, TO);
    }
}

static void gap(struct scene *scene, struct pairs *pairs, uint64_t from, uint64_t to)
{
    struct message message = {.kind = MESSAGE_GAP, .seq = from, .to = to};
    account_message(&scene->account, pairs, &message, 0, TO);
}

static void settle(struct scene *scene)
{
    account_settle(&scene->account, &scene->reader);
    account_settle(&scene->account, &scene->stalled);
}

static void what_was_received_and_announced_is_the_whole(void **state)
{
    struct scene *scene = *state;
    trades(scene, &scene->reader, 1, 10);
    trades(scene, &scene->stalled, 1, 3);
    gap(scene, &scene->stalled, 4, 8);
    trades(scene, &scene->stalled, 9, 10);
    settle(scene);
    assert_int_equal(counter_get(&scene->ledger->received), 10);
    assert_int_equal(counter_get(&scene->ledger->expected), 10);
    assert_int_equal(counter_get(&scene->ledger->slow_received), 5);
    assert_int_equal(counter_get(&scene->ledger->slow_announced), 5);
    assert_int_equal(counter_get(&scene->ledger->missing), 0);
    assert_int_equal(counter_get(&scene->ledger->slow_missing), 0);
    assert_int_equal(counter_get(&scene->ledger->slow_missed), 0);
}

static void a_hole_is_counted_for_readers_and_stalled_alike(void **state)
{
    struct scene *scene = *state;
    trades(scene, &scene->reader, 1, 3);
    trades(scene, &scene->reader, 6, 10);
    trades(scene, &scene->stalled, 1, 1);
    gap(scene, &scene->stalled, 3, 9); /* 2 is named by nobody */
    trades(scene, &scene->stalled, 10, 10);
    assert_int_equal(counter_get(&scene->ledger->holes), 1);
    assert_int_equal(counter_get(&scene->ledger->missed), 2);
    assert_int_equal(counter_get(&scene->ledger->slow_missed), 1);
}

static void a_stalled_client_that_never_catches_up_is_missing_the_rest(void **state)
{
    struct scene *scene = *state;
    trades(scene, &scene->reader, 1, 10);
    trades(scene, &scene->stalled, 1, 6);
    assert_true(account_is_complete(&scene->account, &scene->reader));
    assert_false(account_is_complete(&scene->account, &scene->stalled));
    settle(scene);
    assert_int_equal(counter_get(&scene->ledger->slow_missing), 4);
    assert_int_equal(counter_get(&scene->ledger->missing), 0);
}

static void a_client_that_is_never_to_read_again_owes_nothing(void **state)
{
    struct scene *scene = *state;
    scene->stalled.whole = false;
    trades(scene, &scene->reader, 1, 10);
    trades(scene, &scene->stalled, 1, 6);
    assert_true(account_is_complete(&scene->account, &scene->stalled));
    settle(scene);
    assert_int_equal(counter_get(&scene->ledger->slow_missing), 0);
}

static void a_tick_twice_and_one_out_of_order_are_told_apart(void **state)
{
    struct scene *scene = *state;
    trades(scene, &scene->reader, 1, 5);
    trades(scene, &scene->reader, 5, 5);
    trades(scene, &scene->reader, 3, 3);
    assert_int_equal(counter_get(&scene->ledger->duplicates), 1);
    assert_int_equal(counter_get(&scene->ledger->reordered), 1);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(what_was_received_and_announced_is_the_whole),
        SCENE_TEST(a_hole_is_counted_for_readers_and_stalled_alike),
        SCENE_TEST(a_stalled_client_that_never_catches_up_is_missing_the_rest),
        SCENE_TEST(a_client_that_is_never_to_read_again_owes_nothing),
        SCENE_TEST(a_tick_twice_and_one_out_of_order_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
