/* SPDX-License-Identifier: MIT */
/* Tests of the reader in schemas/tick_json.c, and of json_scan.c below it. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/tick_json.h"

/* `"p"` and so on as members that complete a tick. */
#define S "\"s\":\"A\""
#define P "\"p\":\"1\""
#define Q "\"q\":\"1\""
#define T "\"t\":1"

static int read_bytes(const char *text, size_t len, struct caught *caught)
{
    *caught = (struct caught){0};
    int count = tick_json_read(guard_place(text, len), len, catch_tick, caught);
    if (count < 0 ? caught->count != 0 : caught->count != count)
        fail_msg("%.*s: returned %d, emitted %d", (int)len, text, count, caught->count);
    return count;
}

static struct tick read_good(const char *text)
{
    struct caught caught;
    int count = read_bytes(text, strlen(text), &caught);
    if (count != 1)
        fail_msg("%s: %s", text, value_error_name(count));
    return caught.ticks[0].tick;
}

static void assert_error(const char *text, int expected)
{
    struct caught caught;
    int count = read_bytes(text, strlen(text), &caught);
    if (count != expected)
        fail_msg("%s: %d (%s), expected %s", text, count, value_error_name(count),
                 value_error_name(expected));
}

static void a_tick_as_a_venue_sends_it_is_read_to_the_digit(void **state)
{
    struct caught caught;
    const char *text = "{\"s\":\"binance:BTCUSDT\",\"p\":\"61837.63000000\",\"q\":\"0.02000000\","
                       "\"side\":\"sell\",\"id\":3735683259,\"t\":1723161255342000000}";
    (void)state;
    assert_int_equal(read_bytes(text, strlen(text), &caught), 1);
    const struct tick *tick = &caught.ticks[0].tick;
    assert_string_equal(caught.ticks[0].symbol, "binance:BTCUSDT");
    assert_int_equal(tick->price, 6183763000000);
    assert_int_equal(tick->price_exp, -8);
    assert_int_equal(tick->size, 2000000);
    assert_int_equal(tick->size_exp, -8);
    assert_int_equal(tick->side, TICK_SIDE_SELL);
    assert_int_equal(tick->has_id, 1);
    assert_int_equal(tick->id, 3735683259);
    assert_int_equal(tick->ts_ns, 1723161255342000000);
}

static void keys_come_in_any_order_between_any_white_space(void **state)
{
    (void)state;
    struct tick tick = read_good(" \t\r\n{ \"t\" : 12 ,\n\"q\"\t:\r\"2\" , \"side\" : \"buy\" , "
                                 "\"p\" : [ -5 , 3 ] , \"s\" : \"A\" } \n");
    assert_int_equal(tick.ts_ns, 12);
    assert_int_equal(tick.price, -5);
    assert_int_equal(tick.price_exp, 3);
    assert_int_equal(tick.side, TICK_SIDE_BUY);
    assert_int_equal(tick.has_id, 0);
}

static void bare_numbers_are_read_from_their_digits(void **state)
{
    (void)state;
    /* Neither survives a double: the first has 17 digits and trailing zeros, the second is 2^63
     * - 1. */
    struct tick tick =
        read_good("{" S ",\"p\":123456789.12345670,\"q\":9223372036854775807," T "}");
    assert_int_equal(tick.price, 12345678912345670);
    assert_int_equal(tick.price_exp, -8);
    assert_int_equal(tick.size, INT64_MAX);
    assert_int_equal(tick.size_exp, 0);
    tick = read_good("{" S ",\"p\":-0,\"q\":1.50E-2," T "}");
    assert_int_equal(tick.price, 0);
    assert_int_equal(tick.size, 150);
    assert_int_equal(tick.size_exp, -4);
}

static void unknown_keys_are_ignored_whatever_they_hold(void **state)
{
    (void)state;
    read_good("{\"x\":{\"s\":[1,2,{\"p\":null},[],{}],\"\":true}," S
              ",\"ss\":\"\",\"\\u0000\":[false]," P "," Q "," T
              ",\"name\":\"caf\xc3\xa9 \xf0\x9f\x8d\xa9 \\ud83c\\udf69 \\\"\\\\\\b\\f\\n\\r\\t\"}");
}

