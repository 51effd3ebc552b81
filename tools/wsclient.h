/* SPDX-License-Identifier: MIT */
/*
 * wsclient: one WebSocket connection over ws:// or wss://, blocking with timeouts; for watch and
 * the bench. One thread a client.
 *
 * Pings are answered and the closing handshake is done within wsclient_next(); a program with many
 * clients polls wsclient_fd() and calls wsclient_next() with timeout 0 until it returns
 * WSCLIENT_NONE.
 */
#ifndef TAPEHEAD_TOOLS_WSCLIENT_H
#define TAPEHEAD_TOOLS_WSCLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "server/wire/http.h"
#include "server/wire/ws.h"

struct wsclient;

struct wsclient_config {
    const char *url;
    enum http_protocol protocol; /* offered */
    int timeout_ms;          /* for the connection and the handshake, and for each send; 0: 10 s */
    size_t message_max;      /* 0: 16 MiB */
    size_t buffer_size;      /* where the receive buffer starts; 0: 16 KiB */
    const char *authorities; /* wss: whom to trust, see tls_trust_load() */
    int receive_buffer;      /* SO_RCVBUF, set before connecting; 0 leaves it alone */
};

/* Why there is no connection, for whoever decides whether to try again. */
struct wsclient_refusal {
    int status;        /* the server's HTTP status; 0 when it didn't come to that */
    int retry_after_s; /* -1 when not told */
    char problem[512]; /* a sentence that names the URL */
};

/* Connects and upgrades. Returns 0 or -errno: -EINVAL for a bad URL, -EPROTO for an answer that
 * isn't an upgrade, -EINTR when a signal came, or what connecting returned. */
int wsclient_connect(struct wsclient **out, const struct wsclient_config *config,
                     struct wsclient_refusal *refusal);

enum wsclient_kind {
    WSCLIENT_NONE,    /* nothing within the time, or a signal came */
    WSCLIENT_MESSAGE, /* opcode, data, len: until the next call */
    WSCLIENT_PONG,    /* data, len */
    WSCLIENT_CLOSED,  /* by the server, properly: code and reason */
    WSCLIENT_LOST,    /* without a close frame, or closed by us for a violation: reason */
};

struct wsclient_event {
    enum wsclient_kind kind;
    uint8_t opcode;
    uint16_t code;
    const uint8_t *data;
    size_t len;
    const char *reason; /* printable; until the next call */
};

/* Waits up to timeout_ms (0 doesn't) for the next event. After CLOSED or LOST only
 * wsclient_destroy(). */
void wsclient_next(struct wsclient *client, int timeout_ms, struct wsclient_event *event);

/* Sends one message or ping. Returns 0 or -errno; after an error the connection is of no use. */
int wsclient_send(struct wsclient *client, enum ws_opcode opcode, const void *data, size_t len);

int wsclient_fd(const struct wsclient *client);

/* What the server chose. */
enum http_protocol wsclient_protocol(const struct wsclient *client);

/* Closes properly: sends the close, reads until the server's comes or the time is up. Then
 * destroys. */
void wsclient_close(struct wsclient *client, uint16_t code, int timeout_ms);

/* Just closes the socket. Accepts NULL. */
void wsclient_destroy(struct wsclient *client);

#endif
