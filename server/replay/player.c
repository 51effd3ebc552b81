/* SPDX-License-Identifier: MIT */
#include "server/replay/player.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"
#include "server/fanout/frame.h"

enum {
    AT_HEAD_MESSAGES = 4096, /* so few left to read are left to the live feed's memory */
    SAID_BYTES = 16384,      /* all that can wait: answers to DECK_ORDERS_MAX orders, a problem */
    SENTENCE_MAX = 320,      /* of a problem, so that its frame stays below FRAME_LEN_MAX */
    SENTENCE_SHORT = 80,     /* the same, however much escaping makes of it */
};

static enum wire_format format_of(const struct player *player)
{
    return encode_is_msgpack(player->spec.format) ? WIRE_MSGPACK : WIRE_JSON;
}

/* ---- what is said beside the ticks ---- */

/* Messages keep their place among the ticks: none is played before they are in the spool. Returns
 * whether they are. */
static bool flush_said(struct player *player)
{
    struct bytes *said = &player->said;
    size_t done = 0;
    if (!said->len)
        return true;
    while (done < said->len) {
        uint32_t len = spool_frame_len(said->data + done);
        uint8_t *at = spool_begin(&player->spool, len);
        if (!at)
            break;
        memcpy(at, said->data + done, len);
        spool_commit(&player->spool, at, 0, len);
        done += len;
    }
    memmove(said->data, said->data + done, said->len - done);
    said->len -= done;
    return said->len == 0;
}

void player_tell(struct player *player, const char *state, const struct command_id *asked)
{
    if (!asked && player->said.len > SAID_BYTES / 2) {
        /* What others of the group bring about is told once there is room, as it is then. */
        player->owed = player->owes ? player->owed : (struct command_id){.kind = ID_ABSENT};
        player->owes = true;
        return;
    }
    struct answer_replay replay = {.state = state,
                                   .at_given = player->have,
                                   .at_us = player->time_ns / 1000,
                                   .speed = player->group->speed,
                                   .ticks = player->ticks};
    answer_replay(&player->said, format_of(player), asked, &replay);
    flush_said(player);
}

static void tell_problem(struct player *player, const char *code, const char *sentence)
{
    char text[SENTENCE_MAX + 1];
    size_t before = player->said.len;
    snprintf(text, sizeof text, "%s", sentence);
    answer_error(&player->said, format_of(player), &player->spec.id, code, text);
    if (player->said.len - before > FRAME_LEN_MAX) {
        player->said.len = before;
        text[SENTENCE_SHORT] = 0;
        answer_error(&player->said, format_of(player), &player->spec.id, code, text);
    }
    flush_said(player);
}

void player_refuse(struct player *player, const struct command_id *asked)
{
    answer_error(&player->said, format_of(player), asked, "no_replay", "the replay has ended");
    flush_said(player);
}

/* ---- life ---- */

int player_init(struct player *player, struct deck *deck, uint32_t spool_bytes)
{
    player->deck = deck;
    bool reserved = bytes_reserve(&player->said, SAID_BYTES) != NULL;
    return spool_init(&player->spool, spool_bytes) == 0 && reserved ? 0 : -ENOMEM;
}

void player_finish(struct player *player)
{
    spool_finish(&player->spool);
    bytes_finish(&player->said);
}

void player_begin(struct player *player, const struct player_setting *setting, struct group *group,
                  int64_t now_ns)
{
    const struct command_replay *ask = &player->spec.ask;
    bool joins = group->positioned;
    player->used = true;
    player->opened = player->have = player->blocked = player->finished = false;
    player->late = player->small = false;
    player->ticks = player->orders = 0;
    player->places_count = 0;
    player->paid_ns = 0;
    player->group = group;
    group->members++;
    player->wish =
        (struct timeline_wish){.clock = group->clock,
                               .from = joins || ask->from_given,
                               .from_ns = joins ? group_tape_ns(group, now_ns) : ask->from_ns,
                               .until = ask->until_given,
                               .until_ns = ask->until_ns,
                               .symbols = player->spec.symbols,
                               .symbols_count = player->spec.symbols_count};
    player->owes = true;
    player->owed = player->spec.id;
    player->encoding =
        (struct encoding){.format = player->spec.format, .deflate = setting->deflate};
    timeline_init(&player->timeline, setting->stock, setting->archive);
}

