/* SPDX-License-Identifier: MIT */
#include "bench/caller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/catalog.h"
#include "feed/clock.h"
#include "server/wire/ws.h"

/* The answer to the key that every caller sends (RFC 6455, 1.3). */
#define ACCEPTED "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* ---- opening ---- */

/* Ports run out at some 28,000 connections an address: callers spread over several. */
static int bind_source(int fd, const struct calls *calls, uint32_t number)
{
    if (!calls->sources)
        return 0;
    int on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET,
                                 .sin_addr.s_addr =
                                     htonl(INADDR_LOOPBACK + 1 + number % calls->sources)};
    /* The port is then chosen at connect, and must only be free towards this server. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(fd, (struct sockaddr *)&source, sizeof source) < 0 ? -errno : 0;
}

int caller_open(struct calls *calls, struct caller *caller, int64_t now_ns)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int size = (int)calls->receive_buffer;
    if (size)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    int rc = bind_source(fd, calls, caller->number);
    if (rc == 0 && connect(fd, (struct sockaddr *)&calls->server, sizeof calls->server) < 0 &&
        errno != EINPROGRESS)
        rc = -errno;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    caller->fd = fd;
    caller->state = CALLER_CONNECTING;
    caller->greeted = false;
    caller->tail_len = 0;
    caller->since_ns = now_ns;
    return 0;
}

static enum caller_news send_whole(struct caller *caller, const void *data, size_t len)
{
    return send(caller->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len ? CALLER_NOTHING
                                                                     : CALLER_ENDED;
}

/* What TLS has to say of its own accord. */
static enum caller_news send_rest(struct caller *caller)
{
    uint32_t len;
    const uint8_t *data = tls_rest(caller->tls, &len);
    if (!len)
        return CALLER_NOTHING;
    if (send_whole(caller, data, len) == CALLER_ENDED)
        return CALLER_ENDED;
    tls_sent(caller->tls, len);
    return CALLER_NOTHING;
}

