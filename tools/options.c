/* SPDX-License-Identifier: MIT */
#include "tools/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 64, HELP_COLUMN = 26 };

/* One pass over the command line. */
struct scan_state {
    const struct options *options;
    int argc;
    char **argv;
    int at;
    char *error;
    size_t error_size;
    bool given[OPTIONS_MAX];
};

static int read_option(struct scan_state *state);
static int check_required(const struct scan_state *state);

int options_parse(const struct options *options, int argc, char **argv, char *error,
                  size_t error_size)
{
    struct scan_state state = {.options = options,
                               .argc = argc,
                               .argv = argv,
                               .at = 1,
                               .error = error,
                               .error_size = error_size};
    int operands = 0;
    while (state.at < argc) {
        char *word = argv[state.at];
        if (strcmp(word, "--") == 0) {
            state.at++;
            break;
        }
        if (word[0] != '-' || word[1] == 0) {
            argv[1 + operands++] = word;
            state.at++;
            continue;
        }
        int result = read_option(&state);
        if (result < 0)
            return result;
    }
    while (state.at < argc)
        argv[1 + operands++] = argv[state.at++];
    int result = check_required(&state);
    return result < 0 ? result : operands;
}

static int bad(const struct scan_state *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int bad(const struct scan_state *state, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(state->error, state->error_size, format, args);
    va_end(args);
    return OPTIONS_BAD;
}

/* "--rate" or "-X", as messages call it. */
static const char *shown_name(const struct option_spec *spec, char *out, size_t size)
{
    if (spec->name)
        snprintf(out, size, "--%s", spec->name);
    else
        snprintf(out, size, "-%c", spec->letter);
    return out;
}

static int check_required(const struct scan_state *state)
{
    char name[64];
    for (size_t i = 0; i < state->options->count; i++) {
        const struct option_spec *spec = &state->options->specs[i];
        if (spec->required && !state->given[i])
            return bad(state, "%s %s is required", shown_name(spec, name, sizeof name),
                       spec->value);
    }
    return 0;
}

/* Finds the option that `word` names, and the value that is glued to it, if any. */
static const struct option_spec *find_spec(const struct options *options, const char *word,
                                           const char **glued)
{
    *glued = NULL;
    if (word[1] != '-') {
        for (size_t i = 0; i < options->count; i++)
            if (options->specs[i].letter != 0 && options->specs[i].letter == word[1]) {
                *glued = word[2] != 0 ? word + 2 : NULL;
                return &options->specs[i];
            }
        return NULL;
    }
    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    for (size_t i = 0; i < options->count; i++) {
        const char *known = options->specs[i].name;
        if (known && strlen(known) == len && memcmp(known, name, len) == 0) {
            *glued = name[len] == '=' ? name + len + 1 : NULL;
            return &options->specs[i];
        }
    }
    return NULL;
}

static int store(const struct scan_state *state, const struct option_spec *spec, const char *value);

static int read_option(struct scan_state *state)
{
    const char *word = state->argv[state->at++];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return OPTIONS_HELP;
    const char *value;
    const struct option_spec *spec = find_spec(state->options, word, &value);
    if (!spec)
        return bad(state, "unknown option %s", word);
    size_t place = (size_t)(spec - state->options->specs);
    char name[64];
    shown_name(spec, name, sizeof name);
    bool repeats = spec->kind == OPTION_LIST || spec->kind == OPTION_PAIRS;
    if (state->given[place] && !repeats)
        return bad(state, "%s is given twice", name);
    state->given[place] = true;
    if (spec->kind == OPTION_FLAG) {
        if (value)
            return bad(state, "%s takes no value, not \"%s\"", name, value);
        *spec->to.flag = true;
        return 0;
    }
    if (!value && state->at < state->argc)
        value = state->argv[state->at++];
    if (!value)
        return bad(state, "%s needs a value: %s", name, spec->value);
    return store(state, spec, value);
}

/* strtoll() and strtod() skip blanks and take signs, hex, inf and nan: a setting has none of these.
 */
static bool is_plain_number(const char *text, bool fraction)
{
    const char *at = text + (*text == '-');
    bool digits = isdigit((unsigned char)*at);
    while (isdigit((unsigned char)*at))
        at++;
    if (fraction && digits && *at == '.' && isdigit((unsigned char)at[1]))
        for (at++; isdigit((unsigned char)*at);)
            at++;
    return digits && *at == 0;
}

static int store_int(const struct scan_state *state, const struct option_spec *spec,
                     const char *value)
{
    char name[64];
    errno = 0;
    long long n = is_plain_number(value, false) ? strtoll(value, NULL, 10) : (errno = EINVAL, 0);
    if (errno != 0 || n < spec->min || n > spec->max)
        return bad(state, "%s \"%s\" is not a whole number from %" PRId64 " to %" PRId64,
                   shown_name(spec, name, sizeof name), value, spec->min, spec->max);
    *spec->to.integer = n;
    return 0;
}

static int store_number(const struct scan_state *state, const struct option_spec *spec,
                        const char *value)
{
    char name[64];
    bool plain = is_plain_number(value, true);
    double n = plain ? strtod(value, NULL) : 0;
    if (!plain || n < (double)spec->min || n > (double)spec->max)
        return bad(state, "%s \"%s\" is not a number from %" PRId64 " to %" PRId64,
                   shown_name(spec, name, sizeof name), value, spec->min, spec->max);
    *spec->to.number = n;
    return 0;
}

static int store_choice(const struct scan_state *state, const struct option_spec *spec,
                        const char *value)
{
    char known[160] = "";
    char name[64];
    for (int i = 0; spec->choices[i]; i++) {
        if (strcmp(spec->choices[i], value) == 0) {
            *spec->to.choice = i;
            return 0;
        }
        size_t len = strlen(known);
        snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "", spec->choices[i]);
    }
    return bad(state, "%s \"%s\" is none of %s", shown_name(spec, name, sizeof name), value, known);
}

