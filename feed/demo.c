/* SPDX-License-Identifier: MIT */
#include "feed/demo.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "feed/kafka_conf.h"
#include "feed/log.h"
#include "feed/producer.h"

enum {
    SLEEP_MAX_MS = 50, /* bounds how late the thread sees that it is to stop */
    FLUSH_MS = 200,    /* for what was sent last; the broker is in this process */
};

struct demo {
    rd_kafka_t *host; /* the mock cluster lives in a client, which does nothing else */
    rd_kafka_mock_cluster_t *cluster;
    struct producer *producer;
    struct sim *sim;
    pthread_t thread;
    bool running;
    _Atomic bool stop; /* demo_destroy() writes, the thread reads */
};

static void sleep_until(int64_t mono_ns)
{
    int64_t latest = clock_mono_ns() + SLEEP_MAX_MS * INT64_C(1000000);
    int64_t until = mono_ns < latest ? mono_ns : latest;
    clock_sleep_until(until);
}

static void *run(void *arg)
{
    struct demo *demo = arg;
    struct tick tick;
    const char *symbol;
    int64_t start_mono_ns = clock_mono_ns(), start_wall_ns = clock_wall_ns();
    sim_next(demo->sim, &tick, &symbol);
    /* Relaxed: the flag orders nothing; demo_destroy() joins. */
    while (!atomic_load_explicit(&demo->stop, memory_order_relaxed)) {
        int64_t due_ns = start_mono_ns + tick.ts_ns;
        producer_poll(demo->producer, 0);
        if (clock_mono_ns() < due_ns) {
            sleep_until(due_ns);
            continue;
        }
        tick.ts_ns += start_wall_ns;
        if (producer_send(demo->producer, &tick, symbol, strlen(symbol)) < 0)
            LOG_ERROR("demo.send_failed", "error=%s", producer_error(demo->producer));
        sim_next(demo->sim, &tick, &symbol);
    }
    return NULL;
}

static int start_broker(struct demo *demo, const char *topic, int partitions, char *error,
                        size_t error_size)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    kafka_conf_log(conf);
    /* Errors only: that the host itself has no broker to connect to is as it should be. */
    static const struct kafka_default quiet = {"log_level", "3"};
    kafka_conf_defaults(conf, &quiet, 1);
    demo->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, error_size);
    if (!demo->host) {
        rd_kafka_conf_destroy(conf);
        return -EINVAL;
    }
    demo->cluster = rd_kafka_mock_cluster_new(demo->host, 1);
    if (!demo->cluster) {
        snprintf(error, error_size, "the embedded broker can't be started");
        return -EIO;
    }
    rd_kafka_resp_err_t err = rd_kafka_mock_topic_create(demo->cluster, topic, partitions, 1);
    if (!err)
        return 0;
    snprintf(error, error_size, "topic=%s partitions=%d: %s", topic, partitions,
             rd_kafka_err2str(err));
    return -EINVAL;
}

static int start_producer(struct demo *demo, const struct sim_config *sim, const char *topic,
                          char *error, size_t error_size)
{
    /* The embedded broker keeps 5 MB a partition as a list of batches and walks all of it to find
     * the newest: small batches (a linger of 1 ms) made it the slowest thing in the house. */
    static const char *const properties[] = {"linger.ms=10"};
    const struct producer_config config = {
        .brokers = rd_kafka_mock_cluster_bootstraps(demo->cluster),
        .topic = topic,
        .properties = properties,
        .properties_count = ARRAY_LEN(properties),
        .format = VALUE_JSON,
    };
    demo->sim = sim_create(sim);
    if (!demo->sim) {
        snprintf(error, error_size, "simulator: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    int result = producer_create(&demo->producer, &config, error, error_size);
    if (result < 0)
        return result;
    result = -pthread_create(&demo->thread, NULL, run, demo);
    demo->running = result == 0;
    if (result < 0)
        snprintf(error, error_size, "demo thread: %s", strerror(-result));
    return result;
}

int demo_create(struct demo **out, const struct sim_config *sim, const char *topic, int partitions,
                char *error, size_t error_size)
{
    struct demo *demo = calloc(1, sizeof *demo);
    if (!demo) {
        snprintf(error, error_size, "demo: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    int result = start_broker(demo, topic, partitions, error, error_size);
    if (result == 0)
        result = start_producer(demo, sim, topic, error, error_size);
    if (result < 0) {
        demo_destroy(demo);
        return result;
    }
    *out = demo;
    return 0;
}

const char *demo_brokers(const struct demo *demo)
{
    return rd_kafka_mock_cluster_bootstraps(demo->cluster);
}

const char *const *demo_properties(size_t *count)
{
    static const char *const properties[] = {"fetch.wait.max.ms=2"};
    *count = ARRAY_LEN(properties);
    return properties;
}

void demo_destroy(struct demo *demo)
{
    if (!demo)
        return;
    /* Relaxed: the join orders the thread's end before us. */
    atomic_store_explicit(&demo->stop, true, memory_order_relaxed);
    if (demo->running)
        pthread_join(demo->thread, NULL);
    if (demo->producer)
        producer_flush(demo->producer, FLUSH_MS);
    producer_destroy(demo->producer);
    sim_destroy(demo->sim);
    if (demo->cluster)
        rd_kafka_mock_cluster_destroy(demo->cluster);
    if (demo->host)
        rd_kafka_destroy(demo->host);
    free(demo);
}
