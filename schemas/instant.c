/* SPDX-License-Identifier: MIT */
/* instant: see instant.h. */
#include "schemas/instant.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
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

/* ".123456789": one to nine decimals. */
static bool read_fraction(const char **at, int *ns)
{
    int digits = 0;
    *ns = 0;
    if (!step_over(at, "."))
        return true;
    for (; **at >= '0' && **at <= '9' && digits < 10; ++*at, digits++)
        if (digits < 9)
            *ns = *ns * 10 + (**at - '0');
    for (int i = digits; i < 9; i++)
        *ns *= 10;
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

static bool read_instant(const char *text, int64_t *out)
{
    struct tm t = {0};
    int ns, zone;
    const char *at = text;
    if (!read_digits(&at, 4, &t.tm_year) || !step_over(&at, "-") ||
        !read_digits(&at, 2, &t.tm_mon) || !step_over(&at, "-") || !read_digits(&at, 2, &t.tm_mday))
        return false;
    if (!step_over(&at, "Tt ") || !read_digits(&at, 2, &t.tm_hour) || !step_over(&at, ":") ||
        !read_digits(&at, 2, &t.tm_min) || !step_over(&at, ":") || !read_digits(&at, 2, &t.tm_sec))
        return false;
    if (!read_fraction(&at, &ns) || !read_zone(&at, &zone) || *at)
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
    int64_t since = (int64_t)seconds - zone;
    if (since < 0 || since > INT64_MAX / 1000000000 - 1)
        return false;
    *out = since * 1000000000 + ns;
    return true;
}

int instant_parse(const char *text, int64_t *ns)
{
    return read_instant(text, ns) ? 0 : -EINVAL;
}

void instant_write(int64_t ns, char out[INSTANT_TEXT_MAX])
{
    int64_t seconds = ns / 1000000000, left = ns % 1000000000;
    if (left < 0) {
        left += 1000000000;
        seconds--;
    }
    time_t when = (time_t)seconds;
    struct tm t;
    gmtime_r(&when, &t);
    size_t len = strftime(out, INSTANT_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + len, INSTANT_TEXT_MAX - len, ".%09dZ", (int)left);
}