void player_end(struct player *player)
{
    timeline_close(&player->timeline);
    symbols_finish(&player->symbols);
    player->said.len = 0;
    free((void *)player->spec.symbols);
    player->spec.symbols = NULL;
    player->group->members--;
    player->group = NULL;
    player->used = false;
}

/* Takes it back from a stage that waits for the worker. False where the worker was faster. */
static bool is_still_ours(struct player *player)
{
    int stage = PLAYER_ENDED;
    /* Acquire pairs with the worker's exchange: what it did with the player is done. */
    if (atomic_compare_exchange_strong_explicit(&player->stage, &stage, PLAYER_RUNNING,
                                                memory_order_acquire, memory_order_acquire))
        return true;
    if (stage == PLAYER_HEAD)
        atomic_compare_exchange_strong_explicit(&player->stage, &stage, PLAYER_RUNNING,
                                                memory_order_acquire, memory_order_acquire);
    return stage != PLAYER_TAKEN;
}

void player_seek(struct player *player, int64_t from_ns, const struct command_id *asked)
{
    if (!is_still_ours(player))
        return;
    timeline_close(&player->timeline);
    player->wish.from = true;
    player->wish.from_ns = from_ns;
    player->opened = player->have = player->finished = false;
    player->late = player->small = false;
    player->owes = true;
    player->owed = asked ? *asked : (struct command_id){.kind = ID_ABSENT};
}

void player_go_on(struct player *player)
{
    int stage = PLAYER_HEAD;
    if (!player->finished || player->comes_to != PLAYER_HEAD)
        return;
    if (player->reached &&
        !atomic_compare_exchange_strong_explicit(&player->stage, &stage, PLAYER_RUNNING,
                                                 memory_order_acquire, memory_order_acquire))
        return;
    player->finished = player->small = false;
}

/* ---- the tick that comes next ---- */

/* Returns 0, -EAGAIN before the live feed knows where it is, or another -errno. */
static int open_timeline(struct player *player, const struct player_setting *setting)
{
    const struct feed_metrics *feed = feed_metrics(setting->stock->feed);
    if (setting->stock->brokers[0] && !counter_get(&feed->ready))
        return -EAGAIN;
    symbols_finish(&player->symbols);
    int rc = symbols_init(&player->symbols, setting->symbols_max, (uint64_t)clock_wall_ns());
    if (rc < 0)
        snprintf(player->timeline.error, sizeof player->timeline.error, "out of memory");
    else
        rc = timeline_open(&player->timeline, &player->wish);
    player->opened = rc == 0;
    return rc;
}

/* Once all that was said is in the spool: the worker takes the stage to mean that it has seen
 * everything. */
static void reach_stage(struct player *player)
{
    if (player->reached)
        return;
    player_publish(player);
    player->reached = true;
    /* Release pairs with the worker's acquire: ticks, speed, places, and the spool's last frames.
     */
    atomic_store_explicit(&player->stage, (int)player->comes_to, memory_order_release);
    doorbell_ring(player->spec.bell);
}

static void finish(struct player *player, enum player_stage stage)
{
    player->finished = true;
    player->reached = player->have = false;
    player->comes_to = stage;
    player->speed = player->group->speed;
    if (stage == PLAYER_HEAD) {
        uint32_t count;
        const struct tape_place *places = timeline_places(&player->timeline, &count);
        memcpy(player->places, places, count * sizeof *places);
        player->places_count = count;
    }
    player->blocked = !flush_said(player);
    if (!player->blocked)
        reach_stage(player);
}

