/* SPDX-License-Identifier: MIT */
#include "tools/message.h"

#include <errno.h>
#include <string.h>

#include "feed/base.h"
#include "schemas/decimal.h"
#include "schemas/digits.h"
#include "schemas/tick_value.h"
#include "tools/walk.h"

/* The fields of all messages, by name. Their values go where the table below says. */
enum message_field {
    FIELD_TYPE,
    FIELD_SYMBOL,
    FIELD_SEQ,
    FIELD_POS,
    FIELD_PRICE,
    FIELD_SIZE,
    FIELD_SIDE,
    FIELD_ID,
    FIELD_TS,
    FIELD_RTS,
    FIELD_FROM,
    FIELD_TO,
    FIELD_COUNT,
    FIELD_REASON,
    FIELD_SOURCE,
    FIELD_QUEUED,
    FIELD_DROPPED,
    FIELD_LAG,
    FIELD_SENT_TS,
    FIELD_SERVER,
    FIELD_EPOCH,
    FIELD_HEARTBEAT,
    FIELD_CODE,
    FIELD_TEXT,
    FIELD_REJECTED,
    FIELD_RECONNECT,
    FIELDS
};

enum field_way { WAY_OWN, WAY_NUMBER, WAY_TEXT, WAY_MICROS };

#define NUMBER(name, member)                                                                       \
    {                                                                                              \
        name, sizeof(name) - 1, WAY_NUMBER, offsetof(struct message, member), 0                    \
    }
#define MICROS(name, member)                                                                       \
    {                                                                                              \
        name, sizeof(name) - 1, WAY_MICROS, offsetof(struct message, member), 0                    \
    }
#define TEXT(name, member)                                                                         \
    {                                                                                              \
        name, sizeof(name) - 1, WAY_TEXT, offsetof(struct message, member),                        \
            sizeof(((struct message *)0)->member)                                                  \
    }
#define OWN(name)                                                                                  \
    {                                                                                              \
        name, sizeof(name) - 1, WAY_OWN, 0, 0                                                      \
    }

static const struct {
    const char *name;
    size_t len;
    enum field_way way;
    size_t offset; /* in struct message */
    size_t size;   /* of a text's room, with its terminator */
} fields[FIELDS] = {
    [FIELD_TYPE] = OWN("type"),
    [FIELD_SYMBOL] = OWN("symbol"),
    [FIELD_SEQ] = NUMBER("seq", tick.seq),
    [FIELD_POS] = OWN("pos"),
    [FIELD_PRICE] = OWN("price"),
    [FIELD_SIZE] = OWN("size"),
    [FIELD_SIDE] = OWN("side"),
    [FIELD_ID] = OWN("id"),
    [FIELD_TS] = MICROS("ts", tick.ts_ns),
    [FIELD_RTS] = MICROS("rts", tick.rts_ns),
    [FIELD_FROM] = NUMBER("from", from),
    [FIELD_TO] = NUMBER("to", to),
    [FIELD_COUNT] = NUMBER("count", count),
    [FIELD_REASON] = TEXT("reason", reason),
    [FIELD_SOURCE] = TEXT("source", source),
    [FIELD_QUEUED] = NUMBER("queued", queued),
    [FIELD_DROPPED] = NUMBER("dropped", dropped),
    [FIELD_LAG] = NUMBER("source_lag_ms", source_lag_ms),
    [FIELD_SENT_TS] = MICROS("sent_ts", sent_ts_ns),
    [FIELD_SERVER] = TEXT("server", server),
    [FIELD_EPOCH] = TEXT("epoch", epoch),
    [FIELD_HEARTBEAT] = NUMBER("heartbeat_ms", heartbeat_ms),
    [FIELD_CODE] = TEXT("code", code),
    [FIELD_TEXT] = TEXT("message", text),
    [FIELD_REJECTED] = OWN("rejected"),
    [FIELD_RECONNECT] = OWN("reconnect_ms"),
};

#define BIT(field) (1u << (field))

