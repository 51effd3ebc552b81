/* SPDX-License-Identifier: MIT */
/*
 * inbound: what a client sends: bytes to requests, frames, messages. Worker thread only.
 *
 * Bytes are parsed where the kernel put them; only what is unfinished at their end is kept, in the
 * client's inbox.
 *
 * What was received waits in a queue of all clients. Of each it holds one buffer, and the next is
 * asked for when that has been taken; so all take turns, however much one sends, and what the
 * worker hasn't come to waits in the sender's socket. Of pipelined requests, too, one is taken at a
 * time.
 */
#ifndef TAPEHEAD_SERVER_INBOUND_H
#define TAPEHEAD_SERVER_INBOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "server/io/io.h"

struct worker;

/* An IO_RECEIVE event, which is kept and recycled later. */
void inbound_received(struct worker *worker, uint32_t client, const struct io_event *event);

/* Acts on what has waited longest. Returns false when nothing waits. */
bool inbound_take(struct worker *worker);

/* The client ends: what waits of it is dropped. */
void inbound_forget(struct worker *worker, uint32_t client);

#endif
