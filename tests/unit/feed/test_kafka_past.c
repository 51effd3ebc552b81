/* SPDX-License-Identifier: MIT */
/* What Kafka holds from before now, in its order and from its places, on librdkafka's mock broker
 * in this process. That one can't look up times: it answers that no message is so late. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"
#include "past.h"

/* ---- the order ---- */

enum { MIXED = 6, MIXED_EACH = 400 };

static struct broker *mixed_broker(struct tape_place *ends, struct past_tick *reference,
                                   enum tape_clock clock)
{
    struct broker *broker = broker_create();
    uint32_t random = 1;
    broker_create_topic(broker, "one", 3);
    broker_create_topic(broker, "two", 3);
    for (uint32_t p = 0; p < MIXED; p++) {
        int64_t latest = 0;
        ends[p] = (struct tape_place){.partition = (uint16_t)(p / 3 * 4096 + p % 3),
                                      .offset = MIXED_EACH};
        for (uint32_t i = 0; i < MIXED_EACH; i++) {
            /* Coarse, so that there are many equal ones, and going back at times. */
            random = random * 1103515245 + 12345;
            int64_t event_ms = i / 4 * (p + 1) + (random >> 16) % 20;
            int64_t stamp_ms = i / 8 * (6 - p) + (random >> 20) % 5;
            past_put(broker, p < 3 ? "one" : "two", (int32_t)(p % 3), "A", i, event_ms, stamp_ms);
            int64_t time_ns =
                PAST_BASE_NS + (clock == TAPE_EVENT ? event_ms : stamp_ms) * INT64_C(1000000);
            latest = time_ns > latest ? time_ns : latest;
            reference[p * MIXED_EACH + i] = (struct past_tick){
                .tick = {.pos = tick_pos(ends[p].partition, i), .id = i}, .time_ns = latest};
        }
    }
    broker_flush(broker);
    return broker;
}

static int by_time_then_place(const void *a, const void *b)
{
    const struct past_tick *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return x->tick.pos < y->tick.pos ? -1 : x->tick.pos > y->tick.pos;
}

static void check_order(enum tape_clock clock)
{
    static struct past_tick reference[MIXED * MIXED_EACH];
    struct tape_place ends[MIXED];
    struct broker *broker = mixed_broker(ends, reference, clock);
    qsort(reference, MIXED * MIXED_EACH, sizeof reference[0], by_time_then_place);
    struct kafka_past_config config = past_config(broker);
    config.topics = "one,two";
    config.clock = clock;
    for (int run = 0; run < 3; run++) {
        past_play(&config, ends, MIXED);
        assert_int_equal(past.count, MIXED * MIXED_EACH);
        assert_int_equal(past.losses_count, 0);
        for (uint32_t i = 0; i < past.count; i++) {
            assert_int_equal(past.ticks[i].time_ns, reference[i].time_ns);
            assert_int_equal(past.ticks[i].tick.pos, reference[i].tick.pos);
            assert_int_equal(past.ticks[i].tick.id, reference[i].tick.id);
        }
    }
    broker_destroy(broker);
}

static void by_event_time_the_order_is_that_of_a_sort_in_each_of_three_runs(void **state)
{
    (void)state;
    check_order(TAPE_EVENT);
}

static void by_kafkas_time_the_order_is_that_of_a_sort_in_each_of_three_runs(void **state)
{
    (void)state;
    check_order(TAPE_RECEIVE);
}

static void a_tick_is_as_it_was_sent_with_its_place_and_kafkas_time(void **state)
{
    (void)state;
    struct broker *broker = past_broker(2);
    past_put(broker, "trades", 1, "BTC-USD", 77, 5, 9);
    broker_flush(broker);
    const struct tape_place ends[] = {{.partition = 0}, {.partition = 1, .offset = 1}};
    const struct kafka_past_config config = past_config(broker);
    past_play(&config, ends, 2);
    assert_int_equal(past.count, 1);
    const struct tick *tick = &past.ticks[0].tick;
    assert_string_equal(past.ticks[0].symbol, "BTC-USD");
    assert_int_equal(tick->price, 150);
    assert_int_equal(tick->price_exp, -2);
    assert_int_equal(tick->id, 77);
    assert_int_equal(tick->ts_ns, PAST_BASE_NS + 5000000);
    assert_int_equal(tick->rts_ns, PAST_BASE_NS + 9000000);
    assert_int_equal(tick->pos, tick_pos(1, 0));
    assert_int_equal(tick->seq + tick->symbol + tick->kind + tick->quiet + tick->index, 0);
    broker_destroy(broker);
}

