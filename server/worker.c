/* SPDX-License-Identifier: MIT */
/* worker: see worker.h. */
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "feed/clock.h"
#include "feed/log.h"
#include "server/budgets.h"
#include "server/inbound.h"
#include "server/intake.h"
#include "server/outbound.h"
#include "server/playback.h"

enum {
    EVENTS_MAX = 1024,            /* reaped at a time */
    DRAIN_TICKS_MAX = 1024,       /* a turn */
    DRAIN_PUSHES_MAX = 32 * 1024, /* frames put into queues a turn, give or take one tick's */
    REFUSED_EXTRA = 64,           /* slots in which connections over the limit are told so */
    ACCEPT_BURST_NS = 100000000,
    ACCEPT_PAUSE_MS = 10, /* after a failed accept */
    WINDOW_JUDGE_MS = 10,
    FLUSH_SENDS_MAX = 256, /* a turn */
    BROAD_SENDS_MAX = 32,  /* the same, to those who can wait a little, */
    BROAD_WAIT_MS = 2,     /* for so long */
    IDLE_WAIT_MS = 10000,
    DRAIN_WAIT_MS = 10,  /* at shutdown, to see that the last has gone */
    SOCKETS_MARGIN = 16, /* slots between a close and its completion */
    SEALS_BYTES = 1024 * 1024,
};

/* ---- memory ---- */

uint32_t worker_clients_max(const struct config *config, uint32_t workers)
{
    /* SO_REUSEPORT spreads connections by hash, not evenly: a worker can hold a fifth more than its
     * share. */
    uint64_t share = (config->max_connections + workers - 1) / workers;
    if (workers > 1)
        share += share / 5;
    return (uint32_t)share + REFUSED_EXTRA;
}

static struct fanout_config fanout_settings(const struct config *config, uint32_t workers)
{
    uint64_t holds = config->worker_pairs;
    return (struct fanout_config){
        .subscribers_max = worker_clients_max(config, workers),
        .symbols_max = (uint32_t)config->symbols_max,
        .pairs_max = (uint32_t)config->worker_pairs,
        .holds_max = (uint32_t)holds,
        .queue_frames_max = (uint32_t)config->queue_frames,
        .queue_bytes_max = (uint32_t)config->queue_bytes,
        .control_bytes_max = (uint32_t)config->control_bytes,
        .control_budget = config->control_budget,
        .history_ticks = (uint32_t)config->history_ticks,
        .arena_bytes = config->arena_bytes,
        .arena_frames =
            (uint32_t)(config->arena_bytes / 64 < 1u << 24 ? config->arena_bytes / 64 : 1u << 24),
    };
}

void worker_claims(const struct config *config, uint32_t workers, struct claims *claims)
{
    struct fanout_config fanout = fanout_settings(config, workers);
    uint64_t clients = fanout.subscribers_max;
    fanout_claims(&fanout, claims);
    claims_add(claims, "worker.clients",
               clients * (sizeof(struct client) + sizeof(struct client_stats)));
    claims_add(claims, "worker.timers",
               (2 * clients + config->worker_pairs) * sizeof(struct timer));
    claims_add(claims, "worker.inboxes", config->inbox_budget);
    claims_add(claims, "worker.inflate", inflate_memory_max() + 2 * config->max_message_bytes);
    claims_add(claims, "worker.sends",
               GATHER_CHUNKS * (uint64_t)GATHER_SCRATCH + GATHER_PIECES * sizeof(struct piece));
    claims_add(claims, "worker.io", io_memory_max());
    if (config->tls_cert[0])
        claims_add(claims, "worker.tls",
                   clients * (TLS_CONNECTION_BYTES + TLS_REST_MAX) + TLS_PLAIN_MAX + SEALS_BYTES);
}

/* ---- birth and death ---- */

