/* SPDX-License-Identifier: MIT */
/* command_copy: see command_copy.h. */
#include "tests/fuzz/command_copy.h"

#include <jansson.h>
#include <msgpack.h>
#include <stdio.h>

#include "schemas/instant.h"
#include "server/wire/answer.h"
#include "server/wire/utf8.h"
#include "tests/fuzz/target.h"

static const char *const ops[] = {
    [COMMAND_SUBSCRIBE] = "subscribe", [COMMAND_UNSUBSCRIBE] = "unsubscribe",
    [COMMAND_LIST] = "list",           [COMMAND_PING] = "ping",
    [COMMAND_CONFIGURE] = "configure", [COMMAND_REPLAY] = "replay",
    [COMMAND_PAUSE] = "pause",         [COMMAND_RESUME] = "resume",
    [COMMAND_STEP] = "step",           [COMMAND_SEEK] = "seek",
    [COMMAND_SPEED] = "speed",
};

static const char *const modes[] = {"all", "latest", "strict"};
static const char *const clocks[] = {"event", "receive"}, *const thens[] = {"end", "live"};

/* ---- what is promised ---- */

static bool is_known_error(const char *code, enum wire_format format)
{
    static const char *const codes[] = {"bad_command", "bad_field",        "unknown_op",
                                        "internal",    "too_many_symbols", "not_supported"};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return strcmp(code, format == WIRE_JSON ? "bad_json" : "bad_msgpack") == 0;
}

/* For AddressSanitizer. */
static void touch(const char *text, size_t len)
{
    char *copy = target_copy(text, len);
    free(copy);
}

static void check_replay(const struct command *command)
{
    const struct command_replay *replay = &command->replay;
    CHECK(replay->speed >= 0 && replay->speed <= 1e6);
    CHECK(replay->max_gap_ms <= 86400000 && replay->count <= 1000000);
    CHECK(!replay->then_live || !replay->until_given || command->error_code);
    CHECK(memchr(replay->group, 0, sizeof replay->group));
    if (command->error_code)
        return;
    CHECK(!replay->from_given || !replay->until_given || replay->from_ns <= replay->until_ns);
    CHECK((command->op == COMMAND_STEP) == (replay->count > 0));
    CHECK(command->op != COMMAND_SEEK || replay->from_given);
}

void command_check(const struct command *command, enum wire_format format)
{
    const char *end = memchr(command->error_message, 0, sizeof command->error_message);
    CHECK(end && (end > command->error_message) == (command->error_code != NULL));
    CHECK(!command->error_code || is_known_error(command->error_code, format));
    CHECK(command->error_code || command->op != COMMAND_NONE);
    CHECK(command->id.text_len <= COMMAND_ID_MAX);
    struct utf8 utf8 = {0};
    if (command->id.kind == ID_STRING)
        CHECK(utf8_feed(&utf8, (const uint8_t *)command->id.text, command->id.text_len) &&
              utf8_complete(&utf8));
    CHECK(command->symbols_count <= COMMAND_SYMBOLS_MAX &&
          command->since_count <= COMMAND_SYMBOLS_MAX);
    CHECK(command->interval_ms <= 60000 && command->max_delay_ms <= 60000);
    check_replay(command);
    for (uint32_t i = 0; i < command->symbols_count; i++) {
        const struct command_symbol *symbol = &command->symbols[i];
        touch(symbol->text, symbol->len);
    }
    for (uint32_t i = 0; i < command->since_count; i++) {
        touch(command->since[i].text, command->since[i].len);
        CHECK(command->since[i].offset >> 48 == 0);
    }
}

/* ---- msgpack ---- */

static void pack_text(msgpack_packer *packer, const char *text, size_t len)
{
    msgpack_pack_str(packer, len);
    msgpack_pack_str_body(packer, text, len);
}

static void pack_word(msgpack_packer *packer, const char *word)
{
    pack_text(packer, word, strlen(word));
}