enum caller_news caller_connected(struct calls *calls, struct caller *caller)
{
    int error = 0, on = 1;
    socklen_t len = sizeof error;
    getsockopt(caller->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error)
        return CALLER_ENDED;
    setsockopt(caller->fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    int64_t now = clock_wall_ns();
    curve_add(&calls->ledger->connect, now - caller->since_ns);
    caller->since_ns = now;
    caller->state = CALLER_UPGRADING;
    if (!calls->trust)
        return CALLER_CONNECTED;
    caller->state = CALLER_SECURING;
    caller->tls = tls_call(calls->trust, calls->host);
    if (!caller->tls || send_rest(caller) == CALLER_ENDED)
        return CALLER_ENDED;
    return CALLER_SECURES;
}

enum caller_news caller_send(struct caller *caller, const void *data, size_t len)
{
    uint8_t record[TLS_RECORD_MAX];
    if (!caller->tls)
        return send_whole(caller, data, len);
    int sealed = tls_seal(caller->tls, data, (uint32_t)len, record);
    if (sealed < 0 || send_whole(caller, record, (size_t)sealed) == CALLER_ENDED)
        return CALLER_ENDED;
    return CALLER_NOTHING;
}

void caller_cut(struct caller *caller)
{
    struct linger reset = {.l_onoff = 1};
    setsockopt(caller->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(caller->fd);
    free(caller->tail);
    tls_free(caller->tls);
    caller->tls = NULL;
    caller->tail = NULL;
    caller->tail_len = caller->tail_size = 0;
    caller->fd = -1;
    caller->state = CALLER_IDLE;
}

/* ---- reading ---- */

/* Returns the length of the answer's head, 0 when it isn't whole, -1 when it isn't a welcome. */
static ssize_t take_answer(struct calls *calls, struct caller *caller, const uint8_t *data,
                           size_t len)
{
    const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);
    if (!end)
        return len > 4096 ? -1 : 0;
    size_t head = (size_t)(end - data) + 4;
    if (memcmp(data, "HTTP/1.1 101", 12) != 0 || !memmem(data, head, ACCEPTED, sizeof ACCEPTED - 1))
        return -1;
    curve_add(&calls->ledger->handshake, clock_wall_ns() - caller->since_ns);
    caller->state = CALLER_OPEN;
    return (ssize_t)head;
}

static void take_tick(struct calls *calls, struct caller *caller, const struct message *message,
                      int64_t now_ns)
{
    uint32_t symbol = catalog_find(calls->catalog, message->symbol, message->symbol_len);
    if (symbol == CATALOG_NONE) {
        counter_add(&calls->ledger->stray, 1);
        return;
    }
    if (message->kind == MESSAGE_SNAPSHOT && !caller->greeted) {
        caller->greeted = true;
        curve_add(&calls->ledger->snapshot, now_ns - caller->since_ns);
    }
    if (calls->measuring && message->kind != MESSAGE_GAP && !caller->pairs.slow) {
        counter_add(&calls->ledger->arrived, 1);
        counter_add(&calls->account->slice->arrived, 1);
    }
    account_message(calls->account, &caller->pairs, message, symbol, now_ns);
}

static void take_message(struct calls *calls, struct caller *caller, const struct message *message,
                         int64_t now_ns)
{
    switch (message->kind) {
    case MESSAGE_TRADE:
    case MESSAGE_SNAPSHOT:
    case MESSAGE_GAP: take_tick(calls, caller, message, now_ns); break;
    case MESSAGE_ERROR: counter_add(&calls->ledger->errors, 1); break;
    case MESSAGE_BROKEN: counter_add(&calls->ledger->broken, 1); break;
    case MESSAGE_OTHER: break;
    }
}

static void take_payload(struct calls *calls, struct caller *caller, uint8_t opcode,
                         const uint8_t *data, size_t len, int64_t now_ns)
{
    struct message message;
    size_t taken = len;
    do {
        if (calls->wrapped)
            taken = scan_line(data, len, &message);
        else if (opcode == WS_BINARY)
            scan_msgpack(data, len, &message);
        else
            scan_json(data, len, &message);
        take_message(calls, caller, &message, now_ns);
        data += taken;
        len -= taken;
    } while (len);
}

/* A client's frames are masked; a mask of zeros leaves the bytes as they are (RFC 6455, 5.3). */
static enum caller_news answer_ping(struct caller *caller, const uint8_t *data, size_t len)
{
    uint8_t frame[6 + 125] = {0x80 | WS_PONG, (uint8_t)(0x80 | len)};
    memcpy(frame + 6, data, len);
    return caller_send(caller, frame, 6 + len);
}

static enum caller_news take_frame(struct calls *calls, struct caller *caller, uint8_t first,
                                   const uint8_t *data, size_t len, int64_t now_ns)
{
    uint8_t opcode = first & 0x0f;
    if (first & WS_DEFLATED) {
        struct bytes *out = &calls->inflated;
        out->len = 0;
        if (!calls->inflate || inflate_message(calls->inflate, data, len, CALLS_BUFFER, out) < 0) {
            counter_add(&calls->ledger->broken, 1);
            return CALLER_ENDED;
        }
        first &= (uint8_t)~WS_DEFLATED;
        data = out->data;
        len = out->len;
    }
    if (first == (0x80 | WS_TEXT) || first == (0x80 | WS_BINARY)) {
        take_payload(calls, caller, opcode, data, len, now_ns);
        return CALLER_NOTHING;
    }
    if (opcode == WS_PING && len <= 125)
        return answer_ping(caller, data, len);
    if (opcode == WS_PONG)
        return CALLER_NOTHING;
    if (opcode == WS_CLOSE)
        counter_set(&calls->ledger->close_code,
                    len >= 2 ? (uint64_t)(data[0] << 8 | data[1]) : 1005);
    else
        counter_add(&calls->ledger->broken, 1);
    return CALLER_ENDED;
}

/* The length of a frame's header and payload, 0 when not even the header is whole. */
static inline size_t frame_len(const uint8_t *at, size_t left, size_t *header)
{
    if (left < 2)
        return 0;
    size_t len = at[1] & 0x7f;
    *header = 2;
    if (len < 126)
        return 2 + len;
    *header = len == 126 ? 4 : 10;
    if (left < *header)
        return 0;
    len = 0;
    for (size_t i = 2; i < *header; i++)
        len = len << 8 | at[i];
    return *header + len;
}

/* Walks the whole frames. Returns the bytes taken. */
static size_t walk(struct calls *calls, struct caller *caller, const uint8_t *data, size_t len,
                   enum caller_news *news)
{
    int64_t now_ns = clock_wall_ns();
    size_t at = 0;
    while (*news != CALLER_ENDED) {
        size_t header, frame = frame_len(data + at, len - at, &header);
        if (!frame || frame > len - at)
            break;
        enum caller_news heard =
            take_frame(calls, caller, data[at], data + at + header, frame - header, now_ns);
        if (heard != CALLER_NOTHING)
            *news = heard;
        at += frame;
    }
    return at;
}

/* Keeps what is left over until more comes. */
static enum caller_news keep(struct caller *caller, const uint8_t *data, size_t len)
{
    if (len > CALLS_BUFFER / 2)
        return CALLER_ENDED;
    if (len > caller->tail_size) {
        uint8_t *bigger = realloc(caller->tail, len < 512 ? 512 : len);
        if (!bigger)
            return CALLER_ENDED;
        caller->tail = bigger;
        caller->tail_size = (uint32_t)(len < 512 ? 512 : len);
    }
    if (len)
        memcpy(caller->tail, data, len);
    caller->tail_len = (uint32_t)len;
    return CALLER_NOTHING;
}

static enum caller_news act(struct calls *calls, struct caller *caller, const uint8_t *data,
                            size_t len)
{
    enum caller_news news = CALLER_NOTHING;
    if (caller->state == CALLER_UPGRADING) {
        ssize_t head = take_answer(calls, caller, data, len);
        if (head < 0)
            return CALLER_ENDED;
        if (head > 0)
            news = CALLER_UPGRADED;
        data += head;
        len -= (size_t)head;
    }
    if (caller->state == CALLER_OPEN) {
        size_t taken = walk(calls, caller, data, len, &news);
        data += taken;
        len -= taken;
    }
    if (news == CALLER_ENDED || keep(caller, data, len) == CALLER_ENDED)
        return CALLER_ENDED;
    return news;
}

/* Behind `before` bytes of the buffer; plaintext takes no more room than its records did. Returns
 * its length, or -1. */
static ssize_t unseal(struct calls *calls, struct caller *caller, size_t before, size_t len)
{
    size_t at = before;
    int n;
    tls_feed(caller->tls, calls->sealed, len);
    while ((n = tls_read(caller->tls, calls->buffer + at, CALLS_BUFFER - at)) > 0)
        at += (size_t)n;
    if (n < 0 || send_rest(caller) == CALLER_ENDED)
        return -1;
    return (ssize_t)(at - before);
}

enum caller_news caller_read(struct calls *calls, struct caller *caller, size_t max)
{
    size_t before = caller->tail_len;
    if (max > CALLS_BUFFER - before)
        max = CALLS_BUFFER - before;
    if (before)
        memcpy(calls->buffer, caller->tail, before);
    uint8_t *into = caller->tls ? calls->sealed : calls->buffer + before;
    ssize_t n = recv(caller->fd, into, max, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return CALLER_NOTHING;
    if (n <= 0)
        return CALLER_ENDED;
    counter_add(&calls->ledger->reads, 1);
    if (calls->measuring)
        counter_add(&calls->ledger->bytes, (uint64_t)n);
    bool securing = caller->state == CALLER_SECURING;
    if (caller->tls)
        n = unseal(calls, caller, before, (size_t)n);
    if (n < 0)
        return CALLER_ENDED;
    if (securing && tls_is_open(caller->tls)) {
        caller->state = CALLER_UPGRADING;
        return CALLER_CONNECTED;
    }
    if (securing || !n)
        return CALLER_NOTHING;
    return act(calls, caller, calls->buffer, before + (size_t)n);
}