/* Partition 0 is early throughout, so that 1 waits with its queue full until 0 is through. */
static void a_partition_that_is_ahead_waits_and_none_pauses(void **state)
{
    (void)state;
    enum { EACH = 30000 };
    struct broker *broker = past_broker(2);
    for (uint64_t i = 0; i < EACH; i++) {
        past_put(broker, "trades", 0, "A", i, 0, (int64_t)i);
        past_put(broker, "trades", 1, "A", i, 0, EACH + (int64_t)i);
        if (i % 1000 == 999)
            broker_flush(broker); /* batches, which the mock broker hands out one a fetch */
    }
    const struct tape_place ends[] = {{.partition = 0, .offset = EACH},
                                      {.partition = 1, .offset = EACH}};
    const struct kafka_past_config config = past_config(broker);
    int64_t start_ns = clock_mono_ns();
    past_play(&config, ends, 2);
    int64_t took_ms = (clock_mono_ns() - start_ns) / 1000000;
    print_message("%u ticks in %lld ms, longest peek %lld us\n", past.count, (long long)took_ms,
                  (long long)past.longest_peek_ns / 1000);
    assert_int_equal(past.count, 2 * EACH);
    for (uint64_t i = 0; i < past.count; i++)
        assert_int_equal(past.ticks[i].tick.pos, tick_pos(i / EACH, i % EACH));
    assert_true(took_ms < 8000); /* half a minute where librdkafka pauses */
    broker_destroy(broker);
}

/* ---- where it begins and ends ---- */

static void a_partition_goes_on_at_its_place_within_a_message(void **state)
{
    (void)state;
    struct broker *broker = past_broker(2);
    for (uint64_t i = 0; i < 5; i++)
        past_put_array(broker, 0, i * 10, 10, 0);
    past_put(broker, "trades", 1, "A", 100, 0, 0);
    broker_flush(broker);
    const struct tape_place ends[] = {{.partition = 0, .offset = 5}, {.partition = 1, .offset = 1}};
    /* In the middle of a message, behind its last tick, and at the very end. */
    for (uint16_t index = 0; index <= 12; index++) {
        const struct tape_place places[] = {{.partition = 0, .offset = 3, .index = index},
                                            {.partition = 1, .offset = 1}};
        struct kafka_past_config config = past_config(broker);
        config.places = places;
        config.places_count = 2;
        past_play(&config, ends, 2);
        uint64_t first = 30 + (index < 10 ? index : 10);
        assert_int_equal(past.count, 50 - first);
        for (uint32_t i = 0; i < past.count; i++) {
            assert_int_equal(past.ticks[i].tick.id, first + i);
            assert_int_equal(past.ticks[i].tick.index, (first + i) % 10);
        }
    }
    broker_destroy(broker);
}

/* One that is read by several windows, broken off anywhere and gone on with from the places. */
static void a_message_of_4096_ticks_comes_whole_however_often_it_is_broken_off(void **state)
{
    (void)state;
    struct broker *broker = past_broker(2);
    past_put_array(broker, 0, 0, 4096, 0);
    past_put(broker, "trades", 1, "LAST", 4096, 0, 1);
    broker_flush(broker);
    const struct tape_place ends[] = {{.partition = 0, .offset = 1}, {.partition = 1, .offset = 1}};
    struct tape_place places[2] = {{.partition = 0}, {.partition = 1}};
    struct kafka_past_config config = past_config(broker);
    config.places = places;
    config.places_count = 2;
    past_clear();
    for (uint32_t stop = 0; stop < 6; stop++) {
        struct kafka_past *kafka = past_open(&config, ends, 2);
        past_read(kafka, stop * 1000 + 256);
        uint32_t count;
        memcpy(places, kafka_past_places(kafka, &count), sizeof places);
        assert_int_equal(count, 2);
        kafka_past_close(kafka);
    }
    assert_int_equal(past.count, 4097);
    for (uint32_t i = 0; i < 4097; i++)
        assert_int_equal(past.ticks[i].tick.id, i);
    assert_string_equal(past.ticks[4096].symbol, "LAST");
    broker_destroy(broker);
}

