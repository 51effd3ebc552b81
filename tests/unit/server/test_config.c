/* SPDX-License-Identifier: MIT */
#include "tests/unit/fanout/support.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/base.h"
#include "server/config.h"

/* A file's values are kept for the life of the process: see config.h. For LeakSanitizer. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:server/config.c";
}

enum { ARGS_MAX = 200 };

static char error[512];

/* A command line of its own, NULL-terminated as main's is. */
static enum config_action read_args(struct config *config, const char *const *args)
{
    static char *argv[ARGS_MAX + 2];
    int argc = 1;
    argv[0] = (char *)"tapehead";
    error[0] = 0;
    while (args[argc - 1] && argc <= ARGS_MAX) {
        argv[argc] = (char *)args[argc - 1];
        argc++;
    }
    argv[argc] = NULL;
    return config_read(config, argc, argv, error, sizeof error);
}

#define READ(config, ...) read_args(config, (const char *const[]){__VA_ARGS__, NULL})

/* The file is removed at the next call. */
static const char *write_file(const char *text)
{
    static char path[64];
    if (path[0])
        unlink(path);
    strcpy(path, "/tmp/tapehead-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static char *printed(const struct config *config)
{
    static char text[64 * 1024];
    FILE *out = fmemopen(text, sizeof text, "w");
    config_print(config, out);
    fclose(out);
    return text;
}

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    return false;
}

/* ---- every setting of the table ---- */

enum kind { A_NUMBER, A_TEXT, A_FLAG, A_LIST };

struct known {
    enum kind kind;
    const char *name;
    size_t offset, count_offset;
    uint64_t number, other, min, max; /* the default, and a value that isn't it */
    const char *text;
};

static const struct known known[] = {
#define NUMBER(n, field, v, lo, hi, u, h)                                                          \
    {.kind = A_NUMBER,                                                                             \
     .name = n,                                                                                    \
     .offset = offsetof(struct config, field),                                                     \
     .number = v,                                                                                  \
     .other = (v) == (hi) ? (lo) : (hi),                                                           \
     .min = lo,                                                                                    \
     .max = hi},
#define TEXT(n, field, v, h)                                                                       \
    {.kind = A_TEXT, .name = n, .offset = offsetof(struct config, field), .text = v},
#define FLAG(n, field, h) {.kind = A_FLAG, .name = n, .offset = offsetof(struct config, field)},
#define LIST(n, s, field, v, h)                                                                    \
    {.kind = A_LIST,                                                                               \
     .name = n,                                                                                    \
     .offset = offsetof(struct config, field),                                                     \
     .count_offset = offsetof(struct config, field##_count)},
#include "server/settings.def"
};

static const void *field_of(const struct config *config, const struct known *setting)
{
    return (const char *)config + setting->offset;
}

/* A value that isn't the default, as it is written. */
static const char *other_value(const struct known *setting)
{
    static char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, setting->other);
    switch (setting->kind) {
    case A_NUMBER: return digits;
    case A_TEXT: return "another-value";
    case A_FLAG: return "true";
    case A_LIST: return "a.key=a value";
    }
    return NULL;
}

static void assert_default(const struct config *config, const struct known *setting)
{
    const void *field = field_of(config, setting);
    switch (setting->kind) {
    case A_NUMBER: assert_int_equal(*(const uint64_t *)field, setting->number); break;
    case A_TEXT: assert_string_equal(*(const char *const *)field, setting->text); break;
    case A_FLAG: assert_false(*(const bool *)field); break;
    case A_LIST:
        assert_int_equal(*(const size_t *)((const char *)config + setting->count_offset), 0);
        break;
    }
}

static void assert_other(const struct config *config, const struct known *setting)
{
    const void *field = field_of(config, setting);
    switch (setting->kind) {
    case A_NUMBER: assert_int_equal(*(const uint64_t *)field, setting->other); break;
    case A_TEXT: assert_string_equal(*(const char *const *)field, "another-value"); break;
    case A_FLAG: assert_true(*(const bool *)field); break;
    case A_LIST:
        assert_int_equal(*(const size_t *)((const char *)config + setting->count_offset), 1);
        assert_string_equal(*(const char *const *)field, "a.key=a value");
        break;
    }
}

/* This one is set, no other one has moved, and it is printed so. */
static void assert_alone(const struct config *config, const struct known *setting)
{
    char line[128];
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        (&known[i] == setting ? assert_other : assert_default)(config, &known[i]);
    snprintf(line, sizeof line, "%s = %s", setting->name, other_value(setting));
    assert_true(has_line(printed(config), line));
}

static void without_arguments_every_setting_has_its_default(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(read_args(&config, (const char *const[]){NULL}), CONFIG_RUN);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        assert_default(&config, &known[i]);
}

static void every_default_is_within_its_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].kind == A_NUMBER)
            assert_in_range(known[i].number, known[i].min, known[i].max);
}

