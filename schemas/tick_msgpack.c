/* SPDX-License-Identifier: MIT */
/*
 * tick_msgpack: see tick_msgpack.h. Arrays are held until they are read through, as in tick_json.
 * Integers are written in their shortest form, those >= 0 as unsigned: byte for byte what
 * msgpack-c's packer writes.
 */
#include "schemas/tick_msgpack.h"

#include <assert.h>
#include <string.h>

#include "schemas/msgpack_scan.h"
#include "schemas/tick_draft.h"

/* A value that `field` can't have: first read to its end, so that what isn't msgpack is called
 * that. */
static int refuse(struct msgpack_scan *scan, const struct msgpack_item *item,
                  enum draft_field field)
{
    int error = msgpack_scan_skip(scan, item);
    return error ? error : draft_field_error(field);
}

static bool is_integer(const struct msgpack_item *item)
{
    return item->kind == MSGPACK_KIND_UINT || item->kind == MSGPACK_KIND_INT;
}

/* False where the integer is above int64. */
static bool to_signed(const struct msgpack_item *item, int64_t *out)
{
    *out = (int64_t)item->number;
    return item->kind == MSGPACK_KIND_INT || *out >= 0;
}

/* Reads the mantissa and exponent of an array just opened. */
static int read_pair(struct msgpack_scan *scan, const struct msgpack_item *array,
                     struct tick_draft *draft, enum draft_field field)
{
    if (array->number != 2)
        return refuse(scan, array, field);
    int64_t pair[2];
    for (int i = 0; i < 2; i++) {
        struct msgpack_item item;
        int error = msgpack_scan_item(scan, &item);
        if (error)
            return error;
        if (!is_integer(&item))
            return refuse(scan, &item, field);
        if (!to_signed(&item, &pair[i]))
            return VALUE_DECIMAL_RANGE;
    }
    return draft_set_pair(draft, field, pair[0], pair[1]);
}

static int read_decimal(struct msgpack_scan *scan, const struct msgpack_item *item,
                        struct tick_draft *draft, enum draft_field field)
{
    int64_t whole;
    switch (item->kind) {
    case MSGPACK_KIND_TEXT: return draft_set_decimal(draft, field, item->text, item->number);
    case MSGPACK_KIND_ARRAY: return read_pair(scan, item, draft, field);
    case MSGPACK_KIND_UINT:
    case MSGPACK_KIND_INT:
        if (!to_signed(item, &whole))
            return VALUE_DECIMAL_RANGE;
        return draft_set_pair(draft, field, whole, 0);
    default: return refuse(scan, item, field); /* a float too: its digits aren't the producer's */
    }
}

static int read_id(struct msgpack_scan *scan, const struct msgpack_item *item,
                   struct tick_draft *draft)
{
    switch (item->kind) {
    case MSGPACK_KIND_NIL: return 0;
    case MSGPACK_KIND_UINT: draft_set_id(draft, item->number); return 0;
    case MSGPACK_KIND_TEXT: return draft_set_id_text(draft, item->text, item->number);
    default: return refuse(scan, item, FIELD_ID);
    }
}

static int read_time(struct msgpack_scan *scan, const struct msgpack_item *item,
                     struct tick_draft *draft)
{
    if (item->kind == MSGPACK_KIND_TEXT)
        return draft_set_time_text(draft, item->text, item->number);
    if (!is_integer(item) || !to_signed(item, &draft->tick.ts_ns))
        return refuse(scan, item, FIELD_TIME);
    return 0;
}

/* Reads the value of `field`. */
static int read_field(struct msgpack_scan *scan, struct tick_draft *draft, enum draft_field field)
{
    struct msgpack_item item;
    int error = msgpack_scan_item(scan, &item);
    if (error)
        return error;
    bool text = item.kind == MSGPACK_KIND_TEXT;
    switch (field) {
    case FIELD_OTHER: return msgpack_scan_skip(scan, &item);
    case FIELD_SYMBOL:
        return text ? draft_set_symbol(draft, item.text, item.number) : refuse(scan, &item, field);
    case FIELD_PRICE:
    case FIELD_SIZE: return read_decimal(scan, &item, draft, field);
    case FIELD_SIDE:
        if (item.kind == MSGPACK_KIND_NIL)
            return 0;
        return text ? draft_set_side(draft, item.text, item.number) : refuse(scan, &item, field);
    case FIELD_ID: return read_id(scan, &item, draft);
    case FIELD_TIME: return read_time(scan, &item, draft);
    }
    return VALUE_SHAPE;
}

