/* SPDX-License-Identifier: MIT */
/*
 * catalog: the symbols of a run, by number and by name, and who takes which. Filled before the load
 * starts, read-only afterwards.
 */
#ifndef TAPEHEAD_BENCH_CATALOG_H
#define TAPEHEAD_BENCH_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "feed/sim.h"

#define CATALOG_NONE UINT32_MAX

struct catalog_name {
    uint32_t len;
    char text[SYMBOL_LEN_MAX];
};

struct catalog {
    struct catalog_name *names;
    uint32_t count;
    uint32_t *buckets; /* name to number + 1 */
    uint32_t buckets_mask;
};

/* Room for `max` names. Returns 0 or -ENOMEM. */
int catalog_init(struct catalog *catalog, uint32_t max);
void catalog_finish(struct catalog *catalog);

/* Adds a name unless it is there. */
void catalog_add(struct catalog *catalog, const char *name, size_t len);

uint32_t catalog_find(const struct catalog *catalog, const uint8_t *name, uint32_t len);

/* Runs the simulated market ahead until `count` of its symbols have shown. Returns 0 or -ENOENT. */
/* A TCP connection over IPv4, which reads for 5 s at most. Returns a descriptor or -errno. */
int catalog_dial(const char *host, const char *port);

int catalog_from_sim(struct catalog *catalog, const struct sim_config *config, uint32_t count);

/* Asks a server's /v1/symbols until it knows `count` of them, for up to `timeout_ms`. Returns 0 or
 * -errno. */
int catalog_from_server(struct catalog *catalog, const char *host, const char *port, uint32_t count,
                        int timeout_ms);

/* Deals symbols to clients: `each` a client, chosen by chance but dealt like cards, so that every
 * symbol is taken by as many clients as any other. `hands` holds clients * each numbers. */
int catalog_deal(const struct catalog *catalog, uint32_t clients, uint32_t each, uint64_t seed,
                 uint32_t *hands);

#endif
