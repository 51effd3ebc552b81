/* SPDX-License-Identifier: MIT */
/*
 * session: what an open client asks for: commands, carried out on the fan-out and answered on the
 * control lane. Worker thread only.
 */
#ifndef TAPEHEAD_SERVER_SESSION_H
#define TAPEHEAD_SERVER_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "server/wire/command.h"
#include "server/wire/http.h"

struct worker;

/* After the upgrade: welcome, and the subscription that the query asks for. */
void session_open(struct worker *worker, uint32_t client, struct http_text query);

/* One whole message. */
void session_message(struct worker *worker, uint32_t client, const uint8_t *data, size_t len);

/* The encoding of the client's messages. */
enum wire_format session_format(const struct worker *worker, uint32_t client);

/* Answers with an error. */
void session_problem(struct worker *worker, uint32_t client, const struct command_id *id,
                     const char *code, const char *message);

/* Heartbeats come while there is something to hear: subscriptions, or a replay. */
void session_start_heartbeats(struct worker *worker, uint32_t client);

void session_heartbeat(struct worker *worker, uint32_t client);
void session_shutdown(struct worker *worker, uint32_t client);

/* Counts a command, a ping or a request. Returns how many there were in this second. */
uint32_t session_count(struct worker *worker, uint32_t index);

/* A ping came. False when it was one too many: then the client is being closed. */
bool session_takes_ping(struct worker *worker, uint32_t index);

#endif
