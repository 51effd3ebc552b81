/* SPDX-License-Identifier: MIT */
/*
 * config: the settings, from the command line and from a file. Main thread, at start; read-only
 * afterwards.
 *
 * A file holds `name = value` lines with the names of the command line's options, # begins a
 * comment. The command line wins.
 */
#ifndef TAPEHEAD_SERVER_CONFIG_H
#define TAPEHEAD_SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CONFIG_LIST_MAX = 64 };

struct config {
#define NUMBER(name, field, value, min, max, unit, help) uint64_t field;
#define TEXT(name, field, value, help)                   const char *field;
#define FLAG(name, field, help)                          bool field;
#define LIST(name, short, field, value, help)                                                      \
    const char *field[CONFIG_LIST_MAX];                                                            \
    size_t field##_count;
#include "server/settings.def"
#undef NUMBER
#undef TEXT
#undef FLAG
#undef LIST
};

enum config_action {
    CONFIG_RUN,
    CONFIG_HELP,
    CONFIG_HELP_MARKDOWN,
    CONFIG_VERSION,
    CONFIG_PRINT,
    CONFIG_BAD_USAGE, /* exit 2; `error` names the option */
};

/* Fills `config`. Texts point into argv, or are kept for the life of the process. On
 * CONFIG_BAD_USAGE `error` is a sentence. */
enum config_action config_read(struct config *config, int argc, char **argv, char *error,
                               size_t error_size);

void config_print_help(FILE *out);
void config_print_markdown(FILE *out);

/* As a file that config_read() takes. */
void config_print(const struct config *config, FILE *out);

#endif
