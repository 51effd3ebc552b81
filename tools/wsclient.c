/* SPDX-License-Identifier: MIT */
#include "tools/wsclient.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "server/io/tls.h"
#include "tools/dial.h"
#include "tools/upgrade.h"
#include "tools/wsframe.h"
#include "tools/wsreader.h"

struct wsclient {
    int fd;
    struct tls_keys *trust; /* NULL in clear text, and so is tls */
    struct tls *tls;
    bool secured; /* its handshake is over */
    int timeout_ms;
    enum http_protocol protocol;
    bool closing; /* our close frame is out */
    struct wsreader reader;
    char reason[160];
};

enum {
    WSCLIENT_SMALL = 256, /* frames up to this are built on the stack */
    WSCLIENT_SEALED = 32 * 1024,
};

static int64_t deadline_in(int ms)
{
    return clock_mono_ns() + (int64_t)ms * 1000000;
}

static void random_bytes(void *out, size_t len)
{
    /* Up to 256 bytes come whole, and never fail once the system is up. */
    CHECK(getrandom(out, len, 0) == (ssize_t)len);
}

static int send_raw(const struct wsclient *client, const void *data, size_t len)
{
    int64_t deadline = deadline_in(client->timeout_ms);
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t sent = send(client->fd, at, len, MSG_NOSIGNAL);
        if (sent >= 0) {
            at += sent;
            len -= (size_t)sent;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        int ready = dial_wait(client->fd, POLLOUT, deadline);
        /* A frame that is begun is finished, signal or not. */
        if (ready == 0 || (ready < 0 && ready != -EINTR))
            return ready == 0 ? -ETIMEDOUT : ready;
    }
    return 0;
}

static bool securing(const struct wsclient *client)
{
    return !client->secured;
}

/* What TLS has to say of its own accord. */
static int send_rest(const struct wsclient *client)
{
    uint32_t len;
    const uint8_t *data = tls_rest(client->tls, &len);
    int result = len ? send_raw(client, data, len) : 0;
    if (len && result == 0)
        tls_sent(client->tls, len);
    return result;
}

static int send_all(const struct wsclient *client, const void *data, size_t len)
{
    uint8_t record[TLS_RECORD_MAX];
    int result = client->tls ? send_rest(client) : send_raw(client, data, len);
    for (const uint8_t *at = data; client->tls && result == 0 && len > 0;) {
        uint32_t piece = len < TLS_PLAIN_MAX ? (uint32_t)len : TLS_PLAIN_MAX;
        int sealed = tls_seal(client->tls, at, piece, record);
        result = sealed < 0 ? sealed : send_raw(client, record, (size_t)sealed);
        at += piece;
        len -= piece;
    }
    return result;
}

/* Opens the records just received into the reader. Returns the bytes of plaintext, or -errno. */
static int unseal(struct wsclient *client, const uint8_t *data, size_t len)
{
    int total = 0;
    tls_feed(client->tls, data, len);
    for (;;) {
        size_t size;
        uint8_t *room = wsreader_room(&client->reader, &size);
        int got = room ? tls_read(client->tls, room, size) : -ENOMEM;
        if (got < 0)
            return got;
        if (got == 0)
            break;
        wsreader_added(&client->reader, (size_t)got);
        total += got;
    }
    int result = send_rest(client);
    return result < 0 ? result : total;
}

/* Reads once into the reader. Returns 1, 0 past the deadline, or -errno; -ECONNRESET at the end of
 * the stream. */
static int receive(struct wsclient *client, int64_t deadline)
{
    size_t size;
    uint8_t *room = wsreader_room(&client->reader, &size), sealed[WSCLIENT_SEALED];
    if (!room)
        return -ENOMEM;
    for (;;) {
        ssize_t got = client->tls ? recv(client->fd, sealed, sizeof sealed, 0)
                                  : recv(client->fd, room, size, 0);
        if (got > 0 && client->tls) {
            int opened = unseal(client, sealed, (size_t)got);
            if (opened)
                return opened < 0 ? opened : 1;
            if (securing(client))
                return 1;
            continue; /* half a record, or one of TLS's own */
        }
        if (got > 0) {
            wsreader_added(&client->reader, (size_t)got);
            return 1;
        }
        if (got == 0)
            return -ECONNRESET;
        if (errno != EAGAIN)
            return -errno;
        int ready = dial_wait(client->fd, POLLIN, deadline);
        if (ready <= 0)
            return ready;
    }
}

