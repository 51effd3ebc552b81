/* SPDX-License-Identifier: MIT */
/*
 * outbound: what is sent to a client, and how: one gathered send in flight, and a wait for room
 * when the socket is full. Worker thread only.
 *
 *      dirty ──flush──► held (send under way) ──all taken──► idle, or dirty again
 *        ▲                    └──short──► held (socket full) ──writable──┐
 *        └──────────────────────────────────────────────────────────────┘
 */
#ifndef TAPEHEAD_SERVER_OUTBOUND_H
#define TAPEHEAD_SERVER_OUTBOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "server/io/io.h"

struct worker;

/* The client has something to send: gathers it and hands it to the io. Returns whether a send was
 * begun. */
bool outbound_flush(struct worker *worker, uint32_t client);

/* Events of the io. */
void outbound_sent(struct worker *worker, uint32_t client, const struct io_event *event);
void outbound_released(struct worker *worker, uint32_t client, bool copied);
void outbound_writable(struct worker *worker, uint32_t client, int32_t result);

/* The window in which ticks wait for each other (max_delay_ms) has passed. */
void outbound_window_passed(struct worker *worker, uint32_t client);

#endif
