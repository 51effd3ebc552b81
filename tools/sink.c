/* SPDX-License-Identifier: MIT */
#include "tools/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "feed/clock.h"
#include "tools/progress.h"
#include "tools/stop.h"

const char *const sink_formats[] = {"msgpack", "json", NULL};

enum { SINK_FLUSH_S = 30, SINK_FLUSH_STOPPED_S = 5, SINK_FLUSH_STEP_MS = 200 };

int sink_open(struct sink *sink, const char *program, const struct sink_settings *settings)
{
    struct producer_config config = {
        .brokers = settings->brokers,
        .topic = settings->topic,
        .properties = settings->properties.items,
        .properties_count = settings->properties.count,
        .format = settings->format == 0 ? VALUE_MSGPACK : VALUE_JSON,
    };
    char error[512] = "";
    *sink = (struct sink){.program = program};
    int result = producer_create(&sink->producer, &config, error, sizeof error);
    if (result < 0)
        fprintf(stderr, "%s: %s\n", program, error);
    sink->started_ns = clock_mono_ns();
    return result;
}

int sink_send(struct sink *sink, const struct tick *tick, const char *symbol, size_t symbol_len)
{
    int result = producer_send(sink->producer, tick, symbol, symbol_len);
    if (result == 0)
        sink->sent++;
    else
        fprintf(stderr, "%s: sending failed: %s\n", sink->program, producer_error(sink->producer));
    return result;
}

bool sink_flush(struct sink *sink)
{
    struct progress progress;
    progress_init(&progress);
    int64_t start = clock_mono_ns();
    /* In steps, so that the line on the terminal moves. */
    while (producer_flush(sink->producer, SINK_FLUSH_STEP_MS) == -ETIMEDOUT) {
        int64_t now = clock_mono_ns();
        int64_t limit_s = stop_requested() ? SINK_FLUSH_STOPPED_S : SINK_FLUSH_S;
        if (now - start >= limit_s * 1000000000)
            break;
        if (progress_due(&progress, now))
            progress_draw(&progress, now, "waiting for acknowledgements: %" PRIu64 " of %" PRIu64,
                          producer_delivered(sink->producer), sink->sent);
    }
    progress_clear(&progress);
    uint64_t delivered = producer_delivered(sink->producer);
    if (delivered == sink->sent)
        return true;
    const char *why = producer_error(sink->producer);
    fprintf(stderr, "%s: %" PRIu64 " of %" PRIu64 " ticks were not acknowledged by Kafka: %s\n",
            sink->program, sink->sent - delivered, sink->sent, *why ? why : "no answer in time");
    return false;
}

double sink_seconds(const struct sink *sink)
{
    return (double)(clock_mono_ns() - sink->started_ns) / 1e9;
}

void sink_close(struct sink *sink)
{
    if (sink->producer)
        producer_destroy(sink->producer);
    sink->producer = NULL;
}
