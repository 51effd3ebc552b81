/* SPDX-License-Identifier: MIT */
/* config: see config.h; the settings themselves are in settings.def. */
#include "server/config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "feed/base.h"

enum setting_kind { SETTING_NUMBER, SETTING_TEXT, SETTING_FLAG, SETTING_LIST };

struct setting {
    enum setting_kind kind;
    const char *name;
    char short_name;
    size_t offset;       /* in struct config */
    size_t count_offset; /* SETTING_LIST */
    uint64_t value, min, max;
    const char *text;
    const char *unit; /* or how a value is written */
    const char *help;
};

static const struct setting settings[] = {
#define NUMBER(n, field, v, lo, hi, u, h)                                                          \
    {.kind = SETTING_NUMBER,                                                                       \
     .name = n,                                                                                    \
     .offset = offsetof(struct config, field),                                                     \
     .value = v,                                                                                   \
     .min = lo,                                                                                    \
     .max = hi,                                                                                    \
     .unit = u,                                                                                    \
     .help = h},
#define TEXT(n, field, v, h)                                                                       \
    {.kind = SETTING_TEXT,                                                                         \
     .name = n,                                                                                    \
     .offset = offsetof(struct config, field),                                                     \
     .text = v,                                                                                    \
     .unit = "",                                                                                   \
     .help = h},
#define FLAG(n, field, h)                                                                          \
    {.kind = SETTING_FLAG,                                                                         \
     .name = n,                                                                                    \
     .offset = offsetof(struct config, field),                                                     \
     .unit = "",                                                                                   \
     .help = h},
#define LIST(n, s, field, v, h)                                                                    \
    {.kind = SETTING_LIST,                                                                         \
     .name = n,                                                                                    \
     .short_name = s,                                                                              \
     .offset = offsetof(struct config, field),                                                     \
     .count_offset = offsetof(struct config, field##_count),                                       \
     .unit = v,                                                                                    \
     .help = h},
#include "server/settings.def"
};

static void *field_of(struct config *config, const struct setting *setting)
{
    return (char *)config + setting->offset;
}

static void set_defaults(struct config *config)
{
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (settings[i].kind == SETTING_NUMBER)
            *(uint64_t *)field_of(config, &settings[i]) = settings[i].value;
        else if (settings[i].kind == SETTING_TEXT)
            *(const char **)field_of(config, &settings[i]) = settings[i].text;
    }
}

static const struct setting *find_setting(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (strlen(settings[i].name) == len && memcmp(settings[i].name, name, len) == 0)
            return &settings[i];
    return NULL;
}

static int set_number(const struct setting *setting, uint64_t *field, const char *value,
                      char *error, size_t size)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end || errno || n < setting->min ||
        n > setting->max) {
        snprintf(error, size, "'%s' is not a whole number from %" PRIu64 " to %" PRIu64, value,
                 setting->min, setting->max);
        return -EINVAL;
    }
    *field = n;
    return 0;
}

static int set_flag(bool *field, const char *value, char *error, size_t size)
{
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        snprintf(error, size, "'%s' is neither true nor false", value);
        return -EINVAL;
    }
    *field = value[0] == 't';
    return 0;
}

static int add_to_list(struct config *config, const struct setting *setting, const char *value,
                       char *error, size_t size)
{
    size_t *count = (size_t *)((char *)config + setting->count_offset);
    if (strchr(setting->unit, '=') && !strchr(value, '=')) {
        snprintf(error, size, "'%s' is not %s", value, setting->unit);
        return -EINVAL;
    }
    if (*count == CONFIG_LIST_MAX) {
        snprintf(error, size, "given more than %d times", CONFIG_LIST_MAX);
        return -EINVAL;
    }
    ((const char **)field_of(config, setting))[(*count)++] = value;
    return 0;
}

/* `value` must outlive the configuration. */
static int set_value(struct config *config, const struct setting *setting, const char *value,
                     char *error, size_t size)
{
    switch (setting->kind) {
    case SETTING_NUMBER: return set_number(setting, field_of(config, setting), value, error, size);
    case SETTING_FLAG: return set_flag(field_of(config, setting), value, error, size);
    case SETTING_LIST: return add_to_list(config, setting, value, error, size);
    case SETTING_TEXT: *(const char **)field_of(config, setting) = value; return 0;
    }
    return -EINVAL;
}

