/* SPDX-License-Identifier: MIT */
/* inbound: see inbound.h. */
#include "server/inbound.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "server/echo.h"
#include "server/endpoints.h"
#include "server/session.h"
#include "server/worker.h"

enum {
    ECHO_MESSAGES = 4,
    DISCARD_MAX = 1024 * 1024, /* of what comes after the last that is acted on */
    INFLATED_KEPT = 64 * 1024, /* of the worker's buffer, between messages */
    TLS_HANDSHAKE = 0x16,      /* the first byte of a TLS client; of no HTTP request */
};

static bool keep_input(struct worker *worker, struct client *client, const uint8_t *data,
                       size_t len)
{
    size_t before = client->inbox.cap;
    bytes_append(&client->inbox, data, len);
    worker->inbox_used += client->inbox.cap - before;
    return !client->inbox.failed && worker->inbox_used <= worker->cluster->config->inbox_budget;
}

static void answer_control(struct worker *worker, uint32_t index, const struct ws_event *event)
{
    uint8_t frame[WS_HEADER_MAX + 125];
    switch (event->opcode) {
    case WS_PING: {
        if (!session_takes_ping(worker, index))
            break;
        size_t header = ws_write_header(frame, WS_PONG, event->len);
        memcpy(frame + header, event->data, event->len);
        if (!fanout_control(&worker->fanout, index, frame, (uint32_t)(header + event->len)))
            client_abort(worker, index, CLOSED_CONTROL);
        break;
    }
    case WS_CLOSE:
        /* RFC 6455, 5.5.1: the answer typically echoes the code. */
        client_close(worker, index, CLOSED_BY_PEER, event->code, NULL);
        break;
    default: break; /* a pong: it was heard, which is all it is for */
    }
}

/* A whole message, inflated. */
static void take_message(struct worker *worker, uint32_t index, uint8_t opcode, const uint8_t *data,
                         size_t len)
{
    if (worker->clients[index].echo)
        echo_message(worker, index, opcode, data, len);
    else
        session_message(worker, index, data, len);
}

static void take_deflated(struct worker *worker, uint32_t index, uint8_t opcode,
                          const uint8_t *data, size_t len)
{
    struct bytes *out = &worker->inflated;
    struct utf8 utf8 = {0};
    out->len = 0;
    int rc = inflate_message(worker->inflate, data, len, worker->cluster->config->max_message_bytes,
                             out);
    if (rc == -EMSGSIZE)
        client_close(worker, index, CLOSED_PROTOCOL, WS_CLOSE_TOO_BIG, "message too big");
    else if (rc == -ENOMEM)
        client_close(worker, index, CLOSED_LIMIT, WS_CLOSE_TRY_LATER, "out of memory");
    else if (rc < 0)
        client_close(worker, index, CLOSED_PROTOCOL, WS_CLOSE_BAD_DATA,
                     "message is not deflated data");
    else if (opcode == WS_TEXT && (!utf8_feed(&utf8, out->data, out->len) || !utf8_complete(&utf8)))
        client_close(worker, index, CLOSED_PROTOCOL, WS_CLOSE_BAD_DATA, "text is not UTF-8");
    else
        take_message(worker, index, opcode, out->data, out->len);
    if (out->failed || out->cap > INFLATED_KEPT) {
        bytes_finish(out);
        *out = (struct bytes){0};
    }
}

static bool takes_opcode(struct worker *worker, uint32_t index, uint8_t opcode)
{
    bool msgpack = encode_is_msgpack(worker->fanout.subscribers[index].format);
    if (worker->clients[index].echo || opcode == (msgpack ? WS_BINARY : WS_TEXT))
        return true;
    client_close(worker, index, CLOSED_PROTOCOL, WS_CLOSE_UNSUPPORTED,
                 msgpack ? "tapehead.msgpack takes binary messages"
                         : "tapehead.json takes text messages");
    return false;
}

static void take_data(struct worker *worker, uint32_t index, const struct ws_event *event)
{
    struct client *client = &worker->clients[index];
    const uint8_t *data = event->data;
    size_t len = event->len;
    if (!takes_opcode(worker, index, event->opcode))
        return;
    if (!event->fin || client->inbox.len) {
        if (!keep_input(worker, client, data, len)) {
            client_close(worker, index, CLOSED_LIMIT, WS_CLOSE_TRY_LATER,
                         "too many unfinished messages");
            return;
        }
        data = client->inbox.data;
        len = client->inbox.len;
    }
    if (!event->fin)
        return;
    if (event->deflated)
        take_deflated(worker, index, event->opcode, data, len);
    else
        take_message(worker, index, event->opcode, data, len);
    if (client->state != CLIENT_GONE)
        client_free_inbox(worker, client);
}

