/* SPDX-License-Identifier: MIT */
/*
 * ticktext: a captured tick as a line of text: to be read by people, as CSV, or as JSON. Pure.
 */
#ifndef TAPEHEAD_TOOLS_TICKTEXT_H
#define TAPEHEAD_TOOLS_TICKTEXT_H

#include <stddef.h>

#include "feed/tape_reader.h"

enum { TICKTEXT_MAX = 2048 };

/* Each writes one line with its line break to `out`, which holds TICKTEXT_MAX bytes, and returns
 * the length. Digits are those of the source. */

/* "received event SYMBOL price size side id topic/partition@offset[:index]", "-" for no id. */
size_t ticktext_line(const struct tape_item *item, const char *topic, char *out);

extern const char ticktext_csv_header[];
size_t ticktext_csv(const struct tape_item *item, const char *topic, char *out);

/* A Kafka value with "r" and "pos", as the file has it. */
size_t ticktext_json(const struct tape_item *item, const char *topic, char *out);

#endif
