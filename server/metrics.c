/* SPDX-License-Identifier: MIT */
/* metrics: see metrics.h. Printed by the worker that was asked; reads other threads' counters,
 * writes none. */
#include "server/metrics.h"

#include <inttypes.h>
#include <string.h>

struct family {
    struct bytes *out;
    const struct worker_metrics *const *workers;
    uint32_t workers_count;
};

static void head(struct bytes *out, const char *name, const char *type, const char *help)
{
    bytes_printf(out, "# HELP tapehead_%s %s\n# TYPE tapehead_%s %s\n", name, help, name, type);
}

static void one(struct bytes *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    head(out, name, type, help);
    bytes_printf(out, "tapehead_%s %" PRIu64 "\n", name, value);
}

/* A line a worker. */
static void each(const struct family *family, size_t offset, const char *name, const char *type,
                 const char *help)
{
    head(family->out, name, type, help);
    for (uint32_t i = 0; i < family->workers_count; i++) {
        const counter *value = (const counter *)((const char *)family->workers[i] + offset);
        bytes_printf(family->out, "tapehead_%s{worker=\"%u\"} %" PRIu64 "\n", name, i,
                     counter_get(value));
    }
}

#define EACH(field, name, type, help)                                                              \
    each(family, offsetof(struct worker_metrics, field), name, type, help)

static void print_workers(const struct family *family)
{
    EACH(connections, "connections", "gauge", "Connections now.");
    EACH(websockets, "websockets", "gauge", "WebSocket connections now.");
    EACH(subscriptions, "subscriptions", "gauge", "Subscriptions now; a pattern counts once.");
    EACH(pairs, "pairs", "gauge", "Client and symbol pairs now.");
    EACH(accepted, "accepted_total", "counter", "Connections accepted, refused ones included.");
    EACH(requests, "http_requests_total", "counter", "HTTP requests, WebSocket upgrades included.");
    EACH(commands, "commands_total", "counter", "Commands from clients.");
    EACH(command_errors, "command_errors_total", "counter",
         "Commands that were answered with an error.");
    EACH(ticks, "worker_ticks_total", "counter", "Ticks taken from the ring.");
    EACH(encoded, "frames_encoded_total", "counter",
         "Tick frames encoded, once a format that somebody wants.");
    EACH(deliveries, "deliveries_total", "counter",
         "Ticks handed to clients' sockets, snapshots included.");
    EACH(gaps_overload, "overload_gaps_total", "counter",
         "Runs of ticks that the feed had merged.");
    EACH(sends, "sends_total", "counter", "Sends to sockets.");
    EACH(sends_zero_copy, "zero_copy_sends_total", "counter",
         "Sends offered to the kernel without a copy.");
    EACH(zero_copies_copied, "zero_copy_copied_total", "counter",
         "Zero-copy sends that the kernel copied after all; their sockets go back to plain sends.");
    EACH(sends_short, "sends_short_total", "counter",
         "Sends that the socket took only in part, or not at all.");
    EACH(stalls, "stalls_total", "counter", "Times that a client's socket was full.");
    EACH(queued, "queued_frames", "gauge", "Ticks that wait for their clients.");
    EACH(queued_bytes, "queued_bytes", "gauge", "Their bytes.");
    EACH(window_ms, "window_milliseconds", "gauge",
         "How long ticks wait for each other because the worker is behind.");
    EACH(bytes_sent, "sent_bytes_total", "counter", "Bytes that sockets took.");
    EACH(bytes_received, "received_bytes_total", "counter", "Bytes from clients.");
    EACH(heartbeats, "heartbeats_total", "counter", "Heartbeats sent.");
    EACH(replays, "replays", "gauge", "Replays that clients are played now.");
    EACH(replays_begun, "replays_total", "counter", "Replays begun.");
    EACH(events_stale, "stale_events_total", "counter", "Completions for a client that had gone.");
    EACH(turns, "turns_total", "counter", "Turns of the worker's loop.");
    EACH(sleeps, "sleeps_total", "counter", "Turns that slept.");
}

static void print_drops(const struct family *family, const struct feed_metrics *feed)
{
    head(family->out, "dropped_total", "counter",
         "Ticks that did not reach a client, by reason; all are announced.");
    for (uint32_t i = 0; i < family->workers_count; i++)
        bytes_printf(family->out,
                     "tapehead_dropped_total{worker=\"%u\",reason=\"slow_client\"} %" PRIu64 "\n",
                     i, counter_get(&family->workers[i]->dropped_slow));
    bytes_printf(family->out,
                 "tapehead_dropped_total{worker=\"feed\",reason=\"overload\"} %" PRIu64 "\n",
                 counter_get(&feed->conflated));
}

static const char *const close_names[CLOSED_REASONS] = {
    [CLOSED_BY_PEER] = "peer",      [CLOSED_PROTOCOL] = "protocol", [CLOSED_TLS] = "tls",
    [CLOSED_TIMEOUT] = "timeout",   [CLOSED_STALLED] = "stalled",   [CLOSED_STRICT] = "strict",
    [CLOSED_CONTROL] = "control",   [CLOSED_LIMIT] = "limit",       [CLOSED_REFUSED] = "refused",
    [CLOSED_SHUTDOWN] = "shutdown", [CLOSED_ADDRESS] = "address",   [CLOSED_ORIGIN] = "origin",
    [CLOSED_BROKEN] = "broken",     [CLOSED_DONE] = "done",
};

