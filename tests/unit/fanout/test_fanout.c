/* SPDX-License-Identifier: MIT */
/* long: one scripted case a function, all on one small world */
#include "world.h"

#include <string.h>

static struct world *open_world(struct fanout_config config)
{
    return world_create(&config, model_seed(77));
}

static void ticks(struct world *world, uint32_t symbol, int count)
{
    while (count-- > 0)
        world_tick(world, symbol, 0);
}

static struct account_sums heard(const struct world *world, uint32_t listener)
{
    return world->listeners[listener].sums;
}

static void a_tick_reaches_those_who_want_it_and_nobody_else(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A"), b = world_symbol(world, "B");
    for (uint32_t i = 0; i < 3; i++)
        world_join(world, i, (int)(i % 2));
    world_subscribe(world, 0, "A", world_all);
    world_subscribe(world, 1, "*", world_all);
    ticks(world, a, 3);
    ticks(world, b, 2);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 3);
    assert_int_equal(heard(world, 1).ticks, 5);
    assert_int_equal(heard(world, 2).ticks, 0);
    world_destroy(world);
}

static void a_tick_is_encoded_once_a_format_that_somebody_wants(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    ticks(world, a, 1);
    assert_int_equal(world->fanout.encoded, 0);
    for (uint32_t i = 0; i < 8; i++) {
        world_join(world, i, ENCODE_JSON);
        world_subscribe(world, i, "A", world_all_new);
    }
    ticks(world, a, 1);
    assert_int_equal(world->fanout.encoded, 1);
    world_join(world, 8, ENCODE_MSGPACK);
    world_subscribe(world, 8, "A", world_all_new);
    ticks(world, a, 1);
    assert_int_equal(world->fanout.encoded, 3);
    world_destroy(world);
}

static void frames_side_by_side_leave_without_a_copy(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    world_join(world, 0, ENCODE_MSGPACK);
    world_subscribe(world, 0, "A", world_all);
    ticks(world, a, 5);
    const struct send *send = world_gather(world, 0);
    assert_non_null(send);
    assert_ptr_equal(send->data, world->fanout.frames.bytes);
    assert_int_equal(send->ticks, 5);
    world_destroy(world);
}

static void control_goes_before_snapshots_and_snapshots_before_ticks(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A"), b = world_symbol(world, "B");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    ticks(world, a, 1);
    ticks(world, b, 1);
    world_subscribe(world, 0, "B", world_all);
    world_control(world, 0, 30);
    struct stream_frame frame;
    struct stream_message message;
    const struct send *send = world_gather(world, 0);
    long at = stream_read(send->data, send->len, &frame);
    assert_int_equal(frame.payload[0], '#');
    at += stream_read(send->data + at, send->len - (size_t)at, &frame);
    assert_true(stream_parse(&frame, &message));
    assert_int_equal(message.kind, STREAM_SNAPSHOT);
    assert_string_equal(message.symbol, "B");
    at += stream_read(send->data + at, send->len - (size_t)at, &frame);
    assert_true(stream_parse(&frame, &message));
    assert_int_equal(message.kind, STREAM_TRADE);
    assert_int_equal(at, send->len);
    world_destroy(world);
}

static void a_snapshot_is_of_the_tick_that_is_last_when_it_leaves(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    ticks(world, a, 4);
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    ticks(world, a, 6);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 1);
    world_destroy(world);
}

static void the_oldest_are_dropped_when_a_queue_is_full_of_frames(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.queue_frames_max = 10;
    struct world *world = open_world(config);
    uint32_t a = world_symbol(world, "A");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    ticks(world, a, 25);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 10);
    assert_int_equal(heard(world, 0).slow, 15);
    assert_int_equal(world->fanout.dropped, 15);
    world_destroy(world);
}

static void a_queue_is_bounded_in_bytes_too(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.queue_bytes_max = 1000;
    struct world *world = open_world(config);
    uint32_t a = world_symbol(world, "A");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    ticks(world, a, 50);
    assert_true(world->fanout.subscribers[0].queue.bytes <= 1000);
    assert_true(world->fanout.subscribers[0].queue.count >= 3);
    world_settle(world);
    world_destroy(world);
}

