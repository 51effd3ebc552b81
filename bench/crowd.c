/* SPDX-License-Identifier: MIT */
#include "bench/crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/caller.h"
#include "bench/request.h"
#include "bench/usage.h"
#include "feed/clock.h"

enum {
    EVENTS_MAX = 512,
    WAIT_MS = 20,
    SLICE_NS_MIN = 100000000,
    DRAIN_LOOK_NS = 50000000,
    STORM_NS = 2000000000, /* into the measured time, and again after so long */
    STORM_EVERY_S = 5,
    PAUSE_READ_MS = 1000,
    PAUSE_REST_MS = 2000,
};

struct crowd {
    const struct crowd_config *config;
    struct calls calls;
    struct account account;
    struct caller *callers;
    struct pair *pairs;
    uint32_t *waiting; /* callers to be opened, a ring */
    uint32_t waiting_head;
    uint32_t waiting_count;
    uint32_t opening;
    uint32_t opened;
    int epoll;
    int64_t now_ns; /* CLOCK_REALTIME, once a turn */
    int64_t looked_ns;
    int64_t storm_at_ns; /* the next one; its start while it lasts */
    bool storming;
    uint64_t churned;    /* have left by intent */
    uint32_t churn_next; /* who is next to */
    bool measured;       /* the measured time is over */
    struct usage before;
};

int64_t slice_ns(const struct plan *plan)
{
    int64_t ns = (plan->duration_ns + SLICES_MAX - 1) / SLICES_MAX;
    return ns < SLICE_NS_MIN ? SLICE_NS_MIN : ns;
}

static bool is_slow(const struct crowd *crowd, const struct caller *caller)
{
    return crowd->config->first + caller->number >= crowd->config->plan->clients;
}

/* The numbers of the symbols that it takes. */
static const uint32_t *hand_of(const struct crowd *crowd, const struct caller *caller)
{
    const struct crowd_config *config = crowd->config;
    return config->hands + (size_t)(config->first + caller->number) * config->plan->symbols_each;
}

/* ---- opening and ending ---- */

static void enqueue(struct crowd *crowd, struct caller *caller)
{
    uint32_t count = crowd->config->count;
    crowd->waiting[(crowd->waiting_head + crowd->waiting_count++) % count] = caller->number;
}

static void subscribe(struct crowd *crowd, struct caller *caller)
{
    uint32_t each = crowd->config->plan->symbols_each;
    const uint32_t *hand = hand_of(crowd, caller);
    pairs_clear(&caller->pairs);
    for (uint32_t i = 0; i < each; i++)
        pairs_add(&caller->pairs, hand[i]);
}

static void watch(struct crowd *crowd, struct caller *caller, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u32 = caller->number};
    epoll_ctl(crowd->epoll, operation, caller->fd, &event);
}

static void open_some(struct crowd *crowd)
{
    while (crowd->waiting_count && crowd->opening < crowd->config->plan->opening) {
        struct caller *caller = &crowd->callers[crowd->waiting[crowd->waiting_head]];
        int rc = caller_open(&crowd->calls, caller, clock_wall_ns());
        if (rc < 0) {
            counter_add(&crowd->calls.ledger->refused, 1);
            return; /* again at the next turn */
        }
        crowd->waiting_head = (crowd->waiting_head + 1) % crowd->config->count;
        crowd->waiting_count--;
        crowd->opening++;
        subscribe(crowd, caller);
        watch(crowd, caller, EPOLL_CTL_ADD, EPOLLOUT);
    }
}

static void end(struct crowd *crowd, struct caller *caller)
{
    if (caller->state == CALLER_OPEN) {
        account_leave(&crowd->account, &caller->pairs);
        crowd->opened--;
    } else {
        crowd->opening--;
    }
    caller_cut(caller);
}

/* A connection ended that should have stayed. */
static void lose(struct crowd *crowd, struct caller *caller)
{
    bool stood = caller->state == CALLER_OPEN;
    bool slow = is_slow(crowd, caller);
    counter_add(!stood ? &crowd->calls.ledger->refused
                       : (slow ? &crowd->calls.ledger->slow_lost : &crowd->calls.ledger->lost),
                1);
    end(crowd, caller);
    if (!stood)
        enqueue(crowd, caller);
}

static void request(struct crowd *crowd, struct caller *caller)
{
    char text[REQUEST_MAX];
    const struct plan *plan = crowd->config->plan;
    int len = request_write(text, plan, crowd->config->catalog, hand_of(crowd, caller));
    watch(crowd, caller, EPOLL_CTL_MOD, EPOLLIN);
    if (len < 0 || caller_send(caller, text, (size_t)len) == CALLER_ENDED)
        lose(crowd, caller);
}

