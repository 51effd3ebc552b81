/* SPDX-License-Identifier: MIT */
#include "server/replay/deck.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "feed/clock.h"
#include "feed/log.h"
#include "server/fanout/frame.h"

enum {
    ORDERS_EACH = DECK_ORDERS_MAX + 2, /* its begin and its end */
    PLAYERS_EACH = 2, /* of a replay: one plays, its predecessor may yet have to end */
    PLAY_MAX = 256,   /* ticks of a player before the next one's turn */
    NICENESS = 5,     /* live goes first */
    ASK_AGAIN_NS = 1000000,
    SLEEP_NS_MAX = 1000000000,
};

struct deck {
    struct deck_config config;
    pthread_t thread;
    bool running;

    struct orders orders;
    _Atomic bool *taken;      /* by player: workers take, the thread gives back */
    _Atomic uint32_t playing; /* players that workers have, at most config.players */

    struct doorbell bell; /* the thread's */
    _Atomic bool stop;    /* the owner writes, the thread reads */

    /* the thread's own */
    struct player *players;
    uint32_t players_count;
    struct group *groups; /* as many as players */
    struct player_setting setting;
    int64_t now_ns;
};

/* ---- any worker ---- */

struct player *deck_begin(struct deck *deck, const struct player_spec *spec)
{
    /* Acquire pairs with deck_release()'s release: its order stands before the one given here. */
    if (atomic_fetch_add_explicit(&deck->playing, 1, memory_order_acquire) >=
        deck->config.players) {
        atomic_fetch_sub_explicit(&deck->playing, 1, memory_order_relaxed);
        return NULL;
    }
    for (uint32_t i = 0; i < deck->players_count; i++) {
        /* Acquire pairs with end()'s release: the thread is done with the player. */
        if (atomic_exchange_explicit(&deck->taken[i], true, memory_order_acquire))
            continue;
        struct player *player = &deck->players[i];
        player->spec = *spec;
        /* Relaxed: the order hands them over. */
        atomic_store_explicit(&player->stage, PLAYER_RUNNING, memory_order_relaxed);
        atomic_store_explicit(&player->orders_done, 0, memory_order_relaxed);
        deck_order(&(struct order){.kind = ORDER_BEGIN, .player = player});
        return player;
    }
    atomic_fetch_sub_explicit(&deck->playing, 1, memory_order_relaxed);
    return NULL;
}

void deck_order(const struct order *order)
{
    struct deck *deck = order->player->deck;
    orders_push(&deck->orders, order);
    deck_wake(deck);
}

void deck_release(struct player *player)
{
    struct deck *deck = player->deck;
    deck_order(&(struct order){.kind = ORDER_END, .player = player});
    /* Release pairs with deck_begin()'s acquire: who comes next begins after this end, so no more
     * timelines are open than there may be. */
    atomic_fetch_sub_explicit(&deck->playing, 1, memory_order_release);
}

void deck_wake(struct deck *deck)
{
    doorbell_ring(&deck->bell);
}

/* ---- thread P: orders ---- */

/* The group of that name, or a free one. */
static struct group *find_group(struct deck *deck, const struct command_replay *ask)
{
    struct group *free = NULL;
    for (uint32_t i = 0; i < deck->players_count; i++) {
        struct group *group = &deck->groups[i];
        if (group->members && ask->group[0] && strcmp(group->name, ask->group) == 0)
            return group;
        if (!group->members && !free)
            free = group;
    }
    CHECK(free); /* there are as many as players */
    group_init(free, ask->group, ask->by_receive ? TAPE_RECEIVE : TAPE_EVENT, ask->speed,
               (int64_t)ask->max_gap_ms * 1000000);
    return free;
}

static void begin(struct deck *deck, struct player *player)
{
    player_begin(player, &deck->setting, find_group(deck, &player->spec.ask), deck->now_ns);
}

static void end(struct deck *deck, struct player *player)
{
    if (player->group->stepper == player)
        player->group->stepper = NULL;
    player_end(player);
    spool_reset(&player->spool);
    /* Release pairs with deck_begin()'s acquire. */
    atomic_store_explicit(&deck->taken[player - deck->players], false, memory_order_release);
}

/* Tells all members how the group stands; the asker alone gets the id. One that had come to live
 * goes back to playing; one that has ended has nothing to steer. */