static void a_forgotten_frame_is_told_as_a_gap(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.arena_frames = 8;
    struct world *world = open_world(config);
    uint32_t a = world_symbol(world, "A"), b = world_symbol(world, "B");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    world_join(world, 1, ENCODE_JSON);
    world_subscribe(world, 1, "B", world_all);
    ticks(world, a, 5);
    ticks(world, b, 20);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 0); /* it has no later frame to stand before */
    assert_int_equal(heard(world, 0).slow, 5);
    assert_int_equal(heard(world, 1).ticks, 8);
    assert_int_equal(heard(world, 1).slow, 12);
    world_destroy(world);
}

static void what_the_feed_merged_is_a_gap_of_reason_overload(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    world_tick(world, a, 3); /* before the first */
    world_tick(world, a, 0);
    world_tick(world, a, 7);
    world_settle(world);
    assert_int_equal(world->fanout.overload_gaps, 2);
    assert_int_equal(heard(world, 0).slow, 0);
    assert_int_equal(heard(world, 0).ticks, 3);
    assert_int_equal(world->fanout.dropped, 0);
    world_destroy(world);
}

static void what_waits_is_passed_over_after_an_unsubscribe(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A"), b = world_symbol(world, "B");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    world_subscribe(world, 0, "B", world_all);
    ticks(world, a, 5);
    ticks(world, b, 5);
    world_unsubscribe(world, 0, "A");
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 5);
    assert_int_equal(world->fanout.dropped, 0);
    fanout_bury(&world->fanout);
    assert_int_equal(world->fanout.pairs_live, 1);
    world_destroy(world);
}

static void the_last_of_overlapping_topics_ends_the_account(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "ABC");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A*", world_all);
    world_subscribe(world, 0, "ABC", world_all);
    world_subscribe(world, 0, "*", world_all);
    ticks(world, a, 1);
    world_unsubscribe(world, 0, "ABC");
    world_unsubscribe(world, 0, "*");
    ticks(world, a, 1);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 2);
    world_unsubscribe(world, 0, "A*");
    ticks(world, a, 1);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 2);
    world_destroy(world);
}

static void a_slot_is_clean_for_its_next_client(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    for (int i = 0; i < 20; i++) {
        world_join(world, 3, i % 2);
        world_subscribe(world, 3, "*", world_all);
        ticks(world, a, 30);
        world_control(world, 3, 100);
        world_send(world, 3, 7); /* a frame begun, the rest waiting */
        world_leave(world, 3);
    }
    world_join(world, 3, ENCODE_JSON);
    world_subscribe(world, 3, "A", world_all_new);
    ticks(world, a, 2);
    world_settle(world);
    assert_int_equal(heard(world, 3).ticks, 2);
    world_destroy(world);
}

static void a_slot_forgets_the_doom_of_its_last_client(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.control_bytes_max = 100;
    struct world *world = open_world(config);
    world_join(world, 0, ENCODE_JSON);
    assert_false(world_control(world, 0, 200));
    world_leave(world, 0);
    world_join(world, 0, ENCODE_JSON);
    uint32_t doomed;
    assert_false(fanout_take_doomed(&world->fanout, &doomed));
    assert_false(world_control(world, 0, 200)); /* and can be doomed itself */
    assert_true(fanout_take_doomed(&world->fanout, &doomed));
    assert_int_equal(doomed, 0);
    world_destroy(world);
}

static void the_dirty_are_taken_in_turn_and_once(void **state)
{
    (void)state;
    static const uint32_t order[] = {2, 0, 3, 1};
    struct world *world = open_world(world_config());
    uint32_t taken;
    for (uint32_t i = 0; i < 5; i++)
        world_join(world, i, ENCODE_JSON);
    for (int i = 0; i < 8; i++)
        world_control(world, order[i % 4], 20);
    world_control(world, 4, 20);
    world_leave(world, 4);
    for (int i = 0; i < 4; i++) {
        assert_true(world_take(world, &taken));
        assert_int_equal(taken, order[i]);
    }
    assert_false(world_take(world, &taken));
    world_destroy(world);
}

static void one_that_is_held_is_not_dirty(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t taken;
    world_join(world, 2, ENCODE_JSON);
    world->fanout.subscribers[2].held = true;
    world_control(world, 2, 20);
    assert_false(world_take(world, &taken));
    world->fanout.subscribers[2].held = false;
    fanout_mark_dirty(&world->fanout, 2);
    assert_true(world_take(world, &taken));
    world_destroy(world);
}

