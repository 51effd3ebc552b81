/* SPDX-License-Identifier: MIT */
#include "tools/upgrade.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schemas/digits.h"

/* What the headers told so far. */
struct headers {
    bool upgrade;
    bool connection;
    bool extension;
    unsigned accept_count;
    unsigned protocol_count;
    struct http_text accept;
    struct http_text protocol;
    struct http_text retry_after;
};

void upgrade_key(const uint8_t random[16], char key[UPGRADE_KEY_LEN + 1])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;
    /* 15 bytes are five whole groups; the last byte makes two digits and two pads. */
    for (size_t i = 0; i < 15; i += 3) {
        uint32_t group = (uint32_t)random[i] << 16 | (uint32_t)random[i + 1] << 8 | random[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            key[at++] = digits[group >> shift & 63];
    }
    key[at++] = digits[random[15] >> 2];
    key[at++] = digits[(random[15] & 3) << 4];
    key[at++] = '=';
    key[at++] = '=';
    key[at] = 0;
}

static const char *protocol_name(enum http_protocol protocol)
{
    return protocol == HTTP_PROTOCOL_JSON ? "tapehead.json" : "tapehead.msgpack";
}

size_t upgrade_write_request(char *out, const struct url *url, const char *key,
                             enum http_protocol protocol)
{
    bool brackets = strchr(url->host, ':') != NULL;
    bool port = strcmp(url->port, "80") != 0;
    int len = snprintf(out, UPGRADE_REQUEST_MAX,
                       "GET %s HTTP/1.1\r\n"
                       "Host: %s%s%s%s%s\r\n"
                       "Upgrade: websocket\r\n"
                       "Connection: Upgrade\r\n"
                       "Sec-WebSocket-Key: %s\r\n"
                       "Sec-WebSocket-Version: 13\r\n"
                       "User-Agent: tapectl\r\n"
                       "%s%s%s\r\n",
                       url->target, brackets ? "[" : "", url->host, brackets ? "]" : "",
                       port ? ":" : "", port ? url->port : "", key,
                       protocol == HTTP_PROTOCOL_NONE ? "" : "Sec-WebSocket-Protocol: ",
                       protocol == HTTP_PROTOCOL_NONE ? "" : protocol_name(protocol),
                       protocol == HTTP_PROTOCOL_NONE ? "" : "\r\n");
    return (size_t)len; /* target and host are bounded, so it fits */
}

static int refuse(struct upgrade_answer *answer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(struct upgrade_answer *answer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(answer->problem, sizeof answer->problem, format, args);
    va_end(args);
    return -1;
}

static bool is_text(struct http_text text, const char *word)
{
    return strlen(word) == text.len && strncasecmp(text.data, word, text.len) == 0;
}

static struct http_text trimmed(const char *data, size_t len)
{
    while (len > 0 && (*data == ' ' || *data == '\t'))
        data++, len--;
    while (len > 0 && (data[len - 1] == ' ' || data[len - 1] == '\t'))
        len--;
    return (struct http_text){data, len};
}

/* Whether a comma-separated list holds the word. */
static bool has_token(struct http_text list, const char *word)
{
    const char *at = list.data;
    const char *end = at + list.len;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        if (is_text(trimmed(at, (size_t)(stop - at)), word))
            return true;
        if (!comma)
            return false;
        at = comma + 1;
    }
}

static int read_header(struct headers *headers, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon || colon == line)
        return -1;
    struct http_text name = {line, (size_t)(colon - line)};
    struct http_text value = trimmed(colon + 1, len - name.len - 1);
    if (is_text(name, "Upgrade")) {
        headers->upgrade |= has_token(value, "websocket");
    } else if (is_text(name, "Connection")) {
        headers->connection |= has_token(value, "upgrade");
    } else if (is_text(name, "Sec-WebSocket-Accept")) {
        headers->accept = value;
        headers->accept_count++;
    } else if (is_text(name, "Sec-WebSocket-Protocol")) {
        headers->protocol = value;
        headers->protocol_count++;
    } else if (is_text(name, "Sec-WebSocket-Extensions")) {
        headers->extension |= value.len > 0;
    } else if (is_text(name, "Retry-After")) {
        headers->retry_after = value;
    }
    return 0;
}

