/* SPDX-License-Identifier: MIT */
#include "server/wire/http.h"
#include "support.h"

#include <string.h>

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static void rfc_6455_1_3_accept_key_is_computed(void **state)
{
    (void)state;
    char accept[28];
    http_accept_key((struct http_text){KEY, 24}, accept);
    assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28);
}

static int query(const char *text, const char *name, char *out, size_t size)
{
    size_t len = strlen(text);
    return http_query_value((struct http_text){(const char *)guard_place(text, len), len}, name,
                            out, size);
}

static void a_query_value_is_found_and_decoded(void **state)
{
    (void)state;
    char out[16];
    assert_int_equal(query("symbols=BTC-USD,*", "symbols", out, sizeof out), 9);
    assert_memory_equal(out, "BTC-USD,*", 9);
    assert_int_equal(query("a=1&symbols=%42%2a+%2B", "symbols", out, sizeof out), 4);
    assert_memory_equal(out, "B* +", 4);
    assert_int_equal(query("a&b=&c==", "a", out, sizeof out), 0);
    assert_int_equal(query("a&b=&c==", "b", out, sizeof out), 0);
    assert_int_equal(query("a&b=&c==", "c", out, sizeof out), 1);
    assert_int_equal(query("a=1&a=2", "a", out, sizeof out), 1);
    assert_int_equal(out[0], '1');
}

static void an_absent_query_value_is_told_from_a_malformed_one(void **state)
{
    (void)state;
    char out[4];
    assert_int_equal(query("", "a", out, sizeof out), -1);
    assert_int_equal(http_query_value((struct http_text){NULL, 0}, "a", out, sizeof out), -1);
    assert_int_equal(query("ab=1&b=a", "a", out, sizeof out), -1);
    assert_int_equal(query("a=%4", "a", out, sizeof out), -2);
    assert_int_equal(query("a=%", "a", out, sizeof out), -2);
    assert_int_equal(query("a=%4x", "a", out, sizeof out), -2);
    assert_int_equal(query("a=1234", "a", out, sizeof out), 4);
    assert_int_equal(query("a=12345", "a", out, sizeof out), -2);
}

static void the_upgrade_is_answered_as_rfc_6455_prints_it(void **state)
{
    (void)state;
    char out[HTTP_ANSWER_HEAD_MAX];
    struct http_text key = {KEY, 24};
    size_t len = http_write_upgrade(out, key, HTTP_PROTOCOL_MSGPACK, HTTP_DEFLATE_NONE);
    static const char expected[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                   "Upgrade: websocket\r\n"
                                   "Connection: Upgrade\r\n"
                                   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                   "Sec-WebSocket-Protocol: tapehead.msgpack\r\n\r\n";
    assert_int_equal(len, sizeof expected - 1);
    assert_memory_equal(out, expected, len);
    len = http_write_upgrade(out, key, HTTP_PROTOCOL_NONE, HTTP_DEFLATE_NONE);
    assert_null(memmem(out, len, "Protocol:", 9));
}

static void an_answer_s_head_is_written(void **state)
{
    (void)state;
    char out[HTTP_ANSWER_HEAD_MAX];
    size_t len = http_write_head(out, 503, "text/plain", 5, false, "Retry-After: 5\r\n");
    static const char expected[] =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
        "Content-Length: 5\r\nConnection: close\r\n"
        "Cache-Control: no-store\r\nRetry-After: 5\r\n\r\n";
    assert_int_equal(len, sizeof expected - 1);
    assert_memory_equal(out, expected, len);
    len = http_write_head(out, 200, NULL, 0, true, NULL);
    static const char bare[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n"
                               "Cache-Control: no-store\r\n\r\n";
    assert_int_equal(len, sizeof bare - 1);
    assert_memory_equal(out, bare, len);
}

static void an_answer_s_head_that_does_not_fit_is_none(void **state)
{
    (void)state;
    char out[HTTP_ANSWER_HEAD_MAX], extra[600];
    memset(extra, 'x', sizeof extra - 1);
    extra[sizeof extra - 1] = '\0';
    assert_int_equal(http_write_head(out, 200, NULL, 0, true, extra), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_6455_1_3_accept_key_is_computed),
        cmocka_unit_test(a_query_value_is_found_and_decoded),
        cmocka_unit_test(an_absent_query_value_is_told_from_a_malformed_one),
        cmocka_unit_test(the_upgrade_is_answered_as_rfc_6455_prints_it),
        cmocka_unit_test(an_answer_s_head_is_written),
        cmocka_unit_test(an_answer_s_head_that_does_not_fit_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