static void tell_all(struct deck *deck, const struct group *group, const struct player *asker,
                     const struct command_id *id)
{
    for (uint32_t i = 0; i < deck->players_count; i++) {
        struct player *player = &deck->players[i];
        if (!player->used || player->group != group)
            continue;
        player_go_on(player);
        if (!player->finished)
            player_tell(player, group->paused ? "paused" : "playing", player == asker ? id : NULL);
        else if (player == asker)
            player_refuse(player, id);
        player_publish(player);
    }
}

static void seek_all(struct deck *deck, const struct order *order)
{
    struct group *group = order->player->group;
    group_seek(group, order->ask.from_ns);
    for (uint32_t i = 0; i < deck->players_count; i++) {
        struct player *player = &deck->players[i];
        if (player->used && player->group == group)
            player_seek(player, order->ask.from_ns, player == order->player ? &order->id : NULL);
    }
}

static void step(struct deck *deck, const struct order *order)
{
    struct group *group = order->player->group;
    uint32_t before = group->paused ? group->steps : 0;
    if (order->player->finished)
        player_go_on(order->player);
    if (order->player->finished) {
        player_refuse(order->player, &order->id);
        return;
    }
    group_pause(group, deck->now_ns);
    group->steps = before + order->ask.count;
    group->stepping = true;
    group->stepped = order->id;
    group->stepper = order->player;
}

/* Steps that are cut short, or joined by others, are answered before. */
static void end_steps(struct deck *deck, struct group *group)
{
    if (group->stepping)
        tell_all(deck, group, group->stepper, &group->stepped);
    group->stepping = false;
}

static void carry_out(struct deck *deck, const struct order *order)
{
    struct player *player = order->player;
    struct group *group = player->group;
    if (order->kind >= ORDER_PAUSE && order->kind <= ORDER_SEEK)
        end_steps(deck, group);
    switch (order->kind) {
    case ORDER_BEGIN: begin(deck, player); return;
    case ORDER_END: end(deck, player); return;
    case ORDER_PAUSE: group_pause(group, deck->now_ns); break;
    case ORDER_RESUME: group_resume(group, deck->now_ns); break;
    case ORDER_STEP: step(deck, order); break;
    case ORDER_SEEK: seek_all(deck, order); break;
    case ORDER_SPEED: group_set_speed(group, order->ask.speed, deck->now_ns); break;
    case ORDER_GO_ON: player_go_on(player); break;
    }
    if (order->kind == ORDER_PAUSE || order->kind == ORDER_RESUME || order->kind == ORDER_SPEED)
        tell_all(deck, group, player, &order->id);
    player->orders++;
    player_settle(player);
}

/* ---- thread P: playing ---- */

/* How a round over a group's members went. */
struct round {
    struct player *next; /* whose tick is the earliest */
    bool complete;       /* of every member it is known what comes next */
    int64_t again_ns;    /* when to come back */
};

static void come_back(struct round *round, int64_t at_ns)
{
    round->again_ns = at_ns < round->again_ns ? at_ns : round->again_ns;
}

static bool is_before(const struct player *a, const struct player *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns
                                    : a->item->tick.pos < b->item->tick.pos;
}

static struct round prepare_all(struct deck *deck, const struct group *group)
{
    struct round round = {.complete = true, .again_ns = INT64_MAX};
    for (uint32_t i = 0; i < deck->players_count; i++) {
        struct player *player = &deck->players[i];
        if (!player->used || player->group != group)
            continue;
        switch (player_prepare(player, &deck->setting)) {
        case PLAYER_READY:
            if (!round.next || is_before(player, round.next))
                round.next = player;
            break;
        case PLAYER_AGAIN:
            round.complete = false;
            come_back(&round, deck->now_ns);
            break;
        case PLAYER_WAITING:
            round.complete = false;
            come_back(&round, deck->now_ns + ASK_AGAIN_NS);
            break;
        case PLAYER_BLOCKED: round.complete = false; break; /* its worker rings */
        case PLAYER_OVER: break;
        }
        player_publish(player);
    }
    return round;
}

/* Paused: one tick, if steps are left; then says so once it is known what comes next. */
static void take_step(struct deck *deck, struct group *group, struct round *round)
{
    struct player *next = round->next;
    if (!group->stepping || !round->complete)
        return;
    if (!next)
        group->steps = 0; /* the tape is at its end */
    if (!group->steps) {
        group->stepping = false;
        tell_all(deck, group, group->stepper, &group->stepped);
        return;
    }
    if (!player_play(next))
        return;
    group_step(group, next->time_ns);
    player_publish(next);
    come_back(round, deck->now_ns);
}

