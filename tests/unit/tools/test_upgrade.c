/* SPDX-License-Identifier: MIT */
/*
 * The client's opening handshake, against the server's own half of it.
 */
#include "tests/unit/tools/guard.h"
#include "tests/unit/tools/unit.h"
#include "tools/upgrade.h"

/* RFC 6455, 1.3: the key and the accept key of its example. */
static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define START  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

static struct upgrade_answer answer;

static int read_answer(const char *text, enum http_protocol offered)
{
    size_t len = strlen(text);
    return upgrade_read_answer((const char *)guard_copy(text, len), len, key, offered, &answer);
}

static void the_key_is_base64_of_the_random_bytes(void **state)
{
    (void)state;
    char made[UPGRADE_KEY_LEN + 1];
    upgrade_key((const uint8_t *)"the sample nonce", made);
    assert_string_equal(made, key);
}

static void the_servers_parser_takes_the_request(void **state)
{
    (void)state;
    struct url url;
    char error[128];
    char out[UPGRADE_REQUEST_MAX];
    struct http_request request;
    size_t scanned = 0;
    assert_int_equal(url_parse("ws://[::1]:8080/ws?symbols=*", &url, error, sizeof error), 0);
    size_t len = upgrade_write_request(out, &url, key, HTTP_PROTOCOL_MSGPACK);
    assert_int_equal(http_parse_request(guard_copy(out, len), len, &scanned, &request), len);
    assert_int_equal(request.upgrade, HTTP_UPGRADE_OK);
    assert_int_equal(request.protocol, HTTP_PROTOCOL_MSGPACK);
    assert_memory_equal(request.host.data, "[::1]:8080", request.host.len);
    assert_memory_equal(request.query.data, "symbols=*", request.query.len);
}

static void the_servers_answer_is_taken_at_every_split(void **state)
{
    (void)state;
    char out[HTTP_ANSWER_HEAD_MAX];
    size_t len =
        http_write_upgrade(out, (struct http_text){key, 24}, HTTP_PROTOCOL_JSON, HTTP_DEFLATE_NONE);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(upgrade_read_answer((const char *)guard_copy(out, cut), cut, key,
                                             HTTP_PROTOCOL_JSON, &answer),
                         0);
    assert_int_equal(upgrade_read_answer((const char *)guard_copy(out, len), len, key,
                                         HTTP_PROTOCOL_JSON, &answer),
                     len);
    assert_int_equal(answer.protocol, HTTP_PROTOCOL_JSON);
}

static void names_and_tokens_have_no_case(void **state)
{
    (void)state;
    assert_true(
        read_answer("HTTP/1.1 101 x\r\nUPGRADE: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
                    "sec-websocket-accept:s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n\r\nrest",
                    HTTP_PROTOCOL_JSON) > 0);
    assert_int_equal(answer.protocol, HTTP_PROTOCOL_NONE);
}

static void what_is_no_upgrade_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem;
    } wrong[] = {
        {"SSH-2.0-OpenSSH", "not HTTP"},
        {"HTTP/1.1 404 Not Found\r\n\r\n", "404"},
        {"HTTP/2 101 x\r\n\r\n", "not HTTP/1.1"},
        {START "junk\r\n" ACCEPT "\r\n", "not HTTP/1.1"},
        {"HTTP/1.1 101 x\r\nConnection: Upgrade\r\n" ACCEPT "\r\n", "doesn't upgrade"},
        {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n" ACCEPT "\r\n", "doesn't upgrade"},
        {START "\r\n", "accept key"},
        {START "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xoo=\r\n\r\n", "accept key"},
        {START ACCEPT ACCEPT "\r\n", "accept key"},
        {START ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "extension"},
        {START ACCEPT "Sec-WebSocket-Protocol: chat\r\n\r\n", "subprotocol"},
        {START ACCEPT "Sec-WebSocket-Protocol: tapehead.msgpack\r\n\r\n", "subprotocol"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(read_answer(wrong[i].text, HTTP_PROTOCOL_JSON), -1);
        assert_contains(answer.problem, wrong[i].problem);
    }
    assert_int_equal(read_answer(START ACCEPT "\r\n", HTTP_PROTOCOL_MSGPACK), -1);
    assert_contains(answer.problem, "tapehead.msgpack");
}

static void a_busy_server_tells_when_to_come_back(void **state)
{
    (void)state;
    assert_int_equal(read_answer("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n\r\n",
                                 HTTP_PROTOCOL_JSON),
                     -1);
    assert_int_equal(answer.status, 503);
    assert_int_equal(answer.retry_after_s, 7);
}

static void an_endless_head_is_refused(void **state)
{
    (void)state;
    char *text = malloc(UPGRADE_ANSWER_MAX + 1);
    memset(text, 'a', UPGRADE_ANSWER_MAX);
    memcpy(text, "HTTP/1.1 101 ", 13);
    text[UPGRADE_ANSWER_MAX] = 0;
    assert_int_equal(read_answer(text, HTTP_PROTOCOL_JSON), -1);
    assert_contains(answer.problem, "too long");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_base64_of_the_random_bytes),
        cmocka_unit_test(the_servers_parser_takes_the_request),
        cmocka_unit_test(the_servers_answer_is_taken_at_every_split),
        cmocka_unit_test(names_and_tokens_have_no_case),
        cmocka_unit_test(what_is_no_upgrade_is_refused_with_a_reason),
        cmocka_unit_test(a_busy_server_tells_when_to_come_back),
        cmocka_unit_test(an_endless_head_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
