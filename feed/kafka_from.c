/* SPDX-License-Identifier: MIT */
#include "feed/kafka_from.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

/* Reads exactly `digits` digits and steps over them. */
static bool read_digits(const char **at, int digits, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *at += digits;
    *out = value;
    return true;
}

static bool step_over(const char **at, const char *any)
{
    if (**at == '\0' || !strchr(any, **at))
        return false;
    ++*at;
    return true;
}

/* ".123456789": of the one to nine decimals only the milliseconds matter. */
static bool read_fraction(const char **at, int *ms)
{
    int digits = 0;
    *ms = 0;
    if (!step_over(at, "."))
        return true;
    for (; **at >= '0' && **at <= '9'; ++*at, digits++)
        if (digits < 3)
            *ms = *ms * 10 + (**at - '0');
    for (int i = digits; i < 3; i++)
        *ms *= 10;
    return digits >= 1 && digits <= 9;
}

/* "Z" or "+01:00". */
static bool read_zone(const char **at, int *seconds)
{
    int hours, minutes, sign = **at == '-' ? -1 : 1;
    *seconds = 0;
    if (step_over(at, "Zz"))
        return true;
    if (!step_over(at, "+-") || !read_digits(at, 2, &hours) || !step_over(at, ":") ||
        !read_digits(at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

/* RFC 3339, 5.6. */
static bool read_time(const char *text, int64_t *time_ms)
{
    struct tm t = {0};
    int ms, zone;
    const char *at = text;
    if (!read_digits(&at, 4, &t.tm_year) || !step_over(&at, "-") ||
        !read_digits(&at, 2, &t.tm_mon) || !step_over(&at, "-") || !read_digits(&at, 2, &t.tm_mday))
        return false;
    if (!step_over(&at, "Tt ") || !read_digits(&at, 2, &t.tm_hour) || !step_over(&at, ":") ||
        !read_digits(&at, 2, &t.tm_min) || !step_over(&at, ":") || !read_digits(&at, 2, &t.tm_sec))
        return false;
    if (!read_fraction(&at, &ms) || !read_zone(&at, &zone) || *at)
        return false;
    if (t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60) /* 60: a leap second */
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    struct tm asked = t;
    time_t seconds = timegm(&t); /* turns 31 April into 1 May: compare */
    if (t.tm_mon != asked.tm_mon && asked.tm_sec < 60)
        return false;
    if (asked.tm_mon < 0 || asked.tm_mon > 11 || asked.tm_mday < 1 || asked.tm_mday > 31)
        return false;
    *time_ms = ((int64_t)seconds - zone) * 1000 + ms;
    return *time_ms >= 0;
}

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
    if (!text || !*text || strcmp(text, "latest") == 0)
        from.kind = FROM_LATEST;
    else if (strcmp(text, "earliest") == 0)
        from.kind = FROM_EARLIEST;
    else if (read_tail(text, &from.tail))
        from.kind = FROM_TAIL;
    else if (read_time(text, &from.time_ms))
        from.kind = FROM_TIME;
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
