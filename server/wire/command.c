/* SPDX-License-Identifier: MIT */
#include "server/wire/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/command_judge.h"
#include "server/wire/utf8.h"

enum { DELAY_MS_MAX = 60000, INTERVAL_MS_MAX = 60000, POSITION_MAX = 64, OP_SHOWN_MAX = 32 };

const char *const field_names[FIELDS] = {
    [FIELD_OP] = "op",
    [FIELD_ID] = "id",
    [FIELD_SYMBOLS] = "symbols",
    [FIELD_MODE] = "mode",
    [FIELD_SNAPSHOT] = "snapshot",
    [FIELD_SINCE] = "since",
    [FIELD_INTERVAL_MS] = "interval_ms",
    [FIELD_MAX_DELAY_MS] = "max_delay_ms",
    [FIELD_FROM] = "from",
    [FIELD_TO] = "to",
    [FIELD_CLOCK] = "clock",
    [FIELD_SPEED] = "speed",
    [FIELD_MAX_GAP_MS] = "max_gap_ms",
    [FIELD_THEN] = "then",
    [FIELD_GROUP] = "group",
    [FIELD_COUNT] = "count",
};

/* COMMAND_NONE: the protocol's, but not served by this version. */
static const struct op_name {
    const char *name;
    enum command_op op;
} op_names[] = {
    {"subscribe", COMMAND_SUBSCRIBE}, {"unsubscribe", COMMAND_UNSUBSCRIBE},
    {"list", COMMAND_LIST},           {"ping", COMMAND_PING},
    {"configure", COMMAND_CONFIGURE}, {"auth", COMMAND_NONE},
    {"replay", COMMAND_REPLAY},       {"pause", COMMAND_PAUSE},
    {"resume", COMMAND_RESUME},       {"step", COMMAND_STEP},
    {"seek", COMMAND_SEEK},           {"speed", COMMAND_SPEED},
};

bool judge_refuse(struct judge *judge, const char *code, const char *format, ...)
{
    struct command *command = judge->command;
    va_list args;
    command->error_code = code;
    va_start(args, format);
    vsnprintf(command->error_message, sizeof command->error_message, format, args);
    va_end(args);
    return false;
}

bool node_is(const struct node *node, const char *word)
{
    return node->kind == NODE_TEXT && node->len == strlen(word) &&
           memcmp(node->text, word, node->len) == 0;
}

static bool node_is_utf8(const struct node *node)
{
    struct utf8 utf8 = {0};
    return utf8_feed(&utf8, (const uint8_t *)node->text, node->len) && utf8_complete(&utf8);
}

static bool judge_id(struct judge *judge)
{
    const struct node *node = &judge->tree.fields[FIELD_ID];
    struct command_id *id = &judge->command->id;
    switch (node->kind) {
    case NODE_ABSENT:
    case NODE_NULL: return true;
    case NODE_INTEGER:
        id->kind = ID_INTEGER;
        id->integer = node->integer;
        return true;
    case NODE_TEXT:
        if (node->len > COMMAND_ID_MAX)
            return judge_refuse(judge, "bad_field", "\"id\" is over %d bytes.", COMMAND_ID_MAX);
        if (!node_is_utf8(node))
            return judge_refuse(judge, "bad_field", "\"id\" is not UTF-8.");
        id->kind = ID_STRING;
        id->text_len = (uint8_t)node->len;
        if (node->len > 0)
            memcpy(id->text, node->text, node->len);
        return true;
    case NODE_BIG: return judge_refuse(judge, "bad_field", "\"id\" is beyond 64 bits with a sign.");
    default:
        return judge_refuse(judge, "bad_command", "\"id\" is neither an integer nor a string.");
    }
}

/* What a sentence may show of outside text: its start, with `?` for all but plain ASCII. */
static void show(const struct node *node, char out[OP_SHOWN_MAX + 4])
{
    size_t len = node->len < OP_SHOWN_MAX ? node->len : OP_SHOWN_MAX;
    for (size_t i = 0; i < len; i++) {
        char c = node->text[i];
        out[i] = c >= ' ' && c <= '~' && c != '"' && c != '\\' ? c : '?';
    }
    strcpy(out + len, len < node->len ? "..." : "");
}

