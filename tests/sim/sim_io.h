/* SPDX-License-Identifier: MIT */
/*
 * sim_io: what stands behind server/io/io.h in a simulated run, and the driver's side of it.
 *
 * It does what io_uring may do, and does it unkindly: a send takes what it likes, an event comes
 * turns later, the table of sockets or the receive buffers run out, and completions of long-gone
 * clients return. What io.h promises is kept: a send's event comes with the next submit but one at
 * the latest, a receive's bytes come in order, and no request is without its event.
 */
#ifndef TAPEHEAD_TESTS_SIM_SIM_IO_H
#define TAPEHEAD_TESTS_SIM_SIM_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "server/io/io.h"
#include "tests/sim/link.h"

/* How unkind, in percent a chance. */
struct sim_io_manners {
    uint32_t short_send;
    uint32_t again;       /* -EAGAIN although there is room */
    uint32_t late;        /* an event waits for a turn or more */
    uint32_t hold_back;   /* bytes that came up aren't told of in this turn */
    uint32_t no_buffers;  /* -ENOBUFS */
    uint32_t ghost;       /* an event of a client that has gone, a turn */
    uint32_t few_events;  /* a turn brings only some of its events */
    uint32_t yield;       /* others run after this io's turn */
    uint32_t copied;      /* a zero-copy send is copied after all */
    uint32_t buffers_max; /* out at a time */
};

void sim_io_set_manners(struct io *io, const struct sim_io_manners *manners);

/* A caller arrives. */
void sim_io_connect(struct io *io, struct link *link);

/* Whether its worker sleeps in io_wait(), and whether it would go on if resumed now. */
bool sim_io_is_asleep(const struct io *io);
bool sim_io_is_awake(struct io *io);
int64_t sim_io_wakes_at_ns(const struct io *io);

/* Nothing under way but armed receives. */
bool sim_io_is_quiet(const struct io *io);

/* After its worker's end: every socket closed, every buffer given back. */
void sim_io_check_finished(const struct io *io);

#endif
