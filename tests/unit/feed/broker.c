/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKER_ID = 1, FETCH_KEY = 1 };

struct broker {
    rd_kafka_t *host, *producer;
    rd_kafka_mock_cluster_t *cluster;
    uint64_t failed;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    if (message->err)
        ((struct broker *)opaque)->failed++;
}

static rd_kafka_t *client(struct broker *broker, const char *servers)
{
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "3", NULL, 0);
    rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "100", NULL, 0);
    rd_kafka_conf_set_opaque(conf, broker);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    if (servers)
        rd_kafka_conf_set(conf, "bootstrap.servers", servers, NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    assert_non_null(rk);
    return rk;
}

struct broker *broker_create(void)
{
    struct broker *broker = calloc(1, sizeof *broker);
    assert_non_null(broker);
    broker->host = client(broker, NULL);
    broker->cluster = rd_kafka_mock_cluster_new(broker->host, 1);
    assert_non_null(broker->cluster);
    broker->producer = client(broker, broker_address(broker));
    return broker;
}

void broker_destroy(struct broker *broker)
{
    rd_kafka_destroy(broker->producer);
    rd_kafka_mock_cluster_destroy(broker->cluster);
    rd_kafka_destroy(broker->host);
    free(broker);
}

const char *broker_address(const struct broker *broker)
{
    return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}

void broker_create_topic(struct broker *broker, const char *topic, int partitions)
{
    assert_int_equal(rd_kafka_mock_topic_create(broker->cluster, topic, partitions, 1), 0);
}

void broker_hide_topic(struct broker *broker, const char *topic, bool hidden)
{
    rd_kafka_mock_topic_set_error(broker->cluster, topic,
                                  hidden ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                                         : RD_KAFKA_RESP_ERR_NO_ERROR);
}

void broker_put(struct broker *broker, const char *topic, int32_t partition, const void *value,
                size_t len, const char *type)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    if (type)
        rd_kafka_header_add(headers, "content-type", -1, type, -1);
    assert_int_equal(rd_kafka_producev(broker->producer, RD_KAFKA_V_TOPIC(topic),
                                       RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len),
                                       RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END),
                     0);
}

void broker_put_at(struct broker *broker, const char *topic, int32_t partition, const void *value,
                   size_t len, int64_t timestamp_ms)
{
    assert_int_equal(rd_kafka_producev(broker->producer, RD_KAFKA_V_TOPIC(topic),
                                       RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len),
                                       RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_END),
                     0);
}

void broker_put_tick(struct broker *broker, const char *topic, int32_t partition,
                     const char *symbol, uint64_t id)
{
    char text[256];
    int len = snprintf(text, sizeof text,
                       "{\"s\":\"%s\",\"p\":\"100.25\",\"q\":\"1\",\"side\":\"buy\",\"id\":%llu,"
                       "\"t\":1700000000000000000}",
                       symbol, (unsigned long long)id);
    broker_put(broker, topic, partition, text, (size_t)len, NULL);
}

void broker_flush(struct broker *broker)
{
    assert_int_equal(rd_kafka_flush(broker->producer, 10000), 0);
    assert_int_equal(broker->failed, 0);
}

void broker_set_up(struct broker *broker, bool up)
{
    if (up)
        rd_kafka_mock_broker_set_up(broker->cluster, BROKER_ID);
    else
        rd_kafka_mock_broker_set_down(broker->cluster, BROKER_ID);
}

void broker_set_led(struct broker *broker, const char *topic, int32_t partition, bool led)
{
    rd_kafka_mock_partition_set_leader(broker->cluster, topic, partition, led ? BROKER_ID : -1);
}

void broker_disown_offsets(struct broker *broker)
{
    rd_kafka_mock_push_request_errors(broker->cluster, FETCH_KEY, 2,
                                      RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
                                      RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
}