/* Frames that are no command cost their sender no more than a few bytes: pongs, or pieces of a
 * message without anything in them. Returns whether the client stays. */
static bool count_frames(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    const struct config *config = worker->cluster->config;
    int64_t second = worker->now_ms / 1000;
    if (client->frames_second != second) {
        client->frames_second = second;
        client->frames_before = client->parser.frames;
    }
    /* Commands and pings have a limit of their own. */
    if (client->echo || client->parser.frames - client->frames_before <=
                            config->max_frames + 2 * config->max_commands)
        return true;
    client_close(worker, index, CLOSED_LIMIT, WS_CLOSE_TOO_MANY, "too many frames");
    return false;
}

static void take_frames(struct worker *worker, uint32_t index, uint8_t *data, size_t len)
{
    struct client *client = &worker->clients[index];
    while (client->state == CLIENT_OPEN) {
        struct ws_event event;
        size_t used = ws_parse(&client->parser, data, len, &event);
        data += used;
        len -= used;
        if (event.kind != WS_ERROR && !count_frames(worker, index))
            return;
        switch (event.kind) {
        case WS_NEED_MORE: return;
        case WS_DATA: take_data(worker, index, &event); break;
        case WS_CONTROL: answer_control(worker, index, &event); break;
        case WS_ERROR:
            client_close(worker, index, CLOSED_PROTOCOL, event.code, event.reason);
            break;
        }
    }
}

/* Answers an error and closes. */
static void refuse(struct worker *worker, uint32_t index, enum close_reason reason, int status,
                   const char *sentence, const char *extra)
{
    endpoints_refuse(worker, status, sentence, extra);
    client_answer(worker, index);
    if (worker->clients[index].state == CLIENT_HTTP)
        client_begin_closing(worker, index, reason);
}

static bool text_is(struct http_text text, const char *other, size_t len)
{
    return text.len == len && strncasecmp(text.data, other, len) == 0;
}

/* A browser says which site the page is from that connects (RFC 6455, 10.2): this server's own, or
 * one of --allow-origin. Others don't say, and may. */
static bool origin_is_allowed(const struct config *config, const struct http_request *request)
{
    struct http_text origin = request->origin;
    if (!origin.len)
        return true;
    for (size_t i = 0; i < config->origins_count; i++)
        if (strcmp(config->origins[i], "*") == 0 ||
            text_is(origin, config->origins[i], strlen(config->origins[i])))
            return true;
    size_t scheme = origin.len > 8 && strncasecmp(origin.data, "https://", 8) == 0  ? 8
                    : origin.len > 7 && strncasecmp(origin.data, "http://", 7) == 0 ? 7
                                                                                    : 0;
    return scheme && text_is(request->host, origin.data + scheme, origin.len - scheme);
}

static void upgrade(struct worker *worker, uint32_t index, const struct http_request *request)
{
    struct client *client = &worker->clients[index];
    const struct config *config = worker->cluster->config;
    bool echo = config->enable_echo && http_path_is(request, "/echo");
    if (!echo && !http_path_is(request, "/ws") && !http_path_is(request, "/")) {
        refuse(worker, index, CLOSED_PROTOCOL, 404, "WebSocket is spoken at /ws", NULL);
        return;
    }
    if (request->upgrade == HTTP_UPGRADE_BAD_VERSION) {
        refuse(worker, index, CLOSED_PROTOCOL, 426, "Sec-WebSocket-Version must be 13",
               "Sec-WebSocket-Version: 13\r\nConnection: upgrade\r\nUpgrade: websocket\r\n");
        return;
    }
    if (request->upgrade == HTTP_UPGRADE_BAD || request->head) {
        refuse(worker, index, CLOSED_PROTOCOL, 400,
               request->problem ? request->problem : "not a WebSocket upgrade", NULL);
        return;
    }
    if (!origin_is_allowed(config, request)) {
        refuse(worker, index, CLOSED_ORIGIN, 403, "pages of this origin may not connect", NULL);
        return;
    }
    char head[HTTP_ANSWER_HEAD_MAX];
    enum http_deflate deflate = config->no_deflate ? HTTP_DEFLATE_NONE : request->deflate;
    size_t len = http_write_upgrade(head, request->websocket_key, request->protocol, deflate);
    client->state = CLIENT_OPEN;
    client->websocket = true;
    client->echo = echo;
    counter_add(&worker->metrics->websockets, 1);
    struct subscriber *sub = &worker->fanout.subscribers[index];
    sub->format = request->protocol == HTTP_PROTOCOL_MSGPACK ? ENCODE_MSGPACK : ENCODE_JSON;
    sub->format += deflate ? ENCODE_DEFLATED : 0;
    sub->lane_max = worker->fanout.config.control_bytes_max;
    ws_parser_init(&client->parser, config->max_message_bytes);
    client->parser.deflate = deflate;
    fanout_control(&worker->fanout, index, head, (uint32_t)len);
    if (echo) /* what came at once is echoed at once */
        sub->lane_max += (uint32_t)(ECHO_MESSAGES * config->max_message_bytes);
    else
        session_open(worker, index, request->query);
    if (client->state == CLIENT_OPEN)
        client_arm(worker, index);
}

