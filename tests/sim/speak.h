/* SPDX-License-Identifier: MIT */
/*
 * speak: what a client writes: the upgrade, commands in either format, frames masked and cut in
 * fragments as the dice say.
 */
#ifndef TAPEHEAD_TESTS_SIM_SPEAK_H
#define TAPEHEAD_TESTS_SIM_SPEAK_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/account.h"
#include "tests/sim/link.h"

struct speaker {
    struct pipe out;
    uint64_t said; /* bytes, those that have left included */
    bool msgpack;
    uint32_t fragments; /* percent of messages that are cut */
    uint32_t pings;     /* sent so far; each ping's payload is its number */
};

void speak(struct speaker *speaker, const void *data, uint32_t len);

/* A whole request; `query` is what follows the path, from its '?'. */
void speak_upgrade(struct speaker *speaker, const char *query);
void speak_request(struct speaker *speaker, const char *path, bool keep_alive);

/* One frame as it is, good or bad. */
void speak_frame(struct speaker *speaker, uint8_t first, const void *data, uint32_t len);
void speak_ping(struct speaker *speaker);
void speak_close(struct speaker *speaker, uint16_t code);

/* The ask as a message; notes where it ends. ASK_NONSENSE says something that can't be understood.
 */
void speak_ask(struct speaker *speaker, struct ask *ask);

#endif