static void escapes_in_keys_and_values_stand_for_their_characters(void **state)
{
    struct caught caught;
    const char *text = "{\"\\u0073\":\"BTC\\/U\\u0053D\",\"p\":\"1\\u002e5\",\"q\":\"\\u0032\","
                       "\"s\\u0069de\":\"b\\u0075y\",\"i\\u0064\":\"\\u0037\",\"t\":\"\\u0039\"}";
    (void)state;
    assert_int_equal(read_bytes(text, strlen(text), &caught), 1);
    assert_string_equal(caught.ticks[0].symbol, "BTC/USD");
    assert_int_equal(caught.ticks[0].tick.price, 15);
    assert_int_equal(caught.ticks[0].tick.size, 2);
    assert_int_equal(caught.ticks[0].tick.side, TICK_SIDE_BUY);
    assert_int_equal(caught.ticks[0].tick.id, 7);
    assert_int_equal(caught.ticks[0].tick.ts_ns, 9);
}

static void id_and_side_may_be_null_or_left_out(void **state)
{
    (void)state;
    struct tick tick = read_good("{" S "," P "," Q "," T ",\"id\":null,\"side\":null}");
    assert_int_equal(tick.has_id, 0);
    assert_int_equal(tick.id, 0);
    assert_int_equal(tick.side, TICK_SIDE_NONE);
    tick = read_good("{" S "," P "," Q "," T ",\"side\":\"none\",\"id\":\"18446744073709551615\"}");
    assert_true(tick.has_id && tick.id == UINT64_MAX);
    tick = read_good("{" S "," P "," Q "," T ",\"id\":0}");
    assert_true(tick.has_id && tick.id == 0);
}

static void time_may_be_text_or_negative_and_reaches_its_bounds(void **state)
{
    (void)state;
    assert_int_equal(read_good("{" S "," P "," Q ",\"t\":\"1723161255342000001\"}").ts_ns,
                     1723161255342000001);
    assert_int_equal(read_good("{" S "," P "," Q ",\"t\":-1}").ts_ns, -1);
    assert_true(read_good("{" S "," P "," Q ",\"t\":-9223372036854775808}").ts_ns == INT64_MIN);
    assert_true(read_good("{" S "," P "," Q ",\"t\":9223372036854775807}").ts_ns == INT64_MAX);
}

static void an_array_gives_its_ticks_in_order_with_their_index(void **state)
{
    struct caught caught;
    const char *text = "[{" S ",\"p\":\"1\"," Q "," T "},{" S ",\"p\":\"2\"," Q "," T
                       "} , {\"s\":\"B\",\"p\":\"3\"," Q "," T "}]";
    (void)state;
    assert_int_equal(read_bytes(text, strlen(text), &caught), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(caught.ticks[i].tick.index, i);
        assert_int_equal(caught.ticks[i].tick.price, i + 1);
    }
    assert_string_equal(caught.ticks[2].symbol, "B");
    assert_int_equal(read_bytes("[ ]", 3, &caught), 0);
}

struct check_order {
    int count;
};

static void check_in_order(void *arg, const struct tick *tick, const char *symbol,
                           size_t symbol_len)
{
    struct check_order *order = arg;
    assert_int_equal(symbol_len, 1);
    assert_int_equal(symbol[0], 'A');
    assert_int_equal(tick->index, order->count);
    assert_int_equal(tick->price, order->count);
    order->count++;
}

/* An array of `count` ticks with prices 0, 1, …, then `tail`. */
static char *make_array(int count, const char *tail, size_t *len)
{
    char *text = malloc((size_t)count * 64 + strlen(tail) + 2);
    assert_non_null(text);
    *len = 0;
    text[(*len)++] = '[';
    for (int i = 0; i < count; i++)
        *len += (size_t)sprintf(text + *len, "%s{" S ",\"p\":%d," Q "," T "}", i ? "," : "", i);
    *len += (size_t)sprintf(text + *len, "%s", tail);
    return text;
}