/* Whether the bound on its rate lets the player go on; when it will, to the round. */
static bool may_play(struct deck *deck, struct player *player, struct round *round)
{
    int64_t tick_ns = deck->setting.tick_ns;
    if (!tick_ns)
        return true;
    if (player->paid_ns < deck->now_ns - PLAY_MAX * tick_ns)
        player->paid_ns = deck->now_ns - PLAY_MAX * tick_ns;
    if (player->paid_ns > deck->now_ns) {
        come_back(round, player->paid_ns + ASK_AGAIN_NS);
        return false;
    }
    player->paid_ns += tick_ns;
    return true;
}

/* What is due of one player's. */
static void play_due(struct deck *deck, struct player *player, struct round *round)
{
    uint32_t played = 0;
    while (player->have && played < PLAY_MAX) {
        int64_t due_ns = group_due(player->group, player->time_ns);
        if (due_ns > deck->now_ns) {
            player->late = true;
            come_back(round, due_ns);
            break;
        }
        if (!may_play(deck, player, round) || !player_play(player))
            break;
        played++;
        enum player_ready ready = player_prepare(player, &deck->setting);
        if (ready == PLAYER_WAITING)
            come_back(round, deck->now_ns + ASK_AGAIN_NS);
        else if (ready == PLAYER_AGAIN)
            come_back(round, deck->now_ns);
    }
    if (played == PLAY_MAX)
        come_back(round, deck->now_ns);
    player_publish(player);
}

/* Returns when to come back. */
static int64_t play_group(struct deck *deck, struct group *group)
{
    struct round round = prepare_all(deck, group);
    if (!group->begun && round.complete && round.next)
        group_begin(group, round.next->time_ns, deck->now_ns);
    if (group->paused)
        take_step(deck, group, &round);
    if (group->paused || !group->begun)
        return round.again_ns;
    if (round.complete && round.next)
        group_leap(group, round.next->time_ns, deck->now_ns);
    for (uint32_t i = 0; i < deck->players_count; i++)
        if (deck->players[i].used && deck->players[i].group == group)
            play_due(deck, &deck->players[i], &round);
    return round.again_ns;
}

static int64_t play_all(struct deck *deck)
{
    int64_t again_ns = INT64_MAX;
    for (uint32_t i = 0; i < deck->players_count; i++) {
        if (!deck->groups[i].members)
            continue;
        int64_t at_ns = play_group(deck, &deck->groups[i]);
        again_ns = at_ns < again_ns ? at_ns : again_ns;
    }
    return again_ns;
}

/* ---- thread P: the loop ---- */

/* Whether a player that waits for room has got it: looked at once more after the bell is armed. */
static bool has_room_again(struct deck *deck)
{
    for (uint32_t i = 0; i < deck->players_count; i++) {
        struct player *player = &deck->players[i];
        if (player->used && player->blocked && spool_begin(&player->spool, FRAME_LEN_MAX))
            return true;
    }
    return false;
}

static bool is_stopped(struct deck *deck)
{
    /* Relaxed: it orders nothing; deck_destroy() joins. */
    return atomic_load_explicit(&deck->stop, memory_order_relaxed);
}

static void sleep_until(struct deck *deck, int64_t until_ns)
{
    struct pollfd fd = {.fd = deck->bell.fd, .events = POLLIN};
    uint64_t rings;
    doorbell_arm(&deck->bell);
    int64_t wait_ns = until_ns - clock_mono_ns();
    wait_ns = wait_ns < SLEEP_NS_MAX ? wait_ns : SLEEP_NS_MAX;
    struct timespec timeout = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    if (wait_ns > 0 && !orders_wait(&deck->orders) && !has_room_again(deck) && !is_stopped(deck))
        ppoll(&fd, 1, &timeout, NULL);
    doorbell_disarm(&deck->bell);
    (void)!read(deck->bell.fd, &rings, sizeof rings);
}

