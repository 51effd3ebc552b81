/* SPDX-License-Identifier: MIT */
/*
 * The client against a server of a few lines on another thread, which sends a script once the
 * request is there.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/wire/http.h"
#include "tests/unit/tools/unit.h"
#include "tools/wsclient.h"

struct server {
    pthread_t thread;
    int listener;
    char url[64];
    const char *script; /* after the upgrade; with `raw`, instead of it */
    size_t script_len;
    bool raw;
    bool bytewise;
    uint8_t got[512]; /* what the client sent after the request */
    size_t got_len;
};

static void send_bytes(int fd, const char *data, size_t len, bool bytewise)
{
    size_t step = bytewise ? 1 : len;
    for (size_t at = 0; at < len; at += step) {
        (void)!send(fd, data + at, step, MSG_NOSIGNAL);
        if (bytewise)
            usleep(200);
    }
}

static void *serve(void *arg)
{
    struct server *server = arg;
    uint8_t request[4096];
    size_t len = 0;
    size_t scanned = 0;
    struct http_request parsed;
    int fd = accept(server->listener, NULL, NULL);
    while (len < sizeof request && http_parse_request(request, len, &scanned, &parsed) == 0) {
        ssize_t got = recv(fd, request + len, sizeof request - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    char answer[HTTP_ANSWER_HEAD_MAX + 512];
    size_t answer_len = server->raw ? 0
                                    : http_write_upgrade(answer, parsed.websocket_key,
                                                         parsed.protocol, HTTP_DEFLATE_NONE);
    /* One send: frames may come with the answer's last packet. */
    memcpy(answer + answer_len, server->script, server->script_len);
    send_bytes(fd, answer, answer_len + server->script_len, server->bytewise);
    shutdown(fd, SHUT_WR);
    for (ssize_t got; server->got_len < sizeof server->got; server->got_len += (size_t)got)
        if ((got = recv(fd, server->got + server->got_len, sizeof server->got - server->got_len,
                        0)) <= 0)
            break;
    close(fd);
    return NULL;
}

static void server_start(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    getsockname(server->listener, (struct sockaddr *)&address, &len);
    snprintf(server->url, sizeof server->url, "ws://127.0.0.1:%u/ws", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_finish(struct server *server)
{
    pthread_join(server->thread, NULL);
    close(server->listener);
}

#define SCRIPT(text) .script = text, .script_len = sizeof(text) - 1

static void messages_come_whole_and_pings_are_answered(void **state)
{
    (void)state;
    for (int bytewise = 0; bytewise <= 1; bytewise++) {
        struct server server = {SCRIPT("\x89\x02hi\x01\x02"
                                       "ab\x80\x01"
                                       "c\x88\x04\x03\xe9zz"),
                                .bytewise = bytewise};
        struct wsclient *client;
        struct wsclient_refusal refusal;
        struct wsclient_event event;
        server_start(&server);
        struct wsclient_config config = {.url = server.url, .protocol = HTTP_PROTOCOL_MSGPACK};
        assert_int_equal(wsclient_connect(&client, &config, &refusal), 0);
        assert_int_equal(wsclient_protocol(client), HTTP_PROTOCOL_MSGPACK);
        wsclient_next(client, 5000, &event);
        assert_int_equal(event.kind, WSCLIENT_MESSAGE);
        assert_int_equal(event.len, 3);
        assert_memory_equal(event.data, "abc", 3);
        wsclient_next(client, 5000, &event);
        assert_int_equal(event.kind, WSCLIENT_CLOSED);
        assert_int_equal(event.code, 1001);
        assert_string_equal(event.reason, "zz");
        wsclient_destroy(client);
        server_finish(&server);
        /* A masked pong with the ping's two bytes, and a masked close with the server's code. */
        assert_int_equal(server.got_len, 8 + 8);
        assert_int_equal(server.got[0], 0x8a);
        assert_int_equal(server.got[1], 0x82);
        assert_int_equal(server.got[6] ^ server.got[2], 'h');
        assert_int_equal(server.got[8], 0x88);
        assert_int_equal(server.got[14] ^ server.got[10], 0x03);
        assert_int_equal(server.got[15] ^ server.got[11], 0xe9);
    }
}

static void a_violation_is_closed_with_its_code(void **state)
{
    (void)state;
    struct server server = {SCRIPT("\x83\x00")};
    struct wsclient *client;
    struct wsclient_refusal refusal;
    struct wsclient_event event;
    server_start(&server);
    struct wsclient_config config = {.url = server.url, .protocol = HTTP_PROTOCOL_JSON};
    assert_int_equal(wsclient_connect(&client, &config, &refusal), 0);
    wsclient_next(client, 5000, &event);
    assert_int_equal(event.kind, WSCLIENT_LOST);
    assert_string_equal(event.reason, "an unknown opcode");
    wsclient_destroy(client);
    server_finish(&server);
    assert_int_equal(server.got_len, 8);
    assert_int_equal(server.got[6] ^ server.got[2], 1002 >> 8);
    assert_int_equal(server.got[7] ^ server.got[3], 1002 & 0xff);
}

static void a_cut_connection_is_lost(void **state)
{
    (void)state;
    struct server server = {SCRIPT("\x81\x05"
                                   "ab")};
    struct wsclient *client;
    struct wsclient_refusal refusal;
    struct wsclient_event event;
    server_start(&server);
    struct wsclient_config config = {.url = server.url, .protocol = HTTP_PROTOCOL_JSON};
    assert_int_equal(wsclient_connect(&client, &config, &refusal), 0);
    wsclient_next(client, 5000, &event);
    assert_int_equal(event.kind, WSCLIENT_LOST);
    wsclient_destroy(client);
    server_finish(&server);
}

static void a_refusal_names_the_url_and_the_status(void **state)
{
    (void)state;
    struct server server = {SCRIPT("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\n\r\n"),
                            .raw = true};
    struct wsclient *client;
    struct wsclient_refusal refusal;
    server_start(&server);
    struct wsclient_config config = {.url = server.url, .protocol = HTTP_PROTOCOL_JSON};
    assert_int_equal(wsclient_connect(&client, &config, &refusal), -EPROTO);
    server_finish(&server);
    assert_int_equal(refusal.status, 503);
    assert_int_equal(refusal.retry_after_s, 3);
    assert_contains(refusal.problem, server.url);
    /* Nobody listens there any more. */
    assert_int_equal(wsclient_connect(&client, &config, &refusal), -ECONNREFUSED);
    assert_contains(refusal.problem, server.url);
    config.url = "gopher://h";
    assert_int_equal(wsclient_connect(&client, &config, &refusal), -EINVAL);
    assert_contains(refusal.problem, "gopher://h");
}

static void a_silent_server_times_out(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&address, &len);
    char url[64];
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", ntohs(address.sin_port));
    struct wsclient *client;
    struct wsclient_refusal refusal;
    struct wsclient_config config = {.url = url, .protocol = HTTP_PROTOCOL_JSON, .timeout_ms = 100};
    assert_int_equal(wsclient_connect(&client, &config, &refusal), -ETIMEDOUT);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_whole_and_pings_are_answered),
        cmocka_unit_test(a_violation_is_closed_with_its_code),
        cmocka_unit_test(a_cut_connection_is_lost),
        cmocka_unit_test(a_refusal_names_the_url_and_the_status),
        cmocka_unit_test(a_silent_server_times_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