static void format_position(const struct command_since *since, char out[48])
{
    int len = snprintf(out, 48, "%u:%llu", since->partition, (unsigned long long)since->offset);
    if (since->index)
        snprintf(out + len, 48 - (size_t)len, ":%u", since->index);
}

/* Microseconds where it is whole ones, else text. */
static void pack_instant(msgpack_packer *packer, const char *name, bool given, int64_t ns)
{
    char text[INSTANT_TEXT_MAX];
    if (!given)
        return;
    pack_word(packer, name);
    if (ns % 1000 == 0) {
        msgpack_pack_int64(packer, ns / 1000);
    } else {
        instant_write(ns, text);
        pack_word(packer, text);
    }
}

enum { REPLAY_FIELDS = 5 }; /* those that any command is given here */

static uint32_t count_replay(const struct command_replay *replay)
{
    return REPLAY_FIELDS + replay->from_given + replay->until_given + (replay->group[0] != 0);
}

static void pack_replay(msgpack_packer *packer, const struct command_replay *replay)
{
    pack_word(packer, "clock");
    pack_word(packer, clocks[replay->by_receive]);
    pack_word(packer, "speed");
    if (replay->speed > 0)
        msgpack_pack_double(packer, replay->speed);
    else
        pack_word(packer, "max");
    pack_word(packer, "max_gap_ms");
    msgpack_pack_uint32(packer, replay->max_gap_ms);
    pack_word(packer, "then");
    pack_word(packer, thens[replay->then_live]);
    pack_word(packer, "count");
    msgpack_pack_uint32(packer, replay->count);
    pack_instant(packer, "from", replay->from_given, replay->from_ns);
    pack_instant(packer, "to", replay->until_given, replay->until_ns);
    if (!replay->group[0])
        return;
    pack_word(packer, "group");
    pack_word(packer, replay->group);
}

static void pack_lists(msgpack_packer *packer, const struct command *command)
{
    pack_word(packer, "since");
    msgpack_pack_map(packer, command->since_count);
    for (uint32_t i = 0; i < command->since_count; i++) {
        char position[48];
        format_position(&command->since[i], position);
        pack_text(packer, command->since[i].text, command->since[i].len);
        pack_word(packer, position);
    }
    if (!command->symbols_given)
        return;
    pack_word(packer, "symbols");
    msgpack_pack_array(packer, command->symbols_count);
    for (uint32_t i = 0; i < command->symbols_count; i++)
        pack_text(packer, command->symbols[i].text, command->symbols[i].len);
}

static void pack(msgpack_packer *packer, const struct command *command)
{
    msgpack_pack_map(packer, 7u + command->symbols_given + count_replay(&command->replay));
    pack_word(packer, "op");
    pack_word(packer, ops[command->op]);
    pack_word(packer, "id");
    switch (command->id.kind) {
    case ID_ABSENT: msgpack_pack_nil(packer); break;
    case ID_INTEGER: msgpack_pack_int64(packer, command->id.integer); break;
    case ID_STRING: pack_text(packer, command->id.text, command->id.text_len); break;
    }
    pack_word(packer, "mode");
    pack_word(packer, modes[command->mode]);
    pack_word(packer, "interval_ms");
    msgpack_pack_uint32(packer, command->interval_ms);
    pack_word(packer, "snapshot");
    if (command->snapshot)
        msgpack_pack_true(packer);
    else
        msgpack_pack_false(packer);
    pack_word(packer, "max_delay_ms");
    msgpack_pack_uint32(packer, command->max_delay_ms);
    pack_replay(packer, &command->replay);
    pack_lists(packer, command);
}

/* ---- JSON ---- */

static void set_instant(json_t *root, const char *name, bool given, int64_t ns)
{
    char text[INSTANT_TEXT_MAX];
    if (!given)
        return;
    instant_write(ns, text);
    json_object_set_new(root, name, ns % 1000 ? json_string(text) : json_integer(ns / 1000));
}