/* Around the number that a reader holds back, and the most that it takes. */
static void arrays_of_any_size_are_emitted_whole_or_not_at_all(void **state)
{
    static const int counts[] = {1, 2, 127, 128, 129, 130, 1000, VALUE_TICKS_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        size_t len;
        struct check_order order = {0};
        char *text = make_array(counts[i], "]", &len);
        assert_int_equal(tick_json_read(guard_place(text, len), len, check_in_order, &order),
                         counts[i]);
        assert_int_equal(order.count, counts[i]);
        free(text);
        order.count = 0;
        text = make_array(counts[i], "", &len);
        assert_int_equal(tick_json_read(guard_place(text, len), len, check_in_order, &order),
                         VALUE_SYNTAX);
        free(text);
        text = make_array(counts[i], counts[i] < VALUE_TICKS_MAX ? ",{}]" : "]x", &len);
        assert_int_equal(tick_json_read(guard_place(text, len), len, check_in_order, &order),
                         counts[i] < VALUE_TICKS_MAX ? VALUE_SYMBOL : VALUE_SYNTAX);
        assert_int_equal(order.count, 0);
        free(text);
    }
    size_t len;
    char *text = make_array(VALUE_TICKS_MAX + 1, "]", &len);
    assert_int_equal(tick_json_read(guard_place(text, len), len, check_in_order, NULL),
                     VALUE_TOO_MANY);
    free(text);
}

static const char *const not_json[] = {
    "{\"x\":\"12345678\x1f\"}",
    "{\"x\":\"\x1f"
    "12345678\"}",
    " ",
    "x",
    "hello",
    "nul",
    "nulll",
    "tru",
    "\"",
    "\"abc",
    "{",
    "[",
    "}",
    "]",
    "{]",
    "[}",
    "[,]",
    "{,}",
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "+1",
    "0x1",
    "NaN",
    "Infinity",
    "1 2",

    "{" S "," P "," Q "," T ",}",
    "{" S "," P "," Q "," T "}x",
    "{" S "," P "," Q "," T "}}",
    "{" S "," P "," Q "," T,
    "{" S " " P "," Q "," T "}",
    "{\"s\" \"A\"," P "," Q "," T "}",
    "{" S "," P "," Q ",\"t\":01}",
    "{" S "," P "," Q ",\"t\":1.}",
    "{" S "," P "," Q ",\"t\":1e+}",
    "{s:\"A\"," P "," Q "," T "}",
    "{'s':'A'}",
    "{\"s\":\"A\n\"}",
    "{\"s\":\"A\\x\"}",
    "{\"s\":\"A\\u12g4\"}",
    "{\"s\":\"A\\u12\"}",
    "{\"x\":\"\x80\"}",
    "{\"x\":\"\xc0\x80\"}",
    "{\"x\":\"\xe0\x80\x80\"}",
    "{\"x\":\"\xed\xa0\x80\"}",
    "{\"x\":\"\xf4\x90\x80\x80\"}",
    "{\"x\":\"\xf0\x80\x80\x80\"}",
    "{\"x\":\"\xf5\x80\x80\x80\"}",
    "{\"x\":\"\xc3\"}",
    "{\"x\":\"\xe2\x82\"}",
    "{\"x\":[1,]}",
    "{\"x\":[1 2]}",
    "{\"x\":{\"a\"}}",
    "{\"x\":{\"a\":}}",
    "{\"x\":{1:2}}",
    "{\"x\":[1}}",
    "{\"x\":{\"a\":1]}",
    "{\"x\":[[[",
    "{\"x\":{\"a\":[",
    "{\"p\":[1,2",
    "{\"p\":[1",
    "{\"p\":[",
    "{\"p\":[1 2]}",
    "{\"p\":[1,2 3]}",
    "{\"p\":tru}",
    "{\"side\":nul}",
    "\xef\xbb\xbf{}",
    "[{" S "," P "," Q "," T "},]",
    "[{" S "," P "," Q "," T "}",
    "[{" S "," P "," Q "," T "}]]",

    "[[1}",
    "/**/{}",
    "\"\\ud800",
    NULL,
};

static void what_is_not_json_is_a_syntax_error(void **state)
{
    (void)state;
    for (int i = 0; not_json[i]; i++)
        assert_error(not_json[i], VALUE_SYNTAX);
}

