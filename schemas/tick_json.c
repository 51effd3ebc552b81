/* SPDX-License-Identifier: MIT */
/*
 * tick_json: see tick_json.h. Nothing is emitted of a message that is bad at its end: an array's
 * ticks are held until it is read through, and those that exceed the room for that are read again.
 */
#include "schemas/tick_json.h"

#include <assert.h>
#include <string.h>

#include "schemas/decimal.h"
#include "schemas/digits.h"
#include "schemas/json_scan.h"
#include "schemas/tick_draft.h"

/* A value that `field` can't have: first read to its end, so that what isn't JSON is called that.
 */
static int refuse(struct json_scan *scan, const struct json_item *item, enum draft_field field)
{
    int error = json_scan_skip(scan, item);
    return error ? error : draft_field_error(field);
}

/* Reads one integer of a [mantissa, exponent]. */
static int read_pair_integer(struct json_scan *scan, enum draft_field field, int64_t *out)
{
    struct json_item item;
    int error = json_scan_item(scan, &item);
    if (error)
        return error;
    if (item.kind != JSON_KIND_INTEGER)
        return refuse(scan, &item, field);
    return digits_parse_signed(item.text, item.len, out) ? 0 : VALUE_DECIMAL_RANGE;
}

/* Reads `mantissa, exponent]`. */
static int read_pair(struct json_scan *scan, struct tick_draft *draft, enum draft_field field)
{
    int64_t mantissa;
    int64_t exponent;
    if (json_scan_take(scan, ']'))
        return draft_field_error(field);
    int error = read_pair_integer(scan, field, &mantissa);
    if (error)
        return error;
    if (!json_scan_take(scan, ','))
        return json_scan_take(scan, ']') ? draft_field_error(field) : VALUE_SYNTAX;
    error = read_pair_integer(scan, field, &exponent);
    if (error)
        return error;
    if (!json_scan_take(scan, ']'))
        return json_scan_take(scan, ',') ? draft_field_error(field) : VALUE_SYNTAX;
    return draft_set_pair(draft, field, mantissa, exponent);
}

static int read_decimal(struct json_scan *scan, const struct json_item *item,
                        struct tick_draft *draft, enum draft_field field)
{
    switch (item->kind) {
    case JSON_KIND_TEXT:
    case JSON_KIND_INTEGER:
    case JSON_KIND_REAL: return draft_set_decimal(draft, field, item->text, item->len);
    case JSON_KIND_ARRAY: return read_pair(scan, draft, field);
    default: return refuse(scan, item, field);
    }
}

/* Reads the value of `field`. */
static int read_field(struct json_scan *scan, struct tick_draft *draft, enum draft_field field)
{
    struct json_item item;
    int error = json_scan_item(scan, &item);
    if (error)
        return error;
    bool text = item.kind == JSON_KIND_TEXT;
    bool integer = text || item.kind == JSON_KIND_INTEGER;
    bool null = item.kind == JSON_KIND_NULL;
    switch (field) {
    case FIELD_OTHER: return json_scan_skip(scan, &item);
    case FIELD_SYMBOL:
        return text ? draft_set_symbol(draft, item.text, item.len) : refuse(scan, &item, field);
    case FIELD_PRICE:
    case FIELD_SIZE: return read_decimal(scan, &item, draft, field);
    case FIELD_SIDE:
        if (null)
            return 0;
        return text ? draft_set_side(draft, item.text, item.len) : refuse(scan, &item, field);
    case FIELD_ID:
        if (null)
            return 0;
        return integer ? draft_set_id_text(draft, item.text, item.len) : refuse(scan, &item, field);
    case FIELD_TIME:
        return integer ? draft_set_time_text(draft, item.text, item.len)
                       : refuse(scan, &item, field);
    }
    return VALUE_SHAPE;
}

static int read_member(struct json_scan *scan, struct tick_draft *draft)
{
    struct json_item key;
    int error = json_scan_key(scan, &key);
    if (error)
        return error;
    enum draft_field field = draft_field(key.text, key.len);
    if (field != FIELD_OTHER)
        error = draft_claim(draft, field);
    return error ? error : read_field(scan, draft, field);
}

