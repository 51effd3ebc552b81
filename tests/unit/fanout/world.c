/* SPDX-License-Identifier: MIT */
/* world: see world.h. What is heard is judged in hearing.c. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "hearing.h"

const struct terms world_all = {.mode = TERMS_ALL, .snapshot = true};
const struct terms world_all_new = {.mode = TERMS_ALL};
const struct terms world_latest = {.mode = TERMS_LATEST, .snapshot = true};
const struct terms world_strict = {.mode = TERMS_STRICT, .snapshot = true};

struct fanout_config world_config(void)
{
    return (struct fanout_config){
        .subscribers_max = WORLD_LISTENERS,
        .symbols_max = WORLD_SYMBOLS,
        .pairs_max = WORLD_PAIRS,
        .holds_max = WORLD_LISTENERS * WORLD_TOPICS,
        .queue_frames_max = 8192,
        .queue_bytes_max = 4 << 20,
        .control_bytes_max = 1 << 20,
        .control_budget = 16 << 20,
        .arena_bytes = 8 << 20,
        .arena_frames = 1 << 16,
        .history_ticks = 4096,
    };
}

static void rest(void *arg, uint32_t pair, int64_t due_ms)
{
    struct world *world = arg;
    world->rests[pair] = due_ms;
}

struct world *world_create(const struct fanout_config *config, uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    world->seed = world->random = seed;
    world->latency = calloc(1, sizeof *world->latency);
    world_assert(world, fanout_init(&world->fanout, config) == 0);
    world_assert(world, batch_init(&world->batch) == 0);
    world->fanout.rest = rest;
    world->fanout.rest_arg = world;
    world->fanout.now_ms = 1;
    for (int i = 0; i < WORLD_LISTENERS; i++)
        world->listeners[i].unread = malloc(WORLD_BYTES);
    return world;
}

static void check_pools(const struct world *world)
{
    const struct fanout *fanout = &world->fanout;
    uint32_t queues = 0, rosters = 0;
    for (uint32_t i = fanout->queues.free; i != SENDQ_NONE; i = fanout->queues.blocks[i].next)
        queues++;
    for (uint32_t i = fanout->rosters.free; i != ROSTER_NONE; i = fanout->rosters.blocks[i].next)
        rosters++;
    world_assert(world, fanout->pairs_live == 0);
    world_assert(world, queues == fanout->queues.used_max);
    world_assert(world, rosters == fanout->rosters.used_max);
    world_assert(world, fanout->topics.holds_live == 0);
    world_assert(world, fanout->lanes.used == 0);
    for (uint32_t i = 0; i < WORLD_PAIRS; i++)
        world_assert(world, world->rests[i] == 0);
}

void world_destroy(struct world *world)
{
    for (uint32_t i = 0; i < WORLD_LISTENERS; i++)
        if (world->listeners[i].joined)
            world_leave(world, i);
    fanout_bury(&world->fanout);
    check_pools(world);
    fanout_finish(&world->fanout);
    batch_finish(&world->batch);
    for (uint32_t i = 0; i < world->symbols_count; i++)
        free(world->symbols[i].ticks);
    for (int i = 0; i < WORLD_LISTENERS; i++)
        free(world->listeners[i].unread);
    free(world->latency);
    free(world);
}

/* ---- accounts ---- */

static bool matches(const char *text, const char *symbol)
{
    size_t len = strlen(text);
    return text[len - 1] == '*' ? strncmp(text, symbol, len - 1) == 0 : strcmp(text, symbol) == 0;
}

/* A frame that is half read keeps to the account under which it began. */
static bool is_begun_before(const struct listener *who, const struct world_account *account)
{
    return who->len && who->begun < account->changed;
}

static void change(struct world *world, uint32_t listener, uint32_t symbol, struct account now,
                   bool kept)
{
    struct listener *who = &world->listeners[listener];
    struct world_account *account = &who->accounts[symbol];
    if (!is_begun_before(who, account)) {
        account->before = account->now;
        account->changed = ++world->clock;
        account->kept = kept;
    } else {
        account->kept = account->kept && kept;
    }
    account->now = now;
}

