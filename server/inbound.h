/* SPDX-License-Identifier: MIT */
/*
 * inbound: what a client sends: bytes to requests, frames, messages. Worker thread only.
 *
 * Bytes are parsed where the kernel put them; only what is unfinished at their end is kept, in the
 * client's inbox.
 */
#ifndef TAPEHEAD_SERVER_INBOUND_H
#define TAPEHEAD_SERVER_INBOUND_H

#include <stdint.h>

#include "server/io/io.h"

struct worker;

/* An IO_RECEIVE event; the caller recycles it afterwards. */
void inbound_received(struct worker *worker, uint32_t client, const struct io_event *event);

#endif
