/* SPDX-License-Identifier: MIT */
/* session: see session.h. */
#include "server/session.h"

#include <stdlib.h>
#include <string.h>

#include "server/playback.h"
#include "server/wire/command.h"
#include "server/worker.h"

#ifndef TAPEHEAD_VERSION
#error "the build defines TAPEHEAD_VERSION"
#endif

enum {
    QUERY_SYMBOLS_MAX = 4096, /* bytes of ?symbols=, decoded */
    COMMAND_BYTES = 4096,     /* of a command, beyond which it counts for more than one */
};

enum wire_format session_format(const struct worker *worker, uint32_t index)
{
    return encode_is_msgpack(worker->fanout.subscribers[index].format) ? WIRE_MSGPACK : WIRE_JSON;
}

void session_problem(struct worker *worker, uint32_t index, const struct command_id *id,
                     const char *code, const char *message)
{
    counter_add(&worker->metrics->command_errors, 1);
    answer_error(&worker->answer, session_format(worker, index), id, code, message);
    client_answer(worker, index);
}

/* ---- subscribe and its kin ---- */

/* Returns NULL, or why the symbol was rejected. */
static const char *subscribe_one(struct worker *worker, uint32_t index, const char *text,
                                 size_t len, const struct fanout_request *request)
{
    struct subscriber *sub = &worker->fanout.subscribers[index];
    if (spec_classify(text, len) == SPEC_BAD)
        return "bad_symbol";
    if (sub->holds_count >= worker->cluster->config->max_subscriptions &&
        topics_find(&worker->fanout.topics, index, text, len) == TOPIC_NONE)
        return "too_many_subscriptions";
    if (fanout_subscribe(&worker->fanout, index, text, len, request) == FANOUT_FULL)
        return "server_full";
    return NULL;
}

static struct terms terms_of(const struct command *command)
{
    static const uint8_t modes[] = {
        [MODE_ALL] = TERMS_ALL, [MODE_LATEST] = TERMS_LATEST, [MODE_STRICT] = TERMS_STRICT};
    return (struct terms){.mode = modes[command->mode],
                          .interval_ms = command->interval_ms,
                          .snapshot = command->snapshot};
}

static int compare_since(const void *a, const void *b)
{
    const struct fanout_since *first = a, *second = b;
    return names_compare(first->symbol, first->symbol_len, second->symbol, second->symbol_len);
}

/* The command's "since", as the fan-out takes it; the caller frees. NULL when out of memory. */
static struct fanout_since *since_of(const struct command *command)
{
    struct fanout_since *list = calloc(command->since_count + 1, sizeof *list);
    for (uint32_t i = 0; list && i < command->since_count; i++) {
        const struct command_since *since = &command->since[i];
        list[i] = (struct fanout_since){
            .symbol = since->text,
            .symbol_len = since->len,
            .mark = {.pos = tick_pos(since->partition, since->offset), .index = since->index}};
    }
    if (list)
        qsort(list, command->since_count, sizeof *list, compare_since);
    return list;
}

void session_start_heartbeats(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    const struct subscriber *sub = &worker->fanout.subscribers[index];
    uint64_t every_ms = worker->cluster->config->heartbeat_ms;
    if (!sub->holds_count && !client->player)
        client->heartbeat_ms = 0;
    else if (!client->heartbeat_ms && every_ms)
        client->heartbeat_ms = worker->now_ms + (int64_t)every_ms;
    if (client->state == CLIENT_OPEN)
        client_arm(worker, index);
}

/* The answer goes to the control lane, which is sent before the snapshots and ticks that this
 * brings. */
static void subscribe(struct worker *worker, uint32_t index, const struct command *command)
{
    if (worker->clients[index].player) {
        session_problem(worker, index, &command->id, "busy", "a replay runs on this connection");
        return;
    }
    struct answer_symbol *symbols = calloc(command->symbols_count + 1, sizeof *symbols);
    struct fanout_since *since = since_of(command);
    struct fanout_request request = {
        .terms = terms_of(command), .since = since, .since_count = command->since_count};
    if (!symbols || !since) {
        session_problem(worker, index, &command->id, "internal", "out of memory");
        goto done;
    }
    for (uint32_t i = 0; i < command->symbols_count; i++) {
        const struct command_symbol *symbol = &command->symbols[i];
        const char *rejected = subscribe_one(worker, index, symbol->text, symbol->len, &request);
        symbols[i] =
            (struct answer_symbol){.text = symbol->text, .len = symbol->len, .rejected = rejected};
    }
    answer_subscribed(&worker->answer, session_format(worker, index), &command->id, symbols,
                      command->symbols_count);
    session_start_heartbeats(worker, index);
    client_answer(worker, index);
done:
    free(symbols);
    free(since);
}

