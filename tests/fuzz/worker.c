/* SPDX-License-Identifier: MIT */
/*
 * worker: a whole simulated worker, which serves two clients: a guest, whose commands are good, and
 * whose account is kept as in tests/sim; and a stranger, who may do anything. An input is the story
 * of both: six bytes of settings, then steps, a letter each with what belongs to it. Whatever the
 * stranger does, the guest's account must be right, and the server must end in good order.
 *
 *     guest     s subscribe  e resume  u unsubscribe  v unsubscribe all  l list  i ping
 *               c configure  n nonsense  g ping frame  b goodbye
 *     stranger  d dial  a ask  m message  z deflated message  f frame  x bytes
 *               k tear  j half-close  o read
 *     time      t rounds  w rounds without the feed  y a long while
 *               h a part of what was said
 *
 * With TRACE=1 in the environment it is told on standard output.
 */
#include "feed/log.h"
#include "tests/fuzz/house.h"
#include "tests/fuzz/stranger.h"
#include "tests/fuzz/target.h"
#include "tests/sim/peer.h"
#include "tests/sim/world.h"

enum {
    STRANGERS_MAX = 4,
    ROUNDS_MAX = 300,       /* of a story */
    REST_ROUNDS_MAX = 2000, /* in which everything must come to rest */
    END_GRACE_MS = 4000,    /* after drain-ms */
    CALM_ROOM = 1 << 20,
};

struct story {
    const uint8_t *at;
    const uint8_t *end;
    struct house house;
    struct peer guest;
    struct stranger strangers[STRANGERS_MAX];
    uint32_t strangers_count; /* the last is the one who acts */
    uint32_t rounds;
    bool calm;
};

/* A failed seed of the simulation is a crash to libFuzzer, which keeps the input. */
_Noreturn void __wrap__exit(int status);

void __wrap__exit(int status)
{
    (void)status;
    abort();
}

/* ---- the input ---- */

static uint8_t next(struct story *story)
{
    return story->at < story->end ? *story->at++ : 0;
}

/* As many bytes as the next one says, or as there are. */
static const uint8_t *next_bytes(struct story *story, uint32_t *len)
{
    uint32_t wanted = next(story), left = (uint32_t)(story->end - story->at);
    const uint8_t *bytes = story->at;
    *len = wanted < left ? wanted : left;
    story->at += *len;
    return bytes;
}

/* ---- the guest ---- */

static void open_guest(struct story *story, uint8_t manner)
{
    const struct config *config = &story->house.config;
    struct account account = {.truth = &story->house.truth,
                              .limits = {.subscriptions = (uint32_t)config->max_subscriptions,
                                         .queue_frames = (uint32_t)config->queue_frames,
                                         .history_ticks = config->history_ticks,
                                         .commands_are_tight = config->max_commands < 1000},
                              .drops = &story->house.worker.fanout.dropped};
    struct peer *guest = &story->guest;
    peer_init(guest, 0, manner & 2 ? PEER_SLOW : PEER_STEADY, manner & 1, &account);
    /* What it does is the story's affair. */
    guest->talk = guest->doom = 0;
    guest->speaker.fragments = manner & 4 ? 40 : 0;
    peer_dial(guest);
    house_connect(&story->house, &guest->link);
}

static void choose_terms(struct story *story, struct ask *ask)
{
    uint8_t terms = next(story);
    ask->snapshot = terms & 1;
    ask->mode = (enum mode)((terms >> 1 & 3) % 3);
    if (ask->mode == LATEST && terms & 8)
        ask->interval_ms = 1 + (terms >> 4);
}

/* Somewhere in what has been, or a little beyond. */
static void choose_since(struct story *story, struct ask *ask)
{
    uint32_t symbol = next(story) % TRUTH_SYMBOLS;
    uint64_t back = next(story);
    const struct truth_symbol *known = &story->house.truth.symbols[symbol];
    struct since *since = &ask->since[ask->since_count++];
    *since = (struct since){.symbol = symbol, .pos = tick_pos(symbol % TRUTH_PARTITIONS, back)};
    if (back >= known->count)
        return;
    since->pos = known->ticks[known->count - 1 - back].tick.pos;
    since->index = known->ticks[known->count - 1 - back].tick.index;
}

