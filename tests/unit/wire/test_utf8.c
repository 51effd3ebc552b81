/* SPDX-License-Identifier: MIT */
#include "server/wire/utf8.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static bool whole_is_valid(const char *text, size_t len)
{
    struct utf8 utf8 = {0};
    return utf8_feed(&utf8, guard_place(text, len), len) && utf8_complete(&utf8);
}

/* At every split the verdict must be the same. */
static bool is_valid(const char *text, size_t len)
{
    bool valid = whole_is_valid(text, len);
    for (size_t at = 0; at <= len; at++) {
        struct utf8 utf8 = {0};
        bool first = utf8_feed(&utf8, guard_place(text, at), at);
        bool second = first && utf8_feed(&utf8, guard_place(text + at, len - at), len - at);
        assert_int_equal(second && utf8_complete(&utf8), valid);
    }
    return valid;
}

#define assert_valid(text)   assert_true(is_valid(text, sizeof text - 1))
#define assert_invalid(text) assert_false(is_valid(text, sizeof text - 1))

static size_t encode(uint32_t point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len; i-- > 1; point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)(lead[len] | point);
    return len;
}

static void every_code_point_but_surrogates_is_valid(void **state)
{
    (void)state;
    char text[4];
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        size_t len = encode(point, text);
        assert_int_equal(whole_is_valid(text, len), point < 0xd800 || point > 0xdfff);
    }
}

static void points_beyond_unicode_are_invalid(void **state)
{
    (void)state;
    assert_invalid("\xf4\x90\x80\x80");
    assert_invalid("\xf5\x80\x80\x80");
    assert_invalid("\xff");
    assert_invalid("\xfe");
}

static void overlong_forms_are_invalid(void **state)
{
    (void)state;
    assert_invalid("\xc0\xaf");
    assert_invalid("\xc1\xbf");
    assert_invalid("\xe0\x80\xaf");
    assert_invalid("\xe0\x9f\xbf");
    assert_invalid("\xf0\x80\x80\xaf");
    assert_invalid("\xf0\x8f\xbf\xbf");
}

static void surrogates_are_invalid(void **state)
{
    (void)state;
    assert_invalid("\xed\xa0\x80");
    assert_invalid("\xed\xbf\xbf");
    assert_valid("\xed\x9f\xbf");
    assert_valid("\xee\x80\x80");
}

static void a_lone_or_missing_continuation_is_invalid(void **state)
{
    (void)state;
    assert_invalid("\x80");
    assert_invalid("a\xbf");
    assert_invalid("\xe2\x82");
    assert_invalid("\xe2(\xac");
    assert_invalid("12345678\xc3");
    assert_invalid("\xf0\x9f\x98");
}

static void mixed_text_is_valid_at_every_split(void **state)
{
    (void)state;
    assert_valid("");
    assert_valid("plain ascii longer than one word of eight");
    assert_valid("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 12345678 \xf0\x9f\x98\x80!");
    assert_valid("abcdefg\xc3\xa9"
                 "abcdefgh\xe2\x82\xac"
                 "abcdefghijk");
}

static void the_first_impossible_byte_is_refused_at_once(void **state)
{
    (void)state;
    struct utf8 utf8 = {0};
    assert_true(utf8_feed(&utf8, (const uint8_t *)"\xf4", 1));
    assert_false(utf8_complete(&utf8));
    assert_false(utf8_feed(&utf8, (const uint8_t *)"\x90", 1));
}

static void all_texts_of_three_bytes_agree_with_the_table(void **state)
{
    (void)state;
    /* RFC 3629's grammar once more, as ranges, for 3-byte characters. */
    for (unsigned a = 0xe0; a <= 0xef; a++)
        for (unsigned b = 0; b <= 0xff; b++)
            for (unsigned c = 0x70; c <= 0xcf; c++) {
                char text[] = {(char)a, (char)b, (char)c};
                bool tail = b >= 0x80 && b <= 0xbf && c >= 0x80 && c <= 0xbf;
                bool valid = tail && !(a == 0xe0 && b < 0xa0) && !(a == 0xed && b > 0x9f);
                assert_int_equal(whole_is_valid(text, 3), valid);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_but_surrogates_is_valid),
        cmocka_unit_test(points_beyond_unicode_are_invalid),
        cmocka_unit_test(overlong_forms_are_invalid),
        cmocka_unit_test(surrogates_are_invalid),
        cmocka_unit_test(a_lone_or_missing_continuation_is_invalid),
        cmocka_unit_test(mixed_text_is_valid_at_every_split),
        cmocka_unit_test(the_first_impossible_byte_is_refused_at_once),
        cmocka_unit_test(all_texts_of_three_bytes_agree_with_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