/* The subscriber's topics, newest first; the caller frees. NULL when out of memory. */
static struct answer_symbol *held_symbols(const struct worker *worker, uint32_t index)
{
    const struct topics *topics = &worker->fanout.topics;
    const struct subscriber *sub = &worker->fanout.subscribers[index];
    struct answer_symbol *symbols = calloc(sub->holds_count + 1, sizeof *symbols);
    size_t n = sub->holds_count;
    for (uint32_t i = sub->holds; symbols && i != TOPIC_NONE;
         i = topics->holds[i].next_of_subscriber) {
        const struct topic *topic = &topics->topics[topics->holds[i].topic];
        symbols[--n] = (struct answer_symbol){.text = topic->text, .len = topic->len};
    }
    return symbols;
}

/* What the replay played, whose end is thereby asked for; the caller frees. */
static struct answer_symbol *played_symbols(const struct player *player)
{
    size_t n = player->spec.symbols_count;
    struct answer_symbol *symbols = calloc(n + 1, sizeof *symbols);
    for (size_t i = 0; symbols && i < n; i++)
        symbols[i] = (struct answer_symbol){.text = player->spec.symbols[i],
                                            .len = (uint32_t)strlen(player->spec.symbols[i])};
    return symbols;
}

static void unsubscribe_all(struct worker *worker, uint32_t index, const struct command *command)
{
    const struct player *player = worker->clients[index].player;
    struct subscriber *sub = &worker->fanout.subscribers[index];
    struct answer_symbol *symbols = player ? played_symbols(player) : held_symbols(worker, index);
    if (!symbols) {
        session_problem(worker, index, &command->id, "internal", "out of memory");
        return;
    }
    answer_unsubscribed(&worker->answer, session_format(worker, index), &command->id, symbols,
                        player ? player->spec.symbols_count : sub->holds_count);
    free(symbols);
    playback_end(worker, index);
    fanout_silence(&worker->fanout, index);
    session_start_heartbeats(worker, index);
    client_answer(worker, index);
}

/* Names that weren't subscribed are left out of the answer. */
static void unsubscribe(struct worker *worker, uint32_t index, const struct command *command)
{
    if (!command->symbols_given) {
        unsubscribe_all(worker, index, command);
        return;
    }
    struct answer_symbol *symbols = calloc(command->symbols_count + 1, sizeof *symbols);
    size_t n = 0;
    for (uint32_t i = 0; symbols && i < command->symbols_count; i++) {
        const struct command_symbol *symbol = &command->symbols[i];
        if (fanout_unsubscribe(&worker->fanout, index, symbol->text, symbol->len) == FANOUT_OK)
            symbols[n++] = (struct answer_symbol){.text = symbol->text, .len = symbol->len};
    }
    if (symbols)
        answer_unsubscribed(&worker->answer, session_format(worker, index), &command->id, symbols,
                            n);
    free(symbols);
    session_start_heartbeats(worker, index);
    client_answer(worker, index);
}

static void list(struct worker *worker, uint32_t index, const struct command *command)
{
    struct answer_symbol *symbols = held_symbols(worker, index);
    if (!symbols) {
        session_problem(worker, index, &command->id, "internal", "out of memory");
        return;
    }
    answer_subscriptions(&worker->answer, session_format(worker, index), &command->id, symbols,
                         worker->fanout.subscribers[index].holds_count,
                         worker->clients[index].delay_ms);
    free(symbols);
    client_answer(worker, index);
}

/* ---- dispatch ---- */

static void carry_out(struct worker *worker, uint32_t index, const struct command *command)
{
    switch (command->op) {
    case COMMAND_SUBSCRIBE: subscribe(worker, index, command); break;
    case COMMAND_UNSUBSCRIBE: unsubscribe(worker, index, command); break;
    case COMMAND_LIST: list(worker, index, command); break;
    case COMMAND_PING:
        answer_pong(&worker->answer, session_format(worker, index), &command->id,
                    worker->now_ns / 1000);
        client_answer(worker, index);
        break;
    case COMMAND_CONFIGURE:
        worker->clients[index].delay_ms = command->max_delay_ms;
        answer_configured(&worker->answer, session_format(worker, index), &command->id,
                          command->max_delay_ms);
        client_answer(worker, index);
        break;
    case COMMAND_REPLAY: playback_begin(worker, index, command); break;
    case COMMAND_PAUSE:
    case COMMAND_RESUME:
    case COMMAND_STEP:
    case COMMAND_SEEK:
    case COMMAND_SPEED: playback_steer(worker, index, command); break;
    case COMMAND_NONE: break; /* has an error_code */
    }
}

