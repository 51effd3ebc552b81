/* SPDX-License-Identifier: MIT */
/* budgets: see budgets.h. */
#include "server/budgets.h"

#include "server/worker.h"

typedef uint64_t budget_share(const struct worker *worker, uint32_t client);

static uint64_t lane_bytes(const struct worker *worker, uint32_t client)
{
    return worker->fanout.subscribers[client].lane.cap;
}

static uint64_t inbox_bytes(const struct worker *worker, uint32_t client)
{
    return worker->clients[client].inbox.cap;
}

static bool is_nearly_full(uint64_t used, uint64_t max)
{
    return used > max / 4 * 3;
}

/* The next that holds as much of `used` as the average, in turn, so that it needn't look at all;
 * SOCKET_NONE when nobody does. */
static uint32_t find_heavy(struct worker *worker, budget_share *share, uint64_t used)
{
    uint64_t clients = counter_get(&worker->metrics->connections);
    for (uint32_t i = 0; i < worker->clients_used; i++) {
        uint32_t client = worker->budgets_hand++ % worker->clients_used;
        uint64_t held = share(worker, client);
        if (held && held * clients >= used)
            return client;
    }
    return SOCKET_NONE;
}

static bool relieve_lanes(struct worker *worker)
{
    const struct lane_budget *lanes = &worker->fanout.lanes;
    if (!is_nearly_full(lanes->used, lanes->max))
        return false;
    uint32_t client = find_heavy(worker, lane_bytes, lanes->used);
    if (client != SOCKET_NONE)
        client_abort(worker, client, CLOSED_CONTROL); /* it doesn't read: no close frame either */
    return client != SOCKET_NONE;
}

static bool relieve_inboxes(struct worker *worker)
{
    if (!is_nearly_full(worker->inbox_used, worker->cluster->config->inbox_budget))
        return false;
    uint32_t client = find_heavy(worker, inbox_bytes, worker->inbox_used);
    if (client == SOCKET_NONE)
        return false;
    client_close(worker, client, CLOSED_LIMIT, WS_CLOSE_TRY_LATER, "too many unfinished messages");
    client_free_inbox(worker, &worker->clients[client]);
    return true;
}

void budgets_relieve(struct worker *worker)
{
    while (relieve_lanes(worker) || relieve_inboxes(worker))
        ;
}
