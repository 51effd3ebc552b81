/* SPDX-License-Identifier: MIT */
/*
 * session: the day of a NASDAQ file, and its midnight in New York, from which the exchange counts.
 * Main thread, before others start: it asks libc, which knows one time zone at a time.
 */
#ifndef TAPEHEAD_TOOLS_SESSION_H
#define TAPEHEAD_TOOLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session_date {
    int year;
    int month; /* from 1 */
    int day;
};

/* "2020-01-30". False where it is no day of the calendar. */
bool session_parse(const char *text, struct session_date *out);

/* From a file's name: 01302020.NASDAQ_ITCH50.gz, 20190730.BX_ITCH_50.gz, S013020-v50.txt.gz. */
bool session_of_name(const char *path, struct session_date *out);

/* Midnight by New York's clocks as nanoseconds since 1970 UTC. On a day when they change, which is
 * a Sunday, it is the midnight from which the hours after the change count. Returns 0, or -errno
 * with a sentence when the zone America/New_York isn't installed. */
int session_midnight(const struct session_date *date, int64_t *ns, char *error, size_t error_size);

#endif