/* The fan-out has no clock: it asks here for a pair to be woken. */
static void keep_alarm(void *arg, uint32_t pair, int64_t due_ms)
{
    struct worker *worker = arg;
    if (due_ms)
        timers_set(&worker->rests, pair, due_ms);
    else
        timers_clear(&worker->rests, pair);
}

int worker_init(struct worker *worker, char *error, size_t error_size)
{
    const struct config *config = worker->cluster->config;
    uint32_t workers = worker->cluster->workers_count;
    struct fanout_config settings = fanout_settings(config, workers);
    struct io_config io = {.listen_fd = worker->listen_fd,
                           .bell_fd = feed_doorbell(worker->cluster->feed, worker->index)->fd,
                           .sockets_max = settings.subscribers_max + SOCKETS_MARGIN};
    snprintf(error, error_size, "out of memory");
    worker->clients_max = settings.subscribers_max;
    worker->clients_free = SOCKET_NONE;
    worker->inputs_first = worker->inputs_last = SOCKET_NONE;
    worker->now_ms = clock_mono_ns() / 1000000;
    worker->now_ns = clock_wall_ns();
    worker->clients = calloc(worker->clients_max, sizeof *worker->clients);
    worker->inflate = inflate_create();
    if (worker->cluster->tls) {
        worker->plain = malloc(TLS_PLAIN_MAX);
        worker->seals = malloc(SEALS_BYTES);
    }
    /* A client may have begun its next replay before the last one is released. */
    uint32_t replays = decks_players(worker->cluster->decks);
    worker->playing = calloc(replays + 1, sizeof *worker->playing);
    worker->played_out = calloc(replays + 1, sizeof *worker->played_out);
    if (!worker->clients || !worker->inflate || !worker->playing || !worker->played_out ||
        (worker->cluster->tls && (!worker->plain || !worker->seals)) ||
        fanout_init(&worker->fanout, &settings) < 0 || batch_init(&worker->batch) < 0 ||
        timers_init(&worker->timers, worker->clients_max * 2, worker->now_ms) < 0 ||
        timers_init(&worker->rests, settings.pairs_max, worker->now_ms) < 0) {
        worker_finish(worker);
        return -ENOMEM;
    }
    worker->fanout.rest = keep_alarm;
    worker->fanout.rest_arg = worker;
    int rc = io_create(&worker->io, &io, error, error_size);
    if (rc < 0) {
        worker_finish(worker);
        return rc;
    }
    return 0;
}

void worker_finish(struct worker *worker)
{
    io_destroy(worker->io);
    worker->io = NULL;
    for (uint32_t i = 0; worker->clients && i < worker->clients_used; i++) {
        bytes_finish(&worker->clients[i].inbox);
        tls_free(worker->clients[i].tls);
    }
    fanout_finish(&worker->fanout);
    batch_finish(&worker->batch);
    timers_finish(&worker->timers);
    timers_finish(&worker->rests);
    bytes_finish(&worker->answer);
    bytes_finish(&worker->inflated);
    free(worker->playing);
    free(worker->played_out);
    worker->playing = NULL;
    worker->played_out = NULL;
    free(worker->plain);
    free(worker->seals);
    worker->plain = worker->seals = NULL;
    inflate_destroy(worker->inflate);
    worker->inflate = NULL;
    free(worker->clients);
    worker->clients = NULL;
}

void worker_stop(struct worker *worker)
{
    /* Release pairs with the acquire in worker_run(): what main wrote before is seen by the worker.
     */
    atomic_store_explicit(&worker->stop, true, memory_order_release);
    uint64_t one = 1;
    (void)!write(feed_doorbell(worker->cluster->feed, worker->index)->fd, &one, sizeof one);
}

/* ---- a turn ---- */

static void read_clocks(struct worker *worker)
{
    worker->now_ms = clock_mono_ns() / 1000000;
    worker->now_ns = clock_wall_ns();
    worker->fanout.now_ms = worker->now_ms;
}

