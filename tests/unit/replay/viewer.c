/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "viewer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/clock.h"

static const int64_t PATIENCE_NS = INT64_C(60000000000);

void theatre_begin(struct theatre *theatre)
{
    memset(theatre, 0, sizeof *theatre);
    folder_begin(&theatre->folder);
    assert_int_equal(doorbell_init(&theatre->bell), 0);
}

void theatre_open(struct theatre *theatre, struct theatre_config config)
{
    char error[256] = "";
    const struct feed_config feed = {
        .source = "sim:seed=1,rate=1,symbols=1", .symbols_max = 16, .ring_slots = 16, .workers = 1};
    if (feed_create(&theatre->feed, &feed, error, sizeof error) < 0)
        fail_msg("%s", error);
    const struct deck_config deck = {
        .stock = {.archive = config.archive ? config.archive : theatre->folder.path,
                  .brokers = "",
                  .topics = "trades,more",
                  .feed = theatre->feed},
        .players = config.players ? config.players : 4,
        .spool_bytes = config.spool_bytes ? config.spool_bytes : 65536,
        .symbols_max = config.symbols_max ? config.symbols_max : 64,
        .rate = config.rate,
    };
    if (deck_create(&theatre->deck, &deck, error, sizeof error) < 0)
        fail_msg("%s", error);
}

void theatre_end(struct theatre *theatre)
{
    deck_destroy(theatre->deck);
    feed_destroy(theatre->feed);
    doorbell_finish(&theatre->bell);
    folder_end(&theatre->folder);
}

/* ---- what a worker does ---- */

static const char **copy_symbols(const char *text, size_t *count)
{
    const char **list = malloc(16 * sizeof *list + strlen(text) + 1);
    assert_non_null(list);
    char *at = strcpy((char *)(list + 16), text), *word;
    for (*count = 0; (word = strsep(&at, " ")) != NULL;)
        list[(*count)++] = word;
    return list;
}

bool viewer_begin(struct viewer *viewer, struct theatre *theatre, const char *symbols,
                  struct command_replay ask, int64_t id)
{
    struct player_spec spec = {.ask = ask,
                               .id = {.kind = ID_INTEGER, .integer = id},
                               .format = ENCODE_JSON,
                               .bell = &theatre->bell};
    spec.symbols = copy_symbols(symbols, &spec.symbols_count);
    *viewer = (struct viewer){.theatre = theatre};
    viewer->player = deck_begin(theatre->deck, &spec);
    if (!viewer->player) {
        free((void *)spec.symbols);
        return false;
    }
    viewer->heard = calloc(1, VIEWER_HEARD_MAX);
    assert_non_null(viewer->heard);
    return true;
}

void viewer_end(struct viewer *viewer)
{
    deck_release(viewer->player);
    free(viewer->heard);
}

void viewer_order(struct viewer *viewer, enum order_kind kind, int64_t id,
                  struct command_replay ask)
{
    viewer->orders++;
    viewer->told = false;
    deck_order(&(struct order){.kind = kind,
                               .player = viewer->player,
                               .id = {.kind = ID_INTEGER, .integer = id},
                               .ask = ask});
}

uint32_t viewer_done(const struct viewer *viewer)
{
    return atomic_load_explicit(&viewer->player->orders_done, memory_order_acquire);
}

/* ---- what a client hears ---- */

/* A member's value, without its quotes; "" where there is none. */
static const char *member(const char *payload, const char *name)
{
    static _Thread_local char values[8][128];
    static _Thread_local unsigned next;
    char quoted[32], *value = values[next++ % 8];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(payload, quoted);
    value[0] = 0;
    if (!at)
        return value;
    at += strlen(quoted);
    bool string = *at == '"';
    at += string;
    snprintf(value, sizeof values[0], "%.*s", (int)strcspn(at, string ? "\"" : ",}"), at);
    return value;
}