/* What each kind is called and must have. */
static const struct {
    const char *name;
    uint32_t needs;
} kinds[MESSAGE_KINDS] = {
    [MESSAGE_OTHER] = {"", 0},
    [MESSAGE_TRADE] = {"trade", BIT(FIELD_SYMBOL) | BIT(FIELD_SEQ) | BIT(FIELD_POS) |
                                    BIT(FIELD_PRICE) | BIT(FIELD_SIZE) | BIT(FIELD_SIDE) |
                                    BIT(FIELD_TS) | BIT(FIELD_RTS)},
    [MESSAGE_SNAPSHOT] = {"snapshot", BIT(FIELD_SYMBOL) | BIT(FIELD_SEQ) | BIT(FIELD_PRICE) |
                                          BIT(FIELD_SIZE) | BIT(FIELD_SIDE) | BIT(FIELD_TS)},
    [MESSAGE_GAP] = {"gap", BIT(FIELD_SYMBOL) | BIT(FIELD_FROM) | BIT(FIELD_TO) | BIT(FIELD_COUNT) |
                                BIT(FIELD_REASON)},
    [MESSAGE_HEARTBEAT] = {"heartbeat", BIT(FIELD_TS) | BIT(FIELD_SOURCE)},
    [MESSAGE_WELCOME] = {"welcome", 0},
    [MESSAGE_SUBSCRIBED] = {"subscribed", 0},
    [MESSAGE_UNSUBSCRIBED] = {"unsubscribed", 0},
    [MESSAGE_PONG] = {"pong", 0},
    [MESSAGE_ERROR] = {"error", BIT(FIELD_CODE)},
    [MESSAGE_SHUTDOWN] = {"shutdown", 0},
};

static bool is_text(const struct walk_value *value, const char *text)
{
    size_t len = strlen(text);
    return value->kind == WALK_TEXT && value->len == len && memcmp(value->text, text, len) == 0;
}

static void copy_printable(char *out, size_t size, const struct walk_value *value)
{
    size_t len = value->len < size - 1 ? value->len : size - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = value->text[i] >= ' ' && value->text[i] <= '~' ? value->text[i] : '?';
    out[len] = 0;
}

static int set_symbol(struct message *message, const struct walk_value *value)
{
    if (value->kind != WALK_TEXT || !symbol_is_valid(value->text, value->len))
        return -EINVAL;
    memcpy(message->symbol, value->text, value->len);
    message->symbol[value->len] = 0;
    message->symbol_len = (uint32_t)value->len;
    return 0;
}

static int set_decimal(const struct walk_value *value, int64_t *mantissa, int8_t *exponent)
{
    struct decimal decimal;
    if (value->kind != WALK_TEXT || decimal_parse(value->text, value->len, &decimal) < 0)
        return -EINVAL;
    *mantissa = decimal.mantissa;
    *exponent = decimal.exponent;
    return 0;
}

/* "partition:offset", and ":index" after it where a message held several ticks. */
static int set_pos(struct message *message, const struct walk_value *value)
{
    uint64_t parts[3] = {0};
    size_t count = 0;
    if (value->kind != WALK_TEXT)
        return -EINVAL;
    const char *at = value->text;
    const char *end = at + value->len;
    for (;;) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *stop = colon ? colon : end;
        if (count == 3 || !digits_parse(at, (size_t)(stop - at), &parts[count++]))
            return -EINVAL;
        if (!colon)
            break;
        at = colon + 1;
    }
    if (count < 2 || parts[0] > UINT16_MAX || parts[1] >> 48 != 0 || parts[2] > UINT16_MAX)
        return -EINVAL;
    message->tick.pos = tick_pos((uint32_t)parts[0], parts[1]);
    message->tick.index = (uint16_t)parts[2];
    return 0;
}

static int set_side(struct message *message, const struct walk_value *value)
{
    if (is_text(value, "buy"))
        message->tick.side = TICK_SIDE_BUY;
    else if (is_text(value, "sell"))
        message->tick.side = TICK_SIDE_SELL;
    else if (is_text(value, "none"))
        message->tick.side = TICK_SIDE_NONE;
    else
        return -EINVAL;
    return 0;
}

/* A trade's id is text; the id that echoes a request's may be anything, and nothing here asks for
 * it. */
static int set_id(struct message *message, const struct walk_value *value)
{
    if (value->kind == WALK_TEXT)
        message->tick.has_id = digits_parse(value->text, value->len, &message->tick.id);
    return 0;
}

