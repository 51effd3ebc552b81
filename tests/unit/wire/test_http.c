/* SPDX-License-Identifier: MIT */
#include "server/wire/http.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

/* An upgrade's head but for the lines under test. */
#define UPGRADE(lines)                                                                             \
    "GET /ws HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" lines \
    "\r\n"
#define KEY_LINE     "Sec-WebSocket-Key: " KEY "\r\n"
#define VERSION_LINE "Sec-WebSocket-Version: 13\r\n"

/* Parses `head` from memory that ends with it: every start of it, anew and going on from the one
 * before, and with bytes after it. All must agree. The request points to memory that the next call
 * overwrites. */
static int parse_bytes(const char *head, size_t len, struct http_request *request)
{
    size_t scanned = 0;
    int whole = http_parse_request(guard_place(head, len), len, &scanned, request);
    size_t kept = 0;
    for (size_t part = 0; part <= len; part++) {
        scanned = 0;
        const uint8_t *data = guard_place(head, part);
        int anew = http_parse_request(data, part, &scanned, request);
        int gone_on = http_parse_request(data, part, &kept, request);
        assert_int_equal(anew, gone_on);
        if (anew != 0 && part < len) {
            assert_int_equal(anew, whole);
            assert_true(anew < 0 || (size_t)anew == part);
        }
        if (anew == 0)
            assert_int_equal(kept, part);
        else if (part < len)
            break;
    }
    scanned = 0;
    int again = http_parse_request(guard_place(head, len), len, &scanned, request);
    assert_int_equal(again, whole);
    return whole;
}

static int parse(const char *head, struct http_request *request)
{
    return parse_bytes(head, strlen(head), request);
}

static void assert_refused(int status, const char *head)
{
    struct http_request request;
    int rc = parse(head, &request);
    if (rc != -status)
        fail_msg("%d instead of %d for\n%s", rc, -status, head);
    assert_non_null(request.problem);
}

static void assert_taken(const char *head, struct http_request *request)
{
    int rc = parse(head, request);
    if (rc != (int)strlen(head))
        fail_msg("%d (%s) for\n%s", rc, request->problem ? request->problem : "", head);
}