static int read_member(struct msgpack_scan *scan, struct tick_draft *draft)
{
    struct msgpack_item key;
    enum draft_field field = FIELD_OTHER;
    int error = msgpack_scan_item(scan, &key);
    if (error)
        return error;
    if (key.kind == MSGPACK_KIND_TEXT)
        field = draft_field(key.text, key.number);
    else
        error = msgpack_scan_skip(scan, &key);
    if (field != FIELD_OTHER)
        error = draft_claim(draft, field);
    return error ? error : read_field(scan, draft, field);
}

/* Reads the members of a map just opened. */
static int read_tick(struct msgpack_scan *scan, uint64_t members, struct tick_draft *draft)
{
    for (uint64_t i = 0; i < members; i++) {
        int error = read_member(scan, draft);
        if (error)
            return error;
    }
    return draft_finish(draft);
}

/* Reads one element of an array, the tick numbered `index`. */
static int read_element(struct msgpack_scan *scan, int index, struct tick_draft *draft)
{
    struct msgpack_item item;
    int error = msgpack_scan_item(scan, &item);
    if (!error && item.kind != MSGPACK_KIND_MAP)
        error = refuse(scan, &item, FIELD_OTHER);
    if (error)
        return error;
    draft_init(draft, (uint16_t)index);
    return read_tick(scan, item.number, draft);
}

/* Emits the ticks from number `index` to `count`, read and found good before. */
static void emit_again(struct msgpack_scan *scan, int index, int count, value_emit *emit, void *arg)
{
    struct tick_draft draft;
    for (; index < count && read_element(scan, index, &draft) == 0; index++)
        draft_emit(&draft, 1, emit, arg);
}

/* Reads the `count` ticks of an array just opened. */
static int read_array(struct msgpack_scan *scan, int count, value_emit *emit, void *arg)
{
    struct tick_draft held[DRAFTS_HELD_MAX];
    struct tick_draft spare;
    const uint8_t *rest = scan->at; /* the first tick that isn't held */
    for (int i = 0; i < count; i++) {
        if (i == DRAFTS_HELD_MAX)
            rest = scan->at;
        int error = read_element(scan, i, i < DRAFTS_HELD_MAX ? &held[i] : &spare);
        if (error)
            return error;
    }
    if (scan->at != scan->end)
        return VALUE_SYNTAX;
    int held_count = count < DRAFTS_HELD_MAX ? count : DRAFTS_HELD_MAX;
    draft_emit(held, held_count, emit, arg);
    scan->at = rest;
    emit_again(scan, held_count, count, emit, arg);
    return count;
}

static int read_one(struct msgpack_scan *scan, uint64_t members, value_emit *emit, void *arg)
{
    struct tick_draft draft;
    draft_init(&draft, 0);
    int error = read_tick(scan, members, &draft);
    if (error)
        return error;
    if (scan->at != scan->end)
        return VALUE_SYNTAX;
    draft_emit(&draft, 1, emit, arg);
    return 1;
}

int tick_msgpack_read(const uint8_t *data, size_t len, value_emit *emit, void *arg)
{
    if (len == 0)
        return VALUE_EMPTY;
    struct msgpack_scan scan = {data, data + len};
    struct msgpack_item item;
    int error = msgpack_scan_item(&scan, &item);
    if (error)
        return error;
    if (item.kind == MSGPACK_KIND_MAP)
        return read_one(&scan, item.number, emit, arg);
    if (item.kind != MSGPACK_KIND_ARRAY)
        return scan.at == scan.end ? VALUE_SHAPE : VALUE_SYNTAX;
    if (item.number > VALUE_TICKS_MAX)
        return VALUE_TOO_MANY;
    return read_array(&scan, (int)item.number, emit, arg);
}

/* ---- ticks of a capture file ---- */

enum { TAPED_RECEIVED = 1, TAPED_POS = 2 };

static int read_unsigned(struct msgpack_scan *scan, uint64_t max, uint64_t *out)
{
    struct msgpack_item item;
    int error = msgpack_scan_item(scan, &item);
    *out = item.number;
    if (error)
        return error;
    return item.kind == MSGPACK_KIND_UINT && item.number <= max ? 0 : VALUE_SHAPE;
}

/* [topic, partition, offset], and the index where it isn't 0. */
static int read_pos(struct msgpack_scan *scan, struct tick_taped *out)
{
    struct msgpack_item array, topic;
    uint64_t partition, offset, index = 0;
    int error = msgpack_scan_item(scan, &array);
    if (error)
        return error;
    if (array.kind != MSGPACK_KIND_ARRAY || array.number < 3 || array.number > 4)
        return VALUE_SHAPE;
    error = msgpack_scan_item(scan, &topic);
    if (!error && (topic.kind != MSGPACK_KIND_TEXT || topic.number > UINT8_MAX))
        error = VALUE_SHAPE;
    if (error || (error = read_unsigned(scan, UINT16_MAX, &partition)) != 0 ||
        (error = read_unsigned(scan, 0xffffffffffff, &offset)) != 0)
        return error;
    if (array.number == 4 && (error = read_unsigned(scan, UINT16_MAX, &index)) != 0)
        return error;
    out->topic = topic.text;
    out->topic_len = (uint8_t)topic.number;
    out->tick.pos = tick_pos((uint32_t)partition, offset);
    out->tick.index = (uint16_t)index;
    return 0;
}