static void set_replay(json_t *root, const struct command_replay *replay)
{
    json_object_set_new(root, "clock", json_string(clocks[replay->by_receive]));
    json_object_set_new(root, "speed",
                        replay->speed > 0 ? json_real(replay->speed) : json_string("max"));
    json_object_set_new(root, "max_gap_ms", json_integer(replay->max_gap_ms));
    json_object_set_new(root, "then", json_string(thens[replay->then_live]));
    json_object_set_new(root, "count", json_integer(replay->count));
    set_instant(root, "from", replay->from_given, replay->from_ns);
    set_instant(root, "to", replay->until_given, replay->until_ns);
    if (replay->group[0])
        json_object_set_new(root, "group", json_string(replay->group));
}

/* NULL where JSON can't say it: it isn't UTF-8, a key with NUL in it, a key twice. */
static json_t *to_json(const struct command *command)
{
    json_t *since = json_object(), *symbols = json_array(), *id = json_null();
    bool good = true;
    for (uint32_t i = 0; i < command->since_count; i++) {
        const struct command_since *entry = &command->since[i];
        char position[48], *key = strndup(entry->text, entry->len);
        format_position(entry, position);
        good &= strlen(key) == entry->len && !json_object_get(since, key) &&
                json_object_set_new(since, key, json_string(position)) == 0;
        free(key);
    }
    for (uint32_t i = 0; i < command->symbols_count; i++)
        good &= json_array_append_new(
                    symbols, json_stringn(command->symbols[i].text, command->symbols[i].len)) == 0;
    if (command->id.kind == ID_INTEGER)
        id = json_integer(command->id.integer);
    else if (command->id.kind == ID_STRING)
        id = json_stringn(command->id.text, command->id.text_len);
    CHECK(id);
    json_t *root = json_pack("{s:s, s:o, s:s, s:i, s:b, s:i, s:o}", "op", ops[command->op], "id",
                             id, "mode", modes[command->mode], "interval_ms",
                             (int)command->interval_ms, "snapshot", (int)command->snapshot,
                             "max_delay_ms", (int)command->max_delay_ms, "since", since);
    CHECK(root);
    set_replay(root, &command->replay);
    if (command->symbols_given)
        json_object_set(root, "symbols", symbols);
    json_decref(symbols);
    if (good)
        return root;
    json_decref(root);
    return NULL;
}

/* ---- copies ---- */

static bool is_same_id(const struct command_id *a, const struct command_id *b)
{
    if (a->kind != b->kind || a->text_len != b->text_len || a->integer != b->integer)
        return false;
    return memcmp(a->text, b->text, a->text_len) == 0;
}

static bool is_same_replay(const struct command_replay *a, const struct command_replay *b)
{
    return a->from_given == b->from_given && a->from_ns == b->from_ns &&
           a->until_given == b->until_given && a->until_ns == b->until_ns &&
           a->by_receive == b->by_receive && a->speed == b->speed &&
           a->max_gap_ms == b->max_gap_ms && a->then_live == b->then_live && a->count == b->count &&
           strcmp(a->group, b->group) == 0;
}

static void check_same(const struct command *a, const struct command *b)
{
    CHECK(!a->error_code && !b->error_code);
    CHECK(a->op == b->op && is_same_id(&a->id, &b->id));
    CHECK(a->mode == b->mode && a->snapshot == b->snapshot);
    CHECK(a->interval_ms == b->interval_ms && a->max_delay_ms == b->max_delay_ms);
    CHECK(is_same_replay(&a->replay, &b->replay));
    CHECK(a->symbols_given == b->symbols_given && a->symbols_count == b->symbols_count);
    for (uint32_t i = 0; i < a->symbols_count; i++) {
        const struct command_symbol *x = &a->symbols[i], *y = &b->symbols[i];
        CHECK(x->len == y->len && memcmp(x->text, y->text, x->len) == 0);
    }
    CHECK(a->since_count == b->since_count);
    for (uint32_t i = 0; i < a->since_count; i++) {
        const struct command_since *x = &a->since[i], *y = &b->since[i];
        CHECK(x->len == y->len && memcmp(x->text, y->text, x->len) == 0);
        CHECK(x->partition == y->partition && x->offset == y->offset && x->index == y->index);
    }
}

