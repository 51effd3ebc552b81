/* SPDX-License-Identifier: MIT */
/*
 * playback: a client's replay as its worker sees it: asked for, steered, sent from its spool, and
 * at the head of the tape exchanged for live subscriptions. Worker thread only; the playing itself
 * is a deck's (server/replay).
 */
#ifndef TAPEHEAD_SERVER_PLAYBACK_H
#define TAPEHEAD_SERVER_PLAYBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "server/wire/command.h"

struct worker;

/* Both answer the client. */
void playback_begin(struct worker *worker, uint32_t index, const struct command *command);
void playback_steer(struct worker *worker, uint32_t index, const struct command *command);

/* Ends the client's replay, if it has one: what waits in its spool is not sent. */
void playback_end(struct worker *worker, uint32_t index);

/* Once a turn, while no send is under way: sees to what players have done. */
void playback_serve(struct worker *worker);

/* How long the worker may sleep, at most `wait_ms`, as to replays. After it has armed its bell. */
int64_t playback_wait_ms(struct worker *worker, int64_t wait_ms);

/* Some of the client's spool was sent: its player may go on. */
void playback_sent(struct worker *worker, uint32_t index);

#endif
