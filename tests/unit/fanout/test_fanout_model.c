/* SPDX-License-Identifier: MIT */
/*
 * The fan-out against naive accounts: random subscriptions, symbols, ticks, merged ticks, tiny
 * queues and arenas, and sockets that take all, some or nothing. What is checked is in hearing.c
 * and at the end of world.c.
 */
#include "world.h"

static const char *const names[WORLD_SYMBOLS] = {
    "A",   "AB",  "ABC",     "B",       "BTC-USD", "BTC-EUR", "BTC-",
    "BA",  "BAB", "ETH-USD", "ETH-EUR", "ETH",     "C",       "CA",
    "CAB", "D",   "DA",      "DAD",     "E",       "x:y/z@1", "VERYLONGVERYLONGVERYLONGVERYLONG",
    "F",   "FA",  "FAB"};
static const char *const patterns[] = {"*",    "A*",    "AB*",  "B*", "BTC-*", "BTC-USD*",
                                       "ETH*", "VERY*", "CAB*", "D*", "F*",    "Q*"};

enum { FLIGHTS = 8 };

struct flight {
    const struct send *send;
    uint32_t taken;
};

/* What a round has beyond subscriptions of every tick. */
enum {
    WITH_PARTINGS = 1, /* clients unsubscribe and leave */
    WITH_MERGES = 2,   /* the feed skips */
    WITH_RESUMES = 4,
    WITH_MODES = 8,
};

struct play {
    struct world *world;
    struct flight flights[FLIGHTS];
    int flights_count;
    unsigned with;
};

static uint64_t roll(struct play *play, uint64_t bound)
{
    return random_below(&play->world->random, bound);
}

/* ---- what clients do ---- */

static const char *some_topic(struct play *play)
{
    if (roll(play, 3))
        return names[roll(play, WORLD_SYMBOLS)];
    return patterns[roll(play, sizeof patterns / sizeof patterns[0])];
}

static struct terms some_terms(struct play *play)
{
    struct terms terms = {.mode = TERMS_ALL, .snapshot = roll(play, 2)};
    uint64_t dice = roll(play, 8);
    if (play->with & WITH_MODES && dice == 0)
        terms.mode = TERMS_STRICT;
    if (play->with & WITH_MODES && dice == 1)
        terms.mode = TERMS_LATEST;
    if (terms.mode == TERMS_LATEST && roll(play, 2))
        terms.interval_ms = (uint32_t)roll(play, 20);
    return terms;
}

/* A refusal must have its reason. */
static void check_full(struct play *play)
{
    const struct fanout *fanout = &play->world->fanout;
    world_assert(play->world, fanout->pairs_live + WORLD_SYMBOLS > fanout->config.pairs_max ||
                                  fanout->topics.holds_live == fanout->config.holds_max);
}

static void subscribe(struct play *play, uint32_t i)
{
    if (play->world->listeners[i].topics_count == WORLD_TOPICS)
        return;
    const char *text = some_topic(play);
    if (world_subscribe(play->world, i, text, some_terms(play)) == FANOUT_FULL)
        check_full(play);
}

static void resume(struct play *play, uint32_t i)
{
    struct world *world = play->world;
    uint32_t symbol = (uint32_t)roll(play, WORLD_SYMBOLS);
    if (symbol >= world->symbols_count || world->listeners[i].topics_count == WORLD_TOPICS)
        return;
    uint64_t seq = world->symbols[symbol].last;
    uint64_t back = roll(play, 2) ? roll(play, 3) : roll(play, 100);
    seq -= seq > back ? back : 0;
    if (!seq || !world->symbols[symbol].ticks[seq].seq ||
        world->listeners[i].accounts[symbol].now.open)
        return;
    if (world_resume(world, i, symbol, seq, some_terms(play)) == FANOUT_FULL)
        check_full(play);
}

static void leave(struct play *play, uint32_t i)
{
    world_leave(play->world, i);
    for (int k = 0; k < play->flights_count; k++)
        if (play->flights[k].send->subscriber == i)
            play->flights[k] = play->flights[--play->flights_count];
}