static void take_request(struct worker *worker, uint32_t index, const struct http_request *request)
{
    struct client *client = &worker->clients[index];
    counter_add(&worker->metrics->requests, 1);
    if (client->refused) {
        bool address = client->refused == 429;
        refuse(worker, index, address ? CLOSED_ADDRESS : CLOSED_REFUSED, client->refused,
               address ? "as many connections as one address may have"
                       : "as many connections as this server takes",
               "Retry-After: 5\r\n");
        return;
    }
    if (request->upgrade != HTTP_UPGRADE_NONE) {
        upgrade(worker, index, request);
        return;
    }
    if (session_count(worker, index) > worker->cluster->config->max_commands) {
        refuse(worker, index, CLOSED_LIMIT, 429,
               "as many requests a second as a connection may make", "Retry-After: 1\r\n");
        return;
    }
    endpoints_answer(worker, request);
    client_answer(worker, index);
    if (client->state != CLIENT_HTTP)
        return;
    client->since_ms = worker->now_ms;
    if (!request->keep_alive)
        client_begin_closing(worker, index, CLOSED_DONE);
}

static void refuse_status(struct worker *worker, uint32_t index, int status, const char *problem)
{
    const char *extra = status == 405 ? "Allow: GET, HEAD\r\n" : NULL;
    refuse(worker, index, CLOSED_PROTOCOL, status, problem ? problem : http_status_text(status),
           extra);
}

/* Whoever speaks TLS to a port that doesn't is told so in TLS: a fatal alert (RFC 8446, 6.2). */
static void refuse_tls(struct worker *worker, uint32_t index)
{
    static const uint8_t handshake_failure[] = {0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28};
    fanout_control(&worker->fanout, index, handshake_failure, sizeof handshake_failure);
    client_begin_closing(worker, index, CLOSED_PROTOCOL);
}

/* Takes one request off `data`; returns the bytes used. What is left over is another, or an
 * unfinished one, or frames after an upgrade. */
static size_t take_one_request(struct worker *worker, uint32_t index, const uint8_t *data,
                               size_t len)
{
    struct client *client = &worker->clients[index];
    struct http_request request = {0};
    int n = http_parse_request(data, len, &client->scanned, &request);
    if (n == 0)
        return 0;
    client->scanned = 0;
    if (n > 0)
        take_request(worker, index, &request);
    else if (!client->tls && data[0] == TLS_HANDSHAKE)
        refuse_tls(worker, index);
    else
        refuse_status(worker, index, -n, request.problem);
    return n > 0 ? (size_t)n : len;
}

static void take_input(struct worker *worker, uint32_t index, uint8_t *data, size_t len)
{
    struct client *client = &worker->clients[index];
    if (client->state == CLIENT_OPEN) {
        take_frames(worker, index, data, len);
        return;
    }
    if (client->inbox.len) {
        if (!keep_input(worker, client, data, len)) {
            client_abort(worker, index, CLOSED_LIMIT);
            return;
        }
        data = client->inbox.data;
        len = client->inbox.len;
    }
    /* The inbox is taken over, so that what an upgrade leaves behind can go through it. */
    struct bytes held = client->inbox;
    client->inbox = (struct bytes){0};
    size_t used = take_one_request(worker, index, data, len);
    client->input.rest = used > 0 && used < len;
    if (client->state == CLIENT_OPEN)
        take_frames(worker, index, data + used, len - used);
    else if (client->state == CLIENT_HTTP && used < len &&
             !keep_input(worker, client, data + used, len - used))
        client_abort(worker, index, CLOSED_LIMIT);
    worker->inbox_used -= held.cap;
    bytes_finish(&held);
}

static void input_ended(struct worker *worker, uint32_t index, int32_t result)
{
    struct client *client = &worker->clients[index];
    if (client->state == CLIENT_GONE)
        client_free_if_done(worker, index);
    else if (client->state != CLIENT_CLOSING || result < 0)
        client_abort(worker, index, result < 0 ? CLOSED_BROKEN : CLOSED_BY_PEER);
    /* CLOSING with the input at its end: what is left is still sent, client_linger() then ends it
     */
}

