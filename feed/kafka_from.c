/* SPDX-License-Identifier: MIT */
#include "feed/kafka_from.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "schemas/instant.h"

static bool read_tail(const char *text, int64_t *tail)
{
    const char *at = text + 1;
    int64_t value = 0;
    if (text[0] != '-' || !*at)
        return false;
    for (; *at; at++) {
        if (*at < '0' || *at > '9' || value > INT64_MAX / 100)
            return false;
        value = value * 10 + (*at - '0');
    }
    *tail = value;
    return true;
}

int kafka_from_parse(const char *text, struct kafka_from *out)
{
    struct kafka_from from = {0};
    int64_t time_ns;
    if (!text || !*text || strcmp(text, "latest") == 0)
        from.kind = FROM_LATEST;
    else if (strcmp(text, "earliest") == 0)
        from.kind = FROM_EARLIEST;
    else if (read_tail(text, &from.tail))
        from.kind = FROM_TAIL;
    else if (instant_parse(text, &time_ns) == 0)
        from = (struct kafka_from){.kind = FROM_TIME, .time_ms = time_ns / 1000000};
    else
        return -EINVAL;
    *out = from;
    return 0;
}

static int64_t wanted_start(const struct kafka_from *from, int64_t low, int64_t end,
                            int64_t by_time)
{
    switch (from->kind) {
    case FROM_LATEST: return end;
    case FROM_EARLIEST: return low;
    case FROM_TIME: return by_time < 0 ? end : by_time;
    case FROM_TAIL: return end - from->tail;
    }
    return end;
}

struct kafka_span kafka_from_span(const struct kafka_from *from, uint64_t warmup, int64_t low,
                                  int64_t end, int64_t by_time)
{
    int64_t start = wanted_start(from, low, end, by_time);
    if (start < low)
        start = low;
    if (start > end)
        start = end;
    int64_t begin = warmup < (uint64_t)(start - low) ? start - (int64_t)warmup : low;
    return (struct kafka_span){.begin = begin, .start = start};
}