/* Waits for the answer to the upgrade. What follows it stays in the reader. */
static int read_answer(struct wsclient *client, const char *key, enum http_protocol offered,
                       int64_t deadline, struct upgrade_answer *answer)
{
    for (;;) {
        struct wsreader *reader = &client->reader;
        int used = upgrade_read_answer((const char *)reader->buffer + reader->start,
                                       reader->end - reader->start, key, offered, answer);
        if (used > 0) {
            reader->start += (size_t)used;
            client->protocol = answer->protocol;
            return 0;
        }
        if (used < 0)
            return -EPROTO;
        int result = receive(client, deadline);
        if (result <= 0) {
            snprintf(answer->problem, sizeof answer->problem, "no answer to the upgrade: %s",
                     strerror(result == 0 ? ETIMEDOUT : -result));
            return result == 0 ? -ETIMEDOUT : result;
        }
    }
}

/* Returns 0, or -errno with the reason in `problem`. */
static int secure(struct wsclient *client, const struct url *url, const char *authorities,
                  char *problem, size_t problem_size)
{
    int64_t deadline = deadline_in(client->timeout_ms);
    int result = tls_trust_load(&client->trust, authorities, problem, problem_size);
    if (result < 0)
        return result;
    client->tls = tls_call(client->trust, url->host);
    result = client->tls ? send_rest(client) : -ENOMEM;
    while (result >= 0 && !tls_is_open(client->tls)) {
        result = receive(client, deadline);
        result = result == 0 ? -ETIMEDOUT : result;
    }
    client->secured = result >= 0;
    if (result < 0)
        snprintf(problem, problem_size, "TLS: %s",
                 result == -EPROTO ? tls_problem(client->tls) : strerror(-result));
    return result < 0 ? result : 0;
}

static int upgrade(struct wsclient *client, const struct url *url, enum http_protocol offered,
                   struct upgrade_answer *answer)
{
    uint8_t random[16];
    char key[UPGRADE_KEY_LEN + 1];
    char request[UPGRADE_REQUEST_MAX];
    random_bytes(random, sizeof random);
    upgrade_key(random, key);
    size_t len = upgrade_write_request(request, url, key, offered);
    int result = send_all(client, request, len);
    if (result < 0) {
        snprintf(answer->problem, sizeof answer->problem, "%s", strerror(-result));
        return result;
    }
    return read_answer(client, key, offered, deadline_in(client->timeout_ms), answer);
}

static int refuse(struct wsclient_refusal *refusal, int result, const char *url, const char *why)
{
    snprintf(refusal->problem, sizeof refusal->problem, "can't connect to %s: %s", url, why);
    return result;
}

int wsclient_connect(struct wsclient **out, const struct wsclient_config *config,
                     struct wsclient_refusal *refusal)
{
    struct url url;
    char error[160] = "";
    *refusal = (struct wsclient_refusal){.retry_after_s = -1};
    int result = url_parse(config->url, &url, refusal->problem, sizeof refusal->problem);
    if (result < 0)
        return result;
    struct wsclient *client = calloc(1, sizeof *client);
    if (!client)
        return refuse(refusal, -ENOMEM, config->url, strerror(ENOMEM));
    client->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : 10000;
    client->fd = -1;
    result = wsreader_init(&client->reader, config->buffer_size ? config->buffer_size : 16384,
                           config->message_max ? config->message_max : 16 << 20);
    if (result < 0) {
        refuse(refusal, result, config->url, strerror(ENOMEM));
        goto fail;
    }
    result =
        dial(&url, deadline_in(client->timeout_ms), config->receive_buffer, error, sizeof error);
    if (result < 0) {
        refuse(refusal, result, config->url, error);
        goto fail;
    }
    client->fd = result;
    result = url.secure ? secure(client, &url, config->authorities, error, sizeof error) : 0;
    if (result < 0) {
        refuse(refusal, result, config->url, error);
        goto fail;
    }
    struct upgrade_answer answer = {.retry_after_s = -1};
    result = upgrade(client, &url, config->protocol, &answer);
    if (result < 0) {
        refusal->status = answer.status;
        refusal->retry_after_s = answer.retry_after_s;
        refuse(refusal, result, config->url, answer.problem);
        goto fail;
    }
    *out = client;
    return 0;
fail:
    wsclient_destroy(client);
    return result;
}

