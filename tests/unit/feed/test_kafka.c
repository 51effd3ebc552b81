/* SPDX-License-Identifier: MIT */
/* long: one case a function, all on one embedded broker */
/* The Kafka source, the producer and the demo against librdkafka's mock broker in this process. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker.h"
#include "feed/clock.h"
#include "feed/demo.h"
#include "feed/producer.h"
#include "tape.h"

enum { PATIENCE_MS = 15000 };

/* The mock broker doesn't cut a waiting fetch short when a message comes. */
static const char *const brief[] = {"fetch.wait.max.ms=5"};

static struct feed_config config_for(const char *brokers, const char *topics, const char *from)
{
    return (struct feed_config){.source = "kafka",
                                .brokers = brokers,
                                .topics = topics,
                                .from = from,
                                .properties = brief,
                                .properties_count = 1,
                                .partition_refresh_ms = 200,
                                .stall_ms = 500,
                                .symbols_max = 100,
                                .ring_slots = 65536,
                                .workers = 1};
}

static struct feed *start_feed(const struct feed_config *config)
{
    struct feed *feed;
    char error[512] = "";
    if (feed_create(&feed, config, error, sizeof error) < 0)
        fail_msg("%s", error);
    if (feed_start(feed, error, sizeof error) < 0)
        fail_msg("%s", error);
    return feed;
}

static void wait_state(const struct feed *feed, enum feed_state state)
{
    assert_true(tape_wait_metric(&feed_metrics(feed)->state, state, PATIENCE_MS));
}

static void wait_ready(const struct feed *feed)
{
    assert_true(tape_wait_metric(&feed_metrics(feed)->ready, 1, PATIENCE_MS));
}

static void put_ticks(struct broker *broker, int partitions, uint64_t count)
{
    const char *symbols[] = {"BTC-USD", "ETH-USD", "SOL-USD"};
    for (uint64_t i = 0; i < count; i++)
        broker_put_tick(broker, "trades", (int32_t)(i % (uint64_t)partitions), symbols[i % 3], i);
    broker_flush(broker);
}

static struct broker *one_topic(int partitions)
{
    struct broker *broker = broker_create();
    broker_create_topic(broker, "trades", partitions);
    return broker;
}

/* ---- where reading begins ---- */