static int read_received(struct msgpack_scan *scan, struct tick_taped *out)
{
    struct msgpack_item item;
    int error = msgpack_scan_item(scan, &item);
    if (error)
        return error;
    return is_integer(&item) && to_signed(&item, &out->tick.rts_ns) ? 0 : VALUE_SHAPE;
}

/* Reads a member that Kafka's values don't have into `out`, any other into the draft. */
static int read_taped_member(struct msgpack_scan *scan, struct tick_draft *draft,
                             struct tick_taped *out, unsigned *seen)
{
    struct msgpack_scan before = *scan;
    struct msgpack_item key;
    int error = msgpack_scan_item(scan, &key);
    if (error)
        return error;
    unsigned claim = 0;
    if (key.kind == MSGPACK_KIND_TEXT && key.number == 1 && key.text[0] == 'r')
        claim = TAPED_RECEIVED;
    else if (key.kind == MSGPACK_KIND_TEXT && key.number == 3 && memcmp(key.text, "pos", 3) == 0)
        claim = TAPED_POS;
    if (claim == 0) {
        *scan = before;
        return read_member(scan, draft);
    }
    if (*seen & claim)
        return VALUE_SHAPE;
    *seen |= claim;
    return claim == TAPED_POS ? read_pos(scan, out) : read_received(scan, out);
}

int tick_msgpack_read_taped(const uint8_t *data, size_t len, struct tick_taped *out)
{
    struct msgpack_scan scan = {data, data + len};
    struct msgpack_item map;
    struct tick_draft draft;
    unsigned seen = 0;
    int error = msgpack_scan_item(&scan, &map);
    if (error)
        return error;
    if (map.kind != MSGPACK_KIND_MAP)
        return VALUE_SHAPE;
    draft_init(&draft, 0);
    for (uint64_t i = 0; i < map.number && !error; i++)
        error = read_taped_member(&scan, &draft, out, &seen);
    if (!error)
        error = draft_finish(&draft);
    if (error)
        return error;
    if (seen != (TAPED_RECEIVED | TAPED_POS))
        return VALUE_SHAPE;
    draft.tick.pos = out->tick.pos;
    draft.tick.index = out->tick.index;
    draft.tick.rts_ns = out->tick.rts_ns;
    out->tick = draft.tick;
    out->symbol_len = draft.symbol_len;
    memcpy(out->symbol, draft.symbol, sizeof out->symbol);
    return (int)(scan.at - data);
}

/* ---- writing ---- */

/* The put_ functions write at `at` and return the byte after. */
static inline uint8_t *put_form(uint8_t *at, uint8_t form, uint64_t value, unsigned width)
{
    *at++ = form;
    for (unsigned i = width; i > 0; i--)
        *at++ = (uint8_t)(value >> (i - 1) * 8);
    return at;
}

static uint8_t *put_unsigned(uint8_t *at, uint64_t value)
{
    if (value < 0x80) {
        *at = (uint8_t)value;
        return at + 1;
    }
    if (value <= UINT8_MAX)
        return put_form(at, 0xcc, value, 1);
    if (value <= UINT16_MAX)
        return put_form(at, 0xcd, value, 2);
    if (value <= UINT32_MAX)
        return put_form(at, 0xce, value, 4);
    return put_form(at, 0xcf, value, 8);
}

static uint8_t *put_signed(uint8_t *at, int64_t value)
{
    if (value >= 0)
        return put_unsigned(at, (uint64_t)value);
    if (value >= -32) {
        *at = (uint8_t)value;
        return at + 1;
    }
    if (value >= INT8_MIN)
        return put_form(at, 0xd0, (uint64_t)value, 1);
    if (value >= INT16_MIN)
        return put_form(at, 0xd1, (uint64_t)value, 2);
    if (value >= INT32_MIN)
        return put_form(at, 0xd2, (uint64_t)value, 4);
    return put_form(at, 0xd3, (uint64_t)value, 8);
}

/* At most 255 bytes: symbols and words of the protocol. */
static uint8_t *put_text(uint8_t *at, const char *text, size_t len)
{
    assert(len <= UINT8_MAX);
    if (len < 32)
        *at++ = (uint8_t)(0xa0 | len);
    else
        at = put_form(at, 0xd9, len, 1);
    memcpy(at, text, len);
    return at + len;
}