/* ---- the file ---- */

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = 0;
    return text;
}

static int read_line(struct config *config, char *line, char *problem, size_t size)
{
    char *name = trim(line);
    if (*name == 0 || *name == '#')
        return 0;
    char *equals = strchr(name, '=');
    if (!equals) {
        snprintf(problem, size, "'%s' is not a 'setting = value' line", name);
        return -EINVAL;
    }
    *equals = 0;
    name = trim(name);
    const struct setting *setting = find_setting(name, strlen(name));
    if (!setting) {
        snprintf(problem, size, "there is no setting '%s'", name);
        return -EINVAL;
    }
    char *value = strdup(trim(equals + 1)); /* kept for the life of the process */
    if (!value) {
        snprintf(problem, size, "out of memory");
        return -ENOMEM;
    }
    char why[200];
    int rc = set_value(config, setting, value, why, sizeof why);
    if (rc < 0)
        snprintf(problem, size, "setting '%s': %s", name, why);
    return rc;
}

static int read_file(struct config *config, const char *path, char *error, size_t error_size)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        snprintf(error, error_size, "--config %s: %s", path, strerror(errno));
        return -EINVAL;
    }
    char *line = NULL;
    size_t cap = 0;
    int number = 0, rc = 0;
    ssize_t len;
    while (rc == 0 && (len = getline(&line, &cap, file)) >= 0) {
        char problem[300] = "it holds a NUL byte";
        number++;
        rc = strlen(line) == (size_t)len ? read_line(config, line, problem, sizeof problem)
                                         : -EINVAL;
        if (rc < 0)
            snprintf(error, error_size, "%s:%d: %s", path, number, problem);
    }
    if (rc == 0 && ferror(file)) {
        snprintf(error, error_size, "--config %s: %s", path, strerror(errno));
        rc = -EINVAL;
    }
    free(line);
    fclose(file);
    return rc;
}

/* ---- the command line ---- */

struct argument {
    const char *name; /* as typed, for errors */
    size_t name_len;
    const struct setting *setting; /* NULL for --config and the actions */
    const char *value;             /* NULL when none was given */
    int used;                      /* arguments consumed */
};

static const struct {
    const char *name;
    enum config_action action;
} actions[] = {
    {"--help", CONFIG_HELP},
    {"-h", CONFIG_HELP},
    {"--help-markdown", CONFIG_HELP_MARKDOWN},
    {"--version", CONFIG_VERSION},
    {"--print-config", CONFIG_PRINT},
};

static void split_value(struct argument *argument, const char *inline_value, int left, char **next)
{
    argument->used = 1;
    if (inline_value) {
        argument->value = inline_value;
    } else if (argument->setting && argument->setting->kind == SETTING_FLAG) {
        argument->value = "true";
    } else if (left > 1) {
        argument->value = next[0];
        argument->used = 2;
    }
}

/* Returns false when the argument is no option of ours. */
static bool read_argument(struct argument *argument, int left, char **argv)
{
    const char *text = argv[0];
    *argument = (struct argument){.name = text, .name_len = strlen(text)};
    if (text[0] != '-')
        return false;
    if (text[1] != '-') {
        for (size_t i = 0; i < ARRAY_LEN(settings); i++)
            if (settings[i].short_name && settings[i].short_name == text[1])
                argument->setting = &settings[i];
        argument->name_len = 2;
        split_value(argument, text[1] && text[2] ? text + 2 : NULL, left, argv + 1);
        return argument->setting != NULL;
    }
    const char *equals = strchr(text, '=');
    if (equals)
        argument->name_len = (size_t)(equals - text);
    argument->setting = find_setting(text + 2, argument->name_len - 2);
    bool is_config = argument->name_len == 8 && memcmp(text, "--config", 8) == 0;
    split_value(argument, equals ? equals + 1 : NULL, left, argv + 1);
    return argument->setting || is_config;
}

static bool find_action(const char *text, enum config_action *action)
{
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(actions[i].name, text) == 0) {
            *action = actions[i].action;
            return true;
        }
    }
    return false;
}

/* One pass over the arguments: files first, then the settings, so that the command line wins
 * wherever --config stands. */