static void assert_text(struct http_text text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

static void assert_upgrade(enum http_upgrade upgrade, const char *head)
{
    struct http_request request;
    assert_taken(head, &request);
    if (request.upgrade != upgrade)
        fail_msg("upgrade %d instead of %d for\n%s", request.upgrade, upgrade, head);
    bool bad = upgrade == HTTP_UPGRADE_BAD || upgrade == HTTP_UPGRADE_BAD_VERSION;
    assert_int_equal(request.problem != NULL, bad);
}

static void rfc_6455_1_2_handshake_is_read(void **state)
{
    (void)state;
    struct http_request request;
    assert_taken("GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Key: " KEY "\r\n"
                 "Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n"
                 "Sec-WebSocket-Version: 13\r\n\r\n",
                 &request);
    assert_text(request.method, "GET");
    assert_text(request.path, "/chat");
    assert_text(request.query, "");
    assert_text(request.host, "server.example.com");
    assert_text(request.origin, "http://example.com");
    assert_text(request.websocket_key, KEY);
    assert_int_equal(request.upgrade, HTTP_UPGRADE_OK);
    assert_int_equal(request.protocol, HTTP_PROTOCOL_NONE);
    assert_true(request.protocols_offered);
}

static void the_target_is_split_at_its_question_mark(void **state)
{
    (void)state;
    struct http_request request;
    assert_taken("GET /ws?symbols=BTC-USD,ETH-*&a=?b HTTP/1.1\r\nHost: x\r\n\r\n", &request);
    assert_text(request.path, "/ws");
    assert_text(request.query, "symbols=BTC-USD,ETH-*&a=?b");
    assert_int_equal(request.upgrade, HTTP_UPGRADE_NONE);
    assert_false(request.protocols_offered);
}

static void a_target_is_a_path_or_an_absolute_url_whose_host_counts(void **state)
{
    (void)state;
    struct http_request request;
    assert_taken("GET http://a:80/ws?b=c HTTP/1.1\r\nHost: x\r\n\r\n", &request);
    assert_true(http_path_is(&request, "/ws"));
    assert_int_equal(request.query.len, 3);
    assert_int_equal(request.host.len, 4);
    assert_memory_equal(request.host.data, "a:80", 4);
    assert_taken("GET http://a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", &request);
    assert_true(http_path_is(&request, "/"));
    assert_int_equal(request.query.len, 3);
    assert_taken("GET HTTPS://a HTTP/1.1\r\nHost: x\r\n\r\n", &request);
    assert_true(http_path_is(&request, "/"));
    assert_refused(400, "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET http://x{/a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET * HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET /#a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET /\t HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void a_request_line_has_three_parts_and_single_spaces(void **state)
{
    (void)state;
    assert_refused(400, "GET /\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET\r\n\r\n");
    assert_refused(400, "\r\n\r\n");
    assert_refused(400, "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET /  HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, " GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1 \r\nHost: x\r\n\r\n");
    assert_refused(400, "GET / http/1.1\r\nHost: x\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.10\r\nHost: x\r\n\r\n");
    assert_refused(400, "G@T / HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void other_versions_are_refused(void **state)
{
    (void)state;
    assert_refused(505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n");
    assert_refused(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_refused(505, "GET / HTTP/0.9\r\nHost: x\r\n\r\n");
    assert_refused(505, "GET / HTTP/1.2\r\nHost: x\r\n\r\n");
}

static void other_methods_are_refused(void **state)
{
    (void)state;
    struct http_request request;
    assert_refused(405, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n");
    assert_refused(405, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_refused(405, "get / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_taken("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", &request);
    assert_true(request.head);
    assert_taken("GET / HTTP/1.1\r\nHost: x\r\n\r\n", &request);
    assert_false(request.head);
}

static void lines_end_in_crlf_only(void **state)
{
    (void)state;
    assert_refused(400, "GET / HTTP/1.1\nHost: x\n\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\ry\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\r\nHost: x\r\n\r\n");
    assert_refused(400, "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void a_folded_header_is_refused(void **state)
{
    (void)state;
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\n Host: x\r\n\r\n");
}

static void a_header_name_is_a_token_up_to_the_colon(void **state)
{
    (void)state;
    assert_refused(400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nA(b): c\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\n: c\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nnocolon\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\n\xc3\xa9: c\r\n\r\n");
}

static void control_bytes_are_refused(void **state)
{
    (void)state;
    struct http_request request;
    for (int c = 0; c < 256; c++) {
        char head[] = "GET / HTTP/1.1\r\nHost: x\r\nA: b?c\r\n\r\n";
        char *at = strchr(head, '?');
        *at = (char)c;
        bool sound = c == '\t' || (c >= ' ' && c != 127);
        int rc = parse_bytes(head, sizeof head - 1, &request);
        assert_int_equal(rc, sound ? (int)sizeof head - 1 : -400);
    }
}

static void what_is_not_http_is_refused_at_its_first_byte(void **state)
{
    (void)state;
    struct http_request request;
    size_t scanned = 0;
    /* A TLS record. */
    assert_int_equal(http_parse_request((const uint8_t *)"\x16\x03\x01", 1, &scanned, &request),
                     -400);
}

static void host_is_given_exactly_once_in_http_1_1(void **state)
{
    (void)state;
    struct http_request request;
    assert_refused(400, "GET / HTTP/1.1\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n");
    assert_taken("GET / HTTP/1.0\r\n\r\n", &request);
    assert_taken("GET / HTTP/1.1\r\nhOST:[::1]:8080\t \r\n\r\n", &request);
    assert_text(request.host, "[::1]:8080");
    assert_taken("GET / HTTP/1.1\r\nHost:\r\n\r\n", &request);
    assert_text(request.host, "");
}

static void a_doubled_origin_is_refused(void **state)
{
    (void)state;
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nOrigin: a\r\nOrigin: b\r\n\r\n");
}

static void an_announced_body_is_refused(void **state)
{
    (void)state;
    struct http_request request;
    assert_refused(413, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n");
    assert_refused(413, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");
    assert_refused(413, "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_refused(413, "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n");
    assert_refused(413, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n");
    assert_taken("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", &request);
    assert_taken("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 00\r\n\r\n", &request);
}

static void a_doubtful_content_length_is_refused(void **state)
{
    (void)state;
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n"
                        "\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n");
    assert_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x0\r\n\r\n");
}

static void a_head_of_8192_bytes_is_read_and_no_longer_one(void **state)
{
    (void)state;
    static uint8_t head[HTTP_HEAD_MAX + 10];
    static const char start[] = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
    struct http_request request;
    for (int over = -1; over <= 1; over++) {
        size_t len = (size_t)(HTTP_HEAD_MAX + over), scanned = 0;
        memset(head, 'a', sizeof head);
        memcpy(head, start, sizeof start - 1);
        memcpy(head + len - 4, "\r\n\r\n", 4);
        int rc = http_parse_request(guard_place(head, len), len, &scanned, &request);
        assert_int_equal(rc, over > 0 ? -431 : (int)len);
    }
    size_t scanned = 0;
    memset(head, 'a', sizeof head);
    assert_int_equal(http_parse_request(head, HTTP_HEAD_MAX - 1, &scanned, &request), 0);
    assert_int_equal(http_parse_request(head, HTTP_HEAD_MAX, &scanned, &request), -431);
}

static void what_follows_the_head_is_left(void **state)
{
    (void)state;
    static const char input[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n\x81\x80";
    struct http_request request;
    size_t scanned = 0;
    int rc = http_parse_request((const uint8_t *)input, sizeof input - 1, &scanned, &request);
    assert_int_equal(rc, sizeof input - 3);
}

static void a_whole_upgrade_is_ok(void **state)
{
    (void)state;
    assert_upgrade(HTTP_UPGRADE_OK, UPGRADE(KEY_LINE VERSION_LINE));
    assert_upgrade(HTTP_UPGRADE_OK, UPGRADE(KEY_LINE VERSION_LINE
                                            "Sec-WebSocket-Extensions: permessage-deflate; x\r\n"));
    assert_upgrade(HTTP_UPGRADE_OK,
                   "GET / HTTP/1.1\r\nHost: x\r\nUPGRADE: WebSocket\r\n"
                   "Connection: keep-alive, UPGRADE\r\n" KEY_LINE VERSION_LINE "\r\n");
    assert_upgrade(HTTP_UPGRADE_OK,
                   "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c, websocket\r\n"
                   "Connection: keep-alive\r\nConnection: ,upgrade,\r\n" KEY_LINE VERSION_LINE
                   "\r\n");
}

static void an_upgrade_with_a_header_missing_is_bad(void **state)
{
    (void)state;
    assert_upgrade(HTTP_UPGRADE_BAD, UPGRADE(KEY_LINE));
    assert_upgrade(HTTP_UPGRADE_BAD, UPGRADE(VERSION_LINE));
    assert_upgrade(HTTP_UPGRADE_BAD, "GET / HTTP/1.1\r\nHost: x\r\n"
                                     "Upgrade: websocket\r\n" KEY_LINE VERSION_LINE "\r\n");
    assert_upgrade(HTTP_UPGRADE_BAD, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                     "Upgrade: websocket\r\n" KEY_LINE VERSION_LINE "\r\n");
    assert_upgrade(HTTP_UPGRADE_NONE, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                                      "Upgrade: h2c\r\n" KEY_LINE VERSION_LINE "\r\n");
    assert_upgrade(HTTP_UPGRADE_NONE, "GET / HTTP/1.1\r\nHost: x\r\n" KEY_LINE VERSION_LINE "\r\n");
}

static void an_upgrade_with_a_header_doubled_is_bad(void **state)
{
    (void)state;
    assert_upgrade(HTTP_UPGRADE_BAD, UPGRADE(KEY_LINE KEY_LINE VERSION_LINE));
    assert_upgrade(HTTP_UPGRADE_BAD, UPGRADE(KEY_LINE VERSION_LINE VERSION_LINE));
    assert_upgrade(HTTP_UPGRADE_BAD, UPGRADE(KEY_LINE VERSION_LINE "Upgrade: websocket\r\n"));
}

static void an_upgrade_is_a_get_of_http_1_1(void **state)
{
    (void)state;
    assert_upgrade(HTTP_UPGRADE_BAD, "HEAD / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                     "Connection: upgrade\r\n" KEY_LINE VERSION_LINE "\r\n");
    assert_upgrade(HTTP_UPGRADE_BAD, "GET / HTTP/1.0\r\nHost: x\r\nUpgrade: websocket\r\n"
                                     "Connection: upgrade\r\n" KEY_LINE VERSION_LINE "\r\n");
}

static void a_key_is_16_bytes_in_base64(void **state)
{
    (void)state;
#define WITH_KEY(key) UPGRADE("Sec-WebSocket-Key: " key "\r\n" VERSION_LINE)
    assert_upgrade(HTTP_UPGRADE_OK, WITH_KEY("++//AAAAAAAAAAAAAAAAAA=="));
    assert_upgrade(HTTP_UPGRADE_OK, WITH_KEY("\t dGhlIHNhbXBsZSBub25jZQ==  "));
    assert_upgrade(HTTP_UPGRADE_BAD, WITH_KEY(""));
    assert_upgrade(HTTP_UPGRADE_BAD, WITH_KEY("dGhlIHNhbXBsZSBub25jZQ="));
    assert_upgrade(HTTP_UPGRADE_BAD, WITH_KEY("dGhlIHNhbXBsZSBub25jZQ==="));
    assert_upgrade(HTTP_UPGRADE_BAD, WITH_KEY("dGhlIHNhbXBsZSBub25jZQAA"));
    assert_upgrade(HTTP_UPGRADE_BAD, WITH_KEY("dGhlIHNhbXBsZSBub25jZQA="));
    assert_upgrade(HTTP_UPGRADE_BAD, WITH_KEY("dGhlIHNhbXBsZSBub25jZ-=="));
    assert_upgrade(HTTP_UPGRADE_BAD, WITH_KEY("dGhlIHNhbX=sZSBub25jZQ=="));
#undef WITH_KEY
}

static void another_version_is_told_from_a_bad_upgrade(void **state)
{
    (void)state;
    assert_upgrade(HTTP_UPGRADE_BAD_VERSION, UPGRADE(KEY_LINE "Sec-WebSocket-Version: 8\r\n"));
    assert_upgrade(HTTP_UPGRADE_BAD_VERSION, UPGRADE("Sec-WebSocket-Version: 0\r\n"));
    assert_upgrade(HTTP_UPGRADE_BAD_VERSION, UPGRADE(KEY_LINE "Sec-WebSocket-Version: 013\r\n"));
    assert_upgrade(HTTP_UPGRADE_BAD_VERSION, UPGRADE(KEY_LINE "Sec-WebSocket-Version: 13, 8\r\n"));
}

static enum http_protocol protocol_of(const char *head)
{
    struct http_request request;
    assert_taken(head, &request);
    assert_true(request.protocols_offered);
    assert_int_equal(request.upgrade, HTTP_UPGRADE_OK);
    return request.protocol;
}

static void the_first_of_our_protocols_is_chosen(void **state)
{
    (void)state;
#define WITH_PROTOCOLS(lines) UPGRADE(KEY_LINE VERSION_LINE lines)
    assert_int_equal(protocol_of(WITH_PROTOCOLS("Sec-WebSocket-Protocol: tapehead.json\r\n")),
                     HTTP_PROTOCOL_JSON);
    assert_int_equal(protocol_of(WITH_PROTOCOLS(
                         "Sec-WebSocket-Protocol: x,tapehead.msgpack , tapehead.json\r\n")),
                     HTTP_PROTOCOL_MSGPACK);
    assert_int_equal(protocol_of(WITH_PROTOCOLS("Sec-WebSocket-Protocol: x\r\n"
                                                "Sec-WebSocket-Protocol: tapehead.json\r\n")),
                     HTTP_PROTOCOL_JSON);
    assert_int_equal(protocol_of(WITH_PROTOCOLS("Sec-WebSocket-Protocol: TAPEHEAD.JSON\r\n")),
                     HTTP_PROTOCOL_NONE);
    assert_upgrade(HTTP_UPGRADE_BAD, WITH_PROTOCOLS("Sec-WebSocket-Protocol: a b\r\n"));
#undef WITH_PROTOCOLS
}

static bool keeps_alive(const char *head)
{
    struct http_request request;
    assert_taken(head, &request);
    return request.keep_alive;
}

static void connections_are_kept_as_rfc_9112_9_3_says(void **state)
{
    (void)state;
    assert_true(keeps_alive("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_false(keeps_alive("GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n"));
    assert_false(keeps_alive("GET / HTTP/1.0\r\n\r\n"));
    assert_true(keeps_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    assert_false(keeps_alive("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
}

static void mutated_requests_never_break_the_parser(void **state)
{
    (void)state;
    static const char model[] =
        "GET /ws?symbols=BTC-USD HTTP/1.1\r\nHost: example.com\r\n"
        "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" KEY_LINE VERSION_LINE
        "Sec-WebSocket-Protocol: a, tapehead.json\r\n"
        "Content-Length: 0\r\n\r\n";
    static const char spice[] = "\r\n\t :,=/?\0\x7f\xff"
                                "aZ09";
    uint64_t seed = fuzz_seed(4711);
    for (uint64_t round = fuzz_rounds(200000); round > 0; round--) {
        uint64_t start = seed;
        char head[sizeof model];
        memcpy(head, model, sizeof model);
        for (uint64_t i = 1 + random_below(&seed, 4); i > 0; i--)
            head[random_below(&seed, sizeof model - 1)] = spice[random_below(&seed, sizeof spice)];
        size_t len = sizeof model - 1, scanned = 0, kept = 0;
        size_t part = random_below(&seed, len + 1);
        struct http_request request;
        const uint8_t *data = guard_place(head, part);
        int first = http_parse_request(data, part, &kept, &request);
        data = guard_place(head, len);
        int second = http_parse_request(data, len, &kept, &request);
        int whole = http_parse_request(data, len, &scanned, &request);
        fuzz_assert(whole == second && (first == 0 || first == whole), "test_http", start);
        fuzz_assert(whole <= (int)len && whole >= -505, "test_http", start);
        fuzz_assert(whole <= 0 || request.path.data[0] == '/', "test_http", start);
        fuzz_assert(whole >= 0 || request.problem, "test_http", start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_6455_1_2_handshake_is_read),
        cmocka_unit_test(the_target_is_split_at_its_question_mark),
        cmocka_unit_test(a_target_is_a_path_or_an_absolute_url_whose_host_counts),
        cmocka_unit_test(a_request_line_has_three_parts_and_single_spaces),
        cmocka_unit_test(other_versions_are_refused),
        cmocka_unit_test(other_methods_are_refused),
        cmocka_unit_test(lines_end_in_crlf_only),
        cmocka_unit_test(a_folded_header_is_refused),
        cmocka_unit_test(a_header_name_is_a_token_up_to_the_colon),
        cmocka_unit_test(control_bytes_are_refused),
        cmocka_unit_test(what_is_not_http_is_refused_at_its_first_byte),
        cmocka_unit_test(host_is_given_exactly_once_in_http_1_1),
        cmocka_unit_test(a_doubled_origin_is_refused),
        cmocka_unit_test(an_announced_body_is_refused),
        cmocka_unit_test(a_doubtful_content_length_is_refused),
        cmocka_unit_test(a_head_of_8192_bytes_is_read_and_no_longer_one),
        cmocka_unit_test(what_follows_the_head_is_left),
        cmocka_unit_test(a_whole_upgrade_is_ok),
        cmocka_unit_test(an_upgrade_with_a_header_missing_is_bad),
        cmocka_unit_test(an_upgrade_with_a_header_doubled_is_bad),
        cmocka_unit_test(an_upgrade_is_a_get_of_http_1_1),
        cmocka_unit_test(a_key_is_16_bytes_in_base64),
        cmocka_unit_test(another_version_is_told_from_a_bad_upgrade),
        cmocka_unit_test(the_first_of_our_protocols_is_chosen),
        cmocka_unit_test(connections_are_kept_as_rfc_9112_9_3_says),
        cmocka_unit_test(mutated_requests_never_break_the_parser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