static bool judge_op(struct judge *judge)
{
    const struct node *node = &judge->tree.fields[FIELD_OP];
    char shown[OP_SHOWN_MAX + 4];
    if (node->kind == NODE_ABSENT)
        return judge_refuse(judge, "bad_command", "\"op\" is missing.");
    if (node->kind != NODE_TEXT)
        return judge_refuse(judge, "bad_command", "\"op\" is not a string.");
    for (size_t i = 0; i < sizeof op_names / sizeof op_names[0]; i++) {
        if (!node_is(node, op_names[i].name))
            continue;
        judge->command->op = op_names[i].op;
        if (op_names[i].op == COMMAND_NONE)
            return judge_refuse(judge, "not_supported",
                                "\"op\": \"%s\" is not supported by this server.",
                                op_names[i].name);
        return true;
    }
    show(node, shown);
    return judge_refuse(judge, "unknown_op", "\"op\": \"%s\" is not known.", shown);
}

/* Every element must be text; their bytes are summed in `text_len`. */
static bool measure_symbols(struct judge *judge, const struct node *list, size_t *text_len)
{
    *text_len = 0;
    for (size_t i = 0; i < list->len; i++) {
        struct node item = judge->reader->item(list, i);
        if (item.kind != NODE_TEXT)
            return judge_refuse(judge, "bad_command",
                                "\"symbols\" holds what is not a string, at %zu.", i);
        *text_len += item.len;
    }
    return true;
}

/* One block: the array, then the texts that it points to. */
static bool copy_symbols(struct judge *judge, const struct node *list, size_t text_len)
{
    struct command *command = judge->command;
    size_t array_len = list->len * sizeof *command->symbols;
    command->owned = malloc(array_len + text_len + 1);
    if (!command->owned)
        return judge_refuse(judge, "internal", "\"symbols\": out of memory.");
    command->symbols = command->owned;
    char *text = (char *)command->owned + array_len;
    for (size_t i = 0; i < list->len; i++) {
        struct node item = judge->reader->item(list, i);
        if (item.len > 0)
            memcpy(text, item.text, item.len);
        command->symbols[i] = (struct command_symbol){.text = text, .len = (uint32_t)item.len};
        text += item.len;
    }
    command->symbols_count = (uint32_t)list->len;
    command->symbols_given = true;
    return true;
}

bool judge_symbols(struct judge *judge, bool required)
{
    const struct node *list = &judge->tree.fields[FIELD_SYMBOLS];
    size_t text_len;
    if (list->kind == NODE_ABSENT && !required)
        return true;
    if (list->kind == NODE_ABSENT)
        return judge_refuse(judge, "bad_command", "\"symbols\" is missing.");
    if (list->kind != NODE_LIST)
        return judge_refuse(judge, "bad_command", "\"symbols\" is not a list.");
    if (list->len > COMMAND_SYMBOLS_MAX)
        return judge_refuse(judge, "too_many_symbols", "\"symbols\" holds more than %d.",
                            COMMAND_SYMBOLS_MAX);
    return measure_symbols(judge, list, &text_len) && copy_symbols(judge, list, text_len);
}

static bool judge_mode(struct judge *judge)
{
    static const char *const names[] = {
        [MODE_ALL] = "all", [MODE_LATEST] = "latest", [MODE_STRICT] = "strict"};
    const struct node *node = &judge->tree.fields[FIELD_MODE];
    if (node->kind == NODE_ABSENT)
        return true;
    if (node->kind != NODE_TEXT)
        return judge_refuse(judge, "bad_command", "\"mode\" is not a string.");
    for (int mode = MODE_ALL; mode <= MODE_STRICT; mode++) {
        judge->command->mode = (enum command_mode)mode;
        if (node_is(node, names[mode]))
            return true;
    }
    return judge_refuse(judge, "bad_field",
                        "\"mode\" is none of \"all\", \"latest\" and \"strict\".");
}

