/* SPDX-License-Identifier: MIT */
/* Tests of schemas/decimal.c and schemas/digits.c. */
#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schemas/decimal.h"
#include "schemas/digits.h"

static int parse(const char *text, struct decimal *out)
{
    size_t len = strlen(text);
    return decimal_parse((const char *)guard_place(text, len), len, out);
}

static void assert_parses(const char *text, int64_t mantissa, int exponent)
{
    struct decimal out;
    int error = parse(text, &out);
    if (error || out.mantissa != mantissa || out.exponent != exponent)
        fail_msg("%s: error %d, %" PRId64 " * 10^%d", text, error, out.mantissa, out.exponent);
}

static void assert_prints(int64_t mantissa, int exponent, const char *expected)
{
    char out[DECIMAL_TEXT_MAX + 1];
    memset(out, '#', sizeof out);
    size_t len = decimal_print(mantissa, (int8_t)exponent, out);
    assert_true(len <= DECIMAL_TEXT_MAX);
    assert_int_equal(out[len], '#');
    out[len] = '\0';
    assert_string_equal(out, expected);
}

static void assert_refuses(const char *text, int expected)
{
    struct decimal out = {42, 7};
    int error = parse(text, &out);
    if (error != expected || out.mantissa != 42 || out.exponent != 7)
        fail_msg("\"%s\": error %d, expected %d; or out was touched", text, error, expected);
}

static void digits_are_summed_and_the_point_is_only_counted(void **state)
{
    (void)state;
    assert_parses("61685.99000000", 6168599000000, -8);
    assert_parses("0.02000000", 2000000, -8);
    assert_parses("0", 0, 0);
    assert_parses("-0.00", 0, -2);
    assert_parses("-37.5", -375, -1);
    assert_parses("007", 7, 0);
    assert_parses("12345678", 12345678, 0);
    assert_parses("123456789", 123456789, 0);
    assert_parses("1234567890123456789", 1234567890123456789, 0);
    assert_parses("00000000000000000000000000000001", 1, 0);
}

static void an_exponent_moves_the_point(void **state)
{
    (void)state;
    assert_parses("5e3", 5, 3);
    assert_parses("5E+3", 5, 3);
    assert_parses("1.50e-2", 150, -4);
    assert_parses("1.5e1", 15, 0);
    assert_parses("1e00000000000000000000000000127", 1, 127);
}

static void the_bounds_of_mantissa_and_exponent_are_reached_and_not_passed(void **state)
{
    (void)state;
    assert_parses("9223372036854775807", INT64_MAX, 0);
    assert_parses("-9223372036854775808", INT64_MIN, 0);
    assert_parses("-92233720368.54775808", INT64_MIN, -8);
    assert_refuses("9223372036854775808", DECIMAL_OVERFLOW);
    assert_refuses("-9223372036854775809", DECIMAL_OVERFLOW);
    assert_refuses("18446744073709551616", DECIMAL_OVERFLOW);
    assert_refuses("18446744073709551617", DECIMAL_OVERFLOW);
    assert_refuses("99999999999999999999999999999999999999", DECIMAL_OVERFLOW);
    assert_refuses("1844674407370955161600000000", DECIMAL_OVERFLOW);
    assert_refuses("0.99999999999999999999", DECIMAL_OVERFLOW);
    assert_parses("1e127", 1, 127);
    assert_parses("1e-128", 1, -128);
    assert_refuses("1e128", DECIMAL_OVERFLOW);
    assert_refuses("1e-129", DECIMAL_OVERFLOW);
    assert_refuses("1.0e-128", DECIMAL_OVERFLOW);
    assert_parses("1.0e128", 10, 127);
    assert_refuses("1e99999999999999999999999999", DECIMAL_OVERFLOW);
    assert_refuses("1e-99999999999999999999999999", DECIMAL_OVERFLOW);
}

static void what_is_no_decimal_is_a_syntax_error(void **state)
{
    static const char *const bad[] = {
        "",    "-",     ".",         ".5",       "5.",       "+5",
        "--5", " 5",    "5 ",        "1,5",      "1.2.3",    "1e",
        "1e+", "1e-",   "e5",        "1.e5",     "0x10",     "NaN",
        "inf", "1_000", "1e5.0",     "1-",       "١",        "1/",
        "1:",  "-.5",   "12345678/", "1234567:", "/2345678", "123456789012345678901234567890x",
        NULL,
    };
    (void)state;
    for (int i = 0; bad[i]; i++)
        assert_refuses(bad[i], DECIMAL_SYNTAX);
}

static void an_embedded_zero_byte_is_a_syntax_error(void **state)
{
    struct decimal out;
    (void)state;
    assert_int_equal(decimal_parse("1\0"
                                   "2",
                                   3, &out),
                     DECIMAL_SYNTAX);
}

static void printing_keeps_trailing_zeros_and_never_uses_an_exponent(void **state)
{
    (void)state;
    assert_prints(6168599000000, -8, "61685.99000000");
    assert_prints(2000000, -8, "0.02000000");
    assert_prints(0, -2, "0.00");
    assert_prints(0, 0, "0");
    assert_prints(0, 127, "0");
    assert_prints(5, 3, "5000");
    assert_prints(-375, -1, "-37.5");
    assert_prints(-5, -1, "-0.5");
    assert_prints(10, -2, "0.10");
    assert_prints(100, -2, "1.00");
    assert_prints(INT64_MAX, 0, "9223372036854775807");
    assert_prints(INT64_MIN, 0, "-9223372036854775808");
    assert_prints(INT64_MIN, -19, "-0.9223372036854775808");
    assert_prints(INT64_MIN, -18, "-9.223372036854775808");
}

