/* SPDX-License-Identifier: MIT */
/*
 * budgets: what a worker's clients may hold together, of answers that they haven't read and of
 * messages that they haven't finished. Whoever comes last must not pay for those who fill them up:
 * before one is full, clients that hold more of it than the others are closed. Worker thread only.
 */
#ifndef TAPEHEAD_SERVER_BUDGETS_H
#define TAPEHEAD_SERVER_BUDGETS_H

struct worker;

/* Once a turn. */
void budgets_relieve(struct worker *worker);

#endif
