/* SPDX-License-Identifier: MIT */
#include "server/wire/command.h"
#include "support.h"

#include <string.h>

static enum spec_kind classify(const char *text)
{
    size_t len = strlen(text);
    return spec_classify((const char *)guard_place(text, len), len);
}

static void symbols_are_1_to_32_bytes_of_the_set(void **state)
{
    (void)state;
    assert_int_equal(classify("BTC-USD"), SPEC_SYMBOL);
    assert_int_equal(classify("binance:BTCUSDT"), SPEC_SYMBOL);
    assert_int_equal(classify("a"), SPEC_SYMBOL);
    assert_int_equal(classify("12345678901234567890123456789012"), SPEC_SYMBOL);
    assert_int_equal(classify("123456789012345678901234567890123"), SPEC_BAD);
    assert_int_equal(classify(""), SPEC_BAD);
    assert_int_equal(classify("X Y"), SPEC_BAD);
    assert_int_equal(spec_classify("a\0b", 3), SPEC_BAD);
    for (int c = 0; c < 256; c++) {
        char text[] = {'a', (char)c, 'b'};
        bool sound = c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                 "._-/:@",
                                 c);
        assert_int_equal(spec_classify(text, 3), sound ? SPEC_SYMBOL : SPEC_BAD);
    }
}

static void a_pattern_has_one_star_at_its_end(void **state)
{
    (void)state;
    assert_int_equal(classify("*"), SPEC_PATTERN);
    assert_int_equal(classify("ETH-*"), SPEC_PATTERN);
    assert_int_equal(classify("1234567890123456789012345678901*"), SPEC_PATTERN);
    assert_int_equal(classify("12345678901234567890123456789012*"), SPEC_BAD);
    assert_int_equal(classify("**"), SPEC_BAD);
    assert_int_equal(classify("*-USD"), SPEC_BAD);
    assert_int_equal(classify("A*B"), SPEC_BAD);
    assert_int_equal(classify("A B*"), SPEC_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_1_to_32_bytes_of_the_set),
        cmocka_unit_test(a_pattern_has_one_star_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