/* Marks 0, 1 and 2 dirty, in this order, and asserts in which they are then taken. */
static void check_order(struct world *world, const uint32_t *order)
{
    uint32_t taken;
    for (uint32_t i = 0; i < 3; i++)
        world_control(world, i, 20);
    for (int i = 0; i < 3; i++) {
        assert_true(world_take(world, &taken));
        assert_int_equal(taken, order[i]);
    }
}

static void who_has_many_more_symbols_than_the_others_is_sent_after_them(void **state)
{
    (void)state;
    static const uint32_t alike[] = {0, 1, 2}, last[] = {1, 2, 0};
    struct world *world = open_world(world_config());
    const char *const names[] = {"A", "B", "C", "D", "E", "F", "G", "H"};
    for (int i = 0; i < 8; i++)
        world_symbol(world, names[i]);
    for (uint32_t i = 0; i < 3; i++) {
        world_join(world, i, ENCODE_JSON);
        world_subscribe(world, i, "A", world_all);
    }
    check_order(world, alike);
    world_subscribe(world, 0, "*", world_all);
    check_order(world, alike); /* it is judged when it is sent something */
    check_order(world, last);
    world_subscribe(world, 1, "*", world_all);
    world_subscribe(world, 2, "*", world_all);
    check_order(world, last);
    check_order(world, alike);
    world_settle(world);
    world_destroy(world);
}

static void whoever_has_more_waiting_than_fills_a_send_is_sent_in_turn(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.queue_frames_max = 1024;
    config.queue_bytes_max = 1 << 20;
    struct world *world = open_world(config);
    uint32_t symbol = world_symbol(world, "A");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    world_settle(world);
    struct subscriber *sub = &world->fanout.subscribers[0];
    sub->held = sub->broad = true;
    world_tick(world, symbol, 0);
    sub->held = false;
    fanout_mark_dirty(&world->fanout, 0);
    assert_int_equal(world->fanout.broad.count, 1);
    world_settle(world);
    sub->held = sub->broad = true;
    while (fanout_waiting_bytes(sub) < GATHER_BYTES_MAX)
        world_tick(world, symbol, 0);
    sub->held = false;
    fanout_mark_dirty(&world->fanout, 0);
    assert_int_equal(world->fanout.broad.count, 0);
    assert_int_equal(world->fanout.dirty.count, 1);
    world_settle(world);
    world_destroy(world);
}

static void one_who_is_sent_after_others_is_known_to_wait(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t taken;
    world_join(world, 0, ENCODE_JSON);
    world->fanout.subscribers[0].broad = true;
    assert_false(fanout_broad_waits(&world->fanout, 0));
    world_control(world, 0, 20);
    assert_true(fanout_broad_waits(&world->fanout, 0));
    assert_false(fanout_broad_waits(&world->fanout, 5));
    world->fanout.now_ms += 5;
    assert_true(fanout_broad_waits(&world->fanout, 5));
    assert_true(world_take(world, &taken));
    assert_false(fanout_broad_waits(&world->fanout, 0));
    world_destroy(world);
}

static void a_refused_subscription_changes_nothing(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.pairs_max = 2;
    struct world *world = open_world(config);
    uint32_t symbols[3] = {world_symbol(world, "A"), world_symbol(world, "AB"),
                           world_symbol(world, "AC")};
    world_join(world, 0, ENCODE_JSON);
    assert_int_equal(world_subscribe(world, 0, "A*", world_all), FANOUT_FULL);
    assert_int_equal(world->fanout.pairs_live, 0);
    assert_int_equal(world->fanout.topics.holds_live, 0);
    assert_int_equal(world_subscribe(world, 0, "AB", world_all), FANOUT_OK);
    for (int i = 0; i < 3; i++)
        ticks(world, symbols[i], 1);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 1);
    world_destroy(world);
}

static void a_subscription_that_needs_no_new_pair_is_not_refused(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.pairs_max = 2;
    struct world *world = open_world(config);
    world_symbol(world, "A");
    world_symbol(world, "B");
    world_join(world, 0, ENCODE_JSON);
    assert_int_equal(world_subscribe(world, 0, "*", world_all), FANOUT_OK);
    assert_int_equal(world_subscribe(world, 0, "A", world_all), FANOUT_OK);
    world_destroy(world);
}