static void open_account(struct world *world, uint32_t listener, uint32_t symbol,
                         struct terms terms, const uint64_t *since)
{
    uint64_t last = world->symbols[symbol].last;
    struct account account = {
        .open = true, .mode = terms.mode, .next = last + 1, .strict_from = last};
    if (since) {
        account.resumed = *since < last;
        account.ahead = *since == last ? last : 0;
        account.next = *since + 1;
    } else {
        account.snapshot = terms.snapshot && last;
        account.least = last;
    }
    change(world, listener, symbol, account, false);
}

static void set_terms(struct world *world, uint32_t listener, uint32_t symbol, struct terms terms)
{
    const struct listener *who = &world->listeners[listener];
    struct account account = who->accounts[symbol].now;
    if (account.mode == terms.mode)
        return;
    account.renewed = account.renewed && is_begun_before(who, &who->accounts[symbol]);
    bool ahead = account.ahead && account.ahead == world->symbols[symbol].last;
    if (account.mode == TERMS_LATEST && world->symbols[symbol].last && !ahead) {
        account.snapshot = account.renewed = true;
        account.least = world->symbols[symbol].last;
    }
    account.mode = terms.mode;
    account.strict_from = world->symbols[symbol].last;
    world->lossy = true;
    change(world, listener, symbol, account, true);
}

static void hold(struct world *world, uint32_t listener, uint32_t symbol, struct terms terms,
                 const uint64_t *since)
{
    if (world->listeners[listener].accounts[symbol].now.open)
        set_terms(world, listener, symbol, terms);
    else
        open_account(world, listener, symbol, terms, since);
}

static struct world_topic *find_topic(struct listener *listener, const char *text)
{
    for (int i = 0; i < listener->topics_count; i++)
        if (strcmp(listener->topics[i].text, text) == 0)
            return &listener->topics[i];
    return NULL;
}

static enum fanout_answer subscribe(struct world *world, uint32_t listener, const char *text,
                                    const struct fanout_request *request, const uint64_t *since)
{
    struct listener *who = &world->listeners[listener];
    struct world_topic *topic = find_topic(who, text);
    enum fanout_answer answer =
        fanout_subscribe(&world->fanout, listener, text, strlen(text), request);
    if (answer != FANOUT_OK)
        return answer;
    if (!topic) {
        topic = &who->topics[who->topics_count++];
        strcpy(topic->text, text);
    }
    topic->terms = request->terms;
    for (uint32_t i = 0; i < world->symbols_count; i++)
        if (matches(text, world->symbols[i].name))
            hold(world, listener, i, request->terms, since);
    return answer;
}

enum fanout_answer world_subscribe(struct world *world, uint32_t listener, const char *text,
                                   struct terms terms)
{
    const struct fanout_request request = {.terms = terms};
    return subscribe(world, listener, text, &request, NULL);
}

enum fanout_answer world_resume(struct world *world, uint32_t listener, uint32_t symbol,
                                uint64_t seq, struct terms terms)
{
    const struct world_symbol *what = &world->symbols[symbol];
    const struct tick *tick = &what->ticks[seq];
    const struct fanout_since since = {.symbol = what->name,
                                       .symbol_len = (uint32_t)strlen(what->name),
                                       .mark = {.pos = tick->pos, .index = tick->index}};
    const struct fanout_request request = {.terms = terms, .since = &since, .since_count = 1};
    return subscribe(world, listener, what->name, &request, &seq);
}

static bool is_wanted(const struct listener *listener, const char *symbol)
{
    for (int i = 0; i < listener->topics_count; i++)
        if (matches(listener->topics[i].text, symbol))
            return true;
    return false;
}