static int set_type(struct message *message, const struct walk_value *value)
{
    for (int i = MESSAGE_OTHER + 1; i < MESSAGE_KINDS; i++)
        if (is_text(value, kinds[i].name))
            message->kind = (enum message_kind)i;
    return value->kind == WALK_TEXT ? 0 : -EINVAL;
}

/* [0,15000] */
static int set_reconnect(struct walk *walk, struct message *message, struct walk_value *array)
{
    if (array->kind != WALK_ARRAY)
        return -EINVAL;
    int more;
    for (size_t i = 0; (more = walk_more(walk, array)) > 0; i++) {
        struct walk_value value;
        if (walk_read(walk, &value) < 0 || value.kind != WALK_INTEGER || value.negative || i == 2)
            return -EINVAL;
        message->reconnect_ms[i] = value.number;
    }
    return more;
}

/* One {"symbol":…,"code":…}; only the first is remembered. */
static int set_rejection(struct walk *walk, struct message *message, struct walk_value *map)
{
    int more;
    while ((more = walk_more(walk, map)) > 0) {
        struct walk_value key;
        struct walk_value value;
        if (walk_key(walk, &key) < 0)
            return -EINVAL;
        bool symbol = is_text(&key, "symbol");
        bool code = is_text(&key, "code");
        if (walk_read(walk, &value) < 0 || walk_skip(walk, &value) < 0)
            return -EINVAL;
        if (message->rejected == 1 && value.kind == WALK_TEXT && symbol)
            copy_printable(message->text, sizeof message->text, &value);
        if (message->rejected == 1 && value.kind == WALK_TEXT && code)
            copy_printable(message->code, sizeof message->code, &value);
    }
    return more;
}

static int set_rejected(struct walk *walk, struct message *message, struct walk_value *array)
{
    if (array->kind != WALK_ARRAY)
        return -EINVAL;
    int more;
    while ((more = walk_more(walk, array)) > 0) {
        struct walk_value value;
        if (walk_read(walk, &value) < 0 || value.kind != WALK_MAP)
            return -EINVAL;
        message->rejected++;
        if (set_rejection(walk, message, &value) < 0)
            return -EINVAL;
    }
    return more;
}

static int set_own(struct walk *walk, struct message *message, enum message_field field,
                   struct walk_value *value)
{
    switch (field) {
    case FIELD_TYPE: return set_type(message, value);
    case FIELD_SYMBOL: return set_symbol(message, value);
    case FIELD_POS: return set_pos(message, value);
    case FIELD_PRICE: return set_decimal(value, &message->tick.price, &message->tick.price_exp);
    case FIELD_SIZE: return set_decimal(value, &message->tick.size, &message->tick.size_exp);
    case FIELD_SIDE: return set_side(message, value);
    case FIELD_ID: return set_id(message, value);
    case FIELD_REJECTED: return set_rejected(walk, message, value);
    case FIELD_RECONNECT: return set_reconnect(walk, message, value);
    default: return -EINVAL;
    }
}

/* Puts a value where its field belongs, by the table. */
static int set_field(struct walk *walk, struct message *message, enum message_field field,
                     struct walk_value *value)
{
    char *target = (char *)message + fields[field].offset;
    message->seen |= BIT(field);
    switch (fields[field].way) {
    case WAY_NUMBER:
        memcpy(target, &value->number, sizeof value->number);
        return value->kind == WALK_INTEGER && !value->negative ? 0 : -EINVAL;
    case WAY_TEXT:
        if (value->kind != WALK_TEXT)
            return -EINVAL;
        copy_printable(target, fields[field].size, value);
        return 0;
    case WAY_MICROS: {
        int64_t ns;
        if (value->kind != WALK_INTEGER ||
            __builtin_mul_overflow((int64_t)value->number, INT64_C(1000), &ns))
            return -EINVAL;
        memcpy(target, &ns, sizeof ns);
        return 0;
    }
    case WAY_OWN: break;
    }
    return set_own(walk, message, field, value);
}

static enum message_field find_field(const struct walk_value *key)
{
    for (int i = 0; i < FIELDS; i++)
        if (fields[i].len == key->len && memcmp(fields[i].name, key->text, key->len) == 0)
            return (enum message_field)i;
    return FIELDS;
}