static bool is_current(struct worker *worker, const struct io_event *event)
{
    uint32_t index = event->token.client;
    if (index < worker->clients_used && worker->clients[index].state != CLIENT_FREE &&
        worker->clients[index].generation == event->token.generation)
        return true;
    if (index != SOCKET_NONE)
        counter_add(&worker->metrics->events_stale, 1);
    return false;
}

static void handle(struct worker *worker, const struct io_event *event)
{
    uint32_t index = event->token.client;
    if (event->kind == IO_NOTHING || event->kind == IO_BELL)
        return;
    if (event->kind == IO_ACCEPT) {
        worker->accepts_armed--;
        if (event->result >= 0)
            client_accept(worker, (uint32_t)event->result, &event->peer);
        else /* a full table, say: the listen queue holds the callers meanwhile */
            worker->accept_at_ns = (worker->now_ms + ACCEPT_PAUSE_MS) * 1000000;
        return;
    }
    if (is_current(worker, event)) {
        switch (event->kind) {
        case IO_RECEIVE: inbound_received(worker, index, event); return;
        case IO_SEND: outbound_sent(worker, index, event); break;
        case IO_RELEASE: outbound_released(worker, index, event->result); break;
        case IO_WRITABLE: outbound_writable(worker, index, event->result); break;
        case IO_SHUTDOWN: client_shut(worker, index); break;
        case IO_CLOSE: client_closed(worker, index); break;
        default: break;
        }
    }
    io_recycle(worker->io, event);
}

/* Returns how many events there were. */
static uint32_t reap(struct worker *worker, int64_t wait_ns)
{
    struct io_event events[EVENTS_MAX];
    uint32_t n = wait_ns > 0 ? io_wait(worker->io, wait_ns, events, EVENTS_MAX)
                             : io_turn(worker->io, events, EVENTS_MAX);
    read_clocks(worker);
    for (uint32_t i = 0; i < n; i++)
        handle(worker, &events[i]);
    return n;
}

/* Asks for as many connections as the pace allows; a pause saves up a tenth of a second of them. */
static void accept_some(struct worker *worker)
{
    uint64_t rate = worker->cluster->config->accept_rate;
    int64_t now_ns = worker->now_ms * 1000000;
    int64_t every_ns = rate ? (int64_t)(1000000000ull * worker->cluster->workers_count / rate) : 0;
    if (worker->accept_at_ns < now_ns - ACCEPT_BURST_NS)
        worker->accept_at_ns = now_ns - ACCEPT_BURST_NS;
    while (worker->accepts_armed < IO_ACCEPTS_MAX && worker->accept_at_ns <= now_ns &&
           !worker->drain_until_ms) {
        io_accept(worker->io);
        worker->accepts_armed++;
        worker->accept_at_ns += every_ns;
    }
}

static void take_slot(struct worker *worker, const union ring_slot *slot)
{
    if (slot->tick.kind == RING_SYMBOL) {
        fanout_symbol(&worker->fanout, slot->tick.symbol, slot->symbol.name, slot->symbol.len);
        return;
    }
    fanout_tick(&worker->fanout, &slot->tick);
    counter_add(&worker->metrics->ticks, 1);
}

/* Ring to queues, a bounded number. Returns how many slots were taken. */
static uint64_t drain(struct worker *worker)
{
    struct ring *ring = feed_ring(worker->cluster->feed);
    uint64_t pushed = worker->fanout.pushed;
    uint64_t taken = 0;
    while (taken < DRAIN_TICKS_MAX && worker->fanout.pushed - pushed < DRAIN_PUSHES_MAX) {
        const union ring_slot *slots;
        uint64_t n = ring_peek(ring, worker->index, &slots);
        if (!n)
            break;
        uint64_t i = 0;
        while (i < n && taken + i < DRAIN_TICKS_MAX &&
               worker->fanout.pushed - pushed < DRAIN_PUSHES_MAX)
            take_slot(worker, &slots[i++]);
        ring_release(ring, worker->index, i);
        taken += i;
    }
    if (taken)
        worker->ticked_ms = worker->now_ms;
    return taken;
}

