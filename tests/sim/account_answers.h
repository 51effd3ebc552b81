/* SPDX-License-Identifier: MIT */
/*
 * account_answers: the control messages of an account: they answer its asks in their order, and
 * what they grant is what it holds from there on.
 */
#ifndef TAPEHEAD_TESTS_SIM_ACCOUNT_ANSWERS_H
#define TAPEHEAD_TESTS_SIM_ACCOUNT_ANSWERS_H

#include "tests/sim/account.h"

/* Anything but a tick or a gap. */
void account_answer(struct account *account, const struct value *message, const struct value *type);

#endif