bool judge_uint32(struct judge *judge, enum field field, uint32_t min, uint32_t max, uint32_t *out)
{
    const struct node *node = &judge->tree.fields[field];
    const char *name = field_names[field];
    if (node->kind == NODE_ABSENT)
        return true;
    if (node->kind != NODE_INTEGER && node->kind != NODE_BIG)
        return judge_refuse(judge, "bad_command", "\"%s\" is not an integer.", name);
    if (node->kind == NODE_BIG || node->integer < min || node->integer > max)
        return judge_refuse(judge, "bad_field", "\"%s\" is not in %u..%u.", name, min, max);
    *out = (uint32_t)node->integer;
    return true;
}

/* Digits up to `end` or the text's end; false where there are none, or they pass `max`. */
static bool read_number(const char **at, const char *end, uint64_t max, uint64_t *out)
{
    const char *begin = *at;
    *out = 0;
    while (*at < end && **at >= '0' && **at <= '9' && *out <= max)
        *out = *out * 10 + (uint64_t)(*(*at)++ - '0');
    return *at > begin && *out <= max;
}

/* "partition:offset" or "partition:offset:index". */
static bool read_position(const struct node *node, struct command_since *since)
{
    uint64_t partition, offset, index = 0;
    if (node->kind != NODE_TEXT || node->len > POSITION_MAX)
        return false;
    const char *at = node->text, *end = node->text + node->len;
    if (!read_number(&at, end, UINT16_MAX, &partition) || at == end || *at++ != ':')
        return false;
    if (!read_number(&at, end, 0xffffffffffff, &offset))
        return false;
    if (at < end && (*at++ != ':' || !read_number(&at, end, UINT16_MAX, &index)))
        return false;
    since->partition = (uint16_t)partition;
    since->offset = offset;
    since->index = (uint16_t)index;
    return at == end;
}

static bool take_since(void *arg, const struct node *key, const struct node *value)
{
    struct judge *judge = arg;
    struct command *command = judge->command;
    if (key->kind != NODE_TEXT)
        return judge_refuse(judge, "bad_command", "\"since\" has a key that is not a string.");
    struct command_since *since = &command->since[command->since_count];
    if (!read_position(value, since)) {
        char shown[OP_SHOWN_MAX + 4];
        show(key, shown);
        return judge_refuse(
            judge, "bad_field",
            "\"since\": \"%s\" is not at \"partition:offset\" or \"partition:offset:index\".",
            shown);
    }
    char *text = malloc(key->len + 1);
    if (!text)
        return judge_refuse(judge, "internal", "\"since\": out of memory.");
    memcpy(text, key->text, key->len);
    since->text = text;
    since->len = (uint32_t)key->len;
    command->since_count++;
    return true;
}

static bool judge_since(struct judge *judge)
{
    const struct node *node = &judge->tree.fields[FIELD_SINCE];
    if (node->kind == NODE_ABSENT)
        return true;
    if (node->kind != NODE_MAP)
        return judge_refuse(judge, "bad_command", "\"since\" is not an object.");
    if (node->len > COMMAND_SYMBOLS_MAX)
        return judge_refuse(judge, "too_many_symbols", "\"since\" holds more than %d.",
                            COMMAND_SYMBOLS_MAX);
    judge->command->since = calloc(node->len + 1, sizeof *judge->command->since);
    if (!judge->command->since)
        return judge_refuse(judge, "internal", "\"since\": out of memory.");
    return judge->reader->each(node, take_since, judge);
}

