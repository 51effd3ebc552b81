/* SPDX-License-Identifier: MIT */
/*
 * http: the opening of every connection: one HTTP/1.1 request read strictly (RFC 9112), and answers
 * to it (RFC 6455, 4.2). Pure: bytes in, a request or a status out.
 */
#ifndef TAPEHEAD_SERVER_WIRE_HTTP_H
#define TAPEHEAD_SERVER_WIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_HEAD_MAX = 8192 };

struct http_text {
    const char *data; /* in the caller's input; not terminated */
    size_t len;
};

/* RFC 6455, 4.2.1, judged from the headers alone; the path is the caller's to judge. */
enum http_upgrade {
    HTTP_UPGRADE_NONE, /* no Upgrade: websocket */
    HTTP_UPGRADE_OK,
    HTTP_UPGRADE_BAD,         /* asked for, but a header is missing, doubled or malformed: 400 */
    HTTP_UPGRADE_BAD_VERSION, /* 426 with Sec-WebSocket-Version: 13 */
};

enum http_protocol { HTTP_PROTOCOL_NONE, HTTP_PROTOCOL_JSON, HTTP_PROTOCOL_MSGPACK };

/* What is agreed of permessage-deflate (RFC 7692, 7.1); always without context takeover. */
enum http_deflate {
    HTTP_DEFLATE_NONE,
    HTTP_DEFLATE,
    HTTP_DEFLATE_WINDOW, /* and the server's window is to be bounded */
};

struct http_request {
    struct http_text method;
    struct http_text path;  /* before the '?', as sent; "/" where none was */
    struct http_text query; /* after it, as sent; empty when there is none */
    struct http_text host;
    struct http_text origin;
    struct http_text websocket_key;
    enum http_upgrade upgrade;
    enum http_protocol protocol; /* the first of ours that the client offers, in its order; NONE
                                    when it offers none */
    bool protocols_offered;      /* Sec-WebSocket-Protocol was there */
    enum http_deflate deflate;   /* by the first offer of permessage-deflate that can be kept */
    bool keep_alive;
    bool head; /* a HEAD request: the answer has no body */
    const char
        *problem; /* for 4xx and 505, returned or in `upgrade`: a sentence that names the header */
};

/* Reads a request's head from `data`, which starts at the connection's first byte. Returns the
 * bytes consumed (the head, with its blank line), 0 when more is needed, or a negative HTTP status:
 * -400 malformed (with `problem`), -405 method other than GET or HEAD, -413 a body announced, -431
 * head over HTTP_HEAD_MAX, -505 not HTTP/1.1 or 1.0. Linear over repeated calls when `scanned`
 * (start at 0) is kept between them. */
int http_parse_request(const uint8_t *data, size_t len, size_t *scanned,
                       struct http_request *request);

bool http_path_is(const struct http_request *request, const char *path);

/* The value of `name` in a query string, percent-decoded into `out` (also '+' to space). Returns
 * its length, -1 when absent, -2 when malformed or longer than `size`. The first of several counts;
 * `out` is not terminated. */
int http_query_value(struct http_text query, const char *name, char *out, size_t size);

enum { HTTP_ANSWER_HEAD_MAX = 512 };

/* Writes the 101 answer; `key` is 24 bytes of base64. Returns its length. */
size_t http_write_upgrade(char *out, struct http_text key, enum http_protocol protocol,
                          enum http_deflate deflate);

/* Reads one Sec-WebSocket-Extensions field into `deflate`, unless an earlier offer was taken. False
 * when it is malformed (RFC 6455, 9.1). Offers of other extensions, and those of permessage-deflate
 * that can't be kept to the letter (RFC 7692, 7.1), are passed over. */
bool http_read_extensions(struct http_text list, enum http_deflate *deflate);

/* Writes the head of an answer: status line, Content-Type (may be NULL when length is 0),
 * Content-Length, Connection (keep-alive or close), Cache-Control: no-store, and `extra` (whole
 * header lines ending in CRLF, or NULL). Returns its length, 0 when it exceeds
 * HTTP_ANSWER_HEAD_MAX, the size of `out`. */
size_t http_write_head(char *out, int status, const char *content_type, size_t content_length,
                       bool keep_alive, const char *extra);

const char *http_status_text(int status);

/* RFC 6455, 4.2.2: base64(SHA-1(key + GUID)), 28 bytes, to `out`. */
void http_accept_key(struct http_text key, char out[28]);

#endif