static void choose(struct story *story, struct ask *ask, char step)
{
    ask->id = step == 'n' ? 0 : next(story) & 15;
    switch (step) {
    case 'e':
    case 's':
        ask->kind = ASK_SUBSCRIBE;
        choose_terms(story, ask);
        if (step == 'e')
            choose_since(story, ask);
        break;
    case 'u': ask->kind = ASK_UNSUBSCRIBE; break;
    case 'v': ask->kind = ASK_UNSUBSCRIBE_ALL; return;
    case 'l': ask->kind = ASK_LIST; return;
    case 'i': ask->kind = ASK_PING; return;
    case 'n': ask->kind = ASK_NONSENSE; return;
    case 'c':
        ask->kind = ASK_CONFIGURE;
        ask->max_delay_ms = next(story);
        return;
    default: return;
    }
    ask->specs_count = 1 + next(story) % 3;
    for (uint32_t i = 0; i < ask->specs_count; i++)
        ask->specs[i] = (uint8_t)(next(story) % specs_count());
}

static void guest_says(struct story *story, char step)
{
    struct peer *guest = &story->guest;
    if (guest->state != PEER_UPGRADED || guest->goodbye || guest->close_code)
        return;
    if (step == 'g') {
        speak_ping(&guest->speaker);
    } else if (step == 'b') {
        speak_close(&guest->speaker, 1000);
        guest->goodbye = true;
    } else if (guest->account.asks_count < ASKS_MAX) {
        struct ask *ask = account_ask(&guest->account);
        choose(story, ask, step);
        speak_ask(&guest->speaker, ask);
    }
}

/* ---- the stranger ---- */

static struct stranger *stranger(struct story *story)
{
    return story->strangers_count ? &story->strangers[story->strangers_count - 1] : NULL;
}

static void dial(struct story *story)
{
    static const uint32_t rooms[] = {200000, 2000, 300, 20};
    uint8_t how = next(story);
    if (story->strangers_count == STRANGERS_MAX)
        return;
    story->strangers_count++;
    stranger_dial(stranger(story), how, rooms[how >> 4 & 3]);
    house_connect(&story->house, &stranger(story)->link);
}

static void stranger_asks(struct story *story)
{
    static const char steps[] = "seuvlicn";
    struct ask ask = {0};
    choose(story, &ask, steps[next(story) & 7]);
    stranger(story)->rambles = true;
    speak_ask(&stranger(story)->speaker, &ask);
}

static void stranger_says(struct story *story, char step)
{
    struct stranger *who = stranger(story);
    const uint8_t *bytes;
    uint32_t len;
    if (!who)
        return;
    switch (step) {
    case 'a': stranger_asks(story); break;
    case 'k': who->link.reset = true; break;
    case 'j': who->link.up_ended = true; break;
    case 'o': stranger_read(who, next(story) * 16u); break;
    case 'f': {
        uint8_t first = next(story);
        bytes = next_bytes(story, &len);
        stranger_frame(who, first, bytes, len);
        break;
    }
    case 'x':
        bytes = next_bytes(story, &len);
        stranger_bytes(who, bytes, len);
        break;
    default: bytes = next_bytes(story, &len); stranger_message(who, bytes, len, step == 'z');
    }
}

/* ---- time ---- */

static void strangers_act(struct story *story)
{
    for (uint32_t i = 0; i < story->strangers_count; i++) {
        struct stranger *who = &story->strangers[i];
        stranger_write(who, UINT32_MAX);
        if (story->calm || who == stranger(story))
            stranger_read(who, story->calm ? UINT32_MAX : 2000);
    }
}

static void act(struct story *story, bool feed_runs)
{
    strangers_act(story);
    peer_act(&story->guest, story->calm);
    house_act(&story->house, feed_runs);
}

/* Both are heard up to somewhere, and the worker has its turn. */
static void hurry(struct story *story)
{
    uint32_t max = 1u + next(story);
    struct peer *guest = &story->guest;
    uint32_t len = guest->speaker.out.len < max ? guest->speaker.out.len : max;
    if (len && !guest->link.closed && !guest->link.reset && guest->state != PEER_ENDED) {
        pipe_put(&guest->link.up, pipe_bytes(&guest->speaker.out), len);
        pipe_take(&guest->speaker.out, len);
    }
    if (stranger(story))
        stranger_write(stranger(story), max);
    house_act(&story->house, false);
}