static int read_status(const char *line, size_t len, struct upgrade_answer *answer)
{
    uint64_t status;
    if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' ||
        !digits_parse(line + 9, 3, &status) || (len > 12 && line[12] != ' '))
        return -1;
    answer->status = (int)status;
    return 0;
}

/* Reads the lines of a complete head. */
static int read_head(const char *data, const char *end, struct headers *headers,
                     struct upgrade_answer *answer)
{
    const char *at = data;
    while (at < end - 2) {
        const char *stop = memmem(at, (size_t)(end - at), "\r\n", 2);
        size_t len = (size_t)(stop - at);
        if ((at == data ? read_status(at, len, answer) : read_header(headers, at, len)) < 0)
            return refuse(answer, "the answer is not HTTP/1.1");
        at = stop + 2;
    }
    return 0;
}

static int judge_protocol(const struct headers *headers, enum http_protocol offered,
                          struct upgrade_answer *answer)
{
    answer->protocol = HTTP_PROTOCOL_NONE;
    if (headers->protocol_count == 0) {
        /* JSON is what a server speaks that knows no subprotocols. */
        if (offered == HTTP_PROTOCOL_MSGPACK)
            return refuse(answer, "the server doesn't speak tapehead.msgpack");
        return 0;
    }
    if (offered == HTTP_PROTOCOL_NONE || headers->protocol_count > 1 ||
        !is_text(headers->protocol, protocol_name(offered)))
        return refuse(answer, "the server chose a subprotocol that wasn't offered");
    answer->protocol = offered;
    return 0;
}

static int judge(const struct headers *headers, const char *key, enum http_protocol offered,
                 struct upgrade_answer *answer)
{
    char accept[28];
    uint64_t seconds;
    if (digits_parse(headers->retry_after.data, headers->retry_after.len, &seconds))
        answer->retry_after_s = seconds > 3600 ? 3600 : (int)seconds;
    if (answer->status != 101)
        return refuse(answer, "the server answered %d %s", answer->status,
                      http_status_text(answer->status));
    if (!headers->upgrade || !headers->connection)
        return refuse(answer, "the server answered 101 but doesn't upgrade to websocket");
    http_accept_key((struct http_text){key, UPGRADE_KEY_LEN}, accept);
    if (headers->accept_count != 1 || headers->accept.len != sizeof accept ||
        memcmp(headers->accept.data, accept, sizeof accept) != 0)
        return refuse(answer,
                      "the accept key is wrong: not a WebSocket server, or a cache between");
    if (headers->extension)
        return refuse(answer, "the server uses an extension that wasn't offered");
    return judge_protocol(headers, offered, answer);
}

int upgrade_read_answer(const char *data, size_t len, const char *key, enum http_protocol offered,
                        struct upgrade_answer *answer)
{
    *answer = (struct upgrade_answer){.retry_after_s = -1};
    size_t looked = len < UPGRADE_ANSWER_MAX ? len : UPGRADE_ANSWER_MAX;
    const char *blank = memmem(data, looked, "\r\n\r\n", 4);
    if (!blank && len >= 5 && memcmp(data, "HTTP/", 5) != 0)
        return refuse(answer, "the answer is not HTTP");
    if (!blank && len >= UPGRADE_ANSWER_MAX)
        return refuse(answer, "the answer's head is too long");
    if (!blank)
        return 0;
    struct headers headers = {.accept = {"", 0}, .protocol = {"", 0}, .retry_after = {"", 0}};
    const char *end = blank + 4;
    if (read_head(data, end, &headers, answer) < 0 || judge(&headers, key, offered, answer) < 0)
        return -1;
    return (int)(end - data);
}