static void a_zero_byte_is_a_syntax_error(void **state)
{
    struct caught caught;
    (void)state;
    assert_int_equal(read_bytes("{\"x\":\"\0\"}", 9, &caught), VALUE_SYNTAX);
    assert_int_equal(read_bytes("{\0}", 3, &caught), VALUE_SYNTAX);
}

/* What makes the tick bad, and how it is called. */
static const struct {
    const char *text;
    int error;
} faults[] = {
    {"5", VALUE_SHAPE},
    {"\"A\"", VALUE_SHAPE},
    {"null", VALUE_SHAPE},
    {" true ", VALUE_SHAPE},
    {"[1]", VALUE_SHAPE},
    {"[[]]", VALUE_SHAPE},
    {"[null]", VALUE_SHAPE},
    {"[{" S "," P "," Q "," T "},7]", VALUE_SHAPE},
    {"{" S "," P "," Q "," T "," P "}", VALUE_SHAPE},
    {"{" S "," P "," Q "," T ",\"\\u0074\":1}", VALUE_SHAPE},
    {"{}", VALUE_SYMBOL},
    {"{" P "," Q "," T "}", VALUE_SYMBOL},
    {"{\"s\":\"\"," P "," Q "," T "}", VALUE_SYMBOL},
    {"{\"s\":\"X Y\"," P "," Q "," T "}", VALUE_SYMBOL},
    {"{\"s\":\"caf\xc3\xa9\"," P "," Q "," T "}", VALUE_SYMBOL},
    {"{\"s\":\"A\\u0000\"," P "," Q "," T "}", VALUE_SYMBOL},
    {"{\"s\":\"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456\"," P "," Q "," T "}", VALUE_SYMBOL},
    {"{\"s\":5," P "," Q "," T "}", VALUE_SYMBOL},
    {"{\"s\":null," P "," Q "," T "}", VALUE_SYMBOL},
    {"{\"s\":[\"A\"]," P "," Q "," T "}", VALUE_SYMBOL},
    {"{" S "," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":\"\"," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":\"1x\"," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":\" 1\"," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":null," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":true," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":{}," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":[]," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":[1]," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":[1,2,3]," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":[1.0,2]," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":[\"1\",2]," Q "," T "}", VALUE_PRICE},
    {"{" S ",\"p\":[1,[2]]," Q "," T "}", VALUE_PRICE},
    {"{" S "," P "," T "}", VALUE_SIZE},
    {"{" S "," P ",\"q\":\"--1\"," T "}", VALUE_SIZE},
    {"{" S "," P ",\"q\":false," T "}", VALUE_SIZE},
    {"{" S ",\"p\":\"9223372036854775808\"," Q "," T "}", VALUE_DECIMAL_RANGE},
    {"{" S "," P ",\"q\":9223372036854775808," T "}", VALUE_DECIMAL_RANGE},
    {"{" S ",\"p\":1e128," Q "," T "}", VALUE_DECIMAL_RANGE},
    {"{" S ",\"p\":[1,128]," Q "," T "}", VALUE_DECIMAL_RANGE},
    {"{" S ",\"p\":[1,-129]," Q "," T "}", VALUE_DECIMAL_RANGE},
    {"{" S ",\"p\":[9223372036854775808,0]," Q "," T "}", VALUE_DECIMAL_RANGE},
    {"{" S "," P "," Q "," T ",\"side\":\"Buy\"}", VALUE_SIDE},
    {"{" S "," P "," Q "," T ",\"side\":\"\"}", VALUE_SIDE},
    {"{" S "," P "," Q "," T ",\"side\":1}", VALUE_SIDE},
    {"{" S "," P "," Q "," T ",\"id\":-1}", VALUE_ID},
    {"{" S "," P "," Q "," T ",\"id\":1.0}", VALUE_ID},
    {"{" S "," P "," Q "," T ",\"id\":18446744073709551616}", VALUE_ID},
    {"{" S "," P "," Q "," T ",\"id\":\"\"}", VALUE_ID},
    {"{" S "," P "," Q "," T ",\"id\":\"a1\"}", VALUE_ID},
    {"{" S "," P "," Q "," T ",\"id\":true}", VALUE_ID},
    {"{" S "," P "," Q "}", VALUE_TIME},
    {"{" S "," P "," Q ",\"t\":null}", VALUE_TIME},
    {"{" S "," P "," Q ",\"t\":1.5}", VALUE_TIME},
    {"{" S "," P "," Q ",\"t\":1e18}", VALUE_TIME},
    {"{" S "," P "," Q ",\"t\":\"now\"}", VALUE_TIME},
    {"{" S "," P "," Q ",\"t\":9223372036854775808}", VALUE_TIME},
};

