/* SPDX-License-Identifier: MIT */
/*
 * moment: the times of exchanges as nanoseconds since 1970 UTC, digit by digit. Pure.
 *
 * Functions return false where the text is no such time, lies outside what 64 bits hold, or is
 * finer than a nanosecond: that would have to be rounded.
 */
#ifndef TAPEHEAD_TOOLS_MOMENT_H
#define TAPEHEAD_TOOLS_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal seconds since 1970: "1534614057.321597". */
bool moment_seconds(const char *text, size_t len, int64_t *ns);

/* Milliseconds since 1970, or microseconds where there are 15 digits or more: as milliseconds those
 * would lie after the year 5138, as microseconds fewer before 1973. */
bool moment_milli_or_micro(const char *text, size_t len, int64_t *ns);

/* RFC 3339: "2024-08-09T00:05:00.123456Z". */
bool moment_rfc3339(const char *text, size_t len, int64_t *ns);

#endif