enum fanout_answer world_unsubscribe(struct world *world, uint32_t listener, const char *text)
{
    struct listener *who = &world->listeners[listener];
    struct world_topic *topic = find_topic(who, text);
    enum fanout_answer answer = fanout_unsubscribe(&world->fanout, listener, text, strlen(text));
    world_assert(world, answer == (topic ? FANOUT_OK : FANOUT_UNKNOWN));
    if (!topic)
        return answer;
    *topic = who->topics[--who->topics_count];
    world->lossy = true;
    for (uint32_t i = 0; i < world->symbols_count; i++)
        if (who->accounts[i].now.open && !is_wanted(who, world->symbols[i].name))
            change(world, listener, i, (struct account){0}, false);
    return answer;
}

void world_silence(struct world *world, uint32_t listener)
{
    struct listener *who = &world->listeners[listener];
    fanout_silence(&world->fanout, listener);
    who->topics_count = 0;
    world->lossy = true;
    for (uint32_t i = 0; i < world->symbols_count; i++)
        change(world, listener, i, (struct account){0}, false);
}

/* ---- the feed ---- */

/* As topics.h finds them: patterns from the shortest to the longest, then the exact topic. */
static void greet(struct world *world, uint32_t listener, uint32_t symbol)
{
    const struct listener *who = &world->listeners[listener];
    const char *name = world->symbols[symbol].name;
    for (size_t len = 1; len <= strlen(name) + 2; len++) {
        for (int i = 0; i < who->topics_count; i++) {
            const char *text = who->topics[i].text;
            bool pattern = text[strlen(text) - 1] == '*';
            if (matches(text, name) && (pattern ? strlen(text) : strlen(name) + 2) == len)
                hold(world, listener, symbol, who->topics[i].terms, NULL);
        }
    }
}

uint32_t world_symbol(struct world *world, const char *name)
{
    uint32_t symbol = world->symbols_count++;
    strcpy(world->symbols[symbol].name, name);
    world->symbols[symbol].ticks = calloc(WORLD_SEQS, sizeof(struct tick));
    fanout_symbol(&world->fanout, symbol, name, (uint32_t)strlen(name));
    for (uint32_t i = 0; i < WORLD_LISTENERS; i++)
        if (world->listeners[i].joined)
            greet(world, i, symbol);
    return symbol;
}

void world_tick(struct world *world, uint32_t symbol, uint32_t merged)
{
    struct world_symbol *what = &world->symbols[symbol];
    uint64_t seq = what->last + merged + 1;
    world_assert(world, seq < WORLD_SEQS);
    uint64_t digits = random_next(&world->random);
    what->ticks[seq] = (struct tick){.symbol = symbol,
                                     .seq = seq,
                                     .price = (int64_t)(digits >> digits % 64),
                                     .price_exp = -8,
                                     .size = 5,
                                     .pos = tick_pos(0, ++world->offset),
                                     .side = TICK_SIDE_BUY,
                                     .has_id = seq % 2,
                                     .id = seq};
    what->last = seq;
    fanout_tick(&world->fanout, &what->ticks[seq]);
}

/* ---- listeners ---- */

void world_join(struct world *world, uint32_t listener, int format)
{
    struct listener *who = &world->listeners[listener];
    uint8_t *unread = who->unread;
    *who = (struct listener){.joined = true, .format = format, .unread = unread};
    fanout_join(&world->fanout, listener, format);
}

void world_leave(struct world *world, uint32_t listener)
{
    struct listener *who = &world->listeners[listener];
    const struct subscriber *sub = &world->fanout.subscribers[listener];
    if (!world->lossy && !world->fanout.overload_gaps)
        world_assert(world, sub->dropped >= who->sums.slow);
    fanout_leave(&world->fanout, listener);
    who->joined = false;
    who->topics_count = 0;
    memset(who->accounts, 0, sizeof who->accounts);
    world->lossy = true;
}

bool world_control(struct world *world, uint32_t listener, uint32_t len)
{
    struct listener *who = &world->listeners[listener];
    static uint8_t frame[4 + 65535];
    uint32_t size = hearing_write_control(frame, who->format, who->controls_said, len);
    bool ok = fanout_control(&world->fanout, listener, frame, size);
    who->controls_said += ok;
    return ok;
}