static void from_earliest_every_tick_of_every_partition_arrives_once(void **state)
{
    (void)state;
    struct broker *broker = one_topic(4);
    put_ticks(broker, 4, 3000);
    const struct feed_config config = config_for(broker_address(broker), "trades", "earliest");
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    assert_true(tape_read_until(tape, 3000, PATIENCE_MS));
    wait_ready(feed);
    uint8_t *seen = calloc(3000, 1);
    uint64_t next[4] = {0};
    for (uint64_t i = 0; i < 3000; i++) {
        const struct tick *tick = &tape->ticks[i];
        assert_int_equal(seen[tick->id]++, 0);
        assert_int_equal(tick_partition(tick), tick->id % 4);
        assert_int_equal(tick_offset(tick), next[tick_partition(tick)]++);
        assert_true(tick->rts_ns > 0);
        assert_false(tick->quiet);
    }
    const struct feed_metrics *metrics = feed_metrics(feed);
    assert_int_equal(counter_get(&metrics->messages), 3000);
    assert_int_equal(counter_get(&metrics->duplicates), 0);
    assert_int_equal(counter_get(&metrics->holes), 0);
    assert_int_equal(counter_get(&metrics->partitions_count), 4);
    int32_t number = -1;
    assert_string_equal(feed_partition_topic(feed, 3, &number), "trades");
    assert_int_equal(number, 3);
    assert_null(feed_partition_topic(feed, 4, &number));
    assert_true(tape_wait_metric(&metrics->partitions[0].offset, 750, PATIENCE_MS));
    assert_true(tape_wait_metric(&metrics->partitions[0].end, 750, PATIENCE_MS));
    free(seen);
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

/* Reads with `from` and `warmup` from two partitions of 50 messages, then 10 more a partition. */
static void check_start(const char *from, uint64_t warmup, uint64_t quiet, uint64_t old)
{
    struct broker *broker = one_topic(2);
    put_ticks(broker, 2, 100);
    struct feed_config config = config_for(broker_address(broker), "trades", from);
    config.warmup = warmup;
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    wait_ready(feed);
    put_ticks(broker, 2, 20);
    assert_true(tape_read_until(tape, quiet + old + 20, PATIENCE_MS));
    usleep(50000);
    tape_read(tape);
    assert_int_equal(tape->ticks_count, quiet + old + 20);
    assert_int_equal(tape->quiet_count, quiet);
    assert_int_equal(tape_skipped(tape), 0); /* quiet ticks count in seq too */
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

static void from_latest_only_what_comes_after_arrives(void **state)
{
    (void)state;
    check_start("latest", 0, 0, 0);
}

static void from_minus_n_the_last_n_of_each_partition_arrive(void **state)
{
    (void)state;
    check_start("-7", 0, 0, 14);
    check_start("-1000", 0, 0, 100);
}

static void from_a_time_after_the_newest_message_is_as_latest(void **state)
{
    (void)state;
    check_start("2100-01-01T00:00:00Z", 0, 0, 0);
}

static void warm_up_reads_that_much_before_the_start_quietly(void **state)
{
    (void)state;
    check_start("latest", 10, 20, 0);
    check_start("-7", 10, 20, 14);
    check_start("latest", 1000, 100, 0);
}

/* Partition 0 from the middle, 1 from `from`, 2 from beyond its end: a log that was made anew. */
static void positions_hold_for_their_partitions_and_from_for_the_others(void **state)
{
    (void)state;
    struct broker *broker = one_topic(3);
    put_ticks(broker, 3, 300);
    const struct feed_position positions[] = {{"trades", 0, 40}, {"trades", 2, 1000}};
    struct feed_config config = config_for(broker_address(broker), "trades", "-7");
    config.positions = positions;
    config.positions_count = 2;
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    assert_true(tape_read_until(tape, 60 + 7 + 100, PATIENCE_MS));
    usleep(50000);
    tape_read(tape);
    assert_int_equal(tape->ticks_count, 60 + 7 + 100);
    uint64_t next[3] = {40, 93, 0};
    for (uint64_t i = 0; i < tape->ticks_count; i++)
        assert_int_equal(tick_offset(&tape->ticks[i]), next[tick_partition(&tape->ticks[i])]++);
    assert_int_equal(counter_get(&feed_metrics(feed)->lost), 0);
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

static void an_empty_topic_is_ready_at_once(void **state)
{
    (void)state;
    struct broker *broker = one_topic(2);
    struct feed_config config = config_for(broker_address(broker), "trades", "latest");
    config.warmup = 100;
    struct feed *feed = start_feed(&config);
    wait_ready(feed);
    wait_state(feed, FEED_LIVE);
    feed_destroy(feed);
    broker_destroy(broker);
}

/* ---- what can't be decoded ---- */

static void put_text(struct broker *broker, const char *text, const char *type)
{
    broker_put(broker, "trades", 0, text, strlen(text), type);
}

static void undecodable_messages_are_counted_by_reason_and_skipped(void **state)
{
    (void)state;
    struct broker *broker = one_topic(1);
    broker_put_tick(broker, "trades", 0, "A", 1);
    put_text(broker, "{\"s\":", NULL);
    put_text(broker, "", NULL);
    broker_put(broker, "trades", 0, NULL, 0, NULL);
    put_text(broker, "{\"s\":\"A B\",\"p\":\"1\",\"q\":\"1\",\"t\":1}", NULL);
    /* Good JSON, whatever the header says. */
    put_text(broker, "{\"s\":\"A\",\"p\":\"1\",\"q\":\"1\",\"t\":1}", "application/msgpack");
    broker_put_tick(broker, "trades", 0, "A", 2);
    broker_flush(broker);
    const struct feed_config config = config_for(broker_address(broker), "trades", "earliest");
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    assert_true(tape_read_until(tape, 3, PATIENCE_MS));
    const struct feed_metrics *metrics = feed_metrics(feed);
    uint64_t rejected = 0;
    for (int i = 0; i < VALUE_ERROR_COUNT; i++)
        rejected += counter_get(&metrics->rejected[i]);
    assert_int_equal(rejected, 4);
    assert_int_equal(counter_get(&metrics->rejected[-VALUE_EMPTY]), 2);
    assert_int_equal(counter_get(&metrics->rejected[-VALUE_SYMBOL]), 1);
    assert_int_equal(counter_get(&metrics->messages), 7);
    assert_int_equal(tick_offset(&tape->ticks[1]), 5);
    assert_int_equal(tick_offset(&tape->ticks[2]), 6);
    assert_int_equal(tape->ticks[2].seq, 3);
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

/* ---- topics ---- */

static void positions_of_several_topics_are_told_apart(void **state)
{
    (void)state;
    struct broker *broker = broker_create();
    broker_create_topic(broker, "one", 2);
    broker_create_topic(broker, "two", 2);
    broker_put_tick(broker, "one", 1, "A", 1);
    broker_put_tick(broker, "two", 1, "B", 2);
    broker_flush(broker);
    const struct feed_config config = config_for(broker_address(broker), "one,two", "earliest");
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    assert_true(tape_read_until(tape, 2, PATIENCE_MS));
    assert_int_equal(tick_partition(&tape_symbol(tape, "A")->last), 1);
    assert_int_equal(tick_partition(&tape_symbol(tape, "B")->last), 4097);
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

static void a_topic_that_comes_later_is_read_from_its_beginning(void **state)
{
    (void)state;
    struct broker *broker = one_topic(2);
    put_ticks(broker, 2, 10);
    broker_hide_topic(broker, "trades", true);
    const struct feed_config config = config_for(broker_address(broker), "trades", "latest");
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    usleep(700000);
    assert_int_equal(counter_get(&feed_metrics(feed)->ready), 0);
    assert_int_not_equal(counter_get(&feed_metrics(feed)->state), FEED_LIVE);
    broker_hide_topic(broker, "trades", false);
    assert_true(tape_read_until(tape, 10, PATIENCE_MS));
    wait_ready(feed);
    wait_state(feed, FEED_LIVE);
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

/* ---- trouble ---- */

static void a_broker_that_goes_and_comes_back_costs_no_tick_and_doubles_none(void **state)
{
    (void)state;
    struct broker *broker = one_topic(2);
    put_ticks(broker, 2, 100);
    const struct feed_config config = config_for(broker_address(broker), "trades", "earliest");
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    wait_state(feed, FEED_LIVE);
    assert_true(tape_read_until(tape, 100, PATIENCE_MS));
    broker_set_up(broker, false);
    wait_state(feed, FEED_LOST);
    usleep(300000);
    int64_t start_ns = clock_mono_ns();
    broker_set_up(broker, true);
    wait_state(feed, FEED_LIVE);
    int64_t took_ms = (clock_mono_ns() - start_ns) / 1000000;
    print_message("live again after %lld ms\n", (long long)took_ms);
    assert_true(took_ms < 5000);
    put_ticks(broker, 2, 100);
    assert_true(tape_read_until(tape, 200, PATIENCE_MS));
    usleep(50000);
    tape_read(tape);
    assert_int_equal(tape->ticks_count, 200);
    assert_int_equal(tape_skipped(tape), 0);
    assert_int_equal(counter_get(&feed_metrics(feed)->holes), 0);
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

static void a_partition_without_a_leader_stalls_the_feed_until_it_has_one(void **state)
{
    (void)state;
    struct broker *broker = one_topic(2);
    const struct feed_config config = config_for(broker_address(broker), "trades", "earliest");
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    wait_state(feed, FEED_LIVE);
    broker_set_led(broker, "trades", 1, false);
    wait_state(feed, FEED_STALLED);
    broker_put_tick(broker, "trades", 0, "A", 1);
    broker_flush(broker);
    assert_true(tape_read_until(tape, 1, PATIENCE_MS)); /* the other one flows */
    broker_set_led(broker, "trades", 1, true);
    wait_state(feed, FEED_LIVE);
    broker_put_tick(broker, "trades", 1, "B", 2);
    broker_flush(broker);
    assert_true(tape_read_until(tape, 2, PATIENCE_MS));
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

static void no_broker_at_all_is_a_lost_feed_that_still_stops(void **state)
{
    (void)state;
    const struct feed_config config = config_for("127.0.0.1:1", "trades", "earliest");
    struct feed *feed = start_feed(&config);
    wait_state(feed, FEED_LOST);
    int64_t start_ns = clock_mono_ns();
    feed_stop(feed);
    assert_true(clock_mono_ns() - start_ns < 1000000000);
    feed_destroy(feed);
}

static void a_position_said_to_be_out_of_range_is_found_again_without_loss(void **state)
{
    (void)state;
    struct broker *broker = one_topic(1);
    put_ticks(broker, 1, 100);
    const struct feed_config config = config_for(broker_address(broker), "trades", "earliest");
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    assert_true(tape_read_until(tape, 100, PATIENCE_MS));
    broker_disown_offsets(broker);
    const struct feed_metrics *metrics = feed_metrics(feed);
    assert_true(tape_wait_metric(&metrics->resets, 1, PATIENCE_MS));
    put_ticks(broker, 1, 100);
    assert_true(tape_read_until(tape, 200, PATIENCE_MS));
    usleep(50000);
    tape_read(tape);
    assert_int_equal(tape->ticks_count, 200);
    assert_int_equal(tape_skipped(tape), 0);
    assert_int_equal(counter_get(&metrics->lost), 0);
    wait_state(feed, FEED_LIVE);
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

/* Librdkafka 2.0 rests up to a second whenever its queue has been full. */
static void a_backlog_beyond_the_queues_bound_is_read_without_pauses(void **state)
{
    (void)state;
    static const char *const narrow[] = {"fetch.wait.max.ms=5", "queued.min.messages=100"};
    struct broker *broker = one_topic(2);
    for (int i = 0; i < 8; i++) /* eight batches, which the mock broker hands out one a fetch */
        put_ticks(broker, 2, 8000);
    struct feed_config config = config_for(broker_address(broker), "trades", "earliest");
    config.properties = narrow;
    config.properties_count = 2;
    config.partition_refresh_ms = 60000; /* the watcher's own questions would end a pause too */
    int64_t start_ns = clock_mono_ns();
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    assert_true(tape_read_until(tape, 64000, PATIENCE_MS));
    int64_t took_ms = (clock_mono_ns() - start_ns) / 1000000;
    print_message("64000 ticks in %lld ms\n", (long long)took_ms);
    assert_true(took_ms < 4000); /* eight seconds where it pauses */
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

/* ---- settings ---- */

static void a_bad_setting_is_named(void **state)
{
    (void)state;
    const char *const unknown[] = {"no.such.thing=1"}, *const mute[] = {"debug"};
    const struct {
        const char *topics, *from;
        const char *const *properties;
        const char *named;
    } bad[] = {{"trades", "yesterday", brief, "from=yesterday"},
               {"", "latest", brief, "topic"},
               {"a,,b", "latest", brief, "topic"},
               {"a,a", "latest", brief, "topic=a"},
               {"trades", "latest", unknown, "no.such.thing"},
               {"trades", "latest", mute, "debug"}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct feed_config config = config_for("127.0.0.1:1", bad[i].topics, bad[i].from);
        struct feed *feed;
        char error[512] = "";
        config.properties = bad[i].properties;
        assert_int_equal(feed_create(&feed, &config, error, sizeof error), -EINVAL);
        assert_non_null(strstr(error, bad[i].named));
    }
}

static void a_feed_without_brokers_is_refused(void **state)
{
    (void)state;
    struct feed_config config = config_for(NULL, "trades", "latest");
    const char *const servers[] = {"bootstrap.servers=127.0.0.1:1"};
    struct feed *feed;
    char error[512] = "";
    assert_int_equal(feed_create(&feed, &config, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "brokers"));
    config.properties = servers;
    assert_int_equal(feed_create(&feed, &config, error, sizeof error), 0);
    feed_destroy(feed); /* never started */
}

static void the_memory_sum_follows_the_properties(void **state)
{
    (void)state;
    const char *const larger[] = {"queued.max.messages.kbytes=108192"};
    struct feed_config config = config_for("127.0.0.1:1", "trades", "latest");
    struct claims by_default = {0}, with_larger = {0};
    feed_claims(&config, &by_default);
    config.properties = larger;
    feed_claims(&config, &with_larger);
    assert_int_equal(claims_sum(&with_larger), claims_sum(&by_default) + 2 * 100000 * 1024);
}

/* ---- producer and demo ---- */

static void check_producer(enum value_format format)
{
    struct broker *broker = one_topic(1);
    const struct producer_config config = {
        .brokers = broker_address(broker), .topic = "trades", .format = format};
    struct producer *producer;
    char error[512] = "";
    assert_int_equal(producer_create(&producer, &config, error, sizeof error), 0);
    struct tick sent = {.price = 6168599000000,
                        .price_exp = -8,
                        .size = -5,
                        .size_exp = 2,
                        .side = TICK_SIDE_SELL,
                        .has_id = 1,
                        .id = UINT64_MAX,
                        .ts_ns = 1700000000123456789};
    assert_int_equal(producer_send(producer, &sent, "BTC-USD", 7), 0);
    assert_int_equal(producer_flush(producer, PATIENCE_MS), 0);
    assert_int_equal(producer_delivered(producer), 1);
    assert_int_equal(producer_failed(producer), 0);
    assert_string_equal(producer_error(producer), "");
    producer_destroy(producer);

    const struct feed_config feed_settings =
        config_for(broker_address(broker), "trades", "earliest");
    struct feed *feed = start_feed(&feed_settings);
    struct tape *tape = tape_create(feed, 0);
    assert_true(tape_read_until(tape, 1, PATIENCE_MS));
    const struct tick *got = &tape_symbol(tape, "BTC-USD")->last;
    assert_int_equal(got->price, sent.price);
    assert_int_equal(got->price_exp, sent.price_exp);
    /* A JSON value has no exponent: -5e2 comes back as -500. */
    assert_int_equal(got->size * (got->size_exp == 2 ? 100 : 1), -500);
    assert_int_equal(got->side, sent.side);
    assert_true(got->has_id && got->id == sent.id);
    assert_int_equal(got->ts_ns, sent.ts_ns);
    feed_destroy(feed);
    tape_destroy(tape);
    broker_destroy(broker);
}

static void what_the_producer_sends_arrives_as_it_was_in_either_format(void **state)
{
    (void)state;
    check_producer(VALUE_JSON);
    check_producer(VALUE_MSGPACK);
}

static void a_producers_unknown_property_is_named(void **state)
{
    (void)state;
    const char *const properties[] = {"linger.ms=2", "no.such.thing=1"};
    const struct producer_config config = {.brokers = "127.0.0.1:1",
                                           .topic = "trades",
                                           .properties = properties,
                                           .properties_count = 2};
    struct producer *producer;
    char error[512] = "";
    assert_int_equal(producer_create(&producer, &config, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "no.such.thing"));
}

static void the_demo_plays_the_simulator_through_its_own_broker(void **state)
{
    (void)state;
    struct sim_config sim;
    struct demo *demo;
    char error[512] = "";
    assert_int_equal(sim_config_parse("rate=1000", &sim, error, sizeof error), 0);
    assert_int_equal(demo_create(&demo, &sim, "trades", 3, error, sizeof error), 0);
    struct feed_config config = config_for(demo_brokers(demo), "trades", "earliest");
    config.properties = demo_properties(&config.properties_count);
    struct feed *feed = start_feed(&config);
    struct tape *tape = tape_create(feed, 0);
    assert_true(tape_read_until(tape, 1000, PATIENCE_MS));
    assert_int_equal(tape_skipped(tape), 0);
    for (uint64_t i = 0; i < tape->ticks_count; i++)
        assert_true(tape->ticks[i].rts_ns > tape->ticks[i].ts_ns - 1000000);
    feed_destroy(feed);
    tape_destroy(tape);
    demo_destroy(demo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_earliest_every_tick_of_every_partition_arrives_once),
        cmocka_unit_test(from_latest_only_what_comes_after_arrives),
        cmocka_unit_test(from_minus_n_the_last_n_of_each_partition_arrive),
        cmocka_unit_test(from_a_time_after_the_newest_message_is_as_latest),
        cmocka_unit_test(warm_up_reads_that_much_before_the_start_quietly),
        cmocka_unit_test(positions_hold_for_their_partitions_and_from_for_the_others),
        cmocka_unit_test(an_empty_topic_is_ready_at_once),
        cmocka_unit_test(undecodable_messages_are_counted_by_reason_and_skipped),
        cmocka_unit_test(positions_of_several_topics_are_told_apart),
        cmocka_unit_test(a_topic_that_comes_later_is_read_from_its_beginning),
        cmocka_unit_test(a_broker_that_goes_and_comes_back_costs_no_tick_and_doubles_none),
        cmocka_unit_test(a_partition_without_a_leader_stalls_the_feed_until_it_has_one),
        cmocka_unit_test(no_broker_at_all_is_a_lost_feed_that_still_stops),
        cmocka_unit_test(a_position_said_to_be_out_of_range_is_found_again_without_loss),
        cmocka_unit_test(a_backlog_beyond_the_queues_bound_is_read_without_pauses),
        cmocka_unit_test(a_bad_setting_is_named),
        cmocka_unit_test(a_feed_without_brokers_is_refused),
        cmocka_unit_test(the_memory_sum_follows_the_properties),
        cmocka_unit_test(what_the_producer_sends_arrives_as_it_was_in_either_format),
        cmocka_unit_test(a_producers_unknown_property_is_named),
        cmocka_unit_test(the_demo_plays_the_simulator_through_its_own_broker),
    };
    return cmocka_run_group_tests_name("kafka", tests, NULL, NULL);
}
