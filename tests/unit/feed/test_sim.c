/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "feed/sim.h"
#include "schemas/tick_value.h"

static const struct sim_config standard = {.seed = 1, .rate = 5000, .symbols = 50, .burst = 1};

static void the_same_seed_gives_the_same_ticks_and_another_gives_others(void **state)
{
    (void)state;
    struct sim_config other_config = standard;
    other_config.seed = 2;
    struct sim *a = sim_create(&standard), *b = sim_create(&standard);
    struct sim *other = sim_create(&other_config);
    int differing = 0;
    for (int i = 0; i < 10000; i++) {
        struct tick ta, tb, to;
        const char *sa, *sb, *so;
        sim_next(a, &ta, &sa);
        sim_next(b, &tb, &sb);
        sim_next(other, &to, &so);
        assert_memory_equal(&ta, &tb, sizeof ta);
        assert_string_equal(sa, sb);
        differing += ta.price != to.price || strcmp(sa, so) != 0;
    }
    assert_true(differing > 5000);
    sim_destroy(a);
    sim_destroy(b);
    sim_destroy(other);
}

/* Seconds that `count` ticks take. */
static double span_of(double burst, int count, int64_t *shortest)
{
    struct sim_config config = standard;
    config.burst = burst;
    struct sim *sim = sim_create(&config);
    struct tick tick;
    const char *symbol;
    int64_t last = 0;
    *shortest = INT64_MAX;
    for (int i = 0; i < count; i++) {
        sim_next(sim, &tick, &symbol);
        assert_true(tick.ts_ns >= last);
        if (tick.ts_ns - last < *shortest)
            *shortest = tick.ts_ns - last;
        last = tick.ts_ns;
    }
    sim_destroy(sim);
    return (double)last / 1e9;
}

static void the_mean_rate_is_the_one_asked_for_however_bursty(void **state)
{
    (void)state;
    const double bursts[] = {0, 0.5, 1, 3};
    for (int i = 0; i < 4; i++) {
        int64_t shortest;
        double seconds = span_of(bursts[i], 500000, &shortest);
        assert_true(seconds > 95 && seconds < 105);
        assert_true((bursts[i] > 0) == (shortest < 199000));
    }
}

static void prices_stay_on_their_grid_above_zero_and_sizes_are_positive(void **state)
{
    (void)state;
    struct sim *sim = sim_create(&standard);
    int8_t exponents[64];
    char names[64][SYMBOL_LEN_MAX + 1];
    int known = 0;
    for (int i = 0; i < 300000; i++) {
        struct tick tick;
        const char *symbol;
        int k = 0;
        sim_next(sim, &tick, &symbol);
        assert_true(symbol_is_valid(symbol, strlen(symbol)));
        assert_true(tick.price > 0 && tick.size > 0);
        assert_true(tick.side == TICK_SIDE_BUY || tick.side == TICK_SIDE_SELL);
        assert_true(tick.has_id);
        assert_int_equal(tick.pos, tick_pos(0, (uint64_t)i));
        if (strcmp(symbol, "BCH-USD") == 0)
            assert_int_equal(tick.price % 5, 0); /* trades in steps of 0.05 */
        while (k < known && strcmp(names[k], symbol) != 0)
            k++;
        if (k == known) {
            assert_true(known < 64);
            strcpy(names[known], symbol);
            exponents[known++] = tick.price_exp;
        }
        assert_int_equal(tick.price_exp, exponents[k]);
    }
    assert_int_equal(known, 50);
    sim_destroy(sim);
}

static void the_first_symbols_trade_most_and_all_of_many_have_valid_names(void **state)
{
    (void)state;
    struct sim_config config = standard;
    config.symbols = 1000;
    struct sim *sim = sim_create(&config);
    int bitcoin = 0;
    for (int i = 0; i < 100000; i++) {
        struct tick tick;
        const char *symbol;
        sim_next(sim, &tick, &symbol);
        assert_true(symbol_is_valid(symbol, strlen(symbol)));
        bitcoin += strcmp(symbol, "BTC-USD") == 0;
    }
    assert_true(bitcoin > 3000 && bitcoin < 20000);
    sim_destroy(sim);
}

static void settings_are_read_in_any_order_and_bad_ones_are_named(void **state)
{
    (void)state;
    struct sim_config config;
    char error[200];
    assert_int_equal(sim_config_parse("", &config, error, sizeof error), 0);
    assert_int_equal(config.seed, 1);
    assert_int_equal(config.symbols, 50);
    assert_int_equal(
        sim_config_parse("symbols=7,rate=2.5,seed=9,burst=0", &config, error, sizeof error), 0);
    assert_int_equal(config.seed, 9);
    assert_int_equal(config.symbols, 7);
    assert_true(config.rate == 2.5 && config.burst == 0);
    const char *bad[][2] = {{"rate=0", "rate=0"},         {"rate=x", "rate=x"},
                            {"speed=3", "speed"},         {"symbols=0", "symbols"},
                            {"seed=1,burst=-1", "burst"}, {"seed", "seed"},
                            {"rate=nan", "rate"},         {"seed=-1", "seed"}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(sim_config_parse(bad[i][0], &config, error, sizeof error), -EINVAL);
        assert_non_null(strstr(error, bad[i][1]));
    }
    assert_int_equal(config.seed, 9); /* untouched */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_ticks_and_another_gives_others),
        cmocka_unit_test(the_mean_rate_is_the_one_asked_for_however_bursty),
        cmocka_unit_test(prices_stay_on_their_grid_above_zero_and_sizes_are_positive),
        cmocka_unit_test(the_first_symbols_trade_most_and_all_of_many_have_valid_names),
        cmocka_unit_test(settings_are_read_in_any_order_and_bad_ones_are_named),
    };
    return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
