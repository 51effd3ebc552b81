/* SPDX-License-Identifier: MIT */
/* playback: see playback.h. */
#include "server/playback.h"

#include <stdlib.h>
#include <string.h>

#include "server/session.h"
#include "server/worker.h"

enum {
    HEAD_TRIES = 3,   /* to join live without a gap; then it is joined with one, announced */
    HEAD_WAIT_MS = 1, /* between looks whether live can be joined */
};

static enum player_stage stage_of(struct player *player)
{
    /* Acquire pairs with the player's release: what it has left behind is seen with it. */
    return (enum player_stage)atomic_load_explicit(&player->stage, memory_order_acquire);
}

/* Takes the player over from `stage`; false where it has gone on by itself. */
static bool take_over(struct player *player, enum player_stage stage)
{
    int expected = (int)stage;
    /* Acquire pairs with the player's release, release with its own exchange. */
    return atomic_compare_exchange_strong_explicit(&player->stage, &expected, PLAYER_TAKEN,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

/* ---- asked for ---- */

/* The good ones of the command's symbols in one piece of memory, the others with their codes in
 * `answers`. NULL when out of memory. */
static const char **copy_symbols(const struct worker *worker, const struct command *command,
                                 struct answer_symbol *answers, size_t *count)
{
    uint32_t n = command->symbols_count;
    const char **list = malloc(n * (sizeof *list + SYMBOL_LEN_MAX + 1) + 1);
    char *text = list ? (char *)(list + n) : NULL;
    *count = 0;
    for (uint32_t i = 0; list && i < n; i++) {
        const struct command_symbol *symbol = &command->symbols[i];
        answers[i] = (struct answer_symbol){.text = symbol->text, .len = symbol->len};
        if (spec_classify(symbol->text, symbol->len) == SPEC_BAD)
            answers[i].rejected = "bad_symbol";
        else if (*count >= worker->cluster->config->max_subscriptions)
            answers[i].rejected = "too_many_subscriptions";
        if (answers[i].rejected)
            continue;
        memcpy(text, symbol->text, symbol->len);
        text[symbol->len] = 0;
        list[(*count)++] = text;
        text += symbol->len + 1;
    }
    return list;
}

/* Returns NULL, or the error's code with its sentence. */
static const char *refusal(const struct worker *worker, uint32_t index,
                           const struct command *command, const char **sentence)
{
    const struct cluster *cluster = worker->cluster;
    *sentence = "this server has nothing to replay";
    if (!cluster->decks->count)
        return "not_supported";
    *sentence = "only with Kafka as its source can a replay go over to live ticks";
    if (command->replay.then_live && !cluster->decks->config.stock.brokers[0])
        return "not_supported";
    *sentence = "this connection has subscriptions, or a replay, already";
    if (worker->clients[index].player || worker->fanout.subscribers[index].holds_count)
        return "busy";
    return NULL;
}

static void begin(struct worker *worker, uint32_t index, const struct command *command,
                  struct answer_symbol *answers, const char **symbols, size_t count)
{
    struct client *client = &worker->clients[index];
    struct subscriber *sub = &worker->fanout.subscribers[index];
    struct player_spec spec = {
        .ask = command->replay,
        .id = command->id,
        .symbols = symbols,
        .symbols_count = count,
        .format = sub->format,
        .bell = feed_doorbell(worker->cluster->feed, worker->index),
    };
    client->player = deck_begin(
        decks_choose(worker->cluster->decks, command->replay.group, worker->played++), &spec);
    if (!client->player) {
        free((void *)symbols);
        session_problem(worker, index, &command->id, "server_full",
                        "as many replays as this server plays at a time");
        return;
    }
    client->orders = 0;
    client->head_tries = 0;
    client->joins_behind = false;
    sub->spool = &client->player->spool;
    worker->playing[worker->playing_count++] = index;
    counter_add(&worker->metrics->replays_begun, 1);
    counter_set(&worker->metrics->replays, worker->playing_count);
    answer_replaying(&worker->answer, session_format(worker, index), &command->id, answers,
                     command->symbols_count);
    session_start_heartbeats(worker, index);
    client_answer(worker, index);
}

void playback_begin(struct worker *worker, uint32_t index, const struct command *command)
{
    const char *sentence;
    const char *code = refusal(worker, index, command, &sentence);
    if (code) {
        session_problem(worker, index, &command->id, code, sentence);
        return;
    }
    struct answer_symbol *answers = calloc(command->symbols_count + 1, sizeof *answers);
    size_t count = 0;
    const char **symbols = answers ? copy_symbols(worker, command, answers, &count) : NULL;
    if (symbols && count) {
        begin(worker, index, command, answers, symbols, count);
    } else {
        free((void *)symbols);
        session_problem(worker, index, &command->id, symbols ? "bad_symbol" : "internal",
                        symbols ? "no symbol of the list can be one" : "out of memory");
    }
    free(answers);
}

/* ---- steered ---- */

static enum order_kind order_of(enum command_op op)
{
    switch (op) {
    case COMMAND_RESUME: return ORDER_RESUME;
    case COMMAND_STEP: return ORDER_STEP;
    case COMMAND_SEEK: return ORDER_SEEK;
    case COMMAND_SPEED: return ORDER_SPEED;
    default: return ORDER_PAUSE;
    }
}

static uint32_t orders_open(const struct client *client)
{
    /* Acquire pairs with the player's count: what an order has brought is seen with it. */
    return client->orders -
           atomic_load_explicit(&client->player->orders_done, memory_order_acquire);
}

void playback_steer(struct worker *worker, uint32_t index, const struct command *command)
{
    struct client *client = &worker->clients[index];
    if (!client->player) {
        session_problem(worker, index, &command->id, "no_replay", "no replay runs here");
        return;
    }
    if (orders_open(client) >= DECK_ORDERS_MAX - 1) { /* one is the worker's own: ORDER_GO_ON */
        session_problem(worker, index, &command->id, "too_many_commands",
                        "the replay hasn't answered the last ones yet");
        return;
    }
    client->orders++;
    deck_order(&(struct order){.kind = order_of(command->op),
                               .player = client->player,
                               .id = command->id,
                               .ask = command->replay});
}

/* ---- at the end ---- */

/* Whoever was playing keeps the spool's memory until no send can name it. */
static struct player *detach(struct worker *worker, uint32_t index)
{
    struct player *player = worker->clients[index].player;
    worker->clients[index].player = NULL;
    worker->fanout.subscribers[index].spool = NULL;
    uint32_t i = 0;
    while (worker->playing[i] != index)
        i++;
    worker->playing[i] = worker->playing[--worker->playing_count];
    counter_set(&worker->metrics->replays, worker->playing_count);
    worker->played_out[worker->played_out_count++] = player;
    return player;
}

void playback_end(struct worker *worker, uint32_t index)
{
    if (worker->clients[index].player)
        detach(worker, index);
}

/* Whoever is told that it is over may ask for the next at once, so this is said by the worker that
 * has let go of the player. */
static void tell_last(struct worker *worker, uint32_t index, const struct player *player,
                      const char *state)
{
    struct answer_replay replay = {.state = state, .speed = player->speed, .ticks = player->ticks};
    answer_replay(&worker->answer, session_format(worker, index), &player->spec.id, &replay);
    client_answer(worker, index);
}

/* ---- from the tape to live ---- */

/* Whether the feed has published every tick that the player has played. */
static bool has_published(const struct worker *worker, const struct player *player)
{
    struct tape_place heads[TIMELINE_PLACES_MAX];
    uint32_t count = timeline_heads(&worker->cluster->decks->config.stock, heads);
    for (uint32_t i = 0; i < player->places_count; i++) {
        const struct tape_place *place = &player->places[i];
        uint32_t k = 0;
        while (k < count && heads[k].partition != place->partition)
            k++;
        if (k == count || heads[k].offset < place->offset)
            return false;
    }
    return counter_get(&feed_metrics(worker->cluster->feed)->waiting) == 0;
}

/* Whether this worker has had every tick that the player has played. */
static bool has_caught_up(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    struct ring *ring = feed_ring(worker->cluster->feed);
    if (!client->joins_behind) {
        if (!has_published(worker, client->player))
            return false;
        client->joins_behind = true;
        client->join_position = ring_published(ring);
    }
    return ring_released(ring, worker->index) >= client->join_position;
}

/* What the player has played, as marks; the caller frees. NULL when out of memory. */
static struct history_mark *marks_of(const struct player *player, uint32_t *count)
{
    struct history_mark *marks = calloc(player->places_count + 1, sizeof *marks);
    *count = 0;
    for (uint32_t i = 0; marks && i < player->places_count; i++) {
        const struct tape_place *place = &player->places[i];
        if (place->index)
            marks[(*count)++] =
                (struct history_mark){.pos = tick_pos(place->partition, place->offset),
                                      .index = (uint16_t)(place->index - 1)};
        else if (place->offset)
            marks[(*count)++] = (struct history_mark){
                .pos = tick_pos(place->partition, place->offset - 1), .index = UINT16_MAX};
    }
    return marks;
}

static bool remembers_all(struct worker *worker, const struct player *player,
                          const struct fanout_request *request)
{
    for (size_t i = 0; i < player->spec.symbols_count; i++) {
        const char *text = player->spec.symbols[i];
        if (!fanout_remembers(&worker->fanout, text, strlen(text), request))
            return false;
    }
    return true;
}

static void go_live(struct worker *worker, uint32_t index, const struct fanout_request *request)
{
    struct player *player = detach(worker, index);
    tell_last(worker, index, player, "live");
    for (size_t i = 0; i < player->spec.symbols_count; i++) {
        const char *text = player->spec.symbols[i];
        if (worker->clients[index].state == CLIENT_OPEN &&
            fanout_subscribe(&worker->fanout, index, text, strlen(text), request) == FANOUT_FULL)
            session_problem(worker, index, &player->spec.id, "server_full", text);
    }
    fanout_mark_dirty(&worker->fanout, index);
}

/* The tape has come to its head, and all of it is sent. What live has had meanwhile is in the
 * worker's memory; where that doesn't reach back so far, the player is to bring it nearer first. */
static void join_live(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    struct player *player = client->player;
    if (!has_caught_up(worker, index))
        return;
    uint32_t count;
    struct history_mark *marks = marks_of(player, &count);
    struct fanout_request request = {
        .terms = {.mode = TERMS_ALL}, .played = marks, .played_count = count};
    if (!marks) {
        client_abort(worker, index, CLOSED_LIMIT);
        return;
    }
    if (!remembers_all(worker, player, &request) && client->head_tries++ < HEAD_TRIES) {
        client->joins_behind = false;
        client->orders++;
        deck_order(&(struct order){.kind = ORDER_GO_ON, .player = player});
    } else if (take_over(player, PLAYER_HEAD)) {
        go_live(worker, index, &request);
    }
    free(marks);
}

/* ---- a turn ---- */

/* Whether what waits in the spool is to be sent now: it may have to wait for more, see
 * max_delay_ms, unless it fills a send. */
static bool is_due(const struct subscriber *sub)
{
    return !sub->held && (!sub->patient || fanout_waiting_bytes(sub) >= GATHER_BYTES_MAX);
}

static void serve(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    struct subscriber *sub = &worker->fanout.subscribers[index];
    struct player *player = client->player;
    bool settled = orders_open(client) == 0;
    enum player_stage stage = stage_of(player);
    if (!spool_is_empty(&player->spool)) {
        if (is_due(sub))
            fanout_mark_dirty(&worker->fanout, index);
        return;
    }
    if (stage != PLAYER_HEAD)
        client->joins_behind = false;
    if (!settled || stage == PLAYER_RUNNING)
        return;
    if (stage == PLAYER_HEAD) {
        join_live(worker, index);
    } else if (take_over(player, PLAYER_ENDED)) {
        tell_last(worker, index, detach(worker, index), "ended");
        session_start_heartbeats(worker, index);
    }
}

void playback_serve(struct worker *worker)
{
    for (uint32_t i = worker->playing_count; i > 0; i--)
        serve(worker, worker->playing[i - 1]);
    while (worker->played_out_count)
        deck_release(worker->played_out[--worker->played_out_count]);
}

int64_t playback_wait_ms(struct worker *worker, int64_t wait_ms)
{
    if (worker->played_out_count)
        return 0;
    for (uint32_t i = 0; i < worker->playing_count; i++) {
        uint32_t index = worker->playing[i];
        const struct subscriber *sub = &worker->fanout.subscribers[index];
        struct player *player = worker->clients[index].player;
        if (!spool_is_empty(&player->spool)) {
            if (is_due(sub))
                return 0;
        } else if (stage_of(player) != PLAYER_RUNNING && wait_ms > HEAD_WAIT_MS) {
            wait_ms = HEAD_WAIT_MS;
        }
    }
    return wait_ms;
}

void playback_sent(struct worker *worker, uint32_t index)
{
    if (worker->clients[index].player)
        deck_wake(worker->clients[index].player->deck);
}
