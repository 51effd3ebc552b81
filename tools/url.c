/* SPDX-License-Identifier: MIT */
#include "tools/url.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schemas/digits.h"

static int refuse(const char *text, const char *why, char *error, size_t error_size)
{
    snprintf(error, error_size, "URL \"%s\": %s", text, why);
    return -EINVAL;
}

static int copy(char *out, size_t size, const char *text, size_t len)
{
    if (len == 0 || len >= size)
        return -1;
    memcpy(out, text, len);
    out[len] = 0;
    return 0;
}

/* Splits host and port. Returns what is wrong, or NULL. */
static const char *split_authority(struct url *url, const char *text, size_t len)
{
    if (memchr(text, '@', len))
        return "a user name is not supported";
    const char *host = text;
    const char *host_end = memchr(text, ':', len);
    const char *rest = host_end;
    if (len > 0 && *text == '[') {
        host = text + 1;
        host_end = memchr(text, ']', len);
        if (!host_end)
            return "a bracket is not closed";
        rest = host_end + 1;
    } else if (!host_end) {
        rest = host_end = text + len;
    }
    if (copy(url->host, sizeof url->host, host, (size_t)(host_end - host)) < 0)
        return "the host is missing or too long";
    size_t left = len - (size_t)(rest - text);
    snprintf(url->port, sizeof url->port, url->secure ? "443" : "80");
    if (left == 0)
        return NULL;
    uint64_t port;
    if (*rest != ':' || !digits_parse(rest + 1, left - 1, &port) || port < 1 || port > 65535)
        return "the port is not a number from 1 to 65535";
    snprintf(url->port, sizeof url->port, "%u", (unsigned)(uint16_t)port);
    return NULL;
}

static bool is_scheme(const char *text, size_t len, const char *scheme)
{
    return len == strlen(scheme) && strncasecmp(text, scheme, len) == 0;
}

int url_parse(const char *text, struct url *url, char *error, size_t error_size)
{
    const char *at = text;
    url->secure = false;
    const char *scheme_end = strstr(text, "://");
    if (scheme_end) {
        size_t len = (size_t)(scheme_end - text);
        url->secure = is_scheme(text, len, "wss") || is_scheme(text, len, "https");
        if (!url->secure && !is_scheme(text, len, "ws") && !is_scheme(text, len, "http"))
            return refuse(text, "the scheme is neither ws:// nor wss://", error, error_size);
        at = scheme_end + 3;
    }
    for (const char *c = at; *c; c++)
        if (*c <= ' ' || *c > '~')
            return refuse(text, "blanks and characters outside ASCII must be escaped", error,
                          error_size);
    size_t authority = strcspn(at, "/?#");
    const char *why = split_authority(url, at, authority);
    if (why)
        return refuse(text, why, error, error_size);
    const char *target = at + authority;
    size_t target_len = strcspn(target, "#"); /* a fragment isn't sent */
    bool slash = *target != '/';
    if (target_len + slash >= sizeof url->target)
        return refuse(text, "the path is too long", error, error_size);
    snprintf(url->target, sizeof url->target, "%s%.*s", slash ? "/" : "", (int)target_len, target);
    return 0;
}