static bool judge_subscribe(struct judge *judge)
{
    const struct node *snapshot = &judge->tree.fields[FIELD_SNAPSHOT];
    struct command *command = judge->command;
    if (!judge_mode(judge) || !judge_since(judge) ||
        !judge_uint32(judge, FIELD_INTERVAL_MS, 0, INTERVAL_MS_MAX, &command->interval_ms))
        return false;
    if (command->interval_ms && command->mode != MODE_LATEST)
        return judge_refuse(judge, "bad_field", "\"interval_ms\" goes with \"mode\": \"latest\".");
    if (snapshot->kind != NODE_ABSENT && snapshot->kind != NODE_BOOL)
        return judge_refuse(judge, "bad_command", "\"snapshot\" is neither true nor false.");
    if (snapshot->kind == NODE_BOOL)
        command->snapshot = snapshot->truth;
    return judge_symbols(judge, true);
}

static bool judge_configure(struct judge *judge)
{
    if (judge->tree.fields[FIELD_MAX_DELAY_MS].kind == NODE_ABSENT)
        return judge_refuse(judge, "bad_command", "\"max_delay_ms\" is missing.");
    return judge_uint32(judge, FIELD_MAX_DELAY_MS, 0, DELAY_MS_MAX, &judge->command->max_delay_ms);
}

static void judge_fields(struct judge *judge)
{
    if (!judge_id(judge) || !judge_op(judge))
        return;
    switch (judge->command->op) {
    case COMMAND_SUBSCRIBE: judge_subscribe(judge); break;
    case COMMAND_UNSUBSCRIBE: judge_symbols(judge, false); break;
    case COMMAND_CONFIGURE: judge_configure(judge); break;
    case COMMAND_REPLAY: judge_replay(judge); break;
    case COMMAND_STEP: judge_step(judge); break;
    case COMMAND_SEEK: judge_seek(judge); break;
    case COMMAND_SPEED: judge_speed(judge); break;
    case COMMAND_PAUSE:
    case COMMAND_RESUME:
    case COMMAND_LIST:
    case COMMAND_PING:
    case COMMAND_NONE: break;
    }
}

static void judge_tree(struct judge *judge, enum wire_format format, enum tree_verdict verdict)
{
    const char *unreadable = format == WIRE_JSON ? "bad_json" : "bad_msgpack";
    const char *name = format == WIRE_JSON ? "JSON" : "msgpack";
    switch (verdict) {
    case TREE_GOOD: judge_fields(judge); break;
    case TREE_UNREADABLE:
        judge_refuse(judge, unreadable, "The message is not %s: see byte %zu.", name,
                     judge->tree.error_at);
        break;
    case TREE_TOO_DEEP:
        judge_refuse(judge, unreadable, "The message nests more than %d deep.", TREE_DEPTH_MAX);
        break;
    case TREE_BIG_NUMBER:
        judge_refuse(judge, "bad_field", "A number is out of range: see byte %zu.",
                     judge->tree.error_at);
        break;
    case TREE_NOT_A_MAP: judge_refuse(judge, "bad_command", "The message is not an object."); break;
    case TREE_DUPLICATE:
        judge_refuse(judge, "bad_command", "A field is given more than once.");
        break;
    case TREE_TOO_MANY_FIELDS:
        judge_refuse(judge, "bad_command", "The message holds more than %d fields.",
                     TREE_FIELDS_MAX);
        break;
    case TREE_NO_MEMORY: judge_refuse(judge, "internal", "The message: out of memory."); break;
    }
}

void command_read(struct command *command, enum wire_format format, const uint8_t *data, size_t len)
{
    struct judge judge = {
        .command = command,
        .reader = format == WIRE_JSON ? &command_json_reader : &command_msgpack_reader,
    };
    memset(command, 0, sizeof *command);
    command->snapshot = true;
    if (len > TREE_BYTES_MAX) {
        judge_refuse(&judge, "bad_command", "The message is over %d bytes.", TREE_BYTES_MAX);
        return;
    }
    enum tree_verdict verdict = judge.reader->read(&judge.tree, data, len);
    judge_tree(&judge, format, verdict);
    judge.reader->release(&judge.tree);
}

void command_finish(struct command *command)
{
    for (uint32_t i = 0; i < command->since_count; i++)
        free((char *)command->since[i].text);
    free(command->since);
    free(command->owned);
    memset(command, 0, sizeof *command);
}