static void every_setting_is_read_from_its_flag(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct config config;
        char flag[64], both[128];
        snprintf(flag, sizeof flag, "--%s", known[i].name);
        snprintf(both, sizeof both, "%s=%s", flag, other_value(&known[i]));
        assert_int_equal(READ(&config, both), CONFIG_RUN);
        assert_alone(&config, &known[i]);
        if (known[i].kind == A_FLAG)
            assert_int_equal(READ(&config, flag), CONFIG_RUN);
        else
            assert_int_equal(READ(&config, flag, other_value(&known[i])), CONFIG_RUN);
        assert_alone(&config, &known[i]);
    }
}

static void every_setting_is_read_from_a_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct config config;
        char line[128];
        snprintf(line, sizeof line, "%s = %s\n", known[i].name, other_value(&known[i]));
        assert_int_equal(READ(&config, "--config", write_file(line)), CONFIG_RUN);
        assert_alone(&config, &known[i]);
    }
}

static void every_number_is_bounded_on_either_side(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct config config;
        char flag[128];
        if (known[i].kind != A_NUMBER)
            continue;
        snprintf(flag, sizeof flag, "--%s=%" PRIu64, known[i].name, known[i].max + 1);
        assert_int_equal(READ(&config, flag), CONFIG_BAD_USAGE);
        assert_non_null(strstr(error, known[i].name));
        if (!known[i].min)
            continue;
        snprintf(flag, sizeof flag, "--%s=%" PRIu64, known[i].name, known[i].min - 1);
        assert_int_equal(READ(&config, flag), CONFIG_BAD_USAGE);
    }
}

static void every_setting_is_in_the_help(void **state)
{
    (void)state;
    static char help[64 * 1024], markdown[64 * 1024];
    FILE *out = fmemopen(help, sizeof help, "w");
    config_print_help(out);
    fclose(out);
    out = fmemopen(markdown, sizeof markdown, "w");
    config_print_markdown(out);
    fclose(out);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        char flag[64];
        snprintf(flag, sizeof flag, "--%s", known[i].name);
        assert_non_null(strstr(help, flag));
        assert_non_null(strstr(markdown, flag));
    }
}

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    static char first[64 * 1024];
    struct config config;
    assert_int_equal(READ(&config, "--demo", "--workers=7", "-X", "a=b", "-Xc=d", "--topic", "x,y"),
                     CONFIG_RUN);
    strcpy(first, printed(&config));
    assert_int_equal(READ(&config, "--config", write_file(first)), CONFIG_RUN);
    assert_string_equal(printed(&config), first);
}

/* ---- forms ---- */

