/* SPDX-License-Identifier: MIT */
/*
 * URLs taken apart, and refused by name.
 */
#include "tests/unit/tools/unit.h"
#include "tools/url.h"

static void a_url_is_taken_apart(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"ws://h", "h", "80", "/"},
        {"ws://127.0.0.1:8080/ws", "127.0.0.1", "8080", "/ws"},
        {"WS://h:1/ws?symbols=*#x", "h", "1", "/ws?symbols=*"},
        {"ws://h?symbols=A", "h", "80", "/?symbols=A"},
        {"http://h:65535/", "h", "65535", "/"},
        {"ws://[::1]:8080/ws", "::1", "8080", "/ws"},
        {"ws://[::1]", "::1", "80", "/"},
        {"localhost:8080", "localhost", "8080", "/"},
        {"wss://h/ws", "h", "443", "/ws"},
        {"https://h:8443", "h", "8443", "/"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url url;
        char error[256];
        assert_int_equal(url_parse(cases[i][0], &url, error, sizeof error), 0);
        assert_string_equal(url.host, cases[i][1]);
        assert_string_equal(url.port, cases[i][2]);
        assert_string_equal(url.target, cases[i][3]);
        assert_int_equal(url.secure, strstr(cases[i][0], "s://") != NULL && cases[i][0][0] != 'W' &&
                                         strncmp(cases[i][0], "ws:", 3) != 0);
    }
}

static void a_bad_url_is_named(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",          "ws://",       "ws:///ws",     "wsx://h/ws", "wss://",
        "ftp://h",   "ws://h:0",    "ws://h:65536", "ws://h:1x/", "ws://h:",
        "ws://[::1", "ws://[::1]x", "ws://u@h/",    "ws://h/a b", "ws://h/\r\nX: y",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct url url;
        char error[256];
        if (url_parse(wrong[i], &url, error, sizeof error) != -EINVAL)
            fail_msg("%s was taken", wrong[i]);
        assert_contains(error, wrong[i]);
    }
}

static void a_url_too_long_is_refused(void **state)
{
    (void)state;
    char text[3000];
    char error[256];
    struct url url;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(url_parse(text, &url, error, sizeof error), -EINVAL);
    memcpy(text, "ws://h/", 7);
    assert_int_equal(url_parse(text, &url, error, sizeof error), -EINVAL);
    text[6 + sizeof url.target - 1] = 0;
    assert_int_equal(url_parse(text, &url, error, sizeof error), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(a_bad_url_is_named),
        cmocka_unit_test(a_url_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