static void welcome(struct crowd *crowd, struct caller *caller)
{
    const struct plan *plan = crowd->config->plan;
    uint8_t frame[GREETING_MAX];
    int greeting = greeting_write(frame, plan, crowd->config->catalog, hand_of(crowd, caller));
    crowd->opening--;
    crowd->opened++;
    if (crowd->calls.measuring)
        counter_add(&crowd->calls.ledger->handshakes, 1);
    if (plan->scenario == SCENARIO_FLOOD) {
        end(crowd, caller);
        enqueue(crowd, caller);
        return;
    }
    if (greeting < 0 ||
        (greeting > 0 && caller_send(caller, frame, (size_t)greeting) == CALLER_ENDED)) {
        lose(crowd, caller);
        return;
    }
    if (plan->max_delay_ms)
        caller_send(caller, frame, configure_write(frame, plan));
    if (is_slow(crowd, caller))
        watch(crowd, caller, EPOLL_CTL_MOD, 0);
}

static void attend(struct crowd *crowd, const struct epoll_event *event)
{
    struct caller *caller = &crowd->callers[event->data.u32];
    enum caller_news news;
    if (caller->state == CALLER_IDLE)
        return;
    if (caller->state == CALLER_CONNECTING)
        news = caller_connected(&crowd->calls, caller);
    else if (caller->state == CALLER_OPEN && is_slow(crowd, caller))
        news = event->events & (EPOLLERR | EPOLLHUP) ? CALLER_ENDED : CALLER_NOTHING;
    else
        news = caller_read(&crowd->calls, caller, CALLS_BUFFER);
    switch (news) {
    case CALLER_CONNECTED: request(crowd, caller); break;
    case CALLER_SECURES: watch(crowd, caller, EPOLL_CTL_MOD, EPOLLIN); break;
    case CALLER_UPGRADED: welcome(crowd, caller); break;
    case CALLER_ENDED: lose(crowd, caller); break;
    case CALLER_NOTHING: break;
    }
}

/* ---- scenarios ---- */

/* Whether SLOW_STALL rests: at first, and then every other time. */
static bool is_stalled(const struct crowd *crowd)
{
    const struct account *account = &crowd->account;
    int64_t rest_ns = crowd->config->plan->slow_rate * INT64_C(1000000000);
    return crowd->now_ns >= account->from_ns && crowd->now_ns < account->to_ns &&
           (crowd->now_ns - account->from_ns) / rest_ns % 2 == 0;
}

static size_t slow_share(const struct crowd *crowd, const struct caller *caller)
{
    const struct plan *plan = crowd->config->plan;
    int64_t now_ns = crowd->now_ns, ms = now_ns / 1000000;
    switch (plan->slow) {
    case SLOW_TRICKLE:
        return (size_t)((double)plan->slow_rate * (double)(now_ns - caller->read_ns) / 1e9);
    case SLOW_PAUSE: return ms % (PAUSE_READ_MS + PAUSE_REST_MS) < PAUSE_READ_MS ? CALLS_BUFFER : 0;
    case SLOW_STALL: return is_stalled(crowd) ? 0 : CALLS_BUFFER;
    case SLOW_NEVER: break;
    }
    return 0;
}

static void attend_slow(struct crowd *crowd)
{
    const struct plan *plan = crowd->config->plan;
    uint32_t slow = plan->slow_clients;
    uint32_t count = crowd->config->count;
    for (uint32_t i = slow < count ? count - slow : 0; plan->slow != SLOW_NEVER && i < count; i++) {
        struct caller *caller = &crowd->callers[i];
        if (caller->state != CALLER_OPEN || !is_slow(crowd, caller))
            continue;
        if (!caller->read_ns)
            caller->read_ns = crowd->now_ns;
        size_t share = slow_share(crowd, caller);
        if (share < 64)
            continue;
        caller->read_ns = crowd->now_ns;
        if (caller_read(&crowd->calls, caller, share) == CALLER_ENDED)
            lose(crowd, caller);
    }
}

static void begin_storm(struct crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->config->count; i++) {
        if (crowd->callers[i].state != CALLER_OPEN)
            continue;
        end(crowd, &crowd->callers[i]);
        enqueue(crowd, &crowd->callers[i]);
    }
    crowd->storming = true;
}

static void attend_storm(struct crowd *crowd)
{
    struct ledger *ledger = crowd->calls.ledger;
    if (crowd->storming && crowd->opened == crowd->config->count) {
        uint64_t n = counter_get(&ledger->storms_count);
        if (n < STORMS_MAX) {
            ledger->storms_ns[n] = (uint64_t)(crowd->now_ns - crowd->storm_at_ns);
            counter_set(&ledger->storms_count, n + 1);
        }
        crowd->storming = false;
        crowd->storm_at_ns += STORM_EVERY_S * INT64_C(1000000000);
    } else if (!crowd->storming && crowd->now_ns >= crowd->storm_at_ns &&
               crowd->storm_at_ns < crowd->account.to_ns - 1000000000) {
        crowd->storm_at_ns = crowd->now_ns;
        begin_storm(crowd);
    }
}

