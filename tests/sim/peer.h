/* SPDX-License-Identifier: MIT */
/*
 * peer: one simulated client: a habit of reading and speaking, and an account of what it must get.
 * The driver lets it act once a round.
 */
#ifndef TAPEHEAD_TESTS_SIM_PEER_H
#define TAPEHEAD_TESTS_SIM_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/account.h"
#include "tests/sim/link.h"
#include "tests/sim/reader.h"
#include "tests/sim/speak.h"

enum peer_habit {
    PEER_STEADY,  /* reads at once, is polite: nothing but the settings may end it */
    PEER_SLOW,    /* reads a little now and then */
    PEER_STALLER, /* reads nothing for a while, again and again */
    PEER_MORTAL,  /* is torn off at some moment */
    PEER_HALF,    /* shuts its side down at some moment and reads on */
    PEER_VANDAL,  /* breaks RFC 6455 at some moment */
    PEER_BROWSER, /* HTTP requests only */
    PEER_MUTE,    /* connects, and says nothing whole */
    PEER_HABITS,
};

enum peer_state { PEER_WAITING, PEER_DIALLED, PEER_UPGRADED, PEER_ENDED };

struct peer {
    enum peer_habit habit;
    enum peer_state state;
    uint32_t number;
    struct link link;
    struct reader reader;
    struct speaker speaker;
    struct account account;
    uint32_t talk;  /* percent of its turns in which it says something */
    uint32_t pongs; /* received: they come in the order of the pings */
    uint32_t requests;
    uint64_t stalled_until_ns; /* PEER_STALLER */
    uint32_t doom;             /* rounds until its mischief; 0 when none is planned */
    bool goodbye;              /* it has sent a close frame of its own accord */
    bool broke;                /* RFC 6455 */
    uint16_t close_code;       /* received; 0 for none */
    int status;                /* of the last HTTP answer */
};

/* Not dialled yet. `account` is set but for what the peer keeps itself. */
void peer_init(struct peer *peer, uint32_t number, enum peer_habit habit, bool msgpack,
               const struct account *account);
void peer_finish(struct peer *peer);

/* The link has been given to an io: the first request is written. */
void peer_dial(struct peer *peer);

/* One round: reads, speaks, writes. When `calm` it does no mischief and begins nothing new. */
void peer_act(struct peer *peer, bool calm);

/* Nothing of its own is under way: all written has been heard, all that came has been read. */
bool peer_is_quiet(const struct peer *peer);

/* Whether it is connected as it should be, so that its account must be complete at rest. */
bool peer_is_whole(const struct peer *peer);

#endif