/* The slow and obvious way, to compare with. */
static void print_naively(int64_t mantissa, int exponent, char *out)
{
    char digits[160] = "";
    uint64_t magnitude = mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
    int len = sprintf(digits, "%0*" PRIu64, exponent < 0 ? 1 - exponent : 1, magnitude);
    int places = exponent < 0 ? -exponent : 0;
    out += sprintf(out, "%s%.*s", mantissa < 0 ? "-" : "", len - places, digits);
    if (places > 0)
        sprintf(out, ".%s", digits + len - places);
    for (int i = 0; i < exponent && mantissa != 0; i++)
        out += sprintf(out, "0");
}

static void every_exponent_prints_as_the_naive_printer_does_and_reads_back(void **state)
{
    static const int64_t mantissas[] = {0,        1,         9,         10,        99, 100,
                                        12345678, 100000000, INT64_MAX, INT64_MIN, -1, -10};
    (void)state;
    for (size_t i = 0; i < sizeof mantissas / sizeof mantissas[0]; i++) {
        for (int exponent = INT8_MIN; exponent <= INT8_MAX; exponent++) {
            char expected[DECIMAL_TEXT_MAX * 2];
            print_naively(mantissas[i], exponent, expected);
            assert_prints(mantissas[i], exponent, expected);
            if (exponent <= 0)
                assert_parses(expected, mantissas[i], exponent);
        }
    }
}

static void what_venues_send_prints_as_the_same_digits(void **state)
{
    (void)state;
    for (int i = 0; real_decimals[i]; i++) {
        struct decimal value;
        assert_int_equal(parse(real_decimals[i], &value), 0);
        assert_prints(value.mantissa, value.exponent, real_decimals[i]);
    }
}

static void random_decimals_survive_printing_and_reading(void **state)
{
    uint64_t seed = 20240809;
    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < 200000; i++) {
        int64_t mantissa = (int64_t)random_next(&seed) >> random_next(&seed) % 64;
        int8_t exponent = (int8_t) - (int)(random_next(&seed) % 129);
        char text[DECIMAL_TEXT_MAX];
        struct decimal out;
        size_t len = decimal_print(mantissa, exponent, text);
        assert_int_equal(decimal_parse(text, len, &out), 0);
        assert_true(out.mantissa == mantissa && out.exponent == exponent);
    }
}

static void digit_counts_are_right_at_every_power_of_ten(void **state)
{
    char out[DIGITS_MAX + 1];
    uint64_t power = 1;
    (void)state;
    for (unsigned digits = 1; digits <= 20; digits++, power *= 10) {
        assert_int_equal(digits_count(power), digits);
        assert_int_equal(digits_count(power - 1), digits > 1 ? digits - 1 : 1);
        char expected[32];
        sprintf(expected, "%" PRIu64, power - 1);
        assert_int_equal(digits_print(power - 1, out), strlen(expected));
        assert_memory_equal(out, expected, strlen(expected));
    }
    assert_int_equal(digits_count(UINT64_MAX), 20);
}

static void integers_are_read_to_their_bounds_and_not_beyond(void **state)
{
    uint64_t value = 7;
    int64_t number = 7;
    (void)state;
    assert_true(digits_parse("18446744073709551615", 20, &value));
    assert_true(value == UINT64_MAX);
    assert_false(digits_parse("18446744073709551616", 20, &value));
    assert_false(digits_parse("184467440737095516150", 21, &value));
    assert_false(digits_parse("184467440737095516160000", 24, &value));
    assert_false(digits_parse("100000000000000000000000", 24, &value));
    assert_true(digits_parse("00000000000000000000000000000042", 32, &value));
    assert_int_equal(value, 42);
    assert_false(digits_parse("", 0, &value));
    assert_false(digits_parse("-1", 2, &value));
    assert_false(digits_parse("1234567a", 8, &value));
    assert_false(digits_parse("12345678a", 9, &value));
    assert_int_equal(value, 42);
    assert_true(digits_parse_signed("-9223372036854775808", 20, &number));
    assert_true(number == INT64_MIN);
    assert_false(digits_parse_signed("-9223372036854775809", 20, &number));
    assert_false(digits_parse_signed("9223372036854775808", 19, &number));
    assert_false(digits_parse_signed("-", 1, &number));
    assert_true(number == INT64_MIN);
}

/* All 256 bytes in each place of eight, since eight are judged at once. */
static void no_byte_but_a_digit_passes_for_one_anywhere(void **state)
{
    (void)state;
    for (int place = 0; place < 8; place++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[9] = "12345678";
            uint64_t value;
            text[place] = (char)byte;
            assert_int_equal(digits_parse(text, 8, &value), byte >= '0' && byte <= '9');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_summed_and_the_point_is_only_counted),
        cmocka_unit_test(an_exponent_moves_the_point),
        cmocka_unit_test(the_bounds_of_mantissa_and_exponent_are_reached_and_not_passed),
        cmocka_unit_test(what_is_no_decimal_is_a_syntax_error),
        cmocka_unit_test(an_embedded_zero_byte_is_a_syntax_error),
        cmocka_unit_test(printing_keeps_trailing_zeros_and_never_uses_an_exponent),
        cmocka_unit_test(every_exponent_prints_as_the_naive_printer_does_and_reads_back),
        cmocka_unit_test(what_venues_send_prints_as_the_same_digits),
        cmocka_unit_test(random_decimals_survive_printing_and_reading),
        cmocka_unit_test(digit_counts_are_right_at_every_power_of_ten),
        cmocka_unit_test(integers_are_read_to_their_bounds_and_not_beyond),
        cmocka_unit_test(no_byte_but_a_digit_passes_for_one_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
