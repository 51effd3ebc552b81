/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/clock.h"
#include "feed/source.h"
#include "tape.h"

/* ---- a source that hands over what the test allows ---- */

struct fake {
    struct source source;
    struct source_sink sink;
    const char *script; /* one letter a tick: its symbol */
    _Atomic uint64_t allowed, given;
    _Atomic int state;
};

static int fake_start(struct source *source, const struct source_sink *sink,
                      struct feed_metrics *metrics, char *error, size_t error_size)
{
    (void)metrics, (void)error, (void)error_size;
    ((struct fake *)source)->sink = *sink;
    return 0;
}

static void fake_poll(struct source *source, int timeout_ms)
{
    struct fake *f = (struct fake *)source;
    if (f->given == f->allowed)
        usleep(timeout_ms > 1 ? 1000 : 100);
    while (f->given < f->allowed) {
        uint64_t i = f->given;
        const struct tick tick = {.price = (int64_t)i, .ts_ns = 1, .rts_ns = 2, .pos = i};
        f->sink.take(f->sink.arg, &tick, &f->script[i % strlen(f->script)], 1);
        f->given = i + 1;
    }
}

static enum feed_state fake_state(const struct source *source)
{
    return (enum feed_state)((const struct fake *)source)->state;
}

static bool fake_ready(const struct source *source)
{
    return ((const struct fake *)source)->state == FEED_LIVE;
}

static const char *fake_partition(const struct source *source, uint32_t i, int32_t *number)
{
    (void)source;
    *number = (int32_t)i;
    return "fake";
}

static void fake_destroy(struct source *source)
{
    free(source);
}

static const struct source_ops fake_ops = {
    .start = fake_start,
    .poll = fake_poll,
    .state = fake_state,
    .ready = fake_ready,
    .partition = fake_partition,
    .destroy = fake_destroy,
};

static struct feed *make_feed(struct fake **out, const char *script, uint64_t slots,
                              uint32_t symbols_max)
{
    const struct feed_config config = {
        .symbols_max = symbols_max, .ring_slots = slots, .workers = 1};
    struct feed *feed;
    char error[200];
    struct fake *fake = calloc(1, sizeof *fake);
    assert_non_null(fake);
    fake->source.ops = &fake_ops;
    fake->script = script;
    assert_int_equal(feed_create_from(&feed, &config, &fake->source, error, sizeof error), 0);
    assert_int_equal(feed_start(feed, error, sizeof error), 0);
    *out = fake;
    return feed;
}

/* ---- tests ---- */

static void each_symbol_counts_from_1_without_a_hole_and_its_name_comes_first(void **state)
{
    (void)state;
    struct fake *fake;
    struct feed *feed = make_feed(&fake, "AABACABDEFGHAABBIJKLMNOP", 65536, 100);
    struct tape *tape = tape_create(feed, 0);
    fake->allowed = 24000;
    assert_true(tape_read_until(tape, 24000, 5000));
    assert_int_equal(tape_skipped(tape), 0);
    assert_int_equal(tape->symbols_count, 16);
    assert_int_equal(tape_symbol(tape, "A")->seq, 6000);
    assert_int_equal(counter_get(&feed_metrics(feed)->ticks), 24000);
    assert_int_equal(counter_get(&feed_metrics(feed)->conflated), 0);
    for (uint64_t i = 0; i < tape->ticks_count; i++)
        assert_int_equal(tape->ticks[i].price, i); /* and all in the order they came */
    feed_destroy(feed);
    tape_destroy(tape);
}

static void a_full_ring_merges_each_symbols_ticks_and_seq_jumps_over_exactly_those(void **state)
{
    (void)state;
    struct fake *fake;
    struct feed *feed = make_feed(&fake, "ABCABDA", 8, 100);
    struct tape *tape = tape_create(feed, 0);
    fake->allowed = 7000;
    while (fake->given < 7000) /* F goes on, though no one reads */
        usleep(500);
    const struct feed_metrics *metrics = feed_metrics(feed);
    uint64_t conflated = counter_get(&metrics->conflated);
    assert_true(conflated > 6900);
    assert_true(tape_read_until(tape, 7000 - conflated, 2000));
    assert_int_equal(tape_skipped(tape), conflated);
    assert_int_equal(tape_symbol(tape, "A")->seq, 3000);
    assert_int_equal(tape_symbol(tape, "A")->last.price, 6999); /* its newest */
    assert_int_equal(tape_symbol(tape, "D")->seq, 1000);

    /* And by itself all is as before. */
    fake->allowed = 7005;
    assert_true(tape_read_until(tape, 7005 - conflated, 2000));
    assert_int_equal(counter_get(&metrics->conflated), conflated);
    assert_int_equal(tape_skipped(tape), conflated);
    feed_destroy(feed);
    tape_destroy(tape);
}

static void those_that_wait_come_in_the_order_in_which_each_began_to(void **state)
{
    (void)state;
    struct fake *fake;
    /* The first two fill the ring of four: a name and a tick each. */
    struct feed *feed = make_feed(&fake, "ABDCBADCBABC", 4, 100);
    struct tape *tape = tape_create(feed, 0);
    fake->allowed = 12;
    while (fake->given < 12)
        usleep(500);
    assert_true(tape_read_until(tape, 6, 2000));
    const char *order = "ABDCBA";
    for (uint64_t i = 0; i < 6; i++)
        assert_int_equal(tape->symbols[tape->ticks[i].symbol].name[0], order[i]);
    assert_int_equal(tape_symbol(tape, "C")->seq, 3);
    assert_int_equal(tape_symbol(tape, "B")->seq, 4);
    assert_int_equal(counter_get(&feed_metrics(feed)->conflated), 6);
    feed_destroy(feed);
    tape_destroy(tape);
}

