/* SPDX-License-Identifier: MIT */
/*
 * reading: commands as a test reads them, the same in both formats, and what it expects of them.
 */
#ifndef TAPEHEAD_TESTS_UNIT_WIRE_READING_H
#define TAPEHEAD_TESTS_UNIT_WIRE_READING_H

#include "server/wire/command.h"
#include "support.h"

/* Reads from memory that ends with the message, and overwrites that before the command is looked
 * at: nothing may point into the input. */
struct command reading_bytes(enum wire_format format, const void *data, size_t len);

/* What `json` says, read as `format`. */
struct command reading_as(enum wire_format format, const char *json);

/* Runs the block for `json` read in both formats, as `command`. */
#define for_both(json)                                                                             \
    for (enum wire_format format = 0; format < WIRE_FORMAT_COUNT; format++)                        \
        for (struct command command = reading_as(format, json), *once = &command; once;            \
             command_finish(&command), once = NULL)

/* In both formats; `part` stands in the sentence. */
void assert_refused(const char *json, const char *code, const char *part);

void assert_good(const struct command *command, enum command_op op);
void assert_symbol(const struct command *command, uint32_t index, const char *text);

#endif
