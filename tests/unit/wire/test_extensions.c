/* SPDX-License-Identifier: MIT */
/* Tests of server/wire/extensions.c. */
#include "server/wire/http.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static bool read_one(const char *field, enum http_deflate *deflate)
{
    size_t len = strlen(field);
    struct http_text text = {(const char *)guard_place(field, len), len};
    return http_read_extensions(text, deflate);
}

static enum http_deflate agreed(const char *field)
{
    enum http_deflate deflate = HTTP_DEFLATE_NONE;
    if (!read_one(field, &deflate))
        fail_msg("%s was called malformed", field);
    return deflate;
}

static void what_can_be_kept_is_agreed(void **state)
{
    (void)state;
    assert_int_equal(agreed("permessage-deflate"), HTTP_DEFLATE);
    assert_int_equal(agreed("Permessage-Deflate; client_max_window_bits"), HTTP_DEFLATE);
    assert_int_equal(agreed("permessage-deflate;client_max_window_bits=\"10\""), HTTP_DEFLATE);
    assert_int_equal(
        agreed("permessage-deflate; server_no_context_takeover ; client_no_context_takeover"),
        HTTP_DEFLATE);
    assert_int_equal(agreed("permessage-deflate; server_max_window_bits=9"), HTTP_DEFLATE_WINDOW);
    assert_int_equal(agreed("permessage-deflate; server_max_window_bits = 15"),
                     HTTP_DEFLATE_WINDOW);
}

static void an_offer_that_cannot_be_kept_is_passed_over_for_the_next(void **state)
{
    (void)state;
    static const char *const declined[] = {
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits=x",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=100",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; window",
        "x-webkit-deflate-frame",
        "foo; bar=baz",
    };
    for (size_t i = 0; i < sizeof declined / sizeof declined[0]; i++) {
        char both[200];
        assert_int_equal(agreed(declined[i]), HTTP_DEFLATE_NONE);
        snprintf(both, sizeof both, "%s , permessage-deflate", declined[i]);
        assert_int_equal(agreed(both), HTTP_DEFLATE);
    }
}

static void the_first_offer_that_can_be_kept_counts_also_over_several_fields(void **state)
{
    (void)state;
    enum http_deflate deflate = HTTP_DEFLATE_NONE;
    assert_int_equal(agreed("permessage-deflate, permessage-deflate; server_max_window_bits=10"),
                     HTTP_DEFLATE);
    assert_true(read_one("foo", &deflate));
    assert_true(read_one("permessage-deflate; server_max_window_bits=10", &deflate));
    assert_true(read_one("permessage-deflate", &deflate));
    assert_int_equal(deflate, HTTP_DEFLATE_WINDOW);
}

static void a_malformed_field_is_told_from_an_unknown_offer(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        ";",
        "=",
        "permessage-deflate;",
        "permessage-deflate; =1",
        "a; b=",
        "a; b=\"c",
        "a; b=\"\"",
        "a; b=\"c d\"",
        "a b",
        "a; b c",
        "a; b=c d",
        "a, b/c",
        "permessage-deflate; ;x",
        "\"a\"",
        "a; b==c",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        enum http_deflate deflate = HTTP_DEFLATE_NONE;
        if (read_one(malformed[i], &deflate))
            fail_msg("%s was taken", malformed[i]);
    }
    assert_int_equal(agreed(" , permessage-deflate,, foo , "), HTTP_DEFLATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_kept_is_agreed),
        cmocka_unit_test(an_offer_that_cannot_be_kept_is_passed_over_for_the_next),
        cmocka_unit_test(the_first_offer_that_can_be_kept_counts_also_over_several_fields),
        cmocka_unit_test(a_malformed_field_is_told_from_an_unknown_offer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
