/* SPDX-License-Identifier: MIT */
/*
 * Command lines by a table, and the help from it.
 */
#include "tests/unit/tools/unit.h"
#include "tools/options.h"

struct values {
    bool flag;
    int64_t n;
    double rate;
    const char *text;
    int choice;
    struct option_list pairs;
    char error[256];
    char *argv[200];
};

static struct values v;

static const char *const choices[] = {"msgpack", "json", NULL};

static const struct option_spec specs[] = {
    {.name = "flag", .letter = 'f', .kind = OPTION_FLAG, .to.flag = &v.flag, .help = "a flag"},
    {.name = "n",
     .kind = OPTION_INT,
     .to.integer = &v.n,
     .min = -5,
     .max = 10,
     .value = "N",
     .help = "two\nlines"},
    {.name = "rate",
     .kind = OPTION_NUMBER,
     .to.number = &v.rate,
     .max = 100,
     .value = "R",
     .help = "a rate"},
    {.name = "text", .kind = OPTION_STRING, .to.string = &v.text, .value = "T", .help = "a text"},
    {.name = "format",
     .kind = OPTION_CHOICE,
     .to.choice = &v.choice,
     .choices = choices,
     .value = "F",
     .help = "a choice"},
    {.letter = 'X',
     .kind = OPTION_PAIRS,
     .to.list = &v.pairs,
     .value = "key=value",
     .help = "pairs"},
};

static const struct options options = {.program = "tool",
                                       .operands = "FILE",
                                       .summary = "Does things.",
                                       .specs = specs,
                                       .count = ARRAY_LEN(specs)};

/* Parses a command line given as words between blanks. */
static int parse(const char *line)
{
    static char copy[1024];
    snprintf(copy, sizeof copy, "tool %s", line);
    memset(&v, 0, sizeof v);
    int argc = 0;
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        v.argv[argc++] = word;
    return options_parse(&options, argc, v.argv, v.error, sizeof v.error);
}

static void every_kind_is_read(void **state)
{
    (void)state;
    assert_int_equal(parse("--flag --n -5 --rate=2.5 --text t --format json -X a=b -Xc=d=e"), 0);
    assert_true(v.flag);
    assert_int_equal(v.n, -5);
    assert_true(v.rate == 2.5);
    assert_string_equal(v.text, "t");
    assert_int_equal(v.choice, 1);
    assert_int_equal(v.pairs.count, 2);
    assert_string_equal(v.pairs.items[0], "a=b");
    assert_string_equal(v.pairs.items[1], "c=d=e");
}

static void operands_and_options_mix(void **state)
{
    (void)state;
    assert_int_equal(parse("one -f - --n 3 two -- --n"), 4);
    assert_string_equal(v.argv[1], "one");
    assert_string_equal(v.argv[2], "-");
    assert_string_equal(v.argv[3], "two");
    assert_string_equal(v.argv[4], "--n");
    assert_int_equal(v.n, 3);
}

static void an_error_names_the_option_and_the_value(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"--n 11", "--n \"11\""},
        {"--n -6", "from -5 to 10"},
        {"--n 1x", "--n \"1x\""},
        {"--n 0x1", "--n \"0x1\""},
        {"--n +1", "--n \"+1\""},
        {"--n", "--n needs a value"},
        {"--n 99999999999999999999", "--n \"99999999999999999999\""},
        {"--n 1 --n 2", "--n is given twice"},
        {"--rate 100.5", "--rate \"100.5\""},
        {"--rate nan", "--rate \"nan\""},
        {"--rate 1e1", "--rate \"1e1\""},
        {"--rate 1.", "--rate \"1.\""},
        {"--rate=", "--rate \"\""},
        {"--text=", "--text \"\" is empty"},
        {"--format xml", "--format \"xml\" is none of msgpack, json"},
        {"-X abc", "-X \"abc\""},
        {"-X =b", "-X \"=b\""},
        {"--flag=yes", "--flag takes no value"},
        {"--nope", "unknown option --nope"},
        {"-z", "unknown option -z"},
        {"--fla", "unknown option --fla"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        if (parse(wrong[i][0]) != OPTIONS_BAD)
            fail_msg("%s was taken", wrong[i][0]);
        assert_contains(v.error, wrong[i][1]);
    }
}

static void a_list_is_bounded(void **state)
{
    (void)state;
    memset(&v, 0, sizeof v);
    char word[] = "-Xa=b";
    for (int i = 0; i <= OPTION_LIST_MAX + 1; i++)
        v.argv[i] = word;
    assert_int_equal(options_parse(&options, OPTION_LIST_MAX + 1, v.argv, v.error, sizeof v.error),
                     0);
    v.pairs.count = 0;
    assert_int_equal(options_parse(&options, OPTION_LIST_MAX + 2, v.argv, v.error, sizeof v.error),
                     OPTIONS_BAD);
    assert_contains(v.error, "at most 64");
}

static void a_missing_required_option_is_named(void **state)
{
    (void)state;
    const struct option_spec needed = {.name = "topic",
                                       .required = true,
                                       .kind = OPTION_STRING,
                                       .to.string = &v.text,
                                       .value = "NAME",
                                       .help = "h"};
    const struct options strict = {
        .program = "tool", .operands = "", .summary = "", .specs = &needed, .count = 1};
    char name[] = "tool";
    char *argv[] = {name, NULL};
    assert_int_equal(options_parse(&strict, 1, argv, v.error, sizeof v.error), OPTIONS_BAD);
    assert_string_equal(v.error, "--topic NAME is required");
}

static void help_comes_before_what_is_wrong_later(void **state)
{
    (void)state;
    assert_int_equal(parse("--help --nope"), OPTIONS_HELP);
    assert_int_equal(parse("-h"), OPTIONS_HELP);
}

static void help_shows_every_option(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    options_help(&options, out);
    fclose(out);
    assert_contains(text, "usage: tool [OPTIONS] FILE\n");
    assert_contains(text, "\n  -f, --flag              a flag\n");
    assert_contains(text, "\n  --n N                   two\n                          lines\n");
    assert_contains(text, "\n  -X key=value            pairs\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(operands_and_options_mix),
        cmocka_unit_test(an_error_names_the_option_and_the_value),
        cmocka_unit_test(a_list_is_bounded),
        cmocka_unit_test(a_missing_required_option_is_named),
        cmocka_unit_test(help_comes_before_what_is_wrong_later),
        cmocka_unit_test(help_shows_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