static bool takes_input(const struct client *client)
{
    return client->state == CLIENT_HTTP || client->state == CLIENT_OPEN;
}

static void take_sealed(struct worker *worker, uint32_t index, const uint8_t *data, size_t len)
{
    struct client *client = &worker->clients[index];
    int n = 0;
    tls_feed(client->tls, data, len);
    while (takes_input(client) && (n = tls_read(client->tls, worker->plain, TLS_PLAIN_MAX)) > 0)
        take_input(worker, index, worker->plain, (size_t)n);
    tls_feed(client->tls, NULL, 0);
    if (n == -ECONNRESET)
        input_ended(worker, index, 0);
    else if (n < 0 && takes_input(client))
        client_begin_closing(worker, index, CLOSED_TLS);
    if (client->state != CLIENT_GONE && tls_waits(client->tls))
        fanout_mark_dirty(&worker->fanout, index);
}

static void enqueue(struct worker *worker, uint32_t index)
{
    struct input *input = &worker->clients[index].input;
    input->waits = true;
    input->next = SOCKET_NONE;
    input->previous = worker->inputs_last;
    if (input->previous == SOCKET_NONE)
        worker->inputs_first = index;
    else
        worker->clients[input->previous].input.next = index;
    worker->inputs_last = index;
}

/* Returns what waited of it. */
static struct input dequeue(struct worker *worker, uint32_t index)
{
    struct input input = worker->clients[index].input;
    if (input.previous == SOCKET_NONE)
        worker->inputs_first = input.next;
    else
        worker->clients[input.previous].input.next = input.next;
    if (input.next == SOCKET_NONE)
        worker->inputs_last = input.previous;
    else
        worker->clients[input.next].input.previous = input.previous;
    worker->clients[index].input = (struct input){.result = input.result};
    return input;
}

static void recycle(struct worker *worker, const struct input *input)
{
    io_recycle(worker->io, &(struct io_event){.data = input->data, .buffer = input->buffer});
}

void inbound_received(struct worker *worker, uint32_t index, const struct io_event *event)
{
    struct client *client = &worker->clients[index];
    if (client->state == CLIENT_GONE) {
        io_recycle(worker->io, event);
        client->receiving = false;
        client_free_if_done(worker, index);
        return;
    }
    client->input =
        (struct input){.data = event->data, .result = event->result, .buffer = event->buffer};
    if (event->result > 0) {
        counter_add(&worker->metrics->bytes_received, (uint64_t)event->result);
        client->heard_ms = worker->now_ms;
        client->pinged = false;
    }
    enqueue(worker, index);
}

/* Whether the stream goes on. Whoever is told goodbye is read on, so that what it still sends
 * doesn't reset the connection before it has read that; but not without end. */
static bool is_passing(struct client *client, int32_t result)
{
    if (!takes_input(client) && result > 0)
        client->discarded += (uint32_t)result;
    return (result > 0 || result == -ENOBUFS) && client->discarded < DISCARD_MAX;
}

/* What comes next of the client: the rest of what came, more, or its end. */
static void go_on(struct worker *worker, uint32_t index, int32_t result)
{
    struct client *client = &worker->clients[index];
    if (!is_passing(client, result) || client->state == CLIENT_GONE) {
        client->receiving = false;
        input_ended(worker, index, result);
    } else if (client->input.rest && client->state == CLIENT_HTTP) {
        enqueue(worker, index);
    } else if (takes_input(client)) {
        io_receive(worker->io, client->socket, client_token(worker, index));
    } else {
        io_discard(worker->io, client->socket, client_token(worker, index),
                   DISCARD_MAX - client->discarded);
    }
}

bool inbound_take(struct worker *worker)
{
    uint32_t index = worker->inputs_first;
    if (index == SOCKET_NONE)
        return false;
    struct client *client = &worker->clients[index];
    struct input input = dequeue(worker, index);
    size_t len = input.result > 0 ? (size_t)input.result : 0;
    if (takes_input(client) && input.rest)
        take_input(worker, index, NULL, 0);
    else if (takes_input(client) && len && client->tls)
        take_sealed(worker, index, input.data, len);
    else if (takes_input(client) && len)
        take_input(worker, index, input.data, len);
    recycle(worker, &input);
    go_on(worker, index, input.result);
    return true;
}

void inbound_forget(struct worker *worker, uint32_t index)
{
    if (!worker->clients[index].input.waits)
        return;
    struct input input = dequeue(worker, index);
    recycle(worker, &input);
    worker->clients[index].receiving = false;
}