uint32_t session_count(struct worker *worker, uint32_t index)
{
    struct client *client = &worker->clients[index];
    int64_t second = worker->now_ms / 1000;
    if (client->commands_second != second) {
        client->commands_second = second;
        client->commands = 0;
    }
    return ++client->commands;
}

/* A command, or a ping: beyond twice the limit the client goes. Returns whether it stays. */
static bool count_command(struct worker *worker, uint32_t index)
{
    if (session_count(worker, index) <= 2 * worker->cluster->config->max_commands)
        return true;
    client_close(worker, index, CLOSED_LIMIT, WS_CLOSE_TOO_MANY, "too many commands");
    return false;
}

bool session_takes_ping(struct worker *worker, uint32_t index)
{
    return worker->clients[index].echo || count_command(worker, index);
}

/* Beyond the limit commands are refused. A long one is taken whole, and counts by its length: what
 * it costs is what it names. */
static bool within_rate(struct worker *worker, uint32_t index, size_t len)
{
    struct client *client = &worker->clients[index];
    uint64_t max = worker->cluster->config->max_commands;
    if (!count_command(worker, index))
        return false;
    if (client->commands > max) {
        session_problem(worker, index, NULL, "too_many_commands",
                        "more commands a second than this server takes");
        return false;
    }
    uint64_t more = len / COMMAND_BYTES, left = max - client->commands;
    client->commands += (uint32_t)(more < left ? more : left);
    return true;
}

void session_message(struct worker *worker, uint32_t index, const uint8_t *data, size_t len)
{
    counter_add(&worker->metrics->commands, 1);
    if (!within_rate(worker, index, len))
        return;
    struct command command;
    command_read(&command, session_format(worker, index), data, len);
    if (command.error_code)
        session_problem(worker, index, &command.id, command.error_code, command.error_message);
    else
        carry_out(worker, index, &command);
    command_finish(&command);
}

/* ---- of the server's own accord ---- */

/* "A,B-*" as if it had been asked for by a command. */
static void subscribe_query(struct worker *worker, uint32_t index, char *text)
{
    struct command command = {.op = COMMAND_SUBSCRIBE, .snapshot = true};
    struct command_symbol symbols[QUERY_SYMBOLS_MAX / 2 + 1];
    char *save = NULL;
    for (char *s = strtok_r(text, ",", &save); s; s = strtok_r(NULL, ",", &save))
        symbols[command.symbols_count++] =
            (struct command_symbol){.text = s, .len = (uint32_t)strlen(s)};
    command.symbols = symbols;
    subscribe(worker, index, &command);
}

void session_open(struct worker *worker, uint32_t index, struct http_text query)
{
    const struct config *config = worker->cluster->config;
    struct answer_limits limits = {.subscriptions = (uint32_t)config->max_subscriptions,
                                   .message_bytes = (uint32_t)config->max_message_bytes,
                                   .commands_per_second = (uint32_t)config->max_commands,
                                   .queue_frames = (uint32_t)config->queue_frames};
    answer_welcome(&worker->answer, session_format(worker, index), "tapehead/" TAPEHEAD_VERSION,
                   worker->cluster->epoch, (uint32_t)config->heartbeat_ms, &limits);
    client_answer(worker, index);
    char text[QUERY_SYMBOLS_MAX + 1];
    int len = http_query_value(query, "symbols", text, QUERY_SYMBOLS_MAX);
    if (len == -2)
        session_problem(worker, index, NULL, "bad_field",
                        "the query's symbols are malformed or too long");
    if (len <= 0 || worker->clients[index].state != CLIENT_OPEN)
        return;
    text[len] = 0;
    subscribe_query(worker, index, text);
}

void session_heartbeat(struct worker *worker, uint32_t index)
{
    const struct subscriber *sub = &worker->fanout.subscribers[index];
    const struct feed_metrics *feed = feed_metrics(worker->cluster->feed);
    int64_t ts_us = worker->now_ns / 1000;
    struct answer_heartbeat beat = {
        .ts_us = ts_us,
        .sent_ts_us = ts_us,
        .queued = sub->queue.count,
        .queued_bytes = sub->queue.bytes,
        .dropped = sub->dropped,
        .overload = sub->overload,
        .stalls = worker->clients[index].stalls,
        .source_lag_ms = counter_get(&feed->lag_ms),
        .source = feed_state_name(worker->clients[index].player
                                      ? FEED_REPLAY
                                      : (enum feed_state)counter_get(&feed->state))};
    counter_add(&worker->metrics->heartbeats, 1);
    answer_heartbeat(&worker->answer, session_format(worker, index), &beat);
    client_answer(worker, index);
}

void session_shutdown(struct worker *worker, uint32_t index)
{
    answer_shutdown(&worker->answer, session_format(worker, index), 0,
                    (uint32_t)worker->cluster->config->reconnect_ms);
    client_answer(worker, index);
}