/* ---- sends ---- */

void world_turn(struct world *world)
{
    world->fanout.now_ms++;
    for (uint32_t i = 0; i < WORLD_PAIRS; i++) {
        if (world->rests[i] && world->rests[i] <= world->fanout.now_ms) {
            world->rests[i] = 0;
            fanout_wake(&world->fanout, i);
        }
    }
    fanout_bury(&world->fanout);
    batch_reset(&world->batch);
}

const struct send *world_gather(struct world *world, uint32_t listener)
{
    world_assert(world, batch_has_room(&world->batch));
    const struct send *send =
        gather(&world->fanout, &world->batch, listener, GATHER_BYTES_MAX, 0, world->latency);
    world_assert(world, world->batch.scratch_used <= GATHER_SCRATCH);
    world_assert(world, world->batch.pieces_used <= GATHER_PIECES);
    return send;
}

void world_hear(struct world *world, const struct send *send, uint32_t taken)
{
    hearing_take(world, send->subscriber, send->data, taken);
}

uint32_t world_send(struct world *world, uint32_t listener, uint32_t taken)
{
    world_turn(world);
    const struct send *send = world_gather(world, listener);
    if (!send)
        return 0;
    uint32_t some = taken < send->len ? taken : send->len;
    world_hear(world, send, some);
    world_assert(world, gather_sent(&world->fanout, &world->batch, send, some) == 0);
    return send->len;
}

/* ---- the end ---- */

static void check_listener(struct world *world, uint32_t listener)
{
    const struct listener *who = &world->listeners[listener];
    const struct subscriber *sub = &world->fanout.subscribers[listener];
    world_assert(world, !fanout_waiting(sub) && who->len == 0);
    world_assert(world, who->controls_heard == who->controls_said);
    world_assert(world, sub->delivered == who->sums.ticks);
    for (uint32_t i = 0; i < world->symbols_count; i++) {
        const char *wrong = account_complete(&who->accounts[i].now, world->symbols[i].last);
        if (wrong)
            fail_msg("listener %u, %s: %s; replay with TAPEHEAD_ROUNDS=1 TAPEHEAD_SEED=%llu",
                     listener, world->symbols[i].name, wrong, (unsigned long long)world->seed);
    }
}

static void check_drops(const struct world *world)
{
    const struct fanout *fanout = &world->fanout;
    for (uint32_t i = 0; i < WORLD_LISTENERS; i++)
        if (world->listeners[i].joined)
            world_assert(world, fanout->subscribers[i].dropped == world->listeners[i].sums.slow);
    world_assert(world, fanout->dropped == world->sums.slow);
}

static bool is_resting(const struct world *world)
{
    for (uint32_t i = 0; i < WORLD_PAIRS; i++)
        if (world->rests[i])
            return true;
    return false;
}

bool world_take(struct world *world, uint32_t *listener)
{
    struct fanout *fanout = &world->fanout;
    return fanout_take_dirty(fanout, &fanout->dirty, listener) ||
           fanout_take_dirty(fanout, &fanout->broad, listener);
}

void world_settle(struct world *world)
{
    uint32_t listener;
    for (uint32_t i = 0; i < WORLD_LISTENERS; i++) {
        world->listeners[i].blocked = world->fanout.subscribers[i].held = false;
        if (world->listeners[i].joined && fanout_waiting(&world->fanout.subscribers[i]))
            fanout_mark_dirty(&world->fanout, i);
    }
    do {
        world_turn(world);
        while (world_take(world, &listener))
            while (world_send(world, listener, UINT32_MAX))
                continue;
    } while (is_resting(world));
    for (uint32_t i = 0; i < WORLD_LISTENERS; i++)
        if (world->listeners[i].joined)
            check_listener(world, i);
    if (!world->lossy && !world->fanout.overload_gaps)
        check_drops(world);
}