static void go(struct play *play, uint32_t i)
{
    struct world *world = play->world;
    switch (roll(play, 8)) {
    case 0: leave(play, i); break;
    case 1: world_silence(world, i); break;
    default:
        if (world->listeners[i].topics_count && roll(play, 10))
            world_unsubscribe(world, i,
                              world->listeners[i]
                                  .topics[roll(play, (uint64_t)world->listeners[i].topics_count)]
                                  .text);
        else
            world_unsubscribe(world, i, some_topic(play));
    }
}

static void act(struct play *play)
{
    struct world *world = play->world;
    uint32_t i = (uint32_t)roll(play, WORLD_LISTENERS);
    if (!world->listeners[i].joined) {
        world_join(world, i, (int)roll(play, ENCODE_DEFLATED));
        return;
    }
    uint64_t dice = roll(play, 20);
    if (dice < 7)
        subscribe(play, i);
    else if (dice < 8 && play->with & WITH_RESUMES)
        resume(play, i);
    else if (dice < 14 && play->with & WITH_PARTINGS)
        go(play, i);
    else if (dice < 18)
        world_control(world, i, 16 + (uint32_t)roll(play, roll(play, 10) ? 150 : 3000));
}

/* ---- what the feed does ---- */

static void check_bounds(const struct world *world)
{
    const struct fanout *fanout = &world->fanout;
    for (uint32_t i = 0; i < WORLD_LISTENERS; i++) {
        const struct sendq *queue = &fanout->subscribers[i].queue;
        if (!world->listeners[i].joined)
            continue;
        world_assert(world, queue->count <= fanout->config.queue_frames_max);
        world_assert(world, queue->count <= 1 || queue->bytes <= fanout->config.queue_bytes_max);
    }
}

static void feed(struct play *play)
{
    struct world *world = play->world;
    if (world->symbols_count < WORLD_SYMBOLS && !roll(play, 12))
        world_symbol(world, names[world->symbols_count]);
    if (!world->symbols_count)
        return;
    for (uint64_t left = roll(play, roll(play, 8) ? 6 : 60); left > 0; left--) {
        uint32_t symbol = (uint32_t)roll(play, 1 + roll(play, world->symbols_count));
        bool merged = play->with & WITH_MERGES && !roll(play, 12);
        if (world->symbols[symbol].last + 10 < WORLD_SEQS)
            world_tick(world, symbol, merged ? 1 + (uint32_t)roll(play, 5) : 0);
        check_bounds(world);
    }
}

/* ---- what sockets do ---- */

static uint32_t some_of(struct play *play, uint32_t len)
{
    switch (roll(play, 6)) {
    case 0: return 0;
    case 1: return (uint32_t)roll(play, len + 1);
    case 2: return (uint32_t)roll(play, len < 200 ? len + 1 : 200);
    default: return len;
    }
}

static void launch(struct play *play)
{
    struct world *world = play->world;
    uint32_t i;
    world_turn(world);
    while (play->flights_count < FLIGHTS && world_take(world, &i)) {
        const struct send *send = world_gather(world, i);
        if (!send)
            continue;
        struct flight *flight = &play->flights[play->flights_count++];
        *flight = (struct flight){.send = send, .taken = some_of(play, send->len)};
        world->fanout.subscribers[i].held = true;
        world_hear(world, send, flight->taken);
    }
}

static void land(struct play *play, int index)
{
    struct world *world = play->world;
    struct flight flight = play->flights[index];
    uint32_t i = flight.send->subscriber;
    play->flights[index] = play->flights[--play->flights_count];
    world_assert(world, gather_sent(&world->fanout, &world->batch, flight.send, flight.taken) == 0);
    world->listeners[i].blocked = flight.taken < flight.send->len;
    world->fanout.subscribers[i].held = world->listeners[i].blocked;
    if (!world->listeners[i].blocked && fanout_waiting(&world->fanout.subscribers[i]))
        fanout_mark_dirty(&world->fanout, i);
}

/* Sends end in any order, and clients are heard meanwhile. */
static void flush(struct play *play)
{
    launch(play);
    while (play->flights_count) {
        if (!roll(play, 3))
            act(play);
        if (play->flights_count)
            land(play, (int)roll(play, (uint64_t)play->flights_count));
    }
}

