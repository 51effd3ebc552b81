/* SPDX-License-Identifier: MIT */
/* The writing half of http, and query strings. */
#include "server/wire/http.h"

#include <stdio.h>
#include <string.h>

#include "server/wire/sha1.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Returns the length in `out`, or -2. */
static int percent_decode(struct http_text text, char *out, size_t size)
{
    size_t written = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i] == '+' ? ' ' : text.data[i];
        if (c == '%') {
            if (text.len - i < 3)
                return -2;
            int high = hex_digit(text.data[i + 1]);
            int low = hex_digit(text.data[i + 2]);
            if (high < 0 || low < 0)
                return -2;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (written == size)
            return -2;
        out[written++] = c;
    }
    return (int)written;
}

int http_query_value(struct http_text query, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name);
    for (size_t start = 0; start < query.len;) {
        const char *pair = query.data + start;
        const char *stop = memchr(pair, '&', query.len - start);
        size_t len = stop ? (size_t)(stop - pair) : query.len - start;
        const char *equals = memchr(pair, '=', len);
        size_t key_len = equals ? (size_t)(equals - pair) : len;
        if (key_len == name_len && memcmp(pair, name, name_len) == 0) {
            size_t skip = equals ? key_len + 1 : len;
            return percent_decode((struct http_text){pair + skip, len - skip}, out, size);
        }
        start += len + 1;
    }
    return -1;
}

/* RFC 4648, 4. `out` holds 4 bytes for each 3 begun. */
static void base64_encode(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3, out += 4) {
        size_t left = len - i;
        uint32_t group = (uint32_t)data[i] << 16;
        group |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        group |= left > 2 ? data[i + 2] : 0;
        out[0] = digits[group >> 18];
        out[1] = digits[group >> 12 & 63];
        out[2] = left > 1 ? digits[group >> 6 & 63] : '=';
        out[3] = left > 2 ? digits[group & 63] : '=';
    }
}

void http_accept_key(struct http_text key, char out[28])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    enum { KEY_LEN = 24, GUID_LEN = sizeof guid - 1 };
    char joined[KEY_LEN + GUID_LEN] = {0};
    uint8_t digest[SHA1_LEN];
    memcpy(joined, key.data, key.len < KEY_LEN ? key.len : KEY_LEN);
    memcpy(joined + KEY_LEN, guid, GUID_LEN);
    sha1(joined, sizeof joined, digest);
    base64_encode(digest, sizeof digest, out);
}

size_t http_write_upgrade(char *out, struct http_text key, enum http_protocol protocol,
                          enum http_deflate deflate)
{
    static const char *const chosen[] = {
        [HTTP_PROTOCOL_NONE] = "",
        [HTTP_PROTOCOL_JSON] = "Sec-WebSocket-Protocol: tapehead.json\r\n",
        [HTTP_PROTOCOL_MSGPACK] = "Sec-WebSocket-Protocol: tapehead.msgpack\r\n",
    };
    static const char *const agreed[] = {
        [HTTP_DEFLATE_NONE] = "",
        [HTTP_DEFLATE] = "Sec-WebSocket-Extensions: permessage-deflate; "
                         "server_no_context_takeover; client_no_context_takeover\r\n",
        [HTTP_DEFLATE_WINDOW] =
            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
            "client_no_context_takeover; server_max_window_bits=9\r\n",
    };
    char accept[28];
    http_accept_key(key, accept);
    int len = snprintf(out, HTTP_ANSWER_HEAD_MAX,
                       "HTTP/1.1 101 Switching Protocols\r\n"
                       "Upgrade: websocket\r\n"
                       "Connection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %.28s\r\n"
                       "%s%s\r\n",
                       accept, chosen[protocol], agreed[deflate]);
    return (size_t)len;
}

size_t http_write_head(char *out, int status, const char *content_type, size_t content_length,
                       bool keep_alive, const char *extra)
{
    int len = snprintf(out, HTTP_ANSWER_HEAD_MAX,
                       "HTTP/1.1 %d %s\r\n"
                       "%s%s%s"
                       "Content-Length: %zu\r\n"
                       "Connection: %s\r\n"
                       "Cache-Control: no-store\r\n"
                       "%s\r\n",
                       status, http_status_text(status), content_type ? "Content-Type: " : "",
                       content_type ? content_type : "", content_type ? "\r\n" : "", content_length,
                       keep_alive ? "keep-alive" : "close", extra ? extra : "");
    return len > 0 && len < HTTP_ANSWER_HEAD_MAX ? (size_t)len : 0;
}

const char *http_status_text(int status)
{
    switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
    }
}
