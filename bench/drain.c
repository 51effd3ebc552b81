/* SPDX-License-Identifier: MIT */
/*
 * drain: the floor of Kafka ingest: a bare librdkafka consumer, which counts and does nothing else.
 *
 *   drain --brokers HOST:PORT --topic NAME --count N      from the beginning, as fast as it goes
 *   drain --brokers HOST:PORT --topic NAME --seconds S    from the end; how old each tick is, too
 *
 * One partition, one thread beside librdkafka's own. Prints one line of JSON; the count's clock
 * runs from the first message, that of CPU time likewise. With --seconds each value is read for its
 * event time, by the server's own codec.
 */
#include <errno.h>
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/curve.h"
#include "feed/base.h"
#include "feed/clock.h"
#include "schemas/tick_value.h"

enum { BATCH = 1024, WAIT_MS = 100, PATIENCE_MS = 30000 };

struct drain {
    const char *brokers;
    const char *topic;
    uint64_t count;
    int64_t seconds; /* 0: by count */
    uint64_t messages;
    uint64_t bytes;
    int64_t now_ns;
    struct curve age;
};

/* Of the whole process. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* As the server, but with queue bounds that this loop never reaches. */
static rd_kafka_t *open_consumer(const struct drain *drain, char *error, size_t error_size)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", drain->brokers},  {"socket.nagle.disable", "true"},
        {"queued.min.messages", "100000"},      {"queued.max.messages.kbytes", "65536"},
        {"fetch.message.max.bytes", "1048576"}, {"fetch.max.bytes", "8388608"},
        {"fetch.wait.max.ms", "500"},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, error_size))
            return NULL;
    return rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, error_size);
}

static void note_age(void *arg, const struct tick *tick, const char *symbol, size_t symbol_len)
{
    struct drain *drain = arg;
    (void)symbol;
    (void)symbol_len;
    curve_add(&drain->age, drain->now_ns - tick->ts_ns);
}

static void take(struct drain *drain, rd_kafka_message_t *message)
{
    if (!message->err) {
        drain->messages++;
        drain->bytes += message->len;
        if (drain->seconds)
            tick_value_read(message->payload, message->len, note_age, drain);
    }
    rd_kafka_message_destroy(message);
}

static int run(struct drain *drain, rd_kafka_topic_t *topic)
{
    static rd_kafka_message_t *batch[BATCH];
    int64_t began = clock_mono_ns(), first = 0, first_cpu = 0;
    int64_t until = began + (drain->seconds ? drain->seconds * INT64_C(1000000000)
                                            : PATIENCE_MS * INT64_C(1000000));
    while (drain->seconds || drain->messages < drain->count) {
        ssize_t got = rd_kafka_consume_batch(topic, 0, WAIT_MS, batch, drain->seconds ? 1 : BATCH);
        drain->now_ns = clock_wall_ns();
        int64_t now = clock_mono_ns();
        if (got > 0 && !first) {
            first = now;
            first_cpu = cpu_ns();
        }
        for (ssize_t i = 0; i < got; i++)
            take(drain, batch[i]);
        if (now > until)
            break;
    }
    printf("{\"messages\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"cpu_s\":%.6f,\"p50_ms\":%.4f,"
           "\"p99_ms\":%.4f}\n",
           (unsigned long long)drain->messages, (unsigned long long)drain->bytes,
           (double)(clock_mono_ns() - first) / 1e9, (double)(cpu_ns() - first_cpu) / 1e9,
           (double)curve_quantile(&drain->age, 0.5) / 1e6,
           (double)curve_quantile(&drain->age, 0.99) / 1e6);
    return drain->seconds || drain->messages >= drain->count ? 0 : -ETIMEDOUT;
}

static bool read_options(struct drain *drain, int argc, char **argv)
{
    static const struct option options[] = {{"brokers", required_argument, NULL, 'b'},
                                            {"topic", required_argument, NULL, 't'},
                                            {"count", required_argument, NULL, 'c'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {0}};
    for (int key; (key = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (key) {
        case 'b': drain->brokers = optarg; break;
        case 't': drain->topic = optarg; break;
        case 'c': drain->count = strtoull(optarg, NULL, 10); break;
        case 's': drain->seconds = strtoll(optarg, NULL, 10); break;
        default: return false;
        }
    }
    return drain->brokers && drain->topic && (drain->count || drain->seconds);
}

int main(int argc, char **argv)
{
    static struct drain drain;
    char error[512] = "";
    if (!read_options(&drain, argc, argv)) {
        fprintf(stderr, "usage: drain --brokers HOST:PORT --topic NAME --count N | --seconds S\n");
        return 2;
    }
    rd_kafka_t *kafka = open_consumer(&drain, error, sizeof error);
    rd_kafka_topic_t *topic = kafka ? rd_kafka_topic_new(kafka, drain.topic, NULL) : NULL;
    int64_t from = drain.seconds ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    if (!topic || rd_kafka_consume_start(topic, 0, from) < 0) {
        fprintf(stderr, "drain: %s\n", kafka ? rd_kafka_err2str(rd_kafka_last_error()) : error);
        return 1;
    }
    int rc = run(&drain, topic);
    if (rc < 0)
        fprintf(stderr, "drain: only %llu messages came\n", (unsigned long long)drain.messages);
    rd_kafka_consume_stop(topic, 0);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(kafka);
    return rc < 0;
}
