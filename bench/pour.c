/* SPDX-License-Identifier: MIT */
/*
 * pour: the floor of a replay to Kafka: a bare librdkafka producer, which sends one ready-made
 * value over and over and does nothing else.
 *
 *   pour --brokers HOST:PORT --topic NAME --count N
 *
 * With the settings of tapectl's producer; a value is a tick in msgpack, its key the symbol. Prints
 * one line of JSON once all is acknowledged.
 */
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "schemas/tick_msgpack.h"

enum { POLL_EVERY = 256, FULL_WAIT_MS = 50, FLUSH_MS = 60000 };

struct pour {
    const char *brokers, *topic;
    uint64_t count, delivered, failed;
};

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct pour *pour = opaque;
    (void)rk;
    pour->delivered += !message->err;
    pour->failed += message->err != 0;
}

static rd_kafka_t *open_producer(struct pour *pour, char *error, size_t error_size)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", pour->brokers},
        {"enable.idempotence", "true"},
        {"linger.ms", "1"},
        {"partitioner", "murmur2_random"},
        {"socket.nagle.disable", "true"},
        {"message.timeout.ms", "30000"},
        {"queue.buffering.max.kbytes", "65536"},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, error_size))
            return NULL;
    rd_kafka_conf_set_opaque(conf, pour);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, error_size);
}

static void send_all(struct pour *pour, rd_kafka_t *rk, rd_kafka_topic_t *topic)
{
    static const char symbol[] = "BTC-USD";
    uint8_t value[VALUE_TICK_MAX];
    struct tick tick = {.price = 6168599000000,
                        .price_exp = -8,
                        .size = 2000000,
                        .size_exp = -8,
                        .side = TICK_SIDE_BUY,
                        .ts_ns = clock_wall_ns(),
                        .id = 3735683259,
                        .has_id = 1}; /* a real one */
    size_t len = tick_msgpack_write_value(&tick, symbol, sizeof symbol - 1, value);
    for (uint64_t i = 0; i < pour->count;) {
        if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, len, symbol,
                             sizeof symbol - 1, NULL) == 0)
            i++;
        else if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            rd_kafka_poll(rk, FULL_WAIT_MS);
        else
            return;
        if (i % POLL_EVERY == 0)
            rd_kafka_poll(rk, 0);
    }
    rd_kafka_flush(rk, FLUSH_MS);
}

static int usage(void)
{
    fprintf(stderr, "usage: pour --brokers HOST:PORT --topic NAME --count N\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"brokers", required_argument, NULL, 'b'},
                                            {"topic", required_argument, NULL, 't'},
                                            {"count", required_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    struct pour pour = {0};
    char error[256] = "";
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'b': pour.brokers = optarg; break;
        case 't': pour.topic = optarg; break;
        case 'c': pour.count = strtoull(optarg, NULL, 10); break;
        default: return usage();
        }
    }
    if (!pour.brokers || !pour.topic || !pour.count)
        return usage();
    rd_kafka_t *rk = open_producer(&pour, error, sizeof error);
    rd_kafka_topic_t *topic = rk ? rd_kafka_topic_new(rk, pour.topic, NULL) : NULL;
    if (!topic) {
        fprintf(stderr, "pour: %s\n", error);
        return 1;
    }
    int64_t began_ns = clock_mono_ns(), began_cpu_ns = cpu_ns();
    send_all(&pour, rk, topic);
    double seconds = (double)(clock_mono_ns() - began_ns) / 1e9;
    printf("{\"messages\":%llu,\"failed\":%llu,\"seconds\":%.6f,\"cpu_s\":%.6f}\n",
           (unsigned long long)pour.delivered, (unsigned long long)pour.failed, seconds,
           (double)(cpu_ns() - began_cpu_ns) / 1e9);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return pour.delivered == pour.count ? 0 : 1;
}
