/* SPDX-License-Identifier: MIT */
/*
 * client: one connection, from accept to its last completion. Worker thread only.
 *
 *      HTTP ──upgrade──► OPEN ──close by either side──► CLOSING ──all sent──► LINGERING ──end of
 * stream──► GONE ──► free └──error or answered────────────────────────────┘             or close-ms
 * last completion
 *
 * CLOSING still sends what is on the control lane, the close frame last; LINGERING has shut its
 * side down and waits for the peer to read it, since closing with unread input would reset the
 * connection and lose the close frame.
 */
#ifndef TAPEHEAD_SERVER_CLIENT_H
#define TAPEHEAD_SERVER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "server/io/io.h"
#include "server/io/tls.h"
#include "server/metrics.h"
#include "server/wire/answer.h"
#include "server/wire/http.h"
#include "server/wire/ws.h"

struct player;
struct worker;

enum client_state {
    CLIENT_FREE,
    CLIENT_HTTP,
    CLIENT_OPEN,
    CLIENT_CLOSING,
    CLIENT_LINGERING,
    CLIENT_GONE
};

#define SOCKET_NONE UINT32_MAX

/* What was received and waits for its turn, see inbound.h. */
struct input {
    uint8_t *data;
    int32_t result;
    uint32_t next; /* client in the queue, and the one before */
    uint32_t previous;
    uint16_t buffer;
    bool waits;
    bool rest; /* nothing was received: the inbox has requests that wait for theirs */
};

struct client {
    uint8_t state;
    bool receiving; /* requests under way; the slot is free when none is. This one until its input
                       has been taken */
    bool sending;
    bool awaiting_writable;
    bool shutting;
    bool closing;
    bool zero_copying; /* the send under way is one */
    bool pinning;      /* a zero-copy send whose bytes the kernel hasn't let go of */
    bool plain;        /* the kernel copies for this socket: zero-copy sends would only cost */
    bool counted;      /* among those of its address */
    bool pinged;       /* since it was last heard */
    bool window_open;  /* ticks are waiting for each other, see max_delay_ms */
    bool websocket;
    bool echo;           /* it is of /echo, and has no session */
    uint8_t reason;      /* enum close_reason, once it ends */
    uint16_t refused;    /* over a limit: whatever it asks, this status; 0 when it isn't */
    uint16_t drain_code; /* close with this once everything has been sent; 0 for not */
    uint32_t generation;
    uint32_t socket;
    struct tls *tls; /* NULL in clear text */
    struct io_peer peer;
    uint32_t send;  /* in the batch, while sending */
    uint32_t chunk; /* of the batch, while pinning */
    int64_t pinned_ms;
    uint32_t delay_ms;
    struct player *player; /* of the replay that it is played; NULL for none */
    uint32_t orders;       /* given to it */
    uint8_t head_tries;    /* to join live */
    bool joins_behind;     /* live is to be joined once the ring is read up to `join_position` */
    uint64_t join_position;
    uint32_t stalls;
    uint64_t dropped_before; /* the stall */
    uint32_t commands;       /* in this second */
    int64_t commands_second;
    uint64_t frames_before; /* this second */
    int64_t frames_second;
    int64_t heard_ms;
    int64_t since_ms; /* of the state: deadlines of HTTP, CLOSING and LINGERING */
    int64_t
        stalled_ms; /* since when the socket hasn't taken all that it was offered; 0 when it has */
    int64_t blocked_ms;   /* since when the socket takes nothing; 0 when it does */
    int64_t heartbeat_ms; /* when the next is due */
    size_t scanned;       /* of the inbox, by the HTTP parser */
    struct bytes inbox;   /* an unfinished request or message */
    struct input input;
    uint32_t discarded; /* bytes that came once its goodbye was on the way */
    struct ws_parser parser;
};

/* A connection was accepted on `socket`. */
void client_accept(struct worker *worker, uint32_t socket, const struct io_peer *peer);

/* Its side of the socket is shut: the slot may be closed now. */
void client_shut(struct worker *worker, uint32_t index);

/* Its socket's slot is closed. */
void client_closed(struct worker *worker, uint32_t index);

/* The liveness timer is due. */
void client_timer(struct worker *worker, uint32_t index);

/* Something is about to be sent: a heartbeat that is due within half its period goes along, and
 * costs no send of its own. */
void client_beat_along(struct worker *worker, uint32_t index);

/* Says goodbye: a close frame after the control lane; ticks that wait are dropped. */
void client_close(struct worker *worker, uint32_t index, enum close_reason reason, uint16_t code,
                  const char *text);

/* Without a word: nothing can be said any more. */
void client_abort(struct worker *worker, uint32_t index, enum close_reason reason);

/* Answers written to worker->answer go to the client's lane; an overfull lane closes it. */
void client_answer(struct worker *worker, uint32_t index);

/* The server stops: tells the client, lets it take what waits, then closes with 1001. */
void client_drain(struct worker *worker, uint32_t index);

/* From here on only the control lane is sent, then the connection ends. */
void client_begin_closing(struct worker *worker, uint32_t index, enum close_reason reason);

/* CLOSING, and all is sent: shuts our side and waits for the peer's. */
void client_linger(struct worker *worker, uint32_t index);

/* Frees the slot of one that has GONE, once nothing that the kernel still does can name it. */
void client_free_if_done(struct worker *worker, uint32_t index);

/* Forgets an unfinished request or message. */
void client_free_inbox(struct worker *worker, struct client *client);

/* Shows the operators how the client stands. */
void client_publish(struct worker *worker, uint32_t index);

struct io_token client_token(const struct worker *worker, uint32_t index);

/* Sets the liveness timer to the next thing that may be due. */
void client_arm(struct worker *worker, uint32_t index);

#endif