static void by_bounds_of_time_only_the_ticks_within_come(void **state)
{
    (void)state;
    struct broker *broker = past_broker(2);
    past_put_series(broker, 2, 0, 100);
    const struct tape_place ends[] = {{.partition = 0, .offset = 100},
                                      {.partition = 1, .offset = 100}};
    const struct tape_place places[] = {{.partition = 0}, {.partition = 1}};
    struct kafka_past_config config = past_config(broker);
    config.from = config.until = true;
    config.from_ns = PAST_BASE_NS + 20 * 1000000;
    config.until_ns = PAST_BASE_NS + 30 * 1000000;
    config.places = places;
    config.places_count = 2;
    for (int clock = TAPE_EVENT; clock <= TAPE_RECEIVE; clock++) {
        config.clock = (enum tape_clock)clock;
        past_play(&config, ends, 2);
        assert_int_equal(past.count, 20);
        for (uint32_t i = 0; i < past.count; i++)
            assert_int_equal(past.ticks[i].tick.id, 20 + i / 2);
    }
    broker_destroy(broker);
}

/* Where the broker knows of no message at or after `from`, there is nothing to read. */
static void from_a_time_after_the_newest_message_the_end_is_reached_at_once(void **state)
{
    (void)state;
    struct broker *broker = past_broker(1);
    past_put_series(broker, 1, 0, 10);
    const struct tape_place ends[] = {{.partition = 0, .offset = 10}};
    struct kafka_past_config config = past_config(broker);
    config.from = true;
    config.from_ns = PAST_BASE_NS + INT64_C(3600) * 1000000000;
    past_play(&config, ends, 1);
    assert_int_equal(past.count, 0);
    assert_int_equal(past.losses_count, 0);
    broker_destroy(broker);
}

static void far_past_its_bound_a_partition_is_read_no_further(void **state)
{
    (void)state;
    struct broker *broker = past_broker(1);
    past_put(broker, "trades", 0, "A", 1, 0, 0);
    for (int i = 0; i < KAFKA_PAST_LATE_MESSAGES - 1; i++)
        past_put(broker, "trades", 0, "A", 2, 0, 100000);
    past_put(broker, "trades", 0, "A", 3, 0, 0); /* late, but not too late */
    for (int i = 0; i < KAFKA_PAST_LATE_MESSAGES; i++)
        past_put(broker, "trades", 0, "A", 4, 0, 100000);
    past_put(broker, "trades", 0, "A", 5, 0, 0);
    broker_flush(broker);
    const struct tape_place ends[] = {{.partition = 0, .offset = 2 * KAFKA_PAST_LATE_MESSAGES + 2}};
    struct kafka_past_config config = past_config(broker);
    config.until = true;
    config.until_ns = PAST_BASE_NS + 1000000;
    past_play(&config, ends, 1);
    assert_int_equal(past.count, 2);
    assert_int_equal(past.ticks[0].tick.id, 1);
    assert_int_equal(past.ticks[1].tick.id, 3);
    broker_destroy(broker);
}

static bool is_odd(void *arg, const char *symbol, size_t len)
{
    ++*(uint32_t *)arg;
    return len == 3 && memcmp(symbol, "ODD", 3) == 0;
}

static void of_unwanted_symbols_nothing_comes_and_the_places_move_on(void **state)
{
    (void)state;
    uint32_t asked = 0;
    struct broker *broker = past_broker(3);
    past_put_series(broker, 2, 0, 100);
    for (int i = 0; i < 1000; i++)
        past_put(broker, "trades", 2, "EVEN", 0, 0, 0);
    broker_flush(broker);
    const struct tape_place ends[] = {{.partition = 0, .offset = 100},
                                      {.partition = 1, .offset = 100},
                                      {.partition = 2, .offset = 1000}};
    struct kafka_past_config config = past_config(broker);
    config.wants = is_odd;
    config.arg = &asked;
    past_play(&config, ends, 3);
    assert_int_equal(past.count, 100);
    assert_int_equal(asked, 1200);
    for (uint32_t i = 0; i < past.count; i++)
        assert_string_equal(past.ticks[i].symbol, "ODD");
    broker_destroy(broker);
}

