/* SPDX-License-Identifier: MIT */
#include "feed/kafka_settings.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/kafka_conf.h"

enum {
    STALL_MS_DEFAULT = 3000,
    REFRESH_MS_DEFAULT = 5000,
    REFRESH_MS_MAX = 3600000, /* librdkafka's */
    MESSAGE_OVERHEAD = 512,   /* librdkafka's own struct of a queued message, rounded up */
};

/* Overridable. Those that bound memory are summed in kafka_memory_max(). */
static const struct kafka_default defaults[] = {
    {"client.id", "tapehead"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"socket.timeout.ms", "10000"}, /* a broker that hangs is left then; 60 s is the library's */
    {"socket.connection.setup.timeout.ms", "5000"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "500"}, /* the library's 10 s is a long time to be blind */
    {"fetch.error.backoff.ms", "50"},
    {"topic.metadata.refresh.fast.interval.ms", "100"},
    /* One queue takes all partitions, and a queue's bounds hold for all that feeds it. */
    {"queued.min.messages", "10000"},
    {"queued.max.messages.kbytes", "8192"},
    {"fetch.message.max.bytes", "1048576"},
    {"fetch.max.bytes", "8388608"},
};

/* What the code relies on, whatever the user says. */
static const struct kafka_default relied_on[] = {
    {"enable.partition.eof", "true"}, /* warm-up may end in a hole: only the end says so */
    {"auto.offset.reset", "error"},   /* we decide, and say so */
    {"enable.auto.commit", "false"},  /* there is no group */
    {"enable.auto.offset.store", "false"}, {"allow.auto.create.topics", "false"},
};

static int add_topic(struct kafka_settings *settings, const char *name, size_t len, char *error,
                     size_t error_size)
{
    if (settings->topics_count == KAFKA_TOPICS_MAX) {
        snprintf(error, error_size, "topic: at most %d topics", KAFKA_TOPICS_MAX);
        return -EINVAL;
    }
    if (len == 0 || len > KAFKA_TOPIC_LEN_MAX) {
        snprintf(error, error_size, "topic=%.*s: a name has 1 to %d bytes", (int)len, name,
                 KAFKA_TOPIC_LEN_MAX);
        return -EINVAL;
    }
    char *topic = settings->topics[settings->topics_count];
    memcpy(topic, name, len);
    topic[len] = '\0';
    for (uint32_t i = 0; i < settings->topics_count; i++)
        if (strcmp(settings->topics[i], topic) == 0) {
            snprintf(error, error_size, "topic=%s: named twice", topic);
            return -EINVAL;
        }
    settings->topics_count++;
    return 0;
}

static int read_topics(struct kafka_settings *settings, const char *text, char *error,
                       size_t error_size)
{
    if (!text || !*text) {
        snprintf(error, error_size, "topic: none given");
        return -EINVAL;
    }
    for (;;) {
        size_t len = strcspn(text, ",");
        int result = add_topic(settings, text, len, error, error_size);
        if (result < 0 || text[len] == '\0')
            return result;
        text += len + 1;
    }
}

static uint64_t number_in(const rd_kafka_conf_t *conf, const char *key)
{
    char value[32] = "0";
    size_t size = sizeof value;
    rd_kafka_conf_get(conf, key, value, &size);
    return strtoull(value, NULL, 10);
}

static bool names_brokers(const rd_kafka_conf_t *conf)
{
    size_t size = 0;
    return rd_kafka_conf_get(conf, "bootstrap.servers", NULL, &size) == RD_KAFKA_CONF_OK &&
           size > 1;
}

static uint32_t refresh_ms(const struct feed_config *config)
{
    return config->partition_refresh_ms ? config->partition_refresh_ms : REFRESH_MS_DEFAULT;
}

/* Our defaults, the user's properties over them, and over both what the code relies on. */
static rd_kafka_conf_t *make_conf(const struct feed_config *config, char *error, size_t error_size)
{
    char refresh[16];
    snprintf(refresh, sizeof refresh, "%u", refresh_ms(config));
    const struct kafka_default given[] = {
        {"bootstrap.servers", config->brokers ? config->brokers : ""},
        {"topic.metadata.refresh.interval.ms", refresh},
    };
    if (refresh_ms(config) > REFRESH_MS_MAX) {
        snprintf(error, error_size, "partition-refresh-ms=%s: must be at most %d", refresh,
                 REFRESH_MS_MAX);
        return NULL;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    kafka_conf_log(conf);
    kafka_conf_defaults(conf, defaults, ARRAY_LEN(defaults));
    kafka_conf_defaults(conf, given, ARRAY_LEN(given));
    if (kafka_conf_properties(conf, config->properties, config->properties_count, error,
                              error_size) < 0) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    kafka_conf_defaults(conf, relied_on, ARRAY_LEN(relied_on));
    if (!names_brokers(conf)) {
        snprintf(error, error_size, "brokers: none given");
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}

int kafka_settings_read(const struct feed_config *config, struct kafka_settings *settings,
                        char *error, size_t error_size)
{
    memset(settings, 0, sizeof *settings);
    int result = read_topics(settings, config->topics, error, error_size);
    if (result < 0)
        return result;
    if (kafka_from_parse(config->from, &settings->from) < 0) {
        snprintf(error, error_size,
                 "from=%s: expected latest, earliest, -N or a time such as 2026-11-22T02:03:04Z",
                 config->from);
        return -EINVAL;
    }
    settings->conf = make_conf(config, error, error_size);
    if (!settings->conf)
        return -EINVAL;
    uint32_t stall_ms = config->stall_ms ? config->stall_ms : STALL_MS_DEFAULT;
    uint64_t wait_ms = number_in(settings->conf, "fetch.wait.max.ms");
    settings->silence_max_ns = (int64_t)(stall_ms + wait_ms) * 1000000;
    settings->positions = config->positions;
    settings->positions_count = config->positions_count;
    settings->warmup = config->warmup;
    settings->refresh_ms = refresh_ms(config);
    return 0;
}

uint64_t kafka_settings_memory(const struct feed_config *config)
{
    char error[256];
    rd_kafka_conf_t *conf = make_conf(config, error, sizeof error);
    if (!conf)
        return 0;
    /* What F took at once and what was queued meanwhile, and two answers on their way into the
     * queue. */
    uint64_t bytes = number_in(conf, "queued.max.messages.kbytes") * 1024 * 2 +
                     number_in(conf, "queued.min.messages") * MESSAGE_OVERHEAD * 2 +
                     number_in(conf, "fetch.max.bytes") * 2;
    rd_kafka_conf_destroy(conf);
    return bytes;
}