/* As many as are due by now; who comes back is a new connection with the same symbols. */
static void attend_churn(struct crowd *crowd)
{
    const struct crowd_config *config = crowd->config;
    const struct plan *plan = config->plan;
    double rate = plan->churn / plan->processes;
    uint64_t due = (uint64_t)((double)(crowd->now_ns - crowd->account.from_ns) / 1e9 * rate);
    for (uint32_t tries = 0; crowd->churned < due && tries < config->count; tries++) {
        struct caller *caller = &crowd->callers[crowd->churn_next++ % config->count];
        if (caller->state != CALLER_OPEN || is_slow(crowd, caller))
            continue;
        end(crowd, caller);
        enqueue(crowd, caller);
        counter_add(&crowd->calls.ledger->churned, 1);
        crowd->churned++;
    }
}

/* ---- the course ---- */

static void note_ready(struct crowd *crowd)
{
    struct ledger *ledger = crowd->calls.ledger;
    bool all =
        crowd->opened == crowd->config->count || crowd->config->plan->scenario == SCENARIO_FLOOD;
    counter_set(&ledger->opened, crowd->opened);
    if (all)
        counter_set(&ledger->ready, 1);
    else if (counter_get(&ledger->refused) > 1000 + 4ull * crowd->config->count)
        counter_set(&ledger->failed, 1);
}

static void begin_measuring(struct crowd *crowd)
{
    crowd->calls.measuring = true;
    crowd->storm_at_ns = crowd->account.from_ns + STORM_NS;
    usage_read(&crowd->before, getpid());
}

static void end_measuring(struct crowd *crowd)
{
    struct ledger *ledger = crowd->calls.ledger;
    struct usage after;
    usage_read(&after, getpid());
    counter_set(&ledger->cpu_ns, after.cpu_ns - crowd->before.cpu_ns);
    counter_set(&ledger->delay_ns, after.delay_ns - crowd->before.delay_ns);
    crowd->calls.measuring = false;
    crowd->measured = true;
}

/* Where now is in the run. */
static void follow_stage(struct crowd *crowd)
{
    const struct stage *stage = crowd->config->stage;
    struct account *account = &crowd->account;
    if (account->from_ns == INT64_MAX) {
        /* Acquire pairs with the release in trial.c: `from_ns` was stored before. */
        int64_t to = atomic_load_explicit(&stage->to_ns, memory_order_acquire);
        if (!to)
            return;
        account->from_ns = atomic_load_explicit(&stage->from_ns, memory_order_relaxed);
        account->to_ns = to;
    }
    if (crowd->now_ns < account->from_ns)
        return;
    if (!crowd->calls.measuring && !crowd->measured)
        begin_measuring(crowd);
    if (crowd->now_ns >= account->to_ns && !crowd->measured)
        end_measuring(crowd);
    int64_t until = crowd->measured ? account->to_ns - 1 : crowd->now_ns;
    account->slice =
        &crowd->calls.ledger
             ->slices[(until - account->from_ns) / slice_ns(crowd->config->plan) % SLICES_MAX];
}

static bool is_drained(struct crowd *crowd)
{
    int64_t late = crowd->now_ns - crowd->account.to_ns;
    if (!crowd->measured || crowd->now_ns - crowd->looked_ns < DRAIN_LOOK_NS)
        return false;
    crowd->looked_ns = crowd->now_ns;
    if (late > crowd->config->plan->grace_ns)
        return true;
    if (crowd->account.newest_ns < crowd->account.to_ns && late < 500000000)
        return false;
    for (uint32_t i = 0; i < crowd->config->count; i++)
        if (crowd->callers[i].state == CALLER_OPEN &&
            !account_is_complete(&crowd->account, &crowd->callers[i].pairs))
            return false;
    return true;
}

static void turn(struct crowd *crowd)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(crowd->epoll, events, EVENTS_MAX, crowd->waiting_count ? 1 : WAIT_MS);
    int64_t started = clock_mono_ns();
    crowd->now_ns = clock_wall_ns();
    follow_stage(crowd);
    for (int i = 0; i < n; i++)
        attend(crowd, &events[i]);
    open_some(crowd);
    if (crowd->config->plan->slow_clients)
        attend_slow(crowd);
    if (crowd->config->plan->scenario == SCENARIO_RECONNECT_STORM && crowd->calls.measuring)
        attend_storm(crowd);
    if (crowd->config->plan->churn > 0 && crowd->calls.measuring)
        attend_churn(crowd);
    note_ready(crowd);
    if (crowd->calls.measuring)
        curve_add(&crowd->calls.ledger->turn, clock_mono_ns() - started);
}