#define put_literal(at, text) put_text((at), (text), sizeof(text) - 1)

static uint8_t *put_symbol(uint8_t *at, const char *symbol, size_t len)
{
    assert(len <= SYMBOL_LEN_MAX);
    return put_text(at, symbol, len);
}

static uint8_t *put_map(uint8_t *at, unsigned members)
{
    *at = (uint8_t)(0x80 | members);
    return at + 1;
}

static uint8_t *put_array(uint8_t *at, unsigned items)
{
    *at = (uint8_t)(0x90 | items);
    return at + 1;
}

static uint8_t *put_side(uint8_t *at, unsigned side)
{
    switch (side) {
    case TICK_SIDE_BUY: return put_literal(at, "buy");
    case TICK_SIDE_SELL: return put_literal(at, "sell");
    default: return put_literal(at, "none");
    }
}

static uint8_t *put_pair(uint8_t *at, int64_t mantissa, int8_t exponent)
{
    at = put_array(at, 2);
    at = put_signed(at, mantissa);
    return put_signed(at, exponent);
}

/* The members of a Kafka value, five or, with an id, six. */
static uint8_t *put_members(uint8_t *at, const struct tick *tick, const char *symbol,
                            size_t symbol_len)
{
    at = put_literal(at, "s");
    at = put_symbol(at, symbol, symbol_len);
    at = put_literal(at, "p");
    at = put_pair(at, tick->price, tick->price_exp);
    at = put_literal(at, "q");
    at = put_pair(at, tick->size, tick->size_exp);
    at = put_literal(at, "side");
    at = put_side(at, tick->side);
    if (tick->has_id) {
        at = put_literal(at, "id");
        at = put_unsigned(at, tick->id);
    }
    at = put_literal(at, "t");
    return put_signed(at, tick->ts_ns);
}

size_t tick_msgpack_write_value(const struct tick *tick, const char *symbol, size_t symbol_len,
                                uint8_t *out)
{
    uint8_t *at = put_map(out, tick->has_id ? 6 : 5);
    return (size_t)(put_members(at, tick, symbol, symbol_len) - out);
}

size_t tick_msgpack_write_taped(const struct tick *tick, const char *symbol, size_t symbol_len,
                                const char *topic, size_t topic_len, uint8_t *out)
{
    uint8_t *at = put_map(out, tick->has_id ? 8 : 7);
    at = put_members(at, tick, symbol, symbol_len);
    at = put_literal(at, "r");
    at = put_signed(at, tick->rts_ns);
    at = put_literal(at, "pos");
    at = put_array(at, tick->index ? 4 : 3);
    at = put_text(at, topic, topic_len);
    at = put_unsigned(at, tick_partition(tick));
    at = put_unsigned(at, tick_offset(tick));
    if (tick->index)
        at = put_unsigned(at, tick->index);
    return (size_t)(at - out);
}

size_t tick_msgpack_write(const struct tick *tick, const char *symbol, size_t symbol_len,
                          enum wire_tick_type type, uint8_t *out)
{
    uint8_t *at = put_array(out, tick->index ? 14 : 13);
    at = put_unsigned(at, type);
    at = put_symbol(at, symbol, symbol_len);
    at = put_unsigned(at, tick->seq);
    at = put_unsigned(at, tick_partition(tick));
    at = put_unsigned(at, tick_offset(tick));
    at = put_signed(at, tick->price);
    at = put_signed(at, tick->price_exp);
    at = put_signed(at, tick->size);
    at = put_signed(at, tick->size_exp);
    at = put_unsigned(at, tick->side);
    if (tick->has_id)
        at = put_unsigned(at, tick->id);
    else
        *at++ = 0xc0;
    at = put_signed(at, tick->ts_ns);
    at = put_signed(at, tick->rts_ns);
    if (tick->index)
        at = put_unsigned(at, tick->index);
    return (size_t)(at - out);
}

size_t tick_msgpack_write_gap(const struct wire_gap *gap, const char *symbol, size_t symbol_len,
                              uint8_t *out)
{
    const char *reason = gap_reason_name(gap->reason);
    uint8_t *at = put_map(out, 6);
    at = put_literal(at, "type");
    at = put_literal(at, "gap");
    at = put_literal(at, "symbol");
    at = put_symbol(at, symbol, symbol_len);
    at = put_literal(at, "from");
    at = put_unsigned(at, gap->from);
    at = put_literal(at, "to");
    at = put_unsigned(at, gap->to);
    at = put_literal(at, "count");
    at = put_unsigned(at, gap->to - gap->from + 1);
    at = put_literal(at, "reason");
    at = put_text(at, reason, strlen(reason));
    return (size_t)(at - out);
}
