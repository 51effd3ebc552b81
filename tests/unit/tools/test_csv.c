/* SPDX-License-Identifier: MIT */
/*
 * CSV records, cut anywhere, against a guard page.
 */
#include "tests/unit/tools/guard.h"
#include "tests/unit/tools/unit.h"
#include "tools/csv.h"

static struct csv csv;

/* Reads a whole input in two pieces, cut at `cut`, and writes what came out as "[a|b][c]", errors
 * as "<-1>". */
static void read_cut(const char *input, size_t len, size_t cut, char *out, size_t size)
{
    size_t at = 0;
    size_t used = 0;
    enum csv_result result = CSV_MORE;
    csv_reset(&csv);
    for (;;) {
        size_t stop = at < cut ? cut : len;
        /* Each piece ends at the guard page. */
        at += csv_feed(&csv, (const char *)guard_copy(input + at, stop - at), stop - at, &result);
        bool ended = result == CSV_MORE && at == len;
        if (ended)
            result = csv_end(&csv);
        if (result == CSV_MORE && ended)
            break;
        if (result == CSV_MORE)
            continue;
        if (result < 0) {
            snprintf(out + used, size - used, "<%d>", (int)result);
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "[");
        for (uint32_t i = 0; i < csv.fields_count; i++) {
            size_t field_len;
            const char *field = csv_field(&csv, i, &field_len);
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", i ? "|" : "",
                                     (int)field_len, field);
        }
        used += (size_t)snprintf(out + used, size - used, "]");
    }
    out[used] = 0;
}

static void every_split_reads_the_same(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"a", "[a]"},
        {"a,b\n", "[a|b]"},
        {"a,b\r\nc,d\r\n", "[a|b][c|d]"},
        {"a,b\nc,d", "[a|b][c|d]"},
        {",\n,,\n", "[|][||]"},
        {"\n\r\nx\n", "[][][x]"},
        {"\"a,b\",\"c\"\"d\"\n", "[a,b|c\"d]"},
        {"\"two\r\nlines\",x\r\n", "[two\r\nlines|x]"},
        {"\"\",\"\"\"\"\n", "[|\"]"},
        {"\"a\"", "[a]"},
        {"\"a\"\r", "[a]"},
        {"a\rb,c\n", "[a\rb|c]"},
        {"a\r\r\n", "[a\r]"},
        {"a\r", "[a]"},
        {" a , b \n", "[ a | b ]"},
        {"caf\xc3\xa9,\xe2\x82\xac\n", "[caf\xc3\xa9|\xe2\x82\xac]"},
        {"a\"b\n", "<-1>"},
        {"a\r\"b\n", "<-1>"},
        {"x\n\"a\"b\n", "[x]<-1>"},
        {"\"a\"\rb\n", "<-1>"},
        {"\"open\n", "<-4>"},
        {"\"", "<-4>"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t cut = 0; cut <= strlen(cases[i][0]); cut++) {
            char out[256] = "";
            read_cut(cases[i][0], strlen(cases[i][0]), cut, out, sizeof out);
            if (strcmp(out, cases[i][1]) != 0)
                fail_msg("case %zu cut at %zu: %s, not %s", i, cut, out, cases[i][1]);
        }
}

static void a_record_is_bounded(void **state)
{
    (void)state;
    enum csv_result result;
    csv_reset(&csv);
    csv_feed(&csv, "\"", 1, &result);
    for (int i = 0; i < CSV_RECORD_MAX; i++)
        csv_feed(&csv, "x", 1, &result);
    assert_int_equal(result, CSV_MORE);
    csv_feed(&csv, "x", 1, &result);
    assert_int_equal(result, CSV_TOO_LONG);
    csv_reset(&csv);
    assert_int_equal(csv_feed(&csv, "a,b\n", 4, &result), 4);
    assert_int_equal(result, CSV_RECORD);
}

static void fields_are_bounded(void **state)
{
    (void)state;
    enum csv_result result;
    csv_reset(&csv);
    for (int i = 0; i < CSV_FIELDS_MAX; i++)
        csv_feed(&csv, ",", 1, &result);
    assert_int_equal(result, CSV_MORE);
    csv_feed(&csv, ",", 1, &result);
    assert_int_equal(result, CSV_TOO_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_reads_the_same),
        cmocka_unit_test(a_record_is_bounded),
        cmocka_unit_test(fields_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