static void settle(struct crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->config->count; i++) {
        struct caller *caller = &crowd->callers[i];
        if (caller->state == CALLER_OPEN)
            account_settle(&crowd->account, &caller->pairs);
        if (caller->state != CALLER_IDLE)
            caller_cut(caller);
    }
    account_close(&crowd->account);
}

/* ---- birth and death ---- */

static int resolve(struct crowd *crowd)
{
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET};
    if (getaddrinfo(crowd->config->plan->host, crowd->config->plan->port, &hints, &found) != 0)
        return -EHOSTUNREACH;
    memcpy(&crowd->calls.server, found->ai_addr, sizeof crowd->calls.server);
    freeaddrinfo(found);
    bool loopback = ntohl(crowd->calls.server.sin_addr.s_addr) >> 24 == 127;
    crowd->calls.sources = loopback ? crowd->config->plan->sources : 0;
    return 0;
}

static void place_callers(struct crowd *crowd)
{
    uint32_t size = pairs_size(crowd->config->plan->symbols_each);
    enum slow_kind kind = crowd->config->plan->slow;
    for (uint32_t i = 0; i < crowd->config->count; i++) {
        struct caller *caller = &crowd->callers[i];
        caller->fd = -1;
        caller->number = i;
        bool slow = is_slow(crowd, caller);
        caller->pairs = (struct pairs){.table = crowd->pairs + (size_t)i * size,
                                       .mask = size - 1,
                                       .slow = slow,
                                       .whole = !slow || kind == SLOW_STALL};
        enqueue(crowd, caller);
    }
}

static int crowd_init(struct crowd *crowd, const struct crowd_config *config)
{
    const struct plan *plan = config->plan;
    *crowd = (struct crowd){.config = config};
    crowd->account = (struct account){.ledger = config->ledger,
                                      .symbols = config->catalog->count,
                                      .from_ns = INT64_MAX,
                                      .to_ns = INT64_MAX};
    crowd->calls = (struct calls){.receive_buffer = plan->receive_buffer,
                                  .catalog = config->catalog,
                                  .account = &crowd->account,
                                  .ledger = config->ledger,
                                  .wrapped = plan->protocol != PROTOCOL_TAPEHEAD};
    crowd->calls.host = plan->host;
    if (plan->secure) {
        char error[160];
        crowd->calls.sealed = malloc(CALLS_BUFFER);
        if (!crowd->calls.sealed ||
            tls_trust_load(&crowd->calls.trust, NULL, error, sizeof error) < 0)
            return -ENOMEM;
    }
    if (plan->deflate && !(crowd->calls.inflate = inflate_create()))
        return -ENOMEM;
    crowd->calls.buffer = malloc(CALLS_BUFFER);
    crowd->callers = calloc(config->count, sizeof *crowd->callers);
    crowd->waiting = calloc(config->count, sizeof *crowd->waiting);
    crowd->pairs =
        calloc((size_t)config->count * pairs_size(plan->symbols_each), sizeof *crowd->pairs);
    crowd->account.ranges = calloc(config->catalog->count + 1, sizeof *crowd->account.ranges);
    crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!crowd->calls.buffer || !crowd->callers || !crowd->waiting || !crowd->pairs ||
        !crowd->account.ranges || crowd->epoll < 0)
        return -ENOMEM;
    place_callers(crowd);
    return resolve(crowd);
}

static void crowd_finish(struct crowd *crowd)
{
    free(crowd->calls.buffer);
    free(crowd->calls.sealed);
    inflate_destroy(crowd->calls.inflate);
    bytes_finish(&crowd->calls.inflated);
    tls_keys_free(crowd->calls.trust);
    free(crowd->callers);
    free(crowd->waiting);
    free(crowd->pairs);
    free(crowd->account.ranges);
    if (crowd->epoll >= 0)
        close(crowd->epoll);
}

int crowd_run(const struct crowd_config *config)
{
    struct crowd crowd;
    int rc = crowd_init(&crowd, config);
    pid_t parent = getppid();
    while (rc == 0 && !is_drained(&crowd) && !counter_get(&config->ledger->failed)) {
        turn(&crowd);
        if (getppid() != parent)
            rc = -ECANCELED; /* nobody is left to read the ledger */
    }
    if (rc == 0)
        settle(&crowd);
    else
        counter_set(&config->ledger->failed, 1);
    crowd_finish(&crowd);
    return rc;
}
