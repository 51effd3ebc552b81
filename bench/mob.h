/* SPDX-License-Identifier: MIT */
/*
 * mob: hostile clients, as many and as fast as one core lets them. A kind is what one of them does
 * from its connect to its end, again and again.
 */
#ifndef TAPEHEAD_BENCH_MOB_H
#define TAPEHEAD_BENCH_MOB_H

#include <stdbool.h>
#include <stdint.h>

#include "server/wire/bytes.h"

enum { MOB_KINDS_MAX = 32 };

struct mob_kind {
    const char *name;
    uint32_t at_once;       /* of them */
    const char *target;     /* of an upgrade, whose answer is awaited; NULL: there is none */
    const char *fields;     /* that go along with it; NULL: none */
    struct bytes first;     /* is then sent, */
    struct bytes block;     /* then this, */
    uint32_t block_holds;   /* in which there are so many frames, messages or requests, */
    uint32_t blocks;        /* so many times, */
    uint32_t every_ms;      /* one in so long; 0: as fast as the server takes them */
    uint32_t stay_ms;       /* the end it awaits; after so long it leaves */
    uint32_t receive_bytes; /* SO_RCVBUF; 0: the kernel's choice */
    bool deaf;              /* reads nothing after the upgrade */
    bool dies;              /* leaves at some step */
};

/* Fills `kinds`, which holds MOB_KINDS_MAX. Returns how many there are, or -ENOMEM. */
int mob_kinds(struct mob_kind *kinds);
void mob_kinds_finish(struct mob_kind *kinds, int count);

#endif