static void print_closed(const struct family *family)
{
    head(family->out, "closed_total", "counter", "Connections ended, by reason.");
    for (int reason = 0; reason < CLOSED_REASONS; reason++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < family->workers_count; i++)
            sum += counter_get(&family->workers[i]->closed[reason]);
        bytes_printf(family->out, "tapehead_closed_total{reason=\"%s\"} %" PRIu64 "\n",
                     close_names[reason], sum);
    }
}

/* The fine buckets are folded into a power of four each, from 4 microseconds to 17 seconds. */
static void print_latency(const struct family *family)
{
    static const char name[] = "delivery_seconds";
    uint64_t total = 0, sum_ns = 0;
    uint32_t bucket = 0;
    head(family->out, name, "histogram",
         "From a tick's receipt to its hand-over to a client's socket.");
    for (uint64_t bound_ns = 4096; bound_ns <= 1ull << 34; bound_ns *= 4) {
        for (; bucket < HISTOGRAM_BUCKETS && histogram_bound(bucket) <= bound_ns; bucket++)
            for (uint32_t i = 0; i < family->workers_count; i++)
                total += counter_get(&family->workers[i]->latency.buckets[bucket]);
        bytes_printf(family->out, "tapehead_%s_bucket{le=\"%.9g\"} %" PRIu64 "\n", name,
                     (double)bound_ns / 1e9, total);
    }
    for (; bucket < HISTOGRAM_BUCKETS; bucket++)
        for (uint32_t i = 0; i < family->workers_count; i++)
            total += counter_get(&family->workers[i]->latency.buckets[bucket]);
    for (uint32_t i = 0; i < family->workers_count; i++)
        sum_ns += counter_get(&family->workers[i]->latency.sum_ns);
    bytes_printf(family->out, "tapehead_%s_bucket{le=\"+Inf\"} %" PRIu64 "\ntapehead_%s_sum %.9f\n",
                 name, total, name, (double)sum_ns / 1e9);
    bytes_printf(family->out, "tapehead_%s_count %" PRIu64 "\n", name, total);
}

static void print_partitions(struct bytes *out, const struct feed *feed,
                             const struct feed_metrics *m)
{
    uint64_t count = counter_get(&m->partitions_count);
    head(out, "kafka_lag_messages", "gauge",
         "Messages between the next to be consumed and the partition's end.");
    for (uint32_t i = 0; i < count; i++) {
        int32_t number;
        const char *topic = feed_partition_topic(feed, i, &number);
        uint64_t offset = counter_get(&m->partitions[i].offset),
                 end = counter_get(&m->partitions[i].end);
        bytes_printf(out,
                     "tapehead_kafka_lag_messages{topic=\"%s\",partition=\"%d\"} %" PRIu64 "\n",
                     topic, (int)number, end > offset ? end - offset : 0);
    }
    head(out, "kafka_offset", "gauge", "The next offset to be consumed.");
    for (uint32_t i = 0; i < count; i++) {
        int32_t number;
        const char *topic = feed_partition_topic(feed, i, &number);
        bytes_printf(out, "tapehead_kafka_offset{topic=\"%s\",partition=\"%d\"} %" PRIu64 "\n",
                     topic, (int)number, counter_get(&m->partitions[i].offset));
    }
}

static void print_feed(struct bytes *out, const struct feed *feed, uint32_t workers_count)
{
    const struct feed_metrics *m = feed_metrics(feed);
    head(out, "source_state", "gauge", "1 for the state that the source is in.");
    for (int state = FEED_STARTING; state <= FEED_LOST; state++)
        bytes_printf(out, "tapehead_source_state{state=\"%s\"} %d\n",
                     feed_state_name((enum feed_state)state),
                     counter_get(&m->state) == (uint64_t)state);
    one(out, "source_state_changes_total", "counter", "Changes of the source's state.",
        counter_get(&m->state_changes));
    one(out, "ready", "gauge", "1 once the server is fed and warm-up is through.",
        counter_get(&m->ready));
    one(out, "source_messages_total", "counter", "Messages consumed, good or bad.",
        counter_get(&m->messages));
    one(out, "source_bytes_total", "counter", "Bytes of them.", counter_get(&m->bytes));
    one(out, "ticks_total", "counter", "Ticks taken in.", counter_get(&m->ticks));
    one(out, "symbols", "gauge", "Symbols known.", counter_get(&m->symbols));
    one(out, "source_lag_milliseconds", "gauge", "Receipt minus the newest message's own time.",
        counter_get(&m->lag_ms));
    head(out, "rejected_total", "counter", "Messages or ticks that could not be used, by reason.");
    for (int reason = 0; reason < VALUE_ERROR_COUNT; reason++)
        bytes_printf(out, "tapehead_rejected_total{reason=\"%s\"} %" PRIu64 "\n",
                     reason ? value_error_name(-reason) : "symbols_full",
                     counter_get(&m->rejected[reason]));
    head(out, "ring_depth", "gauge", "Slots of the ring not yet read, by worker.");
    for (uint32_t i = 0; i < workers_count; i++)
        bytes_printf(out, "tapehead_ring_depth{worker=\"%u\"} %" PRIu64 "\n", i,
                     ring_depth(feed_ring((struct feed *)feed), i));
    print_partitions(out, feed, m);
}

void metrics_print(struct bytes *out, const struct feed *feed,
                   const struct worker_metrics *const *workers, uint32_t workers_count)
{
    struct family family = {.out = out, .workers = workers, .workers_count = workers_count};
    print_feed(out, feed, workers_count);
    print_workers(&family);
    print_drops(&family, feed_metrics(feed));
    print_closed(&family);
    print_latency(&family);
}