static void a_pattern_that_finds_no_room_for_a_new_symbol_dooms_its_client(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.pairs_max = 1;
    struct world *world = open_world(config);
    world_join(world, 5, ENCODE_JSON);
    world_subscribe(world, 5, "*", world_all);
    world_symbol(world, "A");
    uint32_t doomed;
    assert_false(fanout_take_doomed(&world->fanout, &doomed));
    world_symbol(world, "B");
    assert_true(fanout_take_doomed(&world->fanout, &doomed));
    assert_int_equal(doomed, 5);
    assert_int_equal(world->fanout.subscribers[5].doom, DOOM_STARVED);
    world_destroy(world);
}

static void a_long_queue_leaves_in_bounded_sends(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A"), b = world_symbol(world, "B");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all); /* every other frame: a copy each */
    world_join(world, 1, ENCODE_JSON);
    world_subscribe(world, 1, "*", world_all);
    for (int i = 0; i < 3000; i++) {
        ticks(world, a, 1);
        ticks(world, b, 1);
    }
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t len = world_send(world, i, UINT32_MAX);
        assert_true(len >= 60 * 1024 && len <= GATHER_BYTES_MAX + 2 * FRAME_LEN_MAX);
    }
    world_settle(world);
    assert_int_equal(heard(world, 1).ticks, 6000);
    world_destroy(world);
}

static void a_long_control_lane_is_never_torn_by_ticks(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    for (uint32_t i = 0; i < 60; i++) {
        ticks(world, a, 2);
        world_control(world, 0, i % 20 ? 3000 : 60000);
        world_send(world, 0, 1 + i * 197);
    }
    world_settle(world);
    assert_int_equal(world->listeners[0].controls_heard, 60);
    world_destroy(world);
}

/* What a client has begun to read ends, though it left the symbol meanwhile. */
static void a_begun_frame_is_finished_after_an_unsubscribe(void **state)
{
    (void)state;
    for (uint32_t taken = 1; taken < 80; taken++) {
        struct world *world = open_world(world_config());
        uint32_t a = world_symbol(world, "A");
        world_join(world, 0, ENCODE_JSON);
        world_subscribe(world, 0, "A", world_all);
        ticks(world, a, 3);
        world_send(world, 0, taken);
        world_unsubscribe(world, 0, "A");
        ticks(world, a, 3);
        world_settle(world);
        assert_int_equal(heard(world, 0).ticks, 1);
        world_destroy(world);
    }
}

/* ---- every split ---- */

/* Control, a snapshot, ticks of two symbols, a gap for what was dropped, one for what was merged.
 */
static void fill(struct world *world)
{
    ticks(world, 0, 2);
    world_subscribe(world, 0, "A", world_all_new);
    world_subscribe(world, 0, "B", world_all);
    world_control(world, 0, 20);
    ticks(world, 0, 2);
    ticks(world, 1, 1);
    world_tick(world, 0, 2);
    ticks(world, 0, 1);
}

/* Returns the first send's length; the rest leaves `second` bytes first. */
static uint32_t split(struct world *world, int format, uint32_t first, uint32_t second)
{
    world_join(world, 0, format);
    fill(world);
    uint32_t len = world_send(world, 0, first);
    ticks(world, 1, 1);
    world_control(world, 0, 16);
    world_send(world, 0, second);
    ticks(world, 0, 1);
    world_settle(world);
    world_leave(world, 0);
    return len;
}

static struct world *split_world(void)
{
    struct fanout_config config = world_config();
    config.queue_frames_max = 4;
    struct world *world = open_world(config);
    world_symbol(world, "A");
    world_symbol(world, "B");
    ticks(world, 1, 1);
    return world;
}

static void try_splits(int format, uint32_t step)
{
    struct world *world = split_world();
    uint32_t len = UINT32_MAX;
    for (uint32_t first = 0; first <= len; first++) {
        for (uint32_t second = first % step; second <= 260; second += step) {
            if (world->symbols[0].last + 10 >= WORLD_SEQS) {
                world_destroy(world);
                world = split_world();
            }
            len = split(world, format, first, second);
        }
    }
    assert_true(len > 200);
    world_destroy(world);
}