static void unblock(struct play *play)
{
    struct world *world = play->world;
    for (uint32_t i = 0; i < WORLD_LISTENERS; i++) {
        if (!world->listeners[i].joined || !world->listeners[i].blocked || roll(play, 3))
            continue;
        world->listeners[i].blocked = world->fanout.subscribers[i].held = false;
        fanout_mark_dirty(&world->fanout, i);
    }
}

/* The doomed are closed, and their doom must have its cause. */
static void close_doomed(struct play *play)
{
    struct world *world = play->world;
    uint32_t i;
    while (fanout_take_doomed(&world->fanout, &i)) {
        enum fanout_doom doom = (enum fanout_doom)world->fanout.subscribers[i].doom;
        world->fanout.subscribers[i].doom = DOOM_NONE;
        world_assert(world, doom != DOOM_NONE);
        world_assert(world, doom != DOOM_STARVED || world->fanout.config.pairs_max < WORLD_PAIRS);
        world_assert(world, doom != DOOM_STRICT || play->with & WITH_MODES);
        leave(play, i);
    }
}

/* ---- a round ---- */

/* Each bit of the seed makes one thing scarce. */
static struct fanout_config scarce(uint64_t seed)
{
    struct fanout_config config = world_config();
    uint64_t random = seed;
    if (seed & 1)
        config.queue_frames_max = 1 + (uint32_t)random_below(&random, 30);
    if (seed & 2)
        config.queue_bytes_max = 100 + (uint32_t)random_below(&random, 4000);
    if (seed & 4)
        config.arena_bytes = 4096;
    if (seed & 8)
        config.arena_frames = 4 + (uint32_t)random_below(&random, 60);
    if (seed & 16)
        config.history_ticks = (uint32_t)random_below(&random, 200);
    if (seed & 32)
        config.pairs_max = 30 + (uint32_t)random_below(&random, 60);
    if (seed & 64)
        config.holds_max = 20;
    if (seed & 128)
        config.control_bytes_max = 4000;
    return config;
}

static void play_round(uint64_t seed, unsigned with)
{
    struct fanout_config config = scarce(seed);
    if (!(with & WITH_PARTINGS)) { /* the doomed would leave */
        config.pairs_max = WORLD_PAIRS;
        config.control_bytes_max = 1 << 20;
    }
    struct play play = {.world = world_create(&config, seed), .with = with};
    for (int turn = 0; turn < 400; turn++) {
        for (uint64_t left = roll(&play, 4); left > 0; left--)
            act(&play);
        if (roll(&play, 4))
            feed(&play);
        close_doomed(&play);
        flush(&play);
        close_doomed(&play);
        unblock(&play);
    }
    world_settle(play.world);
    world_destroy(play.world);
}

static void round_of_drops(uint64_t seed)
{
    play_round(seed, 0);
}

static void round_of_all(uint64_t seed)
{
    play_round(seed, WITH_PARTINGS | WITH_MERGES);
}

static void round_of_resumes(uint64_t seed)
{
    play_round(seed, WITH_PARTINGS | WITH_MERGES | WITH_RESUMES);
}

static void round_of_modes(uint64_t seed)
{
    play_round(seed, WITH_PARTINGS | WITH_MERGES | WITH_RESUMES | WITH_MODES);
}

static void every_drop_is_told_and_counted_once(void **state)
{
    (void)state;
    model_run(1, 100, round_of_drops);
}

static void every_account_is_complete_whatever_happens(void **state)
{
    (void)state;
    model_run(1, 300, round_of_all);
}

static void a_resumed_account_is_complete_too(void **state)
{
    (void)state;
    model_run(1, 200, round_of_resumes);
}

static void every_mode_keeps_its_promise(void **state)
{
    (void)state;
    model_run(1, 600, round_of_modes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_drop_is_told_and_counted_once),
        cmocka_unit_test(every_account_is_complete_whatever_happens),
        cmocka_unit_test(a_resumed_account_is_complete_too),
        cmocka_unit_test(every_mode_keeps_its_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
