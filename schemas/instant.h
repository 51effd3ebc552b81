/* SPDX-License-Identifier: MIT */
/*
 * instant: an instant as people write it, RFC 3339 to the nanosecond, and as ticks hold it:
 * nanoseconds since 1970 UTC. Pure.
 */
#ifndef TAPEHEAD_SCHEMAS_INSTANT_H
#define TAPEHEAD_SCHEMAS_INSTANT_H

#include <stdint.h>

enum { INSTANT_TEXT_MAX = 48 };

/* Reads "2024-08-09T00:05:00.123456789Z": up to nine decimals, Z or a distance to UTC such as
 * +01:00, a blank for the T. Returns 0, or -EINVAL for what is none or lies outside 1970 to 2262.
 */
int instant_parse(const char *text, int64_t *ns);

/* In UTC with nine decimals. */
void instant_write(int64_t ns, char out[INSTANT_TEXT_MAX]);

#endif
