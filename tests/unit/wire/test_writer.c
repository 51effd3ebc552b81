/* SPDX-License-Identifier: MIT */
/* Numbers; the rest of the writer is shown by what it writes, in test_answer.c. */
#include "server/wire/writer.h"
#include "support.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The payload of a frame that holds nothing but the number, terminated, in `text`. */
static size_t write_number(enum wire_format format, double value, char text[64])
{
    struct bytes out = {0};
    struct writer writer;
    writer_open(&writer, &out, format);
    writer_number(&writer, value);
    writer_close(&writer);
    assert_false(out.failed);
    assert_true(out.len > 2 && out.len < 64);
    size_t len = out.len - 2;
    memcpy(text, out.data + 2, len);
    text[len] = '\0';
    bytes_finish(&out);
    return len;
}

static void assert_json(double value, const char *expected)
{
    char text[64];
    write_number(WIRE_JSON, value, text);
    assert_string_equal(text, expected);
}

static void assert_packed(double value, const char *hex)
{
    char text[64];
    uint8_t expected[16];
    size_t len = write_number(WIRE_MSGPACK, value, text);
    assert_int_equal(len, hex_parse(hex, expected, sizeof expected));
    assert_memory_equal(text, expected, len);
}

static void an_integral_number_is_an_integer(void **state)
{
    (void)state;
    assert_json(0, "0");
    assert_json(-0.0, "0");
    assert_json(10, "10");
    assert_json(-3, "-3");
    assert_json(1000000, "1000000");
    assert_json(0x1p53, "9007199254740992");
    assert_json(-0x1p53, "-9007199254740992");
    assert_packed(0, "00");
    assert_packed(-0.0, "00");
    assert_packed(10, "0a");
    assert_packed(-3, "fd");
    assert_packed(1000000, "ce 000f4240");
    assert_packed(0x1p53, "cf 0020000000000000");
}

static void another_number_is_its_shortest_decimal_or_a_float64(void **state)
{
    (void)state;
    assert_json(0.5, "0.5");
    assert_json(0.1, "0.1");
    assert_json(-2.25, "-2.25");
    assert_json(1234567.5, "1234567.5");
    assert_json(1.0 / 3, "0.3333333333333333");
    assert_json(0.1 + 0.2, "0.30000000000000004");
    assert_json(999999.99999999988, "999999.9999999999");
    assert_json(DBL_TRUE_MIN, "5e-324");
    assert_json(1e300, "1e+300");
    assert_packed(0.5, "cb 3fe0000000000000");
    assert_packed(-2.25, "cb c002000000000000");
    assert_packed(DBL_TRUE_MIN, "cb 0000000000000001");
    assert_packed(1e300, "cb 7e37e43c8800759c");
}

static void any_finite_number_reads_back_the_same(void **state)
{
    (void)state;
    uint64_t seed = fuzz_seed(4242);
    for (uint64_t round = fuzz_rounds(20000); round > 0; round--) {
        uint64_t start = seed, bits = random_next(&seed);
        double value;
        char text[64];
        memcpy(&value, &bits, sizeof value);
        if ((bits >> 52 & 0x7ff) == 0x7ff)
            continue;
        write_number(WIRE_JSON, value, text);
        fuzz_assert(strtod(text, NULL) == value, "test_writer", start);
        fuzz_assert(!strchr(text, 'n'), "test_writer", start); /* nan, inf */
    }
}

static void a_number_takes_its_place_among_others(void **state)
{
    (void)state;
    static const char expected[] = "[1,0.5,2.5,\"x\"]";
    struct bytes out = {0};
    struct writer writer;
    writer_open(&writer, &out, WIRE_JSON);
    writer_list(&writer, 4);
    writer_number(&writer, 1);
    writer_number(&writer, 0.5);
    writer_number(&writer, 2.5);
    writer_word(&writer, "x");
    writer_end(&writer);
    writer_close(&writer);
    assert_int_equal(out.len, 2 + sizeof expected - 1);
    assert_memory_equal(out.data + 2, expected, sizeof expected - 1);
    bytes_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_integral_number_is_an_integer),
        cmocka_unit_test(another_number_is_its_shortest_decimal_or_a_float64),
        cmocka_unit_test(any_finite_number_reads_back_the_same),
        cmocka_unit_test(a_number_takes_its_place_among_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