static void extended_it_goes_on_without_a_hole_or_a_repetition(void **state)
{
    (void)state;
    struct broker *broker = past_broker(3);
    past_put_series(broker, 2, 0, 50);
    struct tape_place ends[] = {
        {.partition = 1, .offset = 20}, {.partition = 0, .offset = 10}, {.partition = 2}};
    const struct kafka_past_config config = past_config(broker);
    struct kafka_past *kafka = past_open(&config, ends, 2);
    past_clear();
    past_read(kafka, PAST_TICKS_MAX);
    assert_int_equal(past.count, 30);
    ends[1].offset = 50;
    assert_int_equal(kafka_past_extend(kafka, ends, 1), 0); /* no news */
    assert_int_equal(kafka_past_extend(kafka, ends, 3), 0);
    past_read(kafka, 40);
    ends[0].offset = 60;
    ends[2].offset = 5;
    past_put_series(broker, 3, 50, 10);
    assert_int_equal(kafka_past_extend(kafka, ends, 3), 0);
    past_read(kafka, PAST_TICKS_MAX);
    assert_int_equal(past.count, 60 + 50 + 5);
    assert_int_equal(past.losses_count, 0);
    uint64_t next[3] = {0};
    for (uint32_t i = 0; i < past.count; i++)
        assert_int_equal(tick_offset(&past.ticks[i].tick),
                         next[tick_partition(&past.ticks[i].tick)]++);
    uint32_t count;
    const struct tape_place *places = kafka_past_places(kafka, &count);
    assert_int_equal(count, 3);
    assert_int_equal(places[0].offset, 50);
    assert_int_equal(places[1].offset, 60);
    assert_int_equal(places[2].offset, 5);
    kafka_past_close(kafka);
    broker_destroy(broker);
}

/* ---- settings ---- */

static void a_bad_setting_is_named(void **state)
{
    (void)state;
    const char *const unknown[] = {"no.such.thing=1"};
    const struct tape_place ends[] = {{.partition = 4096, .offset = 1}};
    const struct {
        struct kafka_past_config config;
        const char *named;
    } bad[] = {
        {{.brokers = "127.0.0.1:1", .topics = "a,a"}, "topic=a"},
        {{.brokers = "", .topics = "a"}, "brokers"},
        {{.brokers = "127.0.0.1:1", .topics = "a", .properties = unknown, .properties_count = 1},
         "no.such.thing"},
        {{.brokers = "127.0.0.1:1", .topics = "a"}, "topic"}, /* 4096 is the second's */
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kafka_past *kafka;
        char error[512] = "";
        assert_int_equal(kafka_past_open(&kafka, &bad[i].config, ends, 1, error, sizeof error),
                         -EINVAL);
        assert_non_null(strstr(error, bad[i].named));
    }
    kafka_past_close(NULL);
}

static void what_it_may_claim_grows_with_its_partitions_only(void **state)
{
    (void)state;
    uint64_t one = kafka_past_memory(1), two = kafka_past_memory(2);
    assert_int_equal(kafka_past_memory(101) - one, 100 * (two - one));
    assert_in_range(two - one, 1 << 20, 8 << 20);
    print_message("%llu KiB, %llu a partition\n", (unsigned long long)one / 1024,
                  (unsigned long long)(two - one) / 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_event_time_the_order_is_that_of_a_sort_in_each_of_three_runs),
        cmocka_unit_test(by_kafkas_time_the_order_is_that_of_a_sort_in_each_of_three_runs),
        cmocka_unit_test(a_tick_is_as_it_was_sent_with_its_place_and_kafkas_time),
        cmocka_unit_test(a_partition_that_is_ahead_waits_and_none_pauses),
        cmocka_unit_test(a_partition_goes_on_at_its_place_within_a_message),
        cmocka_unit_test(a_message_of_4096_ticks_comes_whole_however_often_it_is_broken_off),
        cmocka_unit_test(by_bounds_of_time_only_the_ticks_within_come),
        cmocka_unit_test(from_a_time_after_the_newest_message_the_end_is_reached_at_once),
        cmocka_unit_test(far_past_its_bound_a_partition_is_read_no_further),
        cmocka_unit_test(of_unwanted_symbols_nothing_comes_and_the_places_move_on),
        cmocka_unit_test(extended_it_goes_on_without_a_hole_or_a_repetition),
        cmocka_unit_test(a_bad_setting_is_named),
        cmocka_unit_test(what_it_may_claim_grows_with_its_partitions_only),
    };
    return cmocka_run_group_tests_name("kafka_past", tests, NULL, NULL);
}