static void a_send_may_break_off_at_every_byte_in_msgpack(void **state)
{
    (void)state;
    try_splits(ENCODE_MSGPACK, 3);
}

static void a_send_may_break_off_at_every_byte_in_json(void **state)
{
    (void)state;
    try_splits(ENCODE_JSON, 29);
}

/* ---- other modes ---- */

static void mode_latest_keeps_only_the_newest(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_latest);
    ticks(world, a, 50);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 1);
    assert_int_equal(world->fanout.dropped, 0);
    world_destroy(world);
}

static void mode_latest_rests_for_its_interval(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", (struct terms){.mode = TERMS_LATEST, .interval_ms = 10});
    for (int ms = 0; ms < 100; ms++) { /* each send is a turn, and a turn a millisecond */
        ticks(world, a, 1);
        world_send(world, 0, UINT32_MAX);
    }
    assert_int_equal(heard(world, 0).ticks, 10);
    world_settle(world);
    world_destroy(world);
}

static void mode_strict_is_doomed_sooner_than_lose_a_tick(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.queue_frames_max = 4;
    struct world *world = open_world(config);
    uint32_t a = world_symbol(world, "A"), doomed;
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_strict);
    ticks(world, a, 4);
    assert_false(fanout_take_doomed(&world->fanout, &doomed));
    ticks(world, a, 1);
    assert_true(fanout_take_doomed(&world->fanout, &doomed));
    assert_int_equal(world->fanout.subscribers[doomed].doom, DOOM_STRICT);
    world_destroy(world);
}

static void a_client_that_has_it_all_is_told_of_no_gap(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.history_ticks = 4;
    struct world *world = open_world(config);
    uint32_t a = world_symbol(world, "A"), b = world_symbol(world, "B");
    ticks(world, a, 3);
    ticks(world, b, 10); /* what the history holds of A makes room */
    world_join(world, 0, ENCODE_JSON);
    world_resume(world, 0, a, 3, world_all);
    const struct send *send = world_gather(world, 0);
    assert_null(send);
    world_destroy(world);
}

/* Warm-up: the seq rises, and nobody is sent the tick but as a snapshot. */
static void quiet_tick(struct world *world, uint32_t symbol)
{
    struct world_symbol *what = &world->symbols[symbol];
    const struct tick quiet = {
        .symbol = symbol, .seq = what->last + 1, .pos = tick_pos(0, ++world->offset), .quiet = 1};
    what->ticks[++what->last] = quiet;
    fanout_tick(&world->fanout, &quiet);
    world->listeners[0].accounts[symbol].now.snapshot = true;
}

static void a_quiet_tick_renews_the_account_with_a_snapshot(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    ticks(world, a, 2);
    world_settle(world);
    quiet_tick(world, a);
    ticks(world, a, 1);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 3);
    assert_int_equal(heard(world, 0).slow, 0);
    world_destroy(world);
}

static void one_who_has_it_all_goes_on_after_a_quiet_tick(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    world_tick(world, a, 1000); /* its seq is beyond the offsets of what follows */
    world_join(world, 0, ENCODE_JSON);
    world_resume(world, 0, a, 1001, world_all);
    quiet_tick(world, a);
    world_settle(world);
    ticks(world, a, 5);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 6);
    world_destroy(world);
}

static void one_who_has_it_all_is_told_what_the_feed_merged(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    ticks(world, a, 3);
    world_join(world, 0, ENCODE_JSON);
    world_resume(world, 0, a, 3, world_all);
    world_tick(world, a, 4);
    world_settle(world);
    assert_int_equal(heard(world, 0).slow, 0);
    assert_int_equal(heard(world, 0).ticks, 1);
    world_destroy(world);
}

static void a_change_to_latest_during_a_send_still_ends_with_the_last_tick(void **state)
{
    (void)state;
    struct world *world = open_world(world_config());
    uint32_t a = world_symbol(world, "A");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    ticks(world, a, 3);
    const struct send *send = world_gather(world, 0);
    world_hear(world, send, 5);
    world_subscribe(world, 0, "A", world_latest);
    assert_int_equal(gather_sent(&world->fanout, &world->batch, send, 5), 0);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 2);
    world_destroy(world);
}

