/* SPDX-License-Identifier: MIT */
/* extensions: what a client offers in Sec-WebSocket-Extensions (RFC 6455, 9.1), of which we know
 * permessage-deflate. See http.h. */
#include <string.h>
#include <strings.h>

#include "server/wire/http.h"

/* What is left of the field. */
struct cursor {
    const char *at;
    const char *end;
};

/* RFC 7692, 7.1: each parameter may stand once. */
struct offer {
    bool ours; /* it is of permessage-deflate */
    bool kept; /* and each parameter can be kept */
    bool server_takeover, client_takeover, server_window, client_window;
};

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

/* Whether `sign` comes next; takes it, and blanks around it. */
static bool take_sign(struct cursor *c, char sign)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != sign)
        return false;
    c->at++;
    skip_blanks(c);
    return true;
}

/* RFC 9110, 5.6.2. Empty where there is none. */
static struct http_text take_token(struct cursor *c)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    const char *first = c->at;
    while (c->at < c->end &&
           ((*c->at >= '0' && *c->at <= '9') || (*c->at >= 'A' && *c->at <= 'Z') ||
            (*c->at >= 'a' && *c->at <= 'z') || (*c->at && strchr(others, *c->at))))
        c->at++;
    return (struct http_text){first, (size_t)(c->at - first)};
}

/* A token, bare or in quotes (RFC 6455, 9.1: what is quoted must be a token, too). */
static struct http_text take_value(struct cursor *c)
{
    bool quoted = c->at < c->end && *c->at == '"';
    if (quoted)
        c->at++;
    struct http_text value = take_token(c);
    if (quoted && (c->at == c->end || *c->at++ != '"'))
        value.len = 0;
    return value;
}

static bool is(struct http_text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

/* 8 to 15, without a leading zero; -1 otherwise. */
static int window_of(struct http_text value)
{
    int bits = 0;
    if (value.len < 1 || value.len > 2 || value.data[0] == '0')
        return -1;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return -1;
        bits = bits * 10 + value.data[i] - '0';
    }
    return bits >= 8 && bits <= 15 ? bits : -1;
}

/* `has_value` tells "name" from "name=". False where it can't be kept, or came before. */
static bool take_parameter(struct offer *offer, struct http_text name, bool has_value,
                           struct http_text value)
{
    bool *seen = is(name, "server_no_context_takeover")   ? &offer->server_takeover
                 : is(name, "client_no_context_takeover") ? &offer->client_takeover
                 : is(name, "server_max_window_bits")     ? &offer->server_window
                 : is(name, "client_max_window_bits")     ? &offer->client_window
                                                          : NULL;
    if (!seen || *seen)
        return false;
    *seen = true;
    if (seen == &offer->server_window)
        return window_of(value) > 8; /* zlib writes no raw stream with the smallest window */
    if (seen == &offer->client_window)
        return !has_value || window_of(value) >= 8;
    return !has_value;
}

static bool read_offer(struct cursor *c, struct offer *offer)
{
    struct http_text name = take_token(c);
    *offer = (struct offer){.ours = is(name, "permessage-deflate"), .kept = true};
    while (take_sign(c, ';')) {
        struct http_text parameter = take_token(c), value = {0};
        bool has_value = take_sign(c, '=');
        if (has_value)
            value = take_value(c);
        if (!parameter.len || (has_value && !value.len))
            return false;
        offer->kept = take_parameter(offer, parameter, has_value, value) && offer->kept;
    }
    return name.len > 0;
}

bool http_read_extensions(struct http_text list, enum http_deflate *deflate)
{
    struct cursor c = {.at = list.data, .end = list.data + list.len};
    while (take_sign(&c, ','))
        ; /* empty elements count for nothing */
    do {
        struct offer offer;
        if (!read_offer(&c, &offer))
            return false;
        if (*deflate == HTTP_DEFLATE_NONE && offer.ours && offer.kept)
            *deflate = offer.server_window ? HTTP_DEFLATE_WINDOW : HTTP_DEFLATE;
        bool more = take_sign(&c, ',');
        while (more && take_sign(&c, ','))
            ;
        if (!more && c.at < c.end)
            return false;
    } while (c.at < c.end);
    return true;
}
