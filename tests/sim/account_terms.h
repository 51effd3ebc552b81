/* SPDX-License-Identifier: MIT */
/*
 * account_terms: what a client's subscriptions come to, symbol by symbol: where an account begins,
 * in which mode it is, what a resume brings.
 */
#ifndef TAPEHEAD_TESTS_SIM_ACCOUNT_TERMS_H
#define TAPEHEAD_TESTS_SIM_ACCOUNT_TERMS_H

#include "tests/sim/account.h"

bool spec_is_bad(uint32_t spec);

/* Where the spec stands among those held, or held_count. */
uint32_t account_find_held(const struct account *account, uint32_t spec);

/* The ask's subscription to `spec` was granted. */
void account_hold(struct account *account, const struct ask *ask, uint32_t spec);
void account_release(struct account *account, const struct ask *ask, uint32_t at);

/* Whether the client has the tick, when it says that it has got to the mark. */
bool account_has(const struct tick *tick, const struct since *mark);

/* Whether a worker that has read `ticks` of all symbols still keeps this one. */
bool account_is_kept(const struct account *account, uint32_t symbol, uint64_t seq, uint64_t ticks);

#endif
