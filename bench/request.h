/* SPDX-License-Identifier: MIT */
/*
 * request: what a client of the load sends: the opening request, which names its symbols, and a
 * configure command. Pure.
 */
#ifndef TAPEHEAD_BENCH_REQUEST_H
#define TAPEHEAD_BENCH_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "bench/catalog.h"
#include "bench/plan.h"

enum { REQUEST_MAX = 8192 };

/* `hand` holds plan->symbols_each numbers. Returns the length, or -1 when it would pass
 * REQUEST_MAX. */
int request_write(char *out, const struct plan *plan, const struct catalog *catalog,
                  const uint32_t *hand);

/* A masked frame that asks for plan->max_delay_ms; `out` holds 64 bytes. Returns its length. */
size_t configure_write(uint8_t *out, const struct plan *plan);

/* What a peer wants to hear before it sends anything: one masked frame, of GREETING_MAX bytes at
 * most. Returns its length, 0 where the request has said all, or -1 when it is too long. */
enum { GREETING_MAX = 16384 };
int greeting_write(uint8_t *out, const struct plan *plan, const struct catalog *catalog,
                   const uint32_t *hand);

#endif
