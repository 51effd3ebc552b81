/* SPDX-License-Identifier: MIT */
/* What of Kafka's past is lost, or only seems to be. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"
#include "past.h"

/* ---- what is lost ---- */

static void a_message_that_is_no_tick_is_told_and_passed_over(void **state)
{
    (void)state;
    struct broker *broker = past_broker(1);
    past_put(broker, "trades", 0, "A", 1, 0, 0);
    broker_put_at(broker, "trades", 0, "{\"s\":", 5, PAST_BASE_NS / 1000000);
    broker_put_at(broker, "trades", 0, NULL, 0, PAST_BASE_NS / 1000000);
    past_put(broker, "trades", 0, "A", 2, 0, 0);
    broker_flush(broker);
    const struct tape_place ends[] = {{.partition = 0, .offset = 4}};
    const struct kafka_past_config config = past_config(broker);
    past_play(&config, ends, 1);
    assert_int_equal(past.count, 2);
    assert_int_equal(past.ticks[1].tick.id, 2);
    assert_int_equal(past.losses_count, 2);
    assert_string_equal(past.losses[0],
                        "topic=trades partition=0 offset 1: no tick, reason=syntax bytes=5");
    assert_string_equal(past.losses[1],
                        "topic=trades partition=0 offset 2: no tick, reason=empty bytes=0");
    broker_destroy(broker);
}

/* The mock broker keeps five megabytes of a partition. Returns how many messages it was given. */
static uint64_t overfill(struct broker *broker, uint64_t first)
{
    enum { PADDED = 700000, COUNT = 10 };
    char *text = malloc(PADDED);
    memset(text, ' ', PADDED);
    for (uint64_t i = 0; i < COUNT; i++) {
        int len = past_write(text, PADDED, "A", first + i, PAST_BASE_NS);
        text[len] = ' ';
        broker_put_at(broker, "trades", 0, text, PADDED, PAST_BASE_NS / 1000000);
        broker_flush(broker);
    }
    free(text);
    return first + COUNT;
}

static void check_retention(bool placed)
{
    struct broker *broker = past_broker(1);
    const struct tape_place ends[] = {{.partition = 0, .offset = overfill(broker, 0)}};
    const struct tape_place places[] = {{.partition = 0, .offset = 1, .index = 3}};
    struct kafka_past_config config = past_config(broker);
    config.places = places;
    config.places_count = placed;
    past_play(&config, ends, 1);
    uint64_t first = past.ticks[0].tick.id;
    assert_in_range(first, 2, 5);
    assert_int_equal(past.count, ends[0].offset - first);
    assert_int_equal(past.losses_count, placed);
    if (placed) {
        char expected[128];
        snprintf(expected, sizeof expected,
                 first == 2 ? "topic=trades partition=0 offset 1: no longer kept"
                            : "topic=trades partition=0 offsets 1 to %d: no longer kept",
                 (int)first - 1);
        assert_string_equal(past.losses[0], expected);
    }
    broker_destroy(broker);
}

static void what_retention_took_behind_a_place_is_told(void **state)
{
    (void)state;
    check_retention(true);
}

static void without_places_it_begins_at_the_oldest_kept_and_nothing_is_lost(void **state)
{
    (void)state;
    check_retention(false);
}

static void what_retention_took_before_an_extension_is_told(void **state)
{
    (void)state;
    struct broker *broker = past_broker(1);
    past_put_series(broker, 1, 0, 3);
    struct tape_place ends[] = {{.partition = 0, .offset = 2}};
    const struct kafka_past_config config = past_config(broker);
    struct kafka_past *kafka = past_open(&config, ends, 1);
    past_clear();
    past_read(kafka, PAST_TICKS_MAX);
    assert_int_equal(past.count, 2);
    ends[0].offset = overfill(broker, 3);
    assert_int_equal(kafka_past_extend(kafka, ends, 1), 0);
    past_read(kafka, PAST_TICKS_MAX);
    assert_int_equal(past.losses_count, 1);
    char expected[128];
    snprintf(expected, sizeof expected,
             "topic=trades partition=0 offsets 2 to %llu: no longer kept",
             (unsigned long long)past.ticks[2].tick.id - 1);
    assert_string_equal(past.losses[0], expected);
    assert_int_equal(past.ticks[past.count - 1].tick.id, ends[0].offset - 1);
    kafka_past_close(kafka);
    broker_destroy(broker);
}

/* As after an election that lost messages, or where the topic was made anew. */
static void a_log_that_ends_too_early_is_told_after_a_while(void **state)
{
    (void)state;
    struct broker *broker = past_broker(2);
    past_put_series(broker, 2, 0, 5);
    const struct tape_place ends[] = {{.partition = 0, .offset = 8},
                                      {.partition = 1, .offset = 20}};
    const struct tape_place places[] = {{.partition = 1, .offset = 10}};
    struct kafka_past_config config = past_config(broker);
    config.places = places;
    config.places_count = 1;
    past_play(&config, ends, 2);
    assert_int_equal(past.count, 5);
    assert_int_equal(past.losses_count, 2);
    /* 1 is known to have nothing before 0, which has ticks to come first, is read to its end. */
    assert_string_equal(past.losses[0],
                        "topic=trades partition=1 offsets 10 to 19: the log ends at 5");
    assert_string_equal(past.losses[1],
                        "topic=trades partition=0 offsets 5 to 7: the log ends at 5");
    broker_destroy(broker);
}