static void check_copy(const struct command *command, enum wire_format format, const char *data,
                       size_t len)
{
    struct command copy;
    uint8_t *exact = target_copy(data, len);
    command_read(&copy, format, exact, len);
    free(exact); /* nothing of the command points into it */
    command_check(&copy, format);
    check_same(command, &copy);
    command_finish(&copy);
}

void command_check_copies(const struct command *command)
{
    msgpack_sbuffer packed;
    msgpack_packer packer;
    msgpack_sbuffer_init(&packed);
    msgpack_packer_init(&packer, &packed, msgpack_sbuffer_write);
    pack(&packer, command);
    check_copy(command, WIRE_MSGPACK, packed.data, packed.size);
    msgpack_sbuffer_destroy(&packed);
    json_t *root = to_json(command);
    if (!root)
        return;
    char *text = json_dumps(root, JSON_COMPACT);
    CHECK(text);
    check_copy(command, WIRE_JSON, text, strlen(text));
    free(text);
    json_decref(root);
}

/* ---- answers ---- */

/* One unfragmented frame and nothing else, whose payload is one message. */
static void check_answer(struct bytes *out, enum wire_format format)
{
    CHECK(!out->failed && out->len >= 2);
    size_t header = out->data[1] < 126 ? 2 : out->data[1] == 126 ? 4 : 10;
    CHECK(out->data[0] == (format == WIRE_JSON ? 0x81 : 0x82) && out->len > header);
    const char *payload = (const char *)out->data + header;
    if (format == WIRE_JSON) {
        json_error_t error;
        json_t *root =
            json_loadb(payload, out->len - header, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        CHECK(json_is_object(root) && json_is_string(json_object_get(root, "type")));
        json_decref(root);
    } else {
        msgpack_unpacked unpacked;
        size_t used = 0;
        msgpack_unpacked_init(&unpacked);
        CHECK(msgpack_unpack_next(&unpacked, payload, out->len - header, &used) ==
              MSGPACK_UNPACK_SUCCESS);
        CHECK(used == out->len - header && unpacked.data.type == MSGPACK_OBJECT_MAP);
        msgpack_unpacked_destroy(&unpacked);
    }
    bytes_finish(out);
}

void command_check_answers(const struct command *command)
{
    for (int format = 0; format < WIRE_FORMAT_COUNT; format++) {
        struct bytes out = {0};
        answer_error(&out, format, &command->id, "code", command->error_message);
        check_answer(&out, format);
        struct answer_symbol *symbols = calloc(command->symbols_count + 1u, sizeof *symbols);
        CHECK(symbols);
        for (uint32_t i = 0; i < command->symbols_count; i++)
            symbols[i] = (struct answer_symbol){.text = command->symbols[i].text,
                                                .len = command->symbols[i].len,
                                                .rejected = i % 2 ? "bad_symbol" : NULL};
        answer_subscribed(&out, format, &command->id, symbols, command->symbols_count);
        check_answer(&out, format);
        answer_replaying(&out, format, &command->id, symbols, command->symbols_count);
        check_answer(&out, format);
        answer_unsubscribed(&out, format, &command->id, symbols, command->symbols_count);
        check_answer(&out, format);
        free(symbols);
        answer_pong(&out, format, &command->id, 0);
        check_answer(&out, format);
        struct answer_replay replay = {.state = "paused",
                                       .at_given = command->replay.from_given,
                                       .at_us = command->replay.from_ns / 1000,
                                       .speed = command->replay.speed,
                                       .ticks = command->replay.count};
        answer_replay(&out, format, &command->id, &replay);
        check_answer(&out, format);
    }
}
