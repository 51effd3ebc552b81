/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "past.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"

enum { PATIENCE_MS = 20000 };

struct past past;

void past_clear(void)
{
    memset(&past, 0, sizeof past);
}

struct kafka_past *past_open(const struct kafka_past_config *config, const struct tape_place *ends,
                             uint32_t count)
{
    struct kafka_past *kafka = NULL;
    char error[512] = "";
    if (kafka_past_open(&kafka, config, ends, count, error, sizeof error) < 0)
        fail_msg("%s", error);
    return kafka;
}

void past_keep(const struct tape_item *item, int64_t time_ns)
{
    assert_true(past.count < PAST_TICKS_MAX);
    struct past_tick *g = &past.ticks[past.count++];
    g->tick = item->tick;
    g->time_ns = time_ns;
    memcpy(g->symbol, item->symbol, item->symbol_len);
    g->symbol[item->symbol_len] = '\0';
}

int past_peek(struct kafka_past *kafka, const struct tape_item **item, int64_t *time_ns)
{
    int64_t start_ns = clock_mono_ns();
    int result = kafka_past_peek(kafka, item, time_ns);
    int64_t took_ns = clock_mono_ns() - start_ns;
    past.longest_peek_ns = took_ns > past.longest_peek_ns ? took_ns : past.longest_peek_ns;
    return result;
}

void past_read(struct kafka_past *kafka, uint32_t max)
{
    int64_t deadline_ns = clock_mono_ns() + PATIENCE_MS * INT64_C(1000000);
    const struct tape_item *item;
    int64_t time_ns;
    while (past.count < max) {
        int result = past_peek(kafka, &item, &time_ns);
        if (result == 0)
            return;
        if (result == -EAGAIN) {
            assert_true(clock_mono_ns() < deadline_ns);
            if (kafka_past_waits(kafka))
                clock_sleep_until(clock_mono_ns() + 1000000);
            continue;
        }
        assert_true(result == 1 || result == -EBADMSG);
        assert_int_equal(past_peek(kafka, &item, &time_ns), result);
        if (result == 1) {
            past_keep(item, time_ns);
        } else {
            assert_true(past.losses_count < PAST_LOSSES_MAX);
            snprintf(past.losses[past.losses_count++], sizeof past.losses[0], "%s",
                     kafka_past_error(kafka));
        }
        kafka_past_take(kafka);
    }
}

void past_play(const struct kafka_past_config *config, const struct tape_place *ends,
               uint32_t count)
{
    struct kafka_past *kafka = past_open(config, ends, count);
    past_clear();
    past_read(kafka, PAST_TICKS_MAX);
    uint32_t places_count;
    const struct tape_place *places = kafka_past_places(kafka, &places_count);
    assert_int_equal(places_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(places[i].partition, ends[i].partition);
        assert_int_equal(places[i].offset, ends[i].offset);
        assert_int_equal(places[i].index, 0);
    }
    kafka_past_close(kafka);
}

struct broker *past_broker(int partitions)
{
    struct broker *broker = broker_create();
    broker_create_topic(broker, "trades", partitions);
    return broker;
}

struct kafka_past_config past_config(const struct broker *broker)
{
    return (struct kafka_past_config){
        .brokers = broker_address(broker), .topics = "trades", .clock = TAPE_RECEIVE};
}

int past_write(char *out, size_t size, const char *symbol, uint64_t id, int64_t ts_ns)
{
    return snprintf(out, size, "{\"s\":\"%s\",\"p\":\"1.50\",\"q\":\"2\",\"id\":%llu,\"t\":%lld}",
                    symbol, (unsigned long long)id, (long long)ts_ns);
}

void past_put(struct broker *broker, const char *topic, int32_t partition, const char *symbol,
              uint64_t id, int64_t event_ms, int64_t stamp_ms)
{
    char text[256];
    int len = past_write(text, sizeof text, symbol, id, PAST_BASE_NS + event_ms * 1000000);
    broker_put_at(broker, topic, partition, text, (size_t)len, PAST_BASE_NS / 1000000 + stamp_ms);
}

void past_put_array(struct broker *broker, int32_t partition, uint64_t id, uint32_t count,
                    int64_t stamp_ms)
{
    size_t size = count * 128 + 2, len = 0;
    char *text = malloc(size);
    for (uint32_t i = 0; i < count; i++) {
        text[len++] = i == 0 ? '[' : ',';
        len += (size_t)past_write(text + len, size - len, i % 2 ? "ODD" : "EVEN", id + i,
                                  PAST_BASE_NS + i);
    }
    text[len++] = ']';
    broker_put_at(broker, "trades", partition, text, len, PAST_BASE_NS / 1000000 + stamp_ms);
    free(text);
}

void past_put_series(struct broker *broker, int partitions, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        for (int32_t p = 0; p < partitions; p++)
            past_put(broker, "trades", p, i % 2 ? "ODD" : "EVEN", i, (int64_t)i, (int64_t)i);
    broker_flush(broker);
}