static void every_fault_has_its_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        assert_error(faults[i].text, faults[i].error);
}

/* `{"x":` + depth brackets + `}` with the members of a tick. */
static int read_nested(int depth, const char *open, const char *close)
{
    char text[4096] = "{" S "," P "," Q "," T ",\"x\":";
    struct caught caught;
    for (int i = 0; i < depth; i++)
        strcat(text, open);
    strcat(text, "0");
    for (int i = 0; i < depth; i++)
        strcat(text, close);
    strcat(text, "}");
    return read_bytes(text, strlen(text), &caught);
}

static void nesting_is_ignored_to_32_levels_and_refused_beyond(void **state)
{
    (void)state;
    assert_int_equal(read_nested(32, "[", "]"), 1);
    assert_int_equal(read_nested(33, "[", "]"), VALUE_TOO_MANY);
    assert_int_equal(read_nested(32, "{\"a\":", "}"), 1);
    assert_int_equal(read_nested(33, "{\"a\":", "}"), VALUE_TOO_MANY);
    assert_int_equal(read_nested(16, "[{\"a\":", "}]"), 1);
    assert_int_equal(read_nested(500, "[", "]"), VALUE_TOO_MANY);
}

static void input_cut_short_anywhere_is_a_syntax_error_and_reads_nothing_beyond(void **state)
{
    static const char *const texts[] = {
        "{\"s\":\"binance:BTCUSDT\",\"p\":\"61837.63000000\",\"q\":0.02000000,\"side\":\"sell\","
        "\"id\":3735683259,\"t\":1723161255342000000}",
        "[{\"x\":[{},[1,\"\\u00e9\\n\xe2\x82\xac\",-1.5e+3,true,false,null]],\"s\":\"A\\/"
        "B\",\"p\":[-15,-1],"
        "\"q\":[1,0],\"id\":null,\"side\":null,\"t\":\"12\"} , {" S "," P "," Q "," T "}]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct caught caught;
        size_t len = strlen(texts[i]);
        assert_int_equal(read_bytes(texts[i], len, &caught), (int)i + 1);
        for (size_t cut = 1; cut < len; cut++)
            if (read_bytes(texts[i], cut, &caught) != VALUE_SYNTAX)
                fail_msg("cut to %zu: %.*s", cut, (int)cut, texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tick_as_a_venue_sends_it_is_read_to_the_digit),
        cmocka_unit_test(keys_come_in_any_order_between_any_white_space),
        cmocka_unit_test(bare_numbers_are_read_from_their_digits),
        cmocka_unit_test(unknown_keys_are_ignored_whatever_they_hold),
        cmocka_unit_test(escapes_in_keys_and_values_stand_for_their_characters),
        cmocka_unit_test(id_and_side_may_be_null_or_left_out),
        cmocka_unit_test(time_may_be_text_or_negative_and_reaches_its_bounds),
        cmocka_unit_test(an_array_gives_its_ticks_in_order_with_their_index),
        cmocka_unit_test(arrays_of_any_size_are_emitted_whole_or_not_at_all),
        cmocka_unit_test(what_is_not_json_is_a_syntax_error),
        cmocka_unit_test(a_zero_byte_is_a_syntax_error),
        cmocka_unit_test(every_fault_has_its_error),
        cmocka_unit_test(nesting_is_ignored_to_32_levels_and_refused_beyond),
        cmocka_unit_test(input_cut_short_anywhere_is_a_syntax_error_and_reads_nothing_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
