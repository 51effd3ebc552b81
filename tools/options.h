/* SPDX-License-Identifier: MIT */
/*
 * options: a command line read from a table, and the help printed from the same table, so that the
 * two can't disagree. Called once at start, on the main thread; it prints nothing but what
 * options_start() is for.
 */
#ifndef TAPEHEAD_TOOLS_OPTIONS_H
#define TAPEHEAD_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    OPTION_LIST_MAX = 64, /* values of one repeated option */
    EXIT_USAGE = 2,       /* the command line is wrong; EXIT_FAILURE is for what went wrong later */
};

struct option_list {
    const char *items[OPTION_LIST_MAX];
    size_t count;
};

enum option_kind {
    OPTION_FLAG,   /* takes no value; to.flag becomes true */
    OPTION_INT,    /* min..max */
    OPTION_NUMBER, /* min..max, a fraction allowed; never a price or size */
    OPTION_STRING, /* not empty */
    OPTION_CHOICE, /* one of `choices`; to.choice becomes its place */
    OPTION_LIST,   /* any text, repeatable */
    OPTION_PAIRS,  /* key=value, repeatable */
};

struct option_spec {
    const char *name; /* without the dashes; NULL when there is only a letter */
    char letter;      /* 'X' for -X; 0 when there is only a name */
    bool required;
    enum option_kind kind;
    union {
        bool *flag;
        int64_t *integer;
        double *number;
        const char **string;
        int *choice;
        struct option_list *list;
    } to; /* holds the default before and the value after */
    int64_t min;
    int64_t max;
    const char *const *choices; /* ends with NULL */
    const char *value;          /* what help calls the value, such as "N" */
    const char *help;           /* what it does, with unit and default; may hold line breaks */
};

struct options {
    const char *program;  /* "tapectl gen" */
    const char *operands; /* after the options in the usage line, "" for none */
    const char *summary;
    const struct option_spec *specs;
    size_t count;
    const char *notes; /* printed after the options; may be NULL */
};

enum options_result { OPTIONS_HELP = -1, OPTIONS_BAD = -2 };

/* Reads argv[1] and on. Options and operands may mix, "--" ends the options, --name=value and
 * -Xvalue are understood, and
 * "-" is an operand. The operands are moved to the front of argv + 1. Returns how many there are,
 * or an options_result; with OPTIONS_BAD `error` names the option and the value. */
int options_parse(const struct options *options, int argc, char **argv, char *error,
                  size_t error_size);

void options_help(const struct options *options, FILE *out);

/* options_parse(), with help to stdout and errors to stderr. Returns the number of operands, or -1
 * when the program is to end with `*status`. */
int options_start(const struct options *options, int argc, char **argv, int *status);

/* Prints "PROGRAM: sentence" and where help is to be had. Returns EXIT_USAGE. */
int options_refuse(const struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