static void pass(struct story *story, char step)
{
    uint32_t rounds = step == 'h' || step == 'y' ? 1 : 1u + (next(story) & 31);
    if (story->rounds + rounds > ROUNDS_MAX)
        return;
    story->rounds += rounds;
    if (step == 'h') {
        hurry(story);
        return;
    }
    if (step == 'y')
        world.now_ns += next(story) * INT64_C(100000000);
    while (rounds-- > 0)
        act(story, step != 'w');
}

static void step(struct story *story)
{
    /* Upper and lower case alike; a few signs, too, are letters. */
    char letter = (char)('`' | (next(story) & 31));
    if (strchr("seuvlicngb", letter))
        guest_says(story, letter);
    else if (letter == 'd')
        dial(story);
    else if (strchr("amzfxkjo", letter))
        stranger_says(story, letter);
    else
        pass(story, letter);
}

/* ---- the end ---- */

/* Nothing that the guest said was wrong, so it may be told none of that. */
static void check_guest(const struct story *story)
{
    const struct peer *guest = &story->guest;
    bool tight = story->house.config.max_commands < 1000;
    uint16_t code = guest->close_code;
    REQUIRE(!code || (code == 1000 && guest->goodbye) || code == 1001 ||
                (code == 4008 && guest->account.ever_strict) || (code == 4009 && tight),
            "the guest is closed with %u", code);
}

static void come_to_rest(struct story *story)
{
    uint32_t rounds = 0;
    story->calm = true;
    house_calm_down(&story->house);
    story->guest.link.down_max = CALM_ROOM;
    for (uint32_t i = 0; i < story->strangers_count; i++)
        story->strangers[i].link.down_max = CALM_ROOM;
    while (rounds++ < REST_ROUNDS_MAX &&
           !(house_is_at_rest(&story->house) && peer_is_quiet(&story->guest)))
        act(story, true);
    REQUIRE(rounds <= REST_ROUNDS_MAX, "the server doesn't come to rest");
    if (!peer_is_whole(&story->guest))
        return;
    account_check_complete(&story->guest.account, true);
    account_check_answered(&story->guest.account);
}

static void shut_down(struct story *story)
{
    struct house *house = &story->house;
    house_stop(house);
    for (uint32_t i = 0; i < story->strangers_count; i++)
        story->strangers[i].rambles = true; /* even /echo is told of the shutdown */
    int64_t until_ns =
        world.now_ns + ((int64_t)house->config.drain_ms + END_GRACE_MS) * INT64_C(1000000);
    while (!house_is_done(house)) {
        REQUIRE(world.now_ns < until_ns, "the worker doesn't end %d ms after drain-ms",
                END_GRACE_MS);
        act(story, true);
    }
    story->calm = true;
    strangers_act(story);
    for (int i = 0; i < 3; i++)
        peer_act(&story->guest, true);
    const struct peer *guest = &story->guest;
    if (guest->close_code == 1001 && guest->account.shutdown_told && !guest->goodbye)
        account_check_complete(&guest->account, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct story story; /* large, and one at a time */
    memset(&story, 0, sizeof story);
    story.at = data;
    story.end = data + size;
    log_set_level(LOG_LEVEL_ERROR);
    world_begin(next(&story), getenv("TRACE") != NULL);
    uint8_t manner = next(&story);
    struct house_plan plan = {
        .sizes = next(&story), .limits = next(&story), .manners = next(&story)};
    house_open(&story.house, &plan);
    open_guest(&story, manner);
    bool midway = next(&story) & 1;
    while (story.at < story.end)
        step(&story);
    if (!midway)
        come_to_rest(&story);
    check_guest(&story);
    shut_down(&story);
    check_guest(&story);
    house_close(&story.house);
    peer_finish(&story.guest);
    for (uint32_t i = 0; i < story.strangers_count; i++)
        stranger_finish(&story.strangers[i]);
    world_end();
    return 0;
}
