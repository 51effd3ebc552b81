/* SPDX-License-Identifier: MIT */
#include "tools/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NOON_S = 12 * 3600, EASTERN_STANDARD_S = -5 * 3600, EASTERN_DAYLIGHT_S = -4 * 3600 };

/* Whether that many digits stand there; `*out` is their value. */
static bool digits_at(const char *text, int count, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

static bool is_day(const struct session_date *date)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (date->year % 4 == 0 && date->year % 100 != 0) || date->year % 400 == 0;
    return date->year >= 1970 && date->year <= 2261 && date->month >= 1 && date->month <= 12 &&
           date->day >= 1 && date->day <= days[date->month - 1] + (leap && date->month == 2);
}

bool session_parse(const char *text, struct session_date *out)
{
    return strlen(text) == 10 && text[4] == '-' && text[7] == '-' &&
           digits_at(text, 4, &out->year) && digits_at(text + 5, 2, &out->month) &&
           digits_at(text + 8, 2, &out->day) && is_day(out);
}

bool session_of_name(const char *path, struct session_date *out)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    int number;
    if (name[0] == 'S' && digits_at(name + 1, 6, &number) && name[7] == '-') {
        *out = (struct session_date){2000 + number % 100, number / 10000, number / 100 % 100};
        return is_day(out);
    }
    if (!digits_at(name, 8, &number) || name[8] != '.')
        return false;
    /* No month is 19 or 20: the two ways to write a day don't meet. */
    *out = (struct session_date){number % 10000, number / 1000000, number / 10000 % 100};
    if (is_day(out))
        return true;
    *out = (struct session_date){number / 10000, number / 100 % 100, number % 100};
    return is_day(out);
}

/* Takes the process's time zone, or with NULL the system's. */
static void take_zone(const char *zone)
{
    if (zone)
        setenv("TZ", zone, 1);
    else
        unsetenv("TZ");
    tzset();
}

int session_midnight(const struct session_date *date, int64_t *ns, char *error, size_t error_size)
{
    struct tm noon = {.tm_year = date->year - 1900,
                      .tm_mon = date->month - 1,
                      .tm_mday = date->day,
                      .tm_hour = 12,
                      .tm_isdst = -1};
    const char *set = getenv("TZ");
    char *before = set ? strdup(set) : NULL;
    if (set && !before) {
        snprintf(error, error_size, "%s", strerror(ENOMEM));
        return -ENOMEM;
    }
    take_zone("America/New_York");
    int64_t seconds = mktime(&noon);
    take_zone(before);
    free(before);
    /* Where libc doesn't find the zone, it takes UTC and says nothing. */
    if (noon.tm_gmtoff != EASTERN_STANDARD_S && noon.tm_gmtoff != EASTERN_DAYLIGHT_S) {
        snprintf(error, error_size,
                 "the time zone America/New_York is not installed (Debian's package tzdata)");
        return -ENOENT;
    }
    *ns = (seconds - NOON_S) * 1000000000;
    return 0;
}
