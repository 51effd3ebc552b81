/* SPDX-License-Identifier: MIT */
#include "feed/producer.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "feed/kafka_conf.h"
#include "schemas/tick_json.h"
#include "schemas/tick_msgpack.h"

enum { FULL_WAIT_MS = 50 }; /* between tries while the local queue is full */

/* Overridable. */
static const struct kafka_default defaults[] = {
    {"client.id", "tapehead-producer"},
    {"enable.idempotence", "true"}, /* a retry neither doubles nor reorders */
    {"linger.ms", "1"},
    {"partitioner", "murmur2_random"}, /* a key's partition is that of Java producers */
    {"socket.nagle.disable", "true"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "500"},
    {"message.timeout.ms", "30000"},
    {"queue.buffering.max.kbytes", "65536"},
};

struct producer {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    enum value_format format;
    uint64_t delivered, failed;
    char error[256];
};

static void note_failure(struct producer *producer, rd_kafka_resp_err_t err)
{
    snprintf(producer->error, sizeof producer->error, "%s: %s", rd_kafka_err2name(err),
             rd_kafka_err2str(err));
}

/* From rd_kafka_poll(), so on the producer's one thread. */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct producer *producer = opaque;
    (void)rk;
    if (!message->err) {
        producer->delivered++;
        return;
    }
    producer->failed++;
    note_failure(producer, message->err);
}

static rd_kafka_conf_t *make_conf(const struct producer_config *config, struct producer *producer,
                                  char *error, size_t error_size)
{
    const struct kafka_default brokers = {"bootstrap.servers",
                                          config->brokers ? config->brokers : ""};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    kafka_conf_log(conf);
    kafka_conf_defaults(conf, defaults, ARRAY_LEN(defaults));
    kafka_conf_defaults(conf, &brokers, 1);
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    if (kafka_conf_properties(conf, config->properties, config->properties_count, error,
                              error_size) < 0) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}

static int open_handles(struct producer *producer, const struct producer_config *config,
                        char *error, size_t error_size)
{
    rd_kafka_conf_t *conf = make_conf(config, producer, error, error_size);
    if (!conf)
        return -EINVAL;
    producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, error_size);
    if (!producer->rk) {
        rd_kafka_conf_destroy(conf);
        return -EINVAL;
    }
    producer->topic = rd_kafka_topic_new(producer->rk, config->topic, NULL);
    if (!producer->topic) {
        snprintf(error, error_size, "topic=%s: %s", config->topic,
                 rd_kafka_err2str(rd_kafka_last_error()));
        return -EINVAL;
    }
    return 0;
}

int producer_create(struct producer **out, const struct producer_config *config, char *error,
                    size_t error_size)
{
    struct producer *producer = calloc(1, sizeof *producer);
    if (!producer) {
        snprintf(error, error_size, "producer: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    producer->format = config->format == VALUE_MSGPACK ? VALUE_MSGPACK : VALUE_JSON;
    int result = open_handles(producer, config, error, error_size);
    if (result < 0) {
        producer_destroy(producer);
        return result;
    }
    *out = producer;
    return 0;
}

/* Kafka's timestamp in ms, 0 for the instant of sending: an event time that no clock would show
 * (before 2000, or over a day ahead) would confuse Kafka's own retention by time. */
static int64_t timestamp_ms(int64_t ts_ns)
{
    const int64_t earliest = INT64_C(946684800000);
    int64_t latest = clock_wall_ns() / 1000000 + 86400000;
    int64_t ms = ts_ns / 1000000;
    return ms >= earliest && ms <= latest ? ms : 0;
}

static rd_kafka_resp_err_t produce(struct producer *producer, const struct tick *tick,
                                   const char *symbol, size_t symbol_len)
{
    static const char json[] = "application/json", msgpack[] = "application/msgpack";
    uint8_t value[VALUE_TICK_MAX];
    bool packed = producer->format == VALUE_MSGPACK;
    size_t len = packed ? tick_msgpack_write_value(tick, symbol, symbol_len, value)
                        : tick_json_write_value(tick, symbol, symbol_len, value);
    const char *type = packed ? msgpack : json;
    return rd_kafka_producev(producer->rk, RD_KAFKA_V_RKT(producer->topic),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_KEY(symbol, symbol_len), RD_KAFKA_V_VALUE(value, len),
                             RD_KAFKA_V_HEADER("content-type", type, (ssize_t)strlen(type)),
                             RD_KAFKA_V_TIMESTAMP(timestamp_ms(tick->ts_ns)), RD_KAFKA_V_END);
}

int producer_send(struct producer *producer, const struct tick *tick, const char *symbol,
                  size_t symbol_len)
{
    rd_kafka_resp_err_t err;
    /* Ends: what fills the queue is delivered, or fails after message.timeout.ms. */
    while ((err = produce(producer, tick, symbol, symbol_len)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(producer->rk, FULL_WAIT_MS);
    if (!err)
        return 0;
    note_failure(producer, err);
    return -EIO;
}

void producer_poll(struct producer *producer, int timeout_ms)
{
    rd_kafka_poll(producer->rk, timeout_ms);
}

int producer_flush(struct producer *producer, int timeout_ms)
{
    return rd_kafka_flush(producer->rk, timeout_ms) ? -ETIMEDOUT : 0;
}

uint64_t producer_delivered(const struct producer *producer)
{
    return producer->delivered;
}

uint64_t producer_failed(const struct producer *producer)
{
    return producer->failed;
}

const char *producer_error(const struct producer *producer)
{
    return producer->error;
}

void producer_destroy(struct producer *producer)
{
    if (!producer)
        return;
    if (producer->topic)
        rd_kafka_topic_destroy(producer->topic);
    if (producer->rk)
        rd_kafka_destroy(producer->rk);
    free(producer);
}