int wsclient_send(struct wsclient *client, enum ws_opcode opcode, const void *data, size_t len)
{
    uint8_t small[WSCLIENT_SMALL + WSFRAME_CLIENT_MAX];
    uint8_t *frame = len <= WSCLIENT_SMALL ? small : malloc(len + WSFRAME_CLIENT_MAX);
    if (!frame)
        return -ENOMEM;
    uint32_t mask;
    random_bytes(&mask, sizeof mask);
    int result = send_all(client, frame, wsframe_write(frame, opcode, data, len, mask));
    if (frame != small)
        free(frame);
    return result;
}

static int send_close(struct wsclient *client, uint16_t code)
{
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (client->closing)
        return 0;
    client->closing = true;
    return wsclient_send(client, WS_CLOSE, payload,
                         code == WS_CLOSE_NO_STATUS ? 0 : sizeof payload);
}

static void lose(struct wsclient *client, struct wsclient_event *event, const char *reason)
{
    snprintf(client->reason, sizeof client->reason, "%s", reason);
    *event = (struct wsclient_event){
        .kind = WSCLIENT_LOST, .code = event->code, .reason = client->reason};
}

static void take_close(struct wsclient *client, const struct wsreader_event *in,
                       struct wsclient_event *event)
{
    size_t len = in->len < sizeof client->reason - 1 ? in->len : sizeof client->reason - 1;
    for (size_t i = 0; i < len; i++)
        client->reason[i] = in->data[i] >= ' ' && in->data[i] <= '~' ? (char)in->data[i] : '?';
    client->reason[len] = 0;
    /* The server closes the connection once it has this (RFC 6455, 5.5.1); whether it does is no
     * matter any more. */
    (void)send_close(client, in->code);
    *event = (struct wsclient_event){
        .kind = WSCLIENT_CLOSED, .code = in->code, .reason = client->reason};
}

/* Turns what the reader found into an event. Returns whether there is one for the caller. */
static bool take(struct wsclient *client, const struct wsreader_event *in,
                 struct wsclient_event *event)
{
    *event = (struct wsclient_event){
        .opcode = in->opcode, .code = in->code, .data = in->data, .len = in->len};
    if (in->kind == WSREADER_MESSAGE) {
        event->kind = WSCLIENT_MESSAGE;
        return true;
    }
    if (in->kind == WSREADER_ERROR) {
        (void)send_close(client, in->code);
        lose(client, event, in->reason);
        return true;
    }
    if (in->opcode == WS_CLOSE) {
        take_close(client, in, event);
        return true;
    }
    event->kind = WSCLIENT_PONG;
    if (in->opcode == WS_PONG)
        return true;
    int result = client->closing ? 0 : wsclient_send(client, WS_PONG, in->data, in->len);
    if (result < 0)
        lose(client, event, strerror(-result));
    return result < 0;
}

void wsclient_next(struct wsclient *client, int timeout_ms, struct wsclient_event *event)
{
    int64_t deadline = deadline_in(timeout_ms);
    for (;;) {
        struct wsreader_event in;
        wsreader_next(&client->reader, &in);
        if (in.kind != WSREADER_MORE) {
            if (take(client, &in, event))
                return;
            continue;
        }
        int result = receive(client, deadline);
        *event = (struct wsclient_event){.kind = WSCLIENT_NONE};
        if (result == 0 || result == -EINTR)
            return;
        if (result < 0) {
            lose(client, event,
                 result == -ECONNRESET ? "the connection was cut" : strerror(-result));
            return;
        }
    }
}

int wsclient_fd(const struct wsclient *client)
{
    return client->fd;
}

enum http_protocol wsclient_protocol(const struct wsclient *client)
{
    return client->protocol;
}

void wsclient_close(struct wsclient *client, uint16_t code, int timeout_ms)
{
    int64_t deadline = deadline_in(timeout_ms);
    struct wsclient_event event = {.kind = WSCLIENT_NONE};
    if (send_close(client, code) == 0)
        while (event.kind != WSCLIENT_CLOSED && event.kind != WSCLIENT_LOST) {
            int64_t left = deadline - clock_mono_ns();
            if (left <= 0)
                break;
            wsclient_next(client, (int)(left / 1000000) + 1, &event);
        }
    wsclient_destroy(client);
}

void wsclient_destroy(struct wsclient *client)
{
    if (!client)
        return;
    if (client->fd >= 0)
        close(client->fd);
    tls_free(client->tls);
    tls_keys_free(client->trust);
    wsreader_finish(&client->reader);
    free(client);
}