static void symbols_beyond_the_maximum_are_refused_and_counted(void **state)
{
    (void)state;
    struct fake *fake;
    struct feed *feed = make_feed(&fake, "ABCDE", 64, 3);
    struct tape *tape = tape_create(feed, 0);
    fake->allowed = 10;
    assert_true(tape_read_until(tape, 6, 2000));
    while (fake->given < 10)
        usleep(500);
    assert_true(tape_wait_metric(&feed_metrics(feed)->rejected[0], 4, 1000));
    assert_int_equal(counter_get(&feed_metrics(feed)->symbols), 3);
    feed_destroy(feed);
    tape_destroy(tape);
}

static void the_sources_state_and_readiness_are_shown_and_changes_counted(void **state)
{
    (void)state;
    struct fake *fake;
    struct feed *feed = make_feed(&fake, "A", 64, 3);
    const struct feed_metrics *metrics = feed_metrics(feed);
    assert_int_equal(counter_get(&metrics->ready), 0);
    fake->state = FEED_LIVE;
    assert_true(tape_wait_metric(&metrics->ready, 1, 1000));
    assert_int_equal(counter_get(&metrics->state), FEED_LIVE);
    fake->state = FEED_LOST;
    assert_true(tape_wait_metric(&metrics->state_changes, 2, 1000));
    assert_int_equal(counter_get(&metrics->ready), 1);
    feed_destroy(feed);
}

static void a_stopped_feed_leaves_its_ring_readable(void **state)
{
    (void)state;
    struct fake *fake;
    struct feed *feed = make_feed(&fake, "AB", 64, 3);
    struct tape *tape = tape_create(feed, 0);
    fake->allowed = 10;
    while (fake->given < 10)
        usleep(500);
    int64_t start_ns = clock_mono_ns();
    feed_stop(feed);
    feed_stop(feed);
    assert_true(clock_mono_ns() - start_ns < 1000000000);
    assert_int_equal(tape_read(tape), 10);
    feed_destroy(feed);
    tape_destroy(tape);
}

static void a_bad_setting_is_named(void **state)
{
    (void)state;
    const struct {
        struct feed_config config;
        const char *named;
    } bad[] = {
        {{.source = "sim", .symbols_max = 0, .ring_slots = 64, .workers = 1}, "symbols-max"},
        {{.source = "sim", .symbols_max = 9, .ring_slots = 1, .workers = 1}, "ring-slots"},
        {{.source = "sim", .symbols_max = 9, .ring_slots = 64, .workers = 65}, "workers"},
        {{.source = "csv", .symbols_max = 9, .ring_slots = 64, .workers = 1}, "source"},
        {{.source = "sim:rate=x", .symbols_max = 9, .ring_slots = 64, .workers = 1}, "rate"},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct feed *feed;
        char error[200] = "";
        assert_int_equal(feed_create(&feed, &bad[i].config, error, sizeof error), -EINVAL);
        assert_non_null(strstr(error, bad[i].named));
    }
}

static void the_simulator_hands_each_tick_over_at_its_planned_instant(void **state)
{
    (void)state;
    const struct feed_config config = {.source = "sim:seed=3,rate=2000,symbols=20",
                                       .symbols_max = 100,
                                       .ring_slots = 4096,
                                       .workers = 1};
    struct feed *feed;
    char error[200];
    assert_int_equal(feed_create(&feed, &config, error, sizeof error), 0);
    assert_int_equal(feed_start(feed, error, sizeof error), 0);
    struct tape *tape = tape_create(feed, 0);
    int64_t start_ns = clock_mono_ns();
    assert_true(tape_read_until(tape, 1000, 10000));
    int64_t took_ms = (clock_mono_ns() - start_ns) / 1000000;
    assert_true(took_ms > 250 && took_ms < 3000);
    int late = 0;
    for (uint64_t i = 0; i < tape->ticks_count; i++) {
        int64_t lag_ns = tape->ticks[i].rts_ns - tape->ticks[i].ts_ns;
        assert_true(lag_ns >
                    -1000000); /* never before; the two clocks may be adjusted apart a little */
        late += lag_ns > 20000000;
    }
    assert_true(late < 500); /* this machine may be busy */
    assert_int_equal(counter_get(&feed_metrics(feed)->state), FEED_LIVE);
    feed_destroy(feed);
    tape_destroy(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_symbol_counts_from_1_without_a_hole_and_its_name_comes_first),
        cmocka_unit_test(a_full_ring_merges_each_symbols_ticks_and_seq_jumps_over_exactly_those),
        cmocka_unit_test(those_that_wait_come_in_the_order_in_which_each_began_to),
        cmocka_unit_test(symbols_beyond_the_maximum_are_refused_and_counted),
        cmocka_unit_test(the_sources_state_and_readiness_are_shown_and_changes_counted),
        cmocka_unit_test(a_stopped_feed_leaves_its_ring_readable),
        cmocka_unit_test(a_bad_setting_is_named),
        cmocka_unit_test(the_simulator_hands_each_tick_over_at_its_planned_instant),
    };
    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