/* Reads the members of an object whose bracket has been taken. */
static int read_tick(struct json_scan *scan, struct tick_draft *draft)
{
    if (json_scan_take(scan, '}'))
        return draft_finish(draft);
    do {
        int error = read_member(scan, draft);
        if (error)
            return error;
    } while (json_scan_take(scan, ','));
    return json_scan_take(scan, '}') ? draft_finish(draft) : VALUE_SYNTAX;
}

/* Reads one element of an array, the tick numbered `index`. */
static int read_element(struct json_scan *scan, int index, struct tick_draft *draft)
{
    struct json_item item;
    int error = json_scan_item(scan, &item);
    if (!error && item.kind != JSON_KIND_OBJECT)
        error = refuse(scan, &item, FIELD_OTHER);
    if (error)
        return error;
    draft_init(draft, (uint16_t)index);
    return read_tick(scan, draft);
}

/* Emits the ticks from number `index` to `count`, read and found good before. */
static void emit_again(struct json_scan *scan, int index, int count, value_emit *emit, void *arg)
{
    struct tick_draft draft;
    for (; index < count && read_element(scan, index, &draft) == 0; index++) {
        draft_emit(&draft, 1, emit, arg);
        json_scan_take(scan, ',');
    }
}

/* Reads the ticks of an array whose bracket has been taken. */
static int read_array(struct json_scan *scan, value_emit *emit, void *arg)
{
    struct tick_draft held[DRAFTS_HELD_MAX];
    struct tick_draft spare;
    const uint8_t *rest = scan->at; /* the first tick that isn't held */
    int count = 0;
    if (json_scan_take(scan, ']'))
        return json_scan_done(scan) ? 0 : VALUE_SYNTAX;
    do {
        if (count == VALUE_TICKS_MAX)
            return VALUE_TOO_MANY;
        if (count == DRAFTS_HELD_MAX)
            rest = scan->at;
        int error = read_element(scan, count, count < DRAFTS_HELD_MAX ? &held[count] : &spare);
        if (error)
            return error;
        count++;
    } while (json_scan_take(scan, ','));
    if (!json_scan_take(scan, ']') || !json_scan_done(scan))
        return VALUE_SYNTAX;
    int held_count = count < DRAFTS_HELD_MAX ? count : DRAFTS_HELD_MAX;
    draft_emit(held, held_count, emit, arg);
    scan->at = rest;
    emit_again(scan, held_count, count, emit, arg);
    return count;
}

static int read_one(struct json_scan *scan, value_emit *emit, void *arg)
{
    struct tick_draft draft;
    draft_init(&draft, 0);
    int error = read_tick(scan, &draft);
    if (error)
        return error;
    if (!json_scan_done(scan))
        return VALUE_SYNTAX;
    draft_emit(&draft, 1, emit, arg);
    return 1;
}

int tick_json_read(const uint8_t *data, size_t len, value_emit *emit, void *arg)
{
    if (len == 0)
        return VALUE_EMPTY;
    struct json_scan scan;
    scan.at = data;
    scan.end = data + len;
    struct json_item item;
    int error = json_scan_item(&scan, &item);
    if (error)
        return error;
    if (item.kind == JSON_KIND_OBJECT)
        return read_one(&scan, emit, arg);
    if (item.kind == JSON_KIND_ARRAY)
        return read_array(&scan, emit, arg);
    return json_scan_done(&scan) ? VALUE_SHAPE : VALUE_SYNTAX;
}

/* The put_ functions write at `at` and return the byte after. */
#define put_literal(at, text) ((char *)memcpy((at), (text), sizeof(text) - 1) + sizeof(text) - 1)

static char *put_bytes(char *at, const char *data, size_t len)
{
    memcpy(at, data, len);
    return at + len;
}

static char *put_symbol(char *at, const char *symbol, size_t len)
{
    assert(len <= SYMBOL_LEN_MAX);
    return put_bytes(at, symbol, len);
}

static char *put_unsigned(char *at, uint64_t value)
{
    return at + digits_print(value, at);
}

static char *put_signed(char *at, int64_t value)
{
    if (value >= 0)
        return put_unsigned(at, (uint64_t)value);
    *at = '-';
    return put_unsigned(at + 1, 0 - (uint64_t)value);
}

/* Nanoseconds as whole microseconds, rounded down before 1970 too: order is kept. */
static char *put_micros(char *at, int64_t ns)
{
    return put_signed(at, ns / 1000 - (ns % 1000 < 0));
}