static int read_map(struct walk *walk, struct message *message, struct walk_value *map)
{
    int more;
    while ((more = walk_more(walk, map)) > 0) {
        struct walk_value key;
        struct walk_value value;
        if (walk_key(walk, &key) < 0)
            return -EINVAL;
        enum message_field field = find_field(&key);
        if (walk_read(walk, &value) < 0)
            return -EINVAL;
        if (field == FIELDS ? walk_skip(walk, &value) < 0
                            : set_field(walk, message, field, &value) < 0)
            return -EINVAL;
    }
    return more;
}

/* The next element of a tick's array, an integer within the bounds. */
static int64_t next_integer(struct walk *walk, int64_t min, int64_t max, int *error)
{
    struct walk_value value;
    if (walk_read(walk, &value) < 0 || value.kind != WALK_INTEGER ||
        (!value.negative && value.number > INT64_MAX) || (int64_t)value.number < min ||
        (int64_t)value.number > max) {
        *error = -EINVAL;
        return 0;
    }
    return (int64_t)value.number;
}

/* The array of the protocol's table; more elements than are known are skipped. */
static int read_array(struct walk *walk, struct message *message, uint64_t count)
{
    int error = count >= 13 ? 0 : -EINVAL;
    struct tick *tick = &message->tick;
    struct walk_value value;
    int64_t type = next_integer(walk, 1, 2, &error);
    message->kind = type == 2 ? MESSAGE_SNAPSHOT : MESSAGE_TRADE;
    if (error < 0 || walk_read(walk, &value) < 0 || set_symbol(message, &value) < 0)
        return -EINVAL;
    tick->seq = (uint64_t)next_integer(walk, 0, INT64_MAX, &error);
    uint32_t partition = (uint32_t)next_integer(walk, 0, UINT16_MAX, &error);
    tick->pos = tick_pos(partition, (uint64_t)next_integer(walk, 0, INT64_MAX, &error));
    tick->price = next_integer(walk, INT64_MIN, INT64_MAX, &error);
    tick->price_exp = (int8_t)next_integer(walk, INT8_MIN, INT8_MAX, &error);
    tick->size = next_integer(walk, INT64_MIN, INT64_MAX, &error);
    tick->size_exp = (int8_t)next_integer(walk, INT8_MIN, INT8_MAX, &error);
    tick->side = (uint32_t)next_integer(walk, 0, 2, &error) & 3;
    if (walk_read(walk, &value) < 0 || (value.kind != WALK_NULL && value.kind != WALK_INTEGER) ||
        value.negative)
        return -EINVAL;
    tick->has_id = value.kind == WALK_INTEGER;
    tick->id = value.number;
    tick->ts_ns = next_integer(walk, INT64_MIN, INT64_MAX, &error);
    tick->rts_ns = next_integer(walk, INT64_MIN, INT64_MAX, &error);
    if (count > 13)
        tick->index = (uint16_t)next_integer(walk, 0, UINT16_MAX, &error);
    for (uint64_t i = 14; i < count && error == 0; i++)
        error = walk_read(walk, &value) < 0 || walk_skip(walk, &value) < 0 ? -EINVAL : 0;
    message->seen = kinds[MESSAGE_TRADE].needs;
    return error;
}

int message_read(struct message *message, enum wire_format format, const uint8_t *data, size_t len,
                 const char **problem)
{
    struct walk walk;
    struct walk_value top;
    memset(message, 0, sizeof *message);
    walk_init(&walk, format, data, len);
    *problem = "a message is malformed, or a field of it has the wrong type";
    if (walk_read(&walk, &top) < 0)
        return -EINVAL;
    int result = -EINVAL;
    if (top.kind == WALK_MAP)
        result = read_map(&walk, message, &top);
    else if (top.kind == WALK_ARRAY && format == WIRE_MSGPACK)
        result = read_array(&walk, message, top.number);
    if (result < 0 || !walk_done(&walk))
        return -EINVAL;
    if (kinds[message->kind].needs & ~message->seen) {
        *problem = "a message lacks a field";
        return -EINVAL;
    }
    return 0;
}
