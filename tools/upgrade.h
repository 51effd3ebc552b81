/* SPDX-License-Identifier: MIT */
/*
 * upgrade: the client's side of WebSocket's opening handshake (RFC 6455, 4.1). Pure.
 */
#ifndef TAPEHEAD_TOOLS_UPGRADE_H
#define TAPEHEAD_TOOLS_UPGRADE_H

#include <stddef.h>
#include <stdint.h>

#include "server/wire/http.h"
#include "tools/url.h"

enum {
    UPGRADE_REQUEST_MAX = 2048,
    UPGRADE_KEY_LEN = 24,
    UPGRADE_ANSWER_MAX = 8192,
};

/* Base64 of the 16 random bytes, terminated. */
void upgrade_key(const uint8_t random[16], char key[UPGRADE_KEY_LEN + 1]);

/* Writes the request that offers `protocol` (HTTP_PROTOCOL_NONE offers none). `out` holds
 * UPGRADE_REQUEST_MAX bytes. Returns its length. */
size_t upgrade_write_request(char *out, const struct url *url, const char *key,
                             enum http_protocol protocol);

struct upgrade_answer {
    int status;
    int retry_after_s;           /* -1 when not told */
    enum http_protocol protocol; /* what the server chose */
    char problem[160];           /* why the connection can't be used */
};

/* Reads the answer's head and judges it: status 101, Upgrade, Connection, the accept key, a
 * subprotocol that was offered, no extension. Returns the bytes it takes, 0 when more is needed, or
 * -1 with a problem. */
int upgrade_read_answer(const char *data, size_t len, const char *key, enum http_protocol offered,
                        struct upgrade_answer *answer);

#endif