static char *put_side(char *at, unsigned side)
{
    switch (side) {
    case TICK_SIDE_BUY: return put_literal(at, "buy");
    case TICK_SIDE_SELL: return put_literal(at, "sell");
    default: return put_literal(at, "none");
    }
}

/* A string of digits, but a pair where the exponent is positive: digits would lose it, and might
 * not fit when they are read again. */
static char *put_value_decimal(char *at, int64_t mantissa, int8_t exponent)
{
    if (exponent <= 0) {
        *at++ = '"';
        at += decimal_print(mantissa, exponent, at);
        *at++ = '"';
        return at;
    }
    *at++ = '[';
    at = put_signed(at, mantissa);
    *at++ = ',';
    at = put_signed(at, exponent);
    *at++ = ']';
    return at;
}

size_t tick_json_write_value(const struct tick *tick, const char *symbol, size_t symbol_len,
                             uint8_t *out)
{
    char *at = put_literal((char *)out, "{\"s\":\"");
    at = put_symbol(at, symbol, symbol_len);
    at = put_literal(at, "\",\"p\":");
    at = put_value_decimal(at, tick->price, tick->price_exp);
    at = put_literal(at, ",\"q\":");
    at = put_value_decimal(at, tick->size, tick->size_exp);
    at = put_literal(at, ",\"side\":\"");
    at = put_side(at, tick->side);
    if (tick->has_id) {
        at = put_literal(at, "\",\"id\":\"");
        at = put_unsigned(at, tick->id);
    }
    at = put_literal(at, "\",\"t\":");
    at = put_signed(at, tick->ts_ns);
    *at++ = '}';
    return (size_t)(at - (char *)out);
}

static char *put_pos(char *at, const struct tick *tick)
{
    at = put_unsigned(at, tick_partition(tick));
    *at++ = ':';
    at = put_unsigned(at, tick_offset(tick));
    if (tick->index == 0)
        return at;
    *at++ = ':';
    return put_unsigned(at, tick->index);
}

size_t tick_json_write(const struct tick *tick, const char *symbol, size_t symbol_len,
                       enum wire_tick_type type, uint8_t *out)
{
    char *at = (char *)out;
    at = type == WIRE_SNAPSHOT ? put_literal(at, "{\"type\":\"snapshot\",\"symbol\":\"")
                               : put_literal(at, "{\"type\":\"trade\",\"symbol\":\"");
    at = put_symbol(at, symbol, symbol_len);
    at = put_literal(at, "\",\"seq\":");
    at = put_unsigned(at, tick->seq);
    at = put_literal(at, ",\"pos\":\"");
    at = put_pos(at, tick);
    at = put_literal(at, "\",\"price\":\"");
    at += decimal_print(tick->price, tick->price_exp, at);
    at = put_literal(at, "\",\"size\":\"");
    at += decimal_print(tick->size, tick->size_exp, at);
    at = put_literal(at, "\",\"side\":\"");
    at = put_side(at, tick->side);
    if (tick->has_id) {
        at = put_literal(at, "\",\"id\":\"");
        at = put_unsigned(at, tick->id);
    }
    at = put_literal(at, "\",\"ts\":");
    at = put_micros(at, tick->ts_ns);
    at = put_literal(at, ",\"rts\":");
    at = put_micros(at, tick->rts_ns);
    *at++ = '}';
    return (size_t)(at - (char *)out);
}

size_t tick_json_write_gap(const struct wire_gap *gap, const char *symbol, size_t symbol_len,
                           uint8_t *out)
{
    const char *reason = gap_reason_name(gap->reason);
    char *at = put_literal((char *)out, "{\"type\":\"gap\",\"symbol\":\"");
    at = put_symbol(at, symbol, symbol_len);
    at = put_literal(at, "\",\"from\":");
    at = put_unsigned(at, gap->from);
    at = put_literal(at, ",\"to\":");
    at = put_unsigned(at, gap->to);
    at = put_literal(at, ",\"count\":");
    at = put_unsigned(at, gap->to - gap->from + 1);
    at = put_literal(at, ",\"reason\":\"");
    at = put_bytes(at, reason, strlen(reason));
    at = put_literal(at, "\"}");
    return (size_t)(at - (char *)out);
}
