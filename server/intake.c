/* SPDX-License-Identifier: MIT */
/* intake: see intake.h. */
#include "server/intake.h"

#include "feed/clock.h"
#include "server/inbound.h"
#include "server/worker.h"

enum {
    TURN_NS = 50000,
    REST = 3,              /* times what it took */
    REST_MAX_NS = 3000000, /* some of what it took may have been another thread's */
    REST_BUSY = 5,         /* times that, while ticks wait */
    TICKS_RECENT_MS = 1000,
};

/* In the ring, or for their sends. */
static bool ticks_wait(const struct worker *worker)
{
    return fanout_has_dirty(&worker->fanout) ||
           ring_depth(feed_ring(worker->cluster->feed), worker->index);
}

/* From the end of the last intake on. */
static int64_t rest_ns(const struct worker *worker)
{
    if (worker->now_ms - worker->ticked_ms >= TICKS_RECENT_MS)
        return 0;
    int64_t whole_ns = worker->intake_took_ns * REST;
    if (whole_ns > REST_MAX_NS)
        whole_ns = REST_MAX_NS;
    return ticks_wait(worker) ? whole_ns * REST_BUSY : whole_ns;
}

void intake_take(struct worker *worker)
{
    int64_t began_ns = clock_mono_ns(), took_ns = 0;
    if (worker->inputs_first == SOCKET_NONE || began_ns < worker->intake_ended_ns + rest_ns(worker))
        return;
    while (took_ns < TURN_NS && inbound_take(worker))
        took_ns = clock_mono_ns() - began_ns;
    worker->intake_took_ns = took_ns;
    worker->intake_ended_ns = began_ns + took_ns;
}

int64_t intake_wait_ns(const struct worker *worker, int64_t wait_ns)
{
    if (worker->inputs_first == SOCKET_NONE)
        return wait_ns;
    int64_t left_ns = worker->intake_ended_ns + rest_ns(worker) - clock_mono_ns();
    return left_ns < wait_ns ? left_ns : wait_ns;
}
