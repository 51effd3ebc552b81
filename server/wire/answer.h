/* SPDX-License-Identifier: MIT */
/*
 * answer: the server's messages on the control lane, in either format, each a whole WebSocket
 * frame. Pure; writes to a growing buffer, off the tick path.
 */
#ifndef TAPEHEAD_SERVER_WIRE_ANSWER_H
#define TAPEHEAD_SERVER_WIRE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/wire/bytes.h"
#include "server/wire/command.h"

struct answer_limits {
    uint32_t subscriptions;
    uint32_t message_bytes;
    uint32_t commands_per_second;
    uint32_t queue_frames;
};

/* A name in a list, with the code of its rejection where there is one (bad_symbol,
 * too_many_subscriptions, server_full). */
struct answer_symbol {
    const char *text; /* outside bytes: escaped, or replaced where not UTF-8 */
    uint32_t len;
    const char *rejected; /* NULL: accepted */
};

struct answer_heartbeat {
    int64_t ts_us;      /* when it was made */
    int64_t sent_ts_us; /* when it was handed to the socket; the same unless the lane held it */
    uint64_t queued;    /* frames waiting for this client */
    uint64_t queued_bytes;
    uint64_t dropped;  /* ticks lost since it connected because it was slow */
    uint64_t overload; /* and because the server was overloaded */
    uint64_t stalls;   /* how often its socket took nothing */
    uint64_t source_lag_ms;
    const char *source; /* live, stalled, lost, starting */
};

/* How a replay stands, told at its place among the ticks. */
struct answer_replay {
    const char *state; /* playing, paused, ended, live */
    bool at_given;
    int64_t at_us; /* the tape's time: that of the tick that comes next */
    double speed;  /* 0: as fast as it goes, written as "max" */
    uint64_t ticks;
};

void answer_welcome(struct bytes *out, enum wire_format format, const char *server,
                    const char *epoch, uint32_t heartbeat_ms, const struct answer_limits *limits);

/* A NULL id is an absent one. In "unsubscribed" and "subscriptions" rejected symbols are left out.
 *
 * {"type":"subscribed"|"replaying"|"unsubscribed","id":…,"symbols":[…],"rejected":[…]}; no
 * "rejected" in "unsubscribed". */
void answer_subscribed(struct bytes *out, enum wire_format format, const struct command_id *id,
                       const struct answer_symbol *symbols, size_t count);
void answer_replaying(struct bytes *out, enum wire_format format, const struct command_id *id,
                      const struct answer_symbol *symbols, size_t count);
void answer_unsubscribed(struct bytes *out, enum wire_format format, const struct command_id *id,
                         const struct answer_symbol *symbols, size_t count);

/* {"type":"subscriptions","id":…,"symbols":[…],"max_delay_ms":0} */
void answer_subscriptions(struct bytes *out, enum wire_format format, const struct command_id *id,
                          const struct answer_symbol *symbols, size_t count, uint32_t max_delay_ms);

/* {"type":"replay","id":…,"state":"playing","at":…,"speed":10,"ticks":1234}; "at" only where given.
 */
void answer_replay(struct bytes *out, enum wire_format format, const struct command_id *id,
                   const struct answer_replay *replay);
void answer_pong(struct bytes *out, enum wire_format format, const struct command_id *id,
                 int64_t ts_us);
void answer_configured(struct bytes *out, enum wire_format format, const struct command_id *id,
                       uint32_t max_delay_ms);
void answer_heartbeat(struct bytes *out, enum wire_format format,
                      const struct answer_heartbeat *beat);
void answer_error(struct bytes *out, enum wire_format format, const struct command_id *id,
                  const char *code, const char *message);
void answer_shutdown(struct bytes *out, enum wire_format format, uint32_t reconnect_min_ms,
                     uint32_t reconnect_max_ms);

#endif