static void a_list_takes_its_short_form_and_keeps_the_order(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(
        READ(&config, "-X", "a=1", "-Xb=2", "--kafka-property", "c=3", "--kafka-property=d=4=5"),
        CONFIG_RUN);
    assert_int_equal(config.properties_count, 4);
    assert_string_equal(config.properties[0], "a=1");
    assert_string_equal(config.properties[1], "b=2");
    assert_string_equal(config.properties[2], "c=3");
    assert_string_equal(config.properties[3], "d=4=5");
}

static void a_list_is_limited(void **state)
{
    (void)state;
    struct config config;
    const char *args[CONFIG_LIST_MAX + 2] = {NULL};
    for (int i = 0; i < CONFIG_LIST_MAX; i++)
        args[i] = "-Xa=b";
    assert_int_equal(read_args(&config, args), CONFIG_RUN);
    assert_int_equal(config.properties_count, CONFIG_LIST_MAX);
    args[CONFIG_LIST_MAX] = "-Xa=b";
    assert_int_equal(read_args(&config, args), CONFIG_BAD_USAGE);
    assert_non_null(strstr(error, "more than 64 times"));
}

static void a_flag_may_be_denied(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(READ(&config, "--demo", "--demo=false"), CONFIG_RUN);
    assert_false(config.demo);
}

static void the_last_of_two_values_counts(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(READ(&config, "--workers=3", "--workers", "4"), CONFIG_RUN);
    assert_int_equal(config.workers, 4);
}

static void the_command_line_wins_wherever_the_file_stands(void **state)
{
    (void)state;
    struct config config;
    const char *path = write_file("workers = 9\ntopic = from-file\n");
    assert_int_equal(READ(&config, "--workers=3", "--config", path), CONFIG_RUN);
    assert_int_equal(config.workers, 3);
    assert_string_equal(config.topic, "from-file");
    char both[128];
    snprintf(both, sizeof both, "--config=%s", path);
    assert_int_equal(READ(&config, both, "--workers=4"), CONFIG_RUN);
    assert_int_equal(config.workers, 4);
}

static void a_file_may_have_comments_blanks_and_empty_values(void **state)
{
    (void)state;
    struct config config;
    const char *path = write_file("# a comment\r\n\n   \t\n  workers=5  \r\n\ttopic =\n"
                                  "  # another\nbrokers = a = b\nlog-level = warn");
    assert_int_equal(READ(&config, "--config", path), CONFIG_RUN);
    assert_int_equal(config.workers, 5);
    assert_string_equal(config.topic, "");
    assert_string_equal(config.brokers, "a = b");
    assert_string_equal(config.log_level, "warn");
}

static void actions_are_told_apart(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(READ(&config, "--help"), CONFIG_HELP);
    assert_int_equal(READ(&config, "-h"), CONFIG_HELP);
    assert_int_equal(READ(&config, "--help-markdown"), CONFIG_HELP_MARKDOWN);
    assert_int_equal(READ(&config, "--version"), CONFIG_VERSION);
    assert_int_equal(READ(&config, "--print-config", "--workers=2"), CONFIG_PRINT);
    assert_int_equal(config.workers, 2);
}

/* ---- errors ---- */

static void an_unknown_option_is_named(void **state)
{
    (void)state;
    static const char *const bad[] = {"--worker",  "--workersx", "--", "-",    "-Q",  "stray",
                                      "--no-demo", "-x",         "",   "--=5", "-Z=1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct config config;
        assert_int_equal(READ(&config, bad[i]), CONFIG_BAD_USAGE);
        assert_non_null(strstr(error, bad[i]));
    }
}

static void a_missing_value_is_named(void **state)
{
    (void)state;
    static const char *const bad[] = {"--workers", "--topic", "-X", "--config"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct config config;
        assert_int_equal(READ(&config, bad[i]), CONFIG_BAD_USAGE);
        assert_non_null(strstr(error, bad[i]));
        assert_non_null(strstr(error, "needs a value"));
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "x",
                                      "5x",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1.5",
                                      "1 ",
                                      "0x1",
                                      "1e1",
                                      "65",
                                      "18446744073709551616",
                                      "99999999999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct config config;
        assert_int_equal(READ(&config, "--workers", bad[i]), CONFIG_BAD_USAGE);
        assert_non_null(strstr(error, "--workers"));
        assert_non_null(strstr(error, "from 0 to 64"));
    }
}