static int store_item(const struct scan_state *state, const struct option_spec *spec,
                      const char *value)
{
    char name[64];
    shown_name(spec, name, sizeof name);
    const char *equals = strchr(value, '=');
    if (spec->kind == OPTION_PAIRS && (!equals || equals == value))
        return bad(state, "%s \"%s\" is not of the form %s", name, value, spec->value);
    if (spec->to.list->count == OPTION_LIST_MAX)
        return bad(state, "%s \"%s\" is one too many: at most %d are taken", name, value,
                   OPTION_LIST_MAX);
    spec->to.list->items[spec->to.list->count++] = value;
    return 0;
}

static int store(const struct scan_state *state, const struct option_spec *spec, const char *value)
{
    char name[64];
    switch (spec->kind) {
    case OPTION_INT: return store_int(state, spec, value);
    case OPTION_NUMBER: return store_number(state, spec, value);
    case OPTION_CHOICE: return store_choice(state, spec, value);
    case OPTION_LIST:
    case OPTION_PAIRS: return store_item(state, spec, value);
    case OPTION_FLAG: return 0;
    case OPTION_STRING: break;
    }
    if (*value == 0)
        return bad(state, "%s \"\" is empty", shown_name(spec, name, sizeof name));
    *spec->to.string = value;
    return 0;
}

/* "  -X, --name VALUE", padded to the column where the help stands. */
static void print_spec(const struct option_spec *spec, FILE *out)
{
    char left[96];
    char letter[8] = "";
    if (spec->letter)
        snprintf(letter, sizeof letter, "-%c%s", spec->letter, spec->name ? ", " : "");
    snprintf(left, sizeof left, "  %s%s%s%s%s", letter, spec->name ? "--" : "",
             spec->name ? spec->name : "", spec->kind == OPTION_FLAG ? "" : " ",
             spec->kind == OPTION_FLAG ? "" : spec->value);
    fprintf(out, "%-*s", HELP_COLUMN, left);
    if (strlen(left) >= HELP_COLUMN)
        fprintf(out, "\n%*s", HELP_COLUMN, "");
    for (const char *line = spec->help;;) {
        size_t len = strcspn(line, "\n");
        fprintf(out, "%.*s\n", (int)len, line);
        if (line[len] == 0)
            return;
        line += len + 1;
        fprintf(out, "%*s", HELP_COLUMN, "");
    }
}

void options_help(const struct options *options, FILE *out)
{
    fprintf(out, "usage: %s", options->program);
    for (size_t i = 0; i < options->count; i++) {
        char name[64];
        const struct option_spec *spec = &options->specs[i];
        if (spec->required)
            fprintf(out, " %s %s", shown_name(spec, name, sizeof name), spec->value);
    }
    fprintf(out, " [OPTIONS]%s%s\n\n%s\n\n", *options->operands ? " " : "", options->operands,
            options->summary);
    for (size_t i = 0; i < options->count; i++)
        print_spec(&options->specs[i], out);
    fprintf(out, "%-*s%s\n", HELP_COLUMN, "  -h, --help", "this text");
    if (options->notes)
        fprintf(out, "\n%s\n", options->notes);
}

int options_start(const struct options *options, int argc, char **argv, int *status)
{
    char error[512];
    int operands = options_parse(options, argc, argv, error, sizeof error);
    if (operands >= 0)
        return operands;
    if (operands == OPTIONS_HELP) {
        options_help(options, stdout);
        *status = EXIT_SUCCESS;
    } else {
        *status = options_refuse(options, "%s", error);
    }
    return -1;
}

int options_refuse(const struct options *options, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", options->program);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nTry '%s --help'.\n", options->program);
    va_end(args);
    return EXIT_USAGE;
}