static enum config_action pass(struct config *config, int argc, char **argv, bool files,
                               char *error, size_t size)
{
    enum config_action action = CONFIG_RUN;
    for (int i = 1; i < argc;) {
        struct argument argument;
        if (find_action(argv[i], &action)) {
            i++;
            continue;
        }
        if (!read_argument(&argument, argc - i, argv + i)) {
            snprintf(error, size, "unknown option '%s'; see --help", argv[i]);
            return CONFIG_BAD_USAGE;
        }
        if (!argument.value) {
            snprintf(error, size, "option '%.*s' needs a value", (int)argument.name_len,
                     argument.name);
            return CONFIG_BAD_USAGE;
        }
        char why[200];
        if (files && !argument.setting && read_file(config, argument.value, error, size) < 0)
            return CONFIG_BAD_USAGE;
        if (!files && argument.setting &&
            set_value(config, argument.setting, argument.value, why, sizeof why) < 0) {
            snprintf(error, size, "option '%.*s': %s", (int)argument.name_len, argument.name, why);
            return CONFIG_BAD_USAGE;
        }
        i += argument.used;
    }
    return action;
}

enum config_action config_read(struct config *config, int argc, char **argv, char *error,
                               size_t error_size)
{
    set_defaults(config);
    enum config_action action = pass(config, argc, argv, true, error, error_size);
    if (action == CONFIG_BAD_USAGE)
        return action;
    return pass(config, argc, argv, false, error, error_size);
}

/* ---- printing ---- */

static void format_default(const struct setting *setting, char *out, size_t size)
{
    switch (setting->kind) {
    case SETTING_NUMBER: snprintf(out, size, "%" PRIu64, setting->value); break;
    case SETTING_TEXT: snprintf(out, size, "%s", setting->text); break;
    case SETTING_FLAG: snprintf(out, size, "false"); break;
    case SETTING_LIST: snprintf(out, size, "%s", ""); break;
    }
}

void config_print_help(FILE *out)
{
    fputs("usage: tapehead [--config FILE] [SETTING…]\n"
          "\n"
          "Serves trade ticks from Kafka to WebSocket subscribers. With --demo it needs nothing "
          "else.\n"
          "\n"
          "  --config FILE             settings from a file of 'name = value' lines; the command "
          "line wins\n"
          "  --print-config            print the settings in force, as such a file, and stop\n"
          "  --help, --version\n"
          "\n"
          "settings:\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const struct setting *s = &settings[i];
        char name[64], value[64];
        format_default(s, value, sizeof value);
        if (s->short_name)
            snprintf(name, sizeof name, "-%c, --%s %s", s->short_name, s->name, s->unit);
        else
            snprintf(name, sizeof name, "--%s", s->name);
        fprintf(out, "  %-25s %s", name, s->help);
        if (s->kind == SETTING_NUMBER || (s->kind == SETTING_TEXT && value[0]))
            fprintf(out, " [%s%s%s]", value, s->unit[0] ? " " : "", s->unit);
        fputc('\n', out);
    }
}

void config_print_markdown(FILE *out)
{
    fputs("| setting | default | what |\n| --- | --- | --- |\n", out);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        char value[64];
        format_default(&settings[i], value, sizeof value);
        fprintf(out, "| `--%s` | %s%s%s%s%s | %s |\n", settings[i].name, value[0] ? "`" : "", value,
                value[0] ? "`" : "",
                settings[i].kind == SETTING_NUMBER && settings[i].unit[0] ? " " : "",
                settings[i].kind == SETTING_NUMBER ? settings[i].unit : "", settings[i].help);
    }
}

void config_print(const struct config *config, FILE *out)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const struct setting *s = &settings[i];
        const char *field = (const char *)config + s->offset;
        switch (s->kind) {
        case SETTING_NUMBER:
            fprintf(out, "%s = %" PRIu64 "\n", s->name, *(const uint64_t *)field);
            break;
        case SETTING_TEXT: fprintf(out, "%s = %s\n", s->name, *(const char *const *)field); break;
        case SETTING_FLAG:
            fprintf(out, "%s = %s\n", s->name, *(const bool *)field ? "true" : "false");
            break;
        case SETTING_LIST:
            for (size_t k = 0; k < *(const size_t *)((const char *)config + s->count_offset); k++)
                fprintf(out, "%s = %s\n", s->name, ((const char *const *)field)[k]);
            break;
        }
    }
}
