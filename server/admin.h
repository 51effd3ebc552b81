/* SPDX-License-Identifier: MIT */
/*
 * admin: the operators' address: /v1/clients, /metrics, /healthz. A thread of its own that answers
 * one request at a time and only reads what workers and feed publish, so that looking costs the
 * ticks nothing.
 */
#ifndef TAPEHEAD_SERVER_ADMIN_H
#define TAPEHEAD_SERVER_ADMIN_H

#include <stddef.h>

struct admin;
struct cluster;

/* Listens on `address` and starts the thread. Returns 0, or -errno with a sentence. */
int admin_start(struct admin **out, const char *address, const struct cluster *cluster, char *error,
                size_t error_size);

/* Ends the thread within a second. Accepts NULL. */
void admin_stop(struct admin *admin);

#endif
