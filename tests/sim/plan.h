/* SPDX-License-Identifier: MIT */
/*
 * plan: what a seed is made of: settings, sizes, manners and clients, drawn from its dice. Each is
 * drawn from few values, the tight ones among them, so that a few thousand seeds meet most pairs.
 */
#ifndef TAPEHEAD_TESTS_SIM_PLAN_H
#define TAPEHEAD_TESTS_SIM_PLAN_H

#include "server/config.h"
#include "tests/sim/peer.h"
#include "tests/sim/sim_io.h"
#include "tests/sim/truth.h"

enum { PEERS_MAX = 128 };

struct plan_peer {
    enum peer_habit habit;
    bool msgpack;
    uint32_t worker;
    uint32_t round; /* when it dials */
};

struct plan {
    struct config config;
    struct truth_script script;
    struct sim_io_manners manners;
    struct plan_peer peers[PEERS_MAX];
    uint32_t peers_count;
    uint32_t workers;
    uint32_t rounds;
    bool midway;       /* shutdown comes with everything still under way */
    uint32_t lazy;     /* percent: a thread isn't scheduled in this round */
    uint32_t round_us; /* a round takes up to so long */
    bool crowded;      /* more callers than max-connections may come */
};

void plan_draw(struct plan *plan);

#endif
