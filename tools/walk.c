/* SPDX-License-Identifier: MIT */
#include "tools/walk.h"

#include "schemas/digits.h"

void walk_init(struct walk *walk, enum wire_format format, const uint8_t *data, size_t len)
{
    walk->format = format;
    walk->json.at = walk->pack.at = data;
    walk->json.end = walk->pack.end = data + len;
}

static void set_json_integer(struct walk_value *value)
{
    int64_t below_zero = 0;
    value->negative = value->text[0] == '-';
    bool fits = value->negative ? digits_parse_signed(value->text, value->len, &below_zero)
                                : digits_parse(value->text, value->len, &value->number);
    if (value->negative)
        value->number = (uint64_t)below_zero;
    value->kind = fits ? WALK_INTEGER : WALK_OTHER;
}

static int read_json(struct walk *walk, struct walk_value *value)
{
    struct json_item item;
    int error = json_scan_item(&walk->json, &item);
    if (error < 0)
        return error;
    *value = (struct walk_value){.kind = WALK_OTHER, .text = item.text, .len = item.len};
    switch (item.kind) {
    case JSON_KIND_TEXT: value->kind = WALK_TEXT; break;
    case JSON_KIND_INTEGER: set_json_integer(value); break;
    case JSON_KIND_NULL: value->kind = WALK_NULL; break;
    case JSON_KIND_OBJECT: value->kind = WALK_MAP; break;
    case JSON_KIND_ARRAY: value->kind = WALK_ARRAY; break;
    case JSON_KIND_REAL:
    case JSON_KIND_BOOL: break;
    }
    return 0;
}

static int read_pack(struct walk *walk, struct walk_value *value)
{
    struct msgpack_item item;
    int error = msgpack_scan_item(&walk->pack, &item);
    if (error < 0)
        return error;
    *value = (struct walk_value){.kind = WALK_OTHER, .number = item.number};
    switch (item.kind) {
    case MSGPACK_KIND_TEXT:
        value->kind = WALK_TEXT;
        value->text = item.text;
        value->len = item.number;
        break;
    case MSGPACK_KIND_INT:
        value->negative = true;
        value->kind = WALK_INTEGER;
        break;
    case MSGPACK_KIND_UINT: value->kind = WALK_INTEGER; break;
    case MSGPACK_KIND_NIL: value->kind = WALK_NULL; break;
    case MSGPACK_KIND_MAP: value->kind = WALK_MAP; break;
    case MSGPACK_KIND_ARRAY: value->kind = WALK_ARRAY; break;
    default: break;
    }
    return 0;
}

int walk_read(struct walk *walk, struct walk_value *value)
{
    return walk->format == WIRE_JSON ? read_json(walk, value) : read_pack(walk, value);
}

int walk_more(struct walk *walk, struct walk_value *container)
{
    if (walk->format == WIRE_MSGPACK) {
        if (container->number == 0)
            return 0;
        container->number--;
        return 1;
    }
    if (json_scan_take(&walk->json, container->kind == WALK_MAP ? '}' : ']'))
        return 0;
    if (container->started && !json_scan_take(&walk->json, ','))
        return -1;
    container->started = true;
    return 1;
}

int walk_key(struct walk *walk, struct walk_value *key)
{
    if (walk->format == WIRE_MSGPACK) {
        int error = read_pack(walk, key);
        return error < 0 ? error : key->kind == WALK_TEXT ? 0 : -1;
    }
    struct json_item item;
    int error = json_scan_key(&walk->json, &item);
    *key = (struct walk_value){.kind = WALK_TEXT, .text = item.text, .len = item.len};
    return error;
}

int walk_skip(struct walk *walk, const struct walk_value *value)
{
    if (value->kind != WALK_MAP && value->kind != WALK_ARRAY)
        return 0;
    if (walk->format == WIRE_MSGPACK) {
        struct msgpack_item item = {.kind = value->kind == WALK_MAP ? MSGPACK_KIND_MAP
                                                                    : MSGPACK_KIND_ARRAY,
                                    .number = value->number};
        return msgpack_scan_skip(&walk->pack, &item);
    }
    struct json_item item = {.kind = value->kind == WALK_MAP ? JSON_KIND_OBJECT : JSON_KIND_ARRAY};
    return json_scan_skip(&walk->json, &item);
}

bool walk_done(struct walk *walk)
{
    return walk->format == WIRE_JSON ? json_scan_done(&walk->json)
                                     : walk->pack.at == walk->pack.end;
}