/* ---- trouble ---- */

static void an_end_that_is_readable_a_moment_later_costs_nothing(void **state)
{
    (void)state;
    struct broker *broker = past_broker(1);
    past_put_series(broker, 1, 0, 5);
    const struct tape_place ends[] = {{.partition = 0, .offset = 10}};
    const struct kafka_past_config config = past_config(broker);
    struct kafka_past *kafka = past_open(&config, ends, 1);
    past_clear();
    past_read(kafka, 5);
    const struct tape_item *item;
    int64_t time_ns;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(past_peek(kafka, &item, &time_ns), -EAGAIN);
        clock_sleep_until(clock_mono_ns() + 1000000);
    }
    past_put_series(broker, 1, 5, 10);
    past_read(kafka, PAST_TICKS_MAX);
    assert_int_equal(past.count, 10);
    assert_int_equal(past.losses_count, 0);
    kafka_past_close(kafka);
    broker_destroy(broker);
}

static void offsets_said_to_be_out_of_range_that_are_there_are_read_all_the_same(void **state)
{
    (void)state;
    struct broker *broker = past_broker(1);
    past_put_series(broker, 1, 0, 100);
    const struct tape_place ends[] = {{.partition = 0, .offset = 100}}, places[] = {{0}};
    struct kafka_past_config config = past_config(broker);
    config.places = places;
    config.places_count = 1;
    broker_disown_offsets(broker);
    past_play(&config, ends, 1);
    assert_int_equal(past.count, 100);
    assert_int_equal(past.losses_count, 0);
    broker_destroy(broker);
}

static void a_broker_that_goes_and_comes_back_costs_no_tick_and_doubles_none(void **state)
{
    (void)state;
    struct broker *broker = past_broker(2);
    for (uint64_t i = 0; i < 8; i++)
        past_put_series(broker, 2, i * 1000, 1000);
    const struct tape_place ends[] = {{.partition = 0, .offset = 8000},
                                      {.partition = 1, .offset = 8000}};
    const struct kafka_past_config config = past_config(broker);
    struct kafka_past *kafka = past_open(&config, ends, 2);
    past_clear();
    past_read(kafka, 3000);
    broker_set_up(broker, false);
    const struct tape_item *item;
    int64_t time_ns;
    for (int i = 0; i < 300; i++) {
        int result = past_peek(kafka, &item, &time_ns);
        assert_true(result == 1 || result == -EAGAIN);
        if (result == 1) {
            past_keep(item, time_ns);
            kafka_past_take(kafka);
        } else {
            clock_sleep_until(clock_mono_ns() + 1000000);
        }
    }
    broker_set_up(broker, true);
    past_read(kafka, PAST_TICKS_MAX);
    assert_int_equal(past.count, 16000);
    assert_int_equal(past.losses_count, 0);
    for (uint64_t i = 0; i < past.count; i++)
        assert_int_equal(past.ticks[i].tick.pos, tick_pos(i % 2, i / 2));
    kafka_past_close(kafka);
    broker_destroy(broker);
}

static void without_a_broker_it_waits_and_closes_soon(void **state)
{
    (void)state;
    const struct tape_place ends[] = {{.partition = 0, .offset = 10},
                                      {.partition = 1, .offset = 10}};
    const struct tape_place places[] = {{.partition = 0, .offset = 5}};
    for (uint32_t placed = 0; placed < 2; placed++) {
        const struct kafka_past_config config = {
            .brokers = "127.0.0.1:1", .topics = "trades", .places = places, .places_count = placed};
        struct kafka_past *kafka = past_open(&config, ends, 2);
        const struct tape_item *item;
        int64_t time_ns;
        for (int i = 0; i < 700; i++) {
            assert_int_equal(past_peek(kafka, &item, &time_ns), -EAGAIN);
            assert_true(kafka_past_waits(kafka));
            clock_sleep_until(clock_mono_ns() + 1000000);
        }
        uint32_t count;
        kafka_past_places(kafka, &count);
        assert_int_equal(count, placed);
        int64_t start_ns = clock_mono_ns();
        kafka_past_close(kafka);
        int64_t took_ms = (clock_mono_ns() - start_ns) / 1000000;
        print_message("closed in %lld ms, longest peek %lld us\n", (long long)took_ms,
                      (long long)past.longest_peek_ns / 1000);
        assert_true(took_ms < 1500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_is_no_tick_is_told_and_passed_over),
        cmocka_unit_test(what_retention_took_behind_a_place_is_told),
        cmocka_unit_test(without_places_it_begins_at_the_oldest_kept_and_nothing_is_lost),
        cmocka_unit_test(what_retention_took_before_an_extension_is_told),
        cmocka_unit_test(a_log_that_ends_too_early_is_told_after_a_while),
        cmocka_unit_test(an_end_that_is_readable_a_moment_later_costs_nothing),
        cmocka_unit_test(offsets_said_to_be_out_of_range_that_are_there_are_read_all_the_same),
        cmocka_unit_test(a_broker_that_goes_and_comes_back_costs_no_tick_and_doubles_none),
        cmocka_unit_test(without_a_broker_it_waits_and_closes_soon),
    };
    return cmocka_run_group_tests_name("kafka_past_part", tests, NULL, NULL);
}