/* No more for now: more may have come meanwhile, or live can take over. */
static enum player_ready at_end(struct player *player)
{
    int more = player->spec.ask.then_live ? timeline_extend(&player->timeline) : 0;
    if (more < 0) {
        tell_problem(player, "replay_failed", player->timeline.error);
        finish(player, PLAYER_ENDED);
        return PLAYER_OVER;
    }
    /* What came while so few were played, none of them waited for, is little. */
    if (more > 0 && (player->late || !player->small || player->group->paused)) {
        player->small = more <= AT_HEAD_MESSAGES;
        player->late = false;
        return PLAYER_AGAIN;
    }
    if (player->group->paused)
        return PLAYER_OVER; /* for now: a seek may follow */
    finish(player, player->spec.ask.then_live ? PLAYER_HEAD : PLAYER_ENDED);
    return PLAYER_OVER;
}

static enum player_ready look_ahead(struct player *player, const struct player_setting *setting)
{
    int rc = player->opened ? 0 : open_timeline(player, setting);
    if (rc == 0)
        rc = timeline_peek(&player->timeline, &player->item, &player->time_ns);
    if (rc == 1) {
        player->have = true;
        return PLAYER_READY;
    }
    if (rc == 0)
        return PLAYER_OVER;
    if (rc == -EAGAIN)
        return player->opened && !timeline_waits(&player->timeline) ? PLAYER_AGAIN : PLAYER_WAITING;
    tell_problem(player, rc == -EBADMSG ? "replay_damage" : "replay_failed",
                 player->timeline.error);
    if (rc == -EBADMSG)
        return PLAYER_AGAIN;
    finish(player, PLAYER_ENDED);
    return PLAYER_OVER;
}

void player_settle(struct player *player)
{
    player->blocked = !flush_said(player);
    player_publish(player);
    /* Release pairs with the worker's acquire: the answers, and the stage that came of the orders,
     * are seen with it. */
    if (!player->blocked)
        atomic_store_explicit(&player->orders_done, player->orders, memory_order_release);
}

enum player_ready player_prepare(struct player *player, const struct player_setting *setting)
{
    if (player->said.len)
        player_settle(player);
    if (player->said.len)
        return PLAYER_BLOCKED;
    player->blocked = false;
    if (player->finished) {
        reach_stage(player);
        return PLAYER_OVER;
    }
    enum player_ready ready = player->have ? PLAYER_READY : look_ahead(player, setting);
    bool known = ready == PLAYER_READY || ready == PLAYER_OVER;
    if (known && player->owes && !player->finished) {
        player->owes = false;
        player_tell(player, player->group->paused ? "paused" : "playing", &player->owed);
    }
    if (ready == PLAYER_OVER && !player->finished)
        ready = at_end(player);
    return ready;
}

/* ---- playing ---- */

bool player_play(struct player *player)
{
    uint8_t *at = spool_begin(&player->spool, ENCODE_MAX);
    const struct tape_item *item = player->item;
    if (!at) {
        player->blocked = true;
        return false;
    }
    struct tick tick = item->tick;
    uint32_t id = symbols_intern(&player->symbols, item->symbol, item->symbol_len), skip;
    if (id == SYMBOL_NONE) {
        tell_problem(player, "replay_failed", "more symbols than --symbols-max");
        finish(player, PLAYER_ENDED);
        return true;
        player->have = false;
    }
    tick.seq = ++player->symbols.table[id].seq;
    uint32_t len =
        encode_tick(at, &skip, player->encoding, &tick, item->symbol, item->symbol_len, WIRE_TRADE);
    spool_commit(&player->spool, at, skip, len);
    group_played(player->group, player->time_ns);
    timeline_take(&player->timeline);
    player->have = false;
    player->ticks++;
    return true;
}

void player_publish(struct player *player)
{
    if (spool_publish(&player->spool))
        doorbell_ring(player->spec.bell);
}