static void *run(void *arg)
{
    struct deck *deck = arg;
    struct order order;
    pthread_setname_np(pthread_self(), "player");
    setpriority(PRIO_PROCESS, 0, NICENESS); /* on Linux: of this thread */
    while (!is_stopped(deck)) {
        deck->now_ns = clock_mono_ns();
        while (orders_pop(&deck->orders, &order))
            carry_out(deck, &order);
        int64_t again_ns = play_all(deck);
        if (again_ns > deck->now_ns)
            sleep_until(deck, again_ns);
    }
    /* What a replay that was yet to begin owns has been given, too. */
    while (orders_pop(&deck->orders, &order))
        carry_out(deck, &order);
    for (uint32_t i = 0; i < deck->players_count; i++)
        if (deck->players[i].used)
            player_end(&deck->players[i]);
    return NULL;
}

/* ---- life ---- */

static void notice(void *arg, const char *sentence)
{
    (void)arg;
    LOG_WARN("archive.notice", "text=\"%s\"", sentence);
}

static int allocate(struct deck *deck)
{
    uint32_t n = deck->players_count;
    size_t bytes = n * sizeof *deck->players;
    deck->taken = calloc(n, sizeof *deck->taken);
    deck->groups = calloc(n, sizeof *deck->groups);
    deck->players = aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) & ~(CACHE_LINE - 1ul));
    deck->setting.deflate = deflate_create();
    if (orders_init(&deck->orders, n * ORDERS_EACH) < 0 || !deck->taken || !deck->groups ||
        !deck->players || !deck->setting.deflate)
        return -ENOMEM;
    memset(deck->players, 0, bytes);
    for (uint32_t i = 0; i < n; i++) {
        if (player_init(&deck->players[i], deck, deck->config.spool_bytes) < 0)
            return -ENOMEM;
    }
    const char *folder = deck->config.stock.archive;
    if (folder[0] && !(deck->setting.archive = archive_create(folder, notice, NULL)))
        return -ENOMEM;
    return doorbell_init(&deck->bell);
}

int deck_create(struct deck **out, const struct deck_config *config, char *error, size_t error_size)
{
    struct deck *deck =
        aligned_alloc(CACHE_LINE, (sizeof *deck + CACHE_LINE - 1) & ~(CACHE_LINE - 1ul));
    if (!deck) {
        snprintf(error, error_size, "player thread: out of memory");
        return -ENOMEM;
    }
    memset(deck, 0, sizeof *deck);
    deck->config = *config;
    deck->players_count = PLAYERS_EACH * config->players;
    deck->setting.stock = &deck->config.stock;
    deck->setting.symbols_max = config->symbols_max;
    deck->setting.tick_ns = config->rate ? (int64_t)(1000000000 / config->rate) : 0;
    int rc = allocate(deck);
    if (rc == 0)
        rc = -pthread_create(&deck->thread, NULL, run, deck);
    deck->running = rc == 0;
    if (rc < 0) {
        snprintf(error, error_size, "player thread: %s", strerror(-rc));
        deck_destroy(deck);
        return rc;
    }
    *out = deck;
    return 0;
}

void deck_destroy(struct deck *deck)
{
    if (!deck)
        return;
    /* Relaxed: the join below orders the thread's end before us. */
    atomic_store_explicit(&deck->stop, true, memory_order_relaxed);
    if (deck->running) {
        uint64_t one = 1;
        (void)!write(deck->bell.fd, &one, sizeof one);
        pthread_join(deck->thread, NULL);
    }
    for (uint32_t i = 0; deck->players && i < deck->players_count; i++)
        player_finish(&deck->players[i]);
    archive_destroy(deck->setting.archive);
    deflate_destroy(deck->setting.deflate);
    doorbell_finish(&deck->bell);
    orders_finish(&deck->orders);
    free(deck->players);
    free(deck->groups);
    free((void *)deck->taken);
    free(deck);
}

void deck_claims(const struct deck_config *config, struct claims *claims)
{
    uint64_t readers = config->stock.archive[0] ? TIMELINE_TRACKS_MAX * tape_reader_memory() : 0;
    uint64_t past = config->stock.brokers[0] ? kafka_past_memory(config->stock.partitions_max) : 0;
    uint64_t files = config->stock.archive[0] ? ARCHIVE_FILES_MAX * 256ull : 0;
    claims_add(claims, "replay.players",
               config->players * (PLAYERS_EACH * (sizeof(struct player) + config->spool_bytes) +
                                  symbols_memory(config->symbols_max)));
    /* A timeline has its files open, or Kafka. */
    claims_add(claims, "replay.timelines",
               config->players * (readers > past ? readers : past) + files);
}