static void a_gap_that_was_not_sent_is_the_last_tick_in_mode_latest(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.arena_frames = 8;
    struct world *world = open_world(config);
    uint32_t a = world_symbol(world, "A"), b = world_symbol(world, "B");
    world_join(world, 0, ENCODE_JSON);
    world_subscribe(world, 0, "A", world_all);
    world_join(world, 1, ENCODE_JSON);
    world_subscribe(world, 1, "B", world_all);
    ticks(world, a, 5);
    ticks(world, b, 20); /* what waits of A is forgotten: one gap */
    const struct send *send = world_gather(world, 0);
    world_subscribe(world, 0, "A", world_latest);
    assert_int_equal(gather_sent(&world->fanout, &world->batch, send, 0), 0);
    world_settle(world);
    assert_int_equal(heard(world, 0).ticks, 1);
    world_destroy(world);
}

static void a_history_gap_keeps_its_reason_when_its_send_breaks_off(void **state)
{
    (void)state;
    struct fanout_config config = world_config();
    config.history_ticks = 4;
    struct world *world = open_world(config);
    uint32_t a = world_symbol(world, "A"), b = world_symbol(world, "B");
    ticks(world, a, 3);
    ticks(world, b, 10);
    world_join(world, 0, ENCODE_JSON);
    world_resume(world, 0, a, 1, world_all);
    world_send(world, 0, 0);
    world_settle(world);
    assert_int_equal(heard(world, 0).slow, 0);
    world_destroy(world);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tick_reaches_those_who_want_it_and_nobody_else),
        TEST(a_tick_is_encoded_once_a_format_that_somebody_wants),
        TEST(frames_side_by_side_leave_without_a_copy),
        TEST(control_goes_before_snapshots_and_snapshots_before_ticks),
        TEST(a_snapshot_is_of_the_tick_that_is_last_when_it_leaves),
        TEST(the_oldest_are_dropped_when_a_queue_is_full_of_frames),
        TEST(a_queue_is_bounded_in_bytes_too),
        TEST(a_forgotten_frame_is_told_as_a_gap),
        TEST(what_the_feed_merged_is_a_gap_of_reason_overload),
        TEST(what_waits_is_passed_over_after_an_unsubscribe),
        TEST(the_last_of_overlapping_topics_ends_the_account),
        TEST(a_slot_is_clean_for_its_next_client),
        TEST(a_slot_forgets_the_doom_of_its_last_client),
        TEST(the_dirty_are_taken_in_turn_and_once),
        TEST(one_that_is_held_is_not_dirty),
        TEST(who_has_many_more_symbols_than_the_others_is_sent_after_them),
        TEST(whoever_has_more_waiting_than_fills_a_send_is_sent_in_turn),
        TEST(one_who_is_sent_after_others_is_known_to_wait),
        TEST(a_refused_subscription_changes_nothing),
        TEST(a_subscription_that_needs_no_new_pair_is_not_refused),
        TEST(a_pattern_that_finds_no_room_for_a_new_symbol_dooms_its_client),
        TEST(a_long_queue_leaves_in_bounded_sends),
        TEST(a_long_control_lane_is_never_torn_by_ticks),
        TEST(a_begun_frame_is_finished_after_an_unsubscribe),
        TEST(a_send_may_break_off_at_every_byte_in_msgpack),
        TEST(a_send_may_break_off_at_every_byte_in_json),
        TEST(mode_latest_keeps_only_the_newest),
        TEST(mode_latest_rests_for_its_interval),
        TEST(mode_strict_is_doomed_sooner_than_lose_a_tick),
        TEST(a_client_that_has_it_all_is_told_of_no_gap),
        TEST(a_quiet_tick_renews_the_account_with_a_snapshot),
        TEST(one_who_has_it_all_goes_on_after_a_quiet_tick),
        TEST(one_who_has_it_all_is_told_what_the_feed_merged),
        TEST(a_change_to_latest_during_a_send_still_ends_with_the_last_tick),
        TEST(a_gap_that_was_not_sent_is_the_last_tick_in_mode_latest),
        TEST(a_history_gap_keeps_its_reason_when_its_send_breaks_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