/* One batch for those of `list` who have waited longest: submits it and sees every send of it
 * ended. Returns the sends. */
static uint32_t flush_batch(struct worker *worker, struct list *list, uint32_t sends_max)
{
    uint32_t index, sends = 0;
    fanout_bury(&worker->fanout);
    batch_reset(&worker->batch);
    worker->seals_used = 0;
    while (sends < sends_max && batch_has_room(&worker->batch) &&
           worker->seals_used + TLS_RECORD_MAX <= SEALS_BYTES &&
           fanout_take_dirty(&worker->fanout, list, &index))
        sends += outbound_flush(worker, index);
    /* Sends never block, so they end within the submit. */
    while (worker->in_flight)
        reap(worker, 0);
    return sends;
}

/* A bounded number of sends; few of them to those who needn't come first, so that the next tick
 * for the others doesn't wait long. When there is more to send than that, the others' ticks gather
 * meanwhile, so a busy worker's sends grow by themselves until they carry what it drains:
 * DRAIN_PUSHES_MAX / FLUSH_SENDS_MAX frames each. */
static void flush(struct worker *worker)
{
    struct fanout *fanout = &worker->fanout;
    for (uint32_t sends = 0; sends < FLUSH_SENDS_MAX && fanout->dirty.count;)
        sends += flush_batch(worker, &fanout->dirty, FLUSH_SENDS_MAX - sends);
    if (fanout->broad.count && (!fanout->dirty.count || fanout_broad_waits(fanout, BROAD_WAIT_MS)))
        flush_batch(worker, &fanout->broad, BROAD_SENDS_MAX);
}

static void fire_timers(struct worker *worker)
{
    uint32_t id;
    while (timers_expire(&worker->timers, worker->now_ms, &id)) {
        if (id % 2)
            outbound_window_passed(worker, id / 2);
        else
            client_timer(worker, id / 2);
    }
    while (timers_expire(&worker->rests, worker->now_ms, &id))
        fanout_wake(&worker->fanout, id);
}

/* Those that can't be served any longer, whatever their sockets do. */
static void close_doomed(struct worker *worker)
{
    uint32_t index;
    while (fanout_take_doomed(&worker->fanout, &index)) {
        enum fanout_doom doom = (enum fanout_doom)worker->fanout.subscribers[index].doom;
        worker->fanout.subscribers[index].doom = DOOM_NONE;
        if (doom != DOOM_CONTROL && worker->clients[index].state != CLIENT_OPEN)
            continue; /* it has been told goodbye for another reason: that one is still sent */
        switch (doom) {
        case DOOM_STARVED:
            client_close(worker, index, CLOSED_LIMIT, WS_CLOSE_TRY_LATER,
                         "no room for the symbols of your patterns");
            break;
        case DOOM_STRICT:
            client_close(worker, index, CLOSED_STRICT, WS_CLOSE_TOO_SLOW,
                         "a tick of a strict subscription was lost");
            break;
        case DOOM_CONTROL: client_abort(worker, index, CLOSED_CONTROL); break;
        case DOOM_NONE: break;
        }
    }
}

/* Behind, the worker makes its sends fewer and larger: it lets ticks wait for each other, twice as
 * long at each look, and half as long once the ring is empty again. */
static void judge_window(struct worker *worker)
{
    uint64_t behind = ring_depth(feed_ring(worker->cluster->feed), worker->index);
    uint32_t max_ms = (uint32_t)worker->cluster->config->max_window_ms;
    if (worker->now_ms - worker->window_judged_ms < WINDOW_JUDGE_MS)
        return;
    worker->window_judged_ms = worker->now_ms;
    if (behind > DRAIN_TICKS_MAX)
        worker->window_ms = worker->window_ms ? worker->window_ms * 2 : 1;
    else if (behind == 0)
        worker->window_ms /= 2;
    if (worker->window_ms > max_ms)
        worker->window_ms = max_ms;
    counter_set(&worker->metrics->window_ms, worker->window_ms);
}