static void make_word(const char *payload, char *word, size_t size)
{
    const char *type = member(payload, "type"), *id = member(payload, "id");
    id = id[0] ? id : "-";
    if (strcmp(type, "trade") == 0) {
        snprintf(word, size, "%s%s", member(payload, "symbol"), member(payload, "seq"));
    } else if (strcmp(type, "error") == 0) {
        snprintf(word, size, "%s:%s", member(payload, "code"), id);
    } else {
        char at[32] = "";
        assert_string_equal(type, "replay");
        if (strstr(payload, "\"at\":"))
            snprintf(at, sizeof at, "@%lld", strtoll(member(payload, "at"), NULL, 10) / 1000);
        snprintf(word, size, "%s:%s%s/%s", member(payload, "state"), id, at,
                 member(payload, "ticks"));
    }
}

static void add_word(struct viewer *viewer, const char *word)
{
    assert_true(viewer->len + strlen(word) + 2 < VIEWER_HEARD_MAX);
    viewer->len +=
        (size_t)sprintf(viewer->heard + viewer->len, "%s%s", viewer->len ? " " : "", word);
}

static void hear(struct viewer *viewer, const uint8_t *frame, uint32_t len)
{
    char word[256];
    uint32_t header = len < 128 ? 2 : 4;
    assert_int_equal(frame[0], 0x81);
    assert_true(len - header < sizeof viewer->last);
    memcpy(viewer->last, frame + header, len - header);
    viewer->last[len - header] = 0;
    make_word(viewer->last, word, sizeof word);
    add_word(viewer, word);
}

/* Returns whether that was a word. */
static bool hear_end(struct viewer *viewer)
{
    char word[64];
    const struct player *player = viewer->player;
    bool settled = viewer_done(viewer) == viewer->orders;
    bool ended = atomic_load_explicit(&player->stage, memory_order_acquire) == PLAYER_ENDED;
    if (!ended || !settled || viewer->told || !spool_is_empty(&viewer->player->spool))
        return false;
    viewer->told = true;
    snprintf(word, sizeof word, "ended:%lld/%llu", (long long)player->spec.id.integer,
             (unsigned long long)player->ticks);
    add_word(viewer, word);
    return true;
}

uint32_t viewer_read(struct viewer *viewer, uint32_t frames)
{
    struct spool *spool = &viewer->player->spool;
    const uint8_t *data;
    uint32_t there, len = spool_peek(spool, 65536, &data, &there), done = 0, count = 0;
    while (done < len && count < frames) {
        uint32_t one = spool_frame_len(data + done);
        hear(viewer, data + done, one);
        done += one;
        count++;
    }
    if (done) {
        spool_take(spool, done);
        deck_wake(viewer->theatre->deck);
    }
    if (!count && frames)
        count = hear_end(viewer);
    return count;
}

static bool has_word(const struct viewer *viewer, const char *word)
{
    const char *at = viewer->heard;
    while ((at = strstr(at, word)) != NULL && at > viewer->heard && at[-1] != ' ')
        at++;
    return at != NULL;
}

void viewer_until(struct viewer *viewer, const char *word)
{
    int64_t until_ns = clock_mono_ns() + PATIENCE_NS;
    while (!has_word(viewer, word)) {
        if (viewer_read(viewer, UINT32_MAX))
            continue;
        if (clock_mono_ns() > until_ns)
            fail_msg("'%s' never came; heard: %s", word, viewer->heard);
        usleep(200);
    }
}

void viewer_expect(struct viewer *viewer, const char *words)
{
    int64_t until_ns = clock_mono_ns() + PATIENCE_NS;
    while (viewer->len < strlen(words) && clock_mono_ns() < until_ns)
        if (!viewer_read(viewer, 1))
            usleep(200);
    assert_string_equal(viewer->heard, words);
    viewer->len = 0;
    viewer->heard[0] = 0;
}

void viewer_await(struct viewer *viewer, enum player_stage stage)
{
    int64_t until_ns = clock_mono_ns() + PATIENCE_NS;
    while (atomic_load_explicit(&viewer->player->stage, memory_order_acquire) != (int)stage &&
           clock_mono_ns() < until_ns)
        usleep(200);
    assert_int_equal(viewer->player->stage, stage);
}
