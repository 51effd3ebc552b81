/* SPDX-License-Identifier: MIT */
/*
 * http_upgrade: the head of a request, which comes in pieces: each way to cut it gives the same
 * request or the same refusal, and nothing points out of the input.
 */
#include "server/wire/http.h"
#include "tests/fuzz/target.h"

/* What is told about a text that was found: where, and how long; nowhere when it is empty. */
static void check_text(struct http_text text, const uint8_t *data, size_t len)
{
    const uint8_t *at = (const uint8_t *)text.data;
    CHECK(!text.len || (at >= data && text.len <= len && at <= data + len - text.len));
}

static void check_request(const struct http_request *request, int consumed, const uint8_t *data,
                          size_t len)
{
    CHECK(consumed > 0 && (size_t)consumed <= len && consumed <= HTTP_HEAD_MAX);
    size_t head = (size_t)consumed;
    CHECK(memcmp(data + head - 4, "\r\n\r\n", 4) == 0);
    check_text(request->method, data, head);
    /* "http://host" means its "/", which doesn't stand there. */
    if (!http_path_is(request, "/"))
        check_text(request->path, data, head);
    check_text(request->query, data, head);
    check_text(request->host, data, head);
    check_text(request->origin, data, head);
    check_text(request->websocket_key, data, head);
    CHECK(request->path.len && request->path.data[0] == '/');
    CHECK(http_path_is(request, "/ws") ==
          (request->path.len == 3 && !memcmp(request->path.data, "/ws", 3)));
    if (request->upgrade == HTTP_UPGRADE_OK)
        CHECK(request->websocket_key.len == 24 && !request->head && !request->problem);
    else
        CHECK((request->upgrade == HTTP_UPGRADE_NONE) == !request->problem);
}

static bool is_same_text(struct http_text a, struct http_text b)
{
    return a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0);
}

static void check_same(const struct http_request *a, const struct http_request *b)
{
    CHECK(is_same_text(a->method, b->method) && is_same_text(a->path, b->path));
    CHECK(is_same_text(a->query, b->query) && is_same_text(a->host, b->host));
    CHECK(is_same_text(a->origin, b->origin));
    CHECK(is_same_text(a->websocket_key, b->websocket_key));
    CHECK(a->upgrade == b->upgrade && a->protocol == b->protocol && a->deflate == b->deflate);
    CHECK(a->protocols_offered == b->protocols_offered);
    CHECK(a->keep_alive == b->keep_alive && a->head == b->head);
    CHECK(!a->problem == !b->problem && (!a->problem || strcmp(a->problem, b->problem) == 0));
}

/* The same bytes as they come, a piece more at a time, each time in another place. */
static void check_pieces(const uint8_t *data, size_t len, int whole_rc,
                         const struct http_request *whole)
{
    struct dice dice = target_dice(data, len);
    size_t scanned = 0, have = 0;
    int rc = 0;
    while (rc == 0 && have < len) {
        struct http_request request;
        have += dice_length(&dice, (uint32_t)(len - have));
        uint8_t *piece = target_copy(data, have);
        rc = http_parse_request(piece, have, &scanned, &request);
        CHECK(scanned <= have);
        if (rc > 0)
            check_request(&request, rc, piece, have);
        if (rc != 0)
            check_same(&request, whole);
        free(piece);
    }
    CHECK(rc == whole_rc);
}

/* What the server does with a request that it takes. */
static void answer(const struct http_request *request)
{
    enum { VALUE_MAX = 64 };
    char *value = malloc(VALUE_MAX);
    CHECK(value);
    int len = http_query_value(request->query, "symbols", value, VALUE_MAX);
    CHECK(len >= -2 && len <= VALUE_MAX);
    free(value);
    if (request->upgrade != HTTP_UPGRADE_OK)
        return;
    char *head = malloc(HTTP_ANSWER_HEAD_MAX);
    CHECK(head);
    size_t head_len =
        http_write_upgrade(head, request->websocket_key, request->protocol, request->deflate);
    CHECK(head_len >= 4 && head_len <= HTTP_ANSWER_HEAD_MAX);
    CHECK(memcmp(head + head_len - 4, "\r\n\r\n", 4) == 0);
    free(head);
}

/* ---- Sec-WebSocket-Extensions, alone ---- */

static bool is_empty_list(struct http_text list)
{
    for (size_t i = 0; i < list.len; i++)
        if (!strchr(" \t,", list.data[i]) || !list.data[i])
            return false;
    return true;
}

/* RFC 9110, 5.3: a list may stand in one field or in several. */
static void check_extensions(struct http_text list)
{
    enum http_deflate joined = HTTP_DEFLATE_NONE, parted = HTTP_DEFLATE_NONE;
    enum http_deflate taken = HTTP_DEFLATE;
    bool good = http_read_extensions(list, &joined);
    CHECK(http_read_extensions(list, &taken) == good && taken == HTTP_DEFLATE);
    const char *comma = list.len ? memchr(list.data, ',', list.len) : NULL;
    if (!comma)
        return;
    struct http_text first = {list.data, (size_t)(comma - list.data)};
    struct http_text rest = {comma + 1, list.len - first.len - 1};
    if (is_empty_list(first) || is_empty_list(rest))
        return;
    bool first_good = http_read_extensions(first, &parted);
    bool rest_good = http_read_extensions(rest, &parted);
    CHECK(good == (first_good && rest_good));
    CHECK(!good || joined == parted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_extensions((struct http_text){(const char *)data, size});
    /* One request after the other, as on a connection that is kept. */
    for (int rc = 1; rc > 0 && size > 0;) {
        struct http_request request;
        size_t scanned = 0;
        rc = http_parse_request(data, size, &scanned, &request);
        CHECK(rc >= 0 || rc == -400 || rc == -405 || rc == -413 || rc == -431 || rc == -505);
        CHECK(rc != -400 || request.problem);
        if (rc > 0) {
            check_request(&request, rc, data, size);
            answer(&request);
        }
        check_pieces(data, size, rc, &request);
        data += rc > 0 ? rc : 0;
        size -= rc > 0 ? (size_t)rc : 0;
    }
    return 0;
}