/* The gauges of what is held now, and sums that the fan-out keeps. */
static void publish_metrics(struct worker *worker)
{
    const struct fanout *fanout = &worker->fanout;
    struct worker_metrics *metrics = worker->metrics;
    counter_set(&metrics->pairs, fanout->pairs_live);
    counter_set(&metrics->subscriptions, fanout->topics.holds_live);
    counter_set(&metrics->queued, fanout->queues.entries);
    counter_set(&metrics->queued_bytes, fanout->queues.bytes);
    counter_set(&metrics->encoded, fanout->encoded);
    counter_set(&metrics->deliveries, fanout->delivered);
    counter_set(&metrics->dropped_slow, fanout->dropped);
    counter_set(&metrics->gaps_overload, fanout->overload_gaps);
    counter_add(&metrics->turns, 1);
}

/* Sleeps unless the ring has something: the doorbell is armed first, then the ring looked at again.
 */
static void sleep_until_rung(struct worker *worker)
{
    struct doorbell *bell = feed_doorbell(worker->cluster->feed, worker->index);
    const union ring_slot *slots;
    int64_t wait_ms = timers_wait_ms(&worker->timers, worker->now_ms,
                                     worker->drain_until_ms ? DRAIN_WAIT_MS : IDLE_WAIT_MS);
    wait_ms = timers_wait_ms(&worker->rests, worker->now_ms, wait_ms);
    if (worker->accepts_armed < IO_ACCEPTS_MAX && !worker->drain_until_ms)
        wait_ms = wait_ms < ACCEPT_PAUSE_MS ? wait_ms : ACCEPT_PAUSE_MS;
    doorbell_arm(bell);
    int64_t wait_ns = intake_wait_ns(worker, playback_wait_ms(worker, wait_ms) * 1000000);
    bool stopping =
        atomic_load_explicit(&worker->stop, memory_order_acquire) && !worker->drain_until_ms;
    if (ring_peek(feed_ring(worker->cluster->feed), worker->index, &slots) || wait_ns <= 0 ||
        stopping)
        wait_ns = 0;
    else
        counter_add(&worker->metrics->sleeps, 1);
    reap(worker, wait_ns);
    doorbell_disarm(bell);
}

/* ---- shutdown ---- */

static void begin_drain(struct worker *worker)
{
    worker->drain_until_ms = worker->now_ms + (int64_t)worker->cluster->config->drain_ms;
    io_stop_accepting(worker->io);
    close(worker->listen_fd); /* new callers are refused by the kernel at once */
    worker->listen_fd = -1;
    for (uint32_t i = 0; i < worker->clients_used; i++)
        client_drain(worker, i);
}

/* Returns whether all is over. */
static bool drain_is_over(struct worker *worker)
{
    if (!counter_get(&worker->metrics->connections))
        return true;
    if (worker->now_ms < worker->drain_until_ms)
        return false;
    for (uint32_t i = 0; i < worker->clients_used; i++)
        client_abort(worker, i, CLOSED_SHUTDOWN);
    return worker->now_ms > worker->drain_until_ms + 1000;
}

void worker_run(struct worker *worker)
{
    for (;;) {
        /* Acquire pairs with worker_stop()'s release. */
        if (atomic_load_explicit(&worker->stop, memory_order_acquire) && !worker->drain_until_ms)
            begin_drain(worker);
        if (worker->drain_until_ms && drain_is_over(worker))
            return;
        accept_some(worker);
        intake_take(worker);
        budgets_relieve(worker);
        uint64_t taken = drain(worker);
        close_doomed(worker);
        playback_serve(worker);
        flush(worker);
        fire_timers(worker);
        judge_window(worker);
        publish_metrics(worker);
        if (taken || fanout_has_dirty(&worker->fanout) || worker->fanout.doomed.count)
            reap(worker, 0);
        else
            sleep_until_rung(worker);
    }
}