static void what_is_neither_true_nor_false_is_refused(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(READ(&config, "--demo=yes"), CONFIG_BAD_USAGE);
    assert_non_null(strstr(error, "--demo"));
    assert_int_equal(READ(&config, "--demo="), CONFIG_BAD_USAGE);
}

static void a_list_entry_has_an_equals_sign(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(READ(&config, "-X", "debug"), CONFIG_BAD_USAGE);
    assert_non_null(strstr(error, "-X"));
    assert_non_null(strstr(error, "KEY=VALUE"));
}

static void assert_file_error(const char *text, const char *line, const char *word)
{
    struct config config;
    const char *path = write_file(text);
    char where[128];
    snprintf(where, sizeof where, "%s:%s:", path, line);
    assert_int_equal(READ(&config, "--config", path), CONFIG_BAD_USAGE);
    assert_non_null(strstr(error, where));
    assert_non_null(strstr(error, word));
}

static void an_error_in_a_file_tells_its_line(void **state)
{
    (void)state;
    assert_file_error("workers = 1\n\n# x\nworkrs = 2\n", "4", "workrs");
    assert_file_error("workers = 65", "1", "from 0 to 64");
    assert_file_error("\nworkers\n", "2", "workers");
    assert_file_error("demo =\n", "1", "demo");
    assert_file_error("kafka-property = x\n", "1", "KEY=VALUE");
    assert_file_error("= 5\n", "1", "''");
    assert_file_error("config = other\n", "1", "config");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(READ(&config, "--config", "/nowhere/at/all"), CONFIG_BAD_USAGE);
    assert_non_null(strstr(error, "/nowhere/at/all"));
    assert_int_equal(READ(&config, "--config", "/tmp"), CONFIG_BAD_USAGE);
    assert_non_null(strstr(error, "/tmp"));
}

static void a_long_mistake_does_not_overflow_the_error(void **state)
{
    (void)state;
    static char long_flag[5000] = "--";
    memset(long_flag + 2, 'x', sizeof long_flag - 3);
    struct config config;
    assert_int_equal(READ(&config, long_flag), CONFIG_BAD_USAGE);
    assert_int_equal(strlen(error), sizeof error - 1);
    assert_int_equal(READ(&config, "--workers", long_flag), CONFIG_BAD_USAGE);
    assert_file_error(long_flag, "1", "xxx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_arguments_every_setting_has_its_default),
        cmocka_unit_test(every_default_is_within_its_bounds),
        cmocka_unit_test(every_setting_is_read_from_its_flag),
        cmocka_unit_test(every_setting_is_read_from_a_file),
        cmocka_unit_test(every_number_is_bounded_on_either_side),
        cmocka_unit_test(every_setting_is_in_the_help),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(a_list_takes_its_short_form_and_keeps_the_order),
        cmocka_unit_test(a_list_is_limited),
        cmocka_unit_test(a_flag_may_be_denied),
        cmocka_unit_test(the_last_of_two_values_counts),
        cmocka_unit_test(the_command_line_wins_wherever_the_file_stands),
        cmocka_unit_test(a_file_may_have_comments_blanks_and_empty_values),
        cmocka_unit_test(actions_are_told_apart),
        cmocka_unit_test(an_unknown_option_is_named),
        cmocka_unit_test(a_missing_value_is_named),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(what_is_neither_true_nor_false_is_refused),
        cmocka_unit_test(a_list_entry_has_an_equals_sign),
        cmocka_unit_test(an_error_in_a_file_tells_its_line),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(a_long_mistake_does_not_overflow_the_error),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(write_file(""));
    return failed;
}
