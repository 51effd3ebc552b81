/* SPDX-License-Identifier: MIT */
/* The reading half; http_answer.c writes. */
#include "server/wire/http.h"

#include <string.h>
#include <strings.h>

/* What the headers have said so far; judged as a whole when all are read. */
struct fields {
    uint8_t version_minor;
    unsigned hosts;
    unsigned origins;
    unsigned upgrades;
    unsigned keys;
    unsigned versions;
    unsigned content_lengths;
    bool upgrade_websocket;
    bool connection_upgrade;
    bool connection_close;
    bool connection_keep_alive;
    bool transfer_encoding;
    bool host_in_target;
    bool path_is_empty; /* then it means "/" (RFC 9112, 3.2.1) */
    bool protocols_bad;
    bool extensions_bad;
    struct http_text content_length;
    struct http_text version;
};

static struct http_text text_of(const char *data, size_t len)
{
    return (struct http_text){data, len};
}

static bool text_is(struct http_text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

/* Header names and most tokens are ASCII without regard to case. */
static bool text_is_nocase(struct http_text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* RFC 9110, 5.6.2 */
static bool is_token(struct http_text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_alnum(text.data[i]) &&
            (text.data[i] == '\0' || !strchr("!#$%&'*+-.^_`|~", text.data[i])))
            return false;
    return text.len > 0;
}

static struct http_text trim(struct http_text text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Takes the next element off a comma-separated list (RFC 9110, 5.6.1), skipping empty ones. */
static bool list_next(struct http_text *list, struct http_text *element)
{
    while (list->len > 0) {
        const char *comma = memchr(list->data, ',', list->len);
        size_t len = comma ? (size_t)(comma - list->data) : list->len;
        size_t step = comma ? len + 1 : len;
        *element = trim(text_of(list->data, len));
        list->data += step;
        list->len -= step;
        if (element->len > 0)
            return true;
    }
    return false;
}

static int refuse(struct http_request *request, int status, const char *problem)
{
    request->problem = problem;
    return -status;
}

static int malformed(struct http_request *request, const char *problem)
{
    return refuse(request, 400, problem);
}

/* Whether byte `i` can stand where it does: line ends are CRLF only, and no other control byte but
 * tab is text. Looking at each byte as it comes turns away what isn't HTTP (TLS, say) at once. */
static bool byte_is_sound(const uint8_t *data, size_t i)
{
    if (i > 0 && data[i - 1] == '\r')
        return data[i] == '\n';
    return data[i] == '\r' || data[i] == '\t' || (data[i] >= 0x20 && data[i] != 0x7f);
}

/* Returns the head's length with its blank line, 0 when it isn't all there, -400 or -431. */
static int find_head(const uint8_t *data, size_t len, size_t *scanned)
{
    size_t end = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;
    for (; *scanned < end; (*scanned)++) {
        size_t i = *scanned;
        if (!byte_is_sound(data, i))
            return -400;
        if (data[i] == '\n' && i >= 3 && data[i - 2] == '\n')
            return (int)i + 1;
    }
    return len < HTTP_HEAD_MAX ? 0 : -431;
}

static struct http_text take_until(struct http_text *line, char stop)
{
    const char *at = memchr(line->data, stop, line->len);
    size_t len = at ? (size_t)(at - line->data) : line->len;
    size_t step = at ? len + 1 : len;
    struct http_text taken = text_of(line->data, len);
    line->data += step;
    line->len -= step;
    return taken;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Looser than RFC 3986 by what browsers leave unescaped in a query, such as `|` and `[`. */
static bool target_is_sound(struct http_text target, bool without_path)
{
    for (size_t i = 0; i < target.len; i++)
        if (target.data[i] <= ' ' || target.data[i] > '~' || strchr("\"#<>", target.data[i]))
            return false;
    return without_path || (target.len > 0 && target.data[0] == '/');
}

/* RFC 9112, 3.2.2: "http://host/path" is as good as "/path", and its host counts, not the header's.
 */
static void take_authority(struct http_text *target, struct http_request *request,
                           struct fields *fields)
{
    size_t scheme = target->len > 7 && strncasecmp(target->data, "http://", 7) == 0    ? 7
                    : target->len > 8 && strncasecmp(target->data, "https://", 8) == 0 ? 8
                                                                                       : 0;
    size_t end = scheme;
    while (end < target->len && target->data[end] != '/' && target->data[end] != '?')
        end++;
    if (!scheme || end == scheme)
        return;
    request->host = text_of(target->data + scheme, end - scheme);
    fields->host_in_target = true;
    *target = text_of(target->data + end, target->len - end);
    fields->path_is_empty = target->len == 0 || target->data[0] == '?';
}

static int parse_request_line(struct http_text line, struct http_request *request,
                              struct fields *fields)
{
    request->method = take_until(&line, ' ');
    struct http_text target = take_until(&line, ' ');
    if (!is_token(request->method) || target.len == 0)
        return malformed(request, "The request line is malformed.");
    if (line.len != 8 || memcmp(line.data, "HTTP/", 5) != 0 || !is_digit(line.data[5]) ||
        line.data[6] != '.' || !is_digit(line.data[7]))
        return malformed(request, "The request line does not end in an HTTP version.");
    if (line.data[5] != '1' || line.data[7] > '1')
        return refuse(request, 505, "The version is not HTTP/1.1 or 1.0.");
    fields->version_minor = (uint8_t)(line.data[7] - '0');
    request->head = text_is(request->method, "HEAD");
    if (!request->head && !text_is(request->method, "GET"))
        return refuse(request, 405, "The method is not GET or HEAD.");
    take_authority(&target, request, fields);
    if (!target_is_sound(target, fields->path_is_empty))
        return malformed(request, "The request target is malformed; it must start with a slash.");
    request->path = take_until(&target, '?');
    if (fields->path_is_empty)
        request->path = text_of("/", 1);
    request->query = target;
    return 0;
}

static bool host_is_sound(struct http_text host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!is_alnum(host.data[i]) &&
            (host.data[i] == '\0' || !strchr("-._~%!$&'()*+;=:[]", host.data[i])))
            return false;
    return true;
}

static void read_connection(struct http_text list, struct fields *fields)
{
    struct http_text token;
    while (list_next(&list, &token)) {
        fields->connection_upgrade |= text_is_nocase(token, "upgrade");
        fields->connection_close |= text_is_nocase(token, "close");
        fields->connection_keep_alive |= text_is_nocase(token, "keep-alive");
    }
}

static void read_protocols(struct http_text list, struct http_request *request,
                           struct fields *fields)
{
    struct http_text token;
    bool any = false;
    request->protocols_offered = true;
    for (; list_next(&list, &token); any = true) {
        fields->protocols_bad |= !is_token(token);
        if (request->protocol != HTTP_PROTOCOL_NONE)
            continue;
        if (text_is(token, "tapehead.json"))
            request->protocol = HTTP_PROTOCOL_JSON;
        else if (text_is(token, "tapehead.msgpack"))
            request->protocol = HTTP_PROTOCOL_MSGPACK;
    }
    fields->protocols_bad |= !any; /* RFC 6455, 4.3: one at least */
}

static void read_upgrade(struct http_text list, struct fields *fields)
{
    struct http_text token;
    fields->upgrades++;
    while (list_next(&list, &token))
        fields->upgrade_websocket |= text_is_nocase(token, "websocket");
}

static void read_field(struct http_text name, struct http_text value, struct http_request *request,
                       struct fields *fields)
{
    if (text_is_nocase(name, "Host")) {
        fields->hosts++;
        if (!fields->host_in_target)
            request->host = value;
    } else if (text_is_nocase(name, "Origin")) {
        fields->origins++;
        request->origin = value;
    } else if (text_is_nocase(name, "Connection")) {
        read_connection(value, fields);
    } else if (text_is_nocase(name, "Upgrade")) {
        read_upgrade(value, fields);
    } else if (text_is_nocase(name, "Sec-WebSocket-Key")) {
        fields->keys++;
        request->websocket_key = value;
    } else if (text_is_nocase(name, "Sec-WebSocket-Version")) {
        fields->versions++;
        fields->version = value;
    } else if (text_is_nocase(name, "Sec-WebSocket-Protocol")) {
        read_protocols(value, request, fields);
    } else if (text_is_nocase(name, "Sec-WebSocket-Extensions")) {
        fields->extensions_bad |= !http_read_extensions(value, &request->deflate);
    } else if (text_is_nocase(name, "Content-Length")) {
        fields->content_lengths++;
        fields->content_length = value;
    } else if (text_is_nocase(name, "Transfer-Encoding")) {
        fields->transfer_encoding = true;
    }
}

static int parse_header(struct http_text line, struct http_request *request, struct fields *fields)
{
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return malformed(request, "A header is folded over two lines.");
    struct http_text value = line;
    struct http_text name = take_until(&value, ':');
    /* Without a colon the name is the whole line. A space before it is no token (RFC 9112, 5.1). */
    if (name.len == line.len || !is_token(name))
        return malformed(request, "A header line is malformed.");
    read_field(name, trim(value), request, fields);
    return 0;
}

/* Any doubt about where this request ends is a way to smuggle another (RFC 9112, 11.2). */
static int judge_framing(struct http_request *request, const struct fields *fields)
{
    if (fields->hosts > 1)
        return malformed(request, "Host is given more than once.");
    if (fields->hosts == 0 && fields->version_minor == 1)
        return malformed(request, "Host is missing.");
    if (!host_is_sound(request->host))
        return malformed(request, "Host is malformed.");
    if (fields->origins > 1)
        return malformed(request, "Origin is given more than once.");
    if (fields->content_lengths > 1)
        return malformed(request, "Content-Length is given more than once.");
    if (fields->transfer_encoding)
        return refuse(request, 413, "Transfer-Encoding announces a body.");
    if (fields->content_lengths == 0)
        return 0;
    bool zero = true;
    for (size_t i = 0; i < fields->content_length.len; i++) {
        if (!is_digit(fields->content_length.data[i]))
            return malformed(request, "Content-Length is malformed.");
        zero &= fields->content_length.data[i] == '0';
    }
    if (fields->content_length.len == 0)
        return malformed(request, "Content-Length is malformed.");
    return zero ? 0 : refuse(request, 413, "Content-Length announces a body.");
}

/* 24 characters of base64 that stand for 16 bytes: 22, then two of padding. */
static bool key_is_sound(struct http_text key)
{
    if (key.len != 24 || key.data[22] != '=' || key.data[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++)
        if (!is_alnum(key.data[i]) && key.data[i] != '+' && key.data[i] != '/')
            return false;
    return true;
}

static const char *upgrade_problem(const struct http_request *request, const struct fields *fields)
{
    if (request->head || fields->version_minor == 0)
        return "A WebSocket upgrade is a GET of HTTP/1.1.";
    if (fields->upgrades > 1)
        return "Upgrade is given more than once.";
    if (!fields->connection_upgrade)
        return "Connection does not name upgrade.";
    if (fields->versions != 1)
        return fields->versions ? "Sec-WebSocket-Version is given more than once."
                                : "Sec-WebSocket-Version is missing.";
    if (fields->keys != 1)
        return fields->keys ? "Sec-WebSocket-Key is given more than once."
                            : "Sec-WebSocket-Key is missing.";
    if (!key_is_sound(request->websocket_key))
        return "Sec-WebSocket-Key is not 16 bytes in base64.";
    if (fields->protocols_bad)
        return "Sec-WebSocket-Protocol is malformed.";
    if (fields->extensions_bad)
        return "Sec-WebSocket-Extensions is malformed.";
    return NULL;
}

static void judge_upgrade(struct http_request *request, const struct fields *fields)
{
    request->upgrade = HTTP_UPGRADE_NONE;
    if (!fields->upgrade_websocket)
        return;
    /* Before the rest: what another version makes of its key isn't ours to judge. */
    if (fields->versions == 1 && !text_is(fields->version, "13")) {
        request->upgrade = HTTP_UPGRADE_BAD_VERSION;
        request->problem = "Sec-WebSocket-Version is not 13.";
        return;
    }
    request->problem = upgrade_problem(request, fields);
    request->upgrade = request->problem ? HTTP_UPGRADE_BAD : HTTP_UPGRADE_OK;
}

int http_parse_request(const uint8_t *data, size_t len, size_t *scanned,
                       struct http_request *request)
{
    struct fields fields = {0};
    memset(request, 0, sizeof *request);
    int head_len = find_head(data, len, scanned);
    if (head_len == -400)
        return malformed(request, "The head holds a control byte, or a line end that is not CRLF.");
    if (head_len == -431)
        return refuse(request, 431, "The head is over 8192 bytes.");
    if (head_len == 0)
        return 0;

    struct http_text rest = text_of((const char *)data, (size_t)head_len - 2);
    struct http_text line = take_until(&rest, '\n');
    line.len--; /* its CR */
    int rc = parse_request_line(line, request, &fields);
    while (rc == 0 && rest.len > 0) {
        line = take_until(&rest, '\n');
        line.len--;
        rc = parse_header(line, request, &fields);
    }
    if (rc == 0)
        rc = judge_framing(request, &fields);
    if (rc < 0)
        return rc;
    judge_upgrade(request, &fields);
    request->keep_alive =
        !fields.connection_close && (fields.version_minor == 1 || fields.connection_keep_alive);
    return head_len;
}

bool http_path_is(const struct http_request *request, const char *path)
{
    return request->path.len == strlen(path) &&
           memcmp(request->path.data, path, request->path.len) == 0;
}
