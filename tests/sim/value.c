/* SPDX-License-Identifier: MIT */
/* value: see value.h. */
#include "tests/sim/value.h"

#include <string.h>

#include "tests/sim/world.h"

struct input {
    struct values *values;
    const uint8_t *at;
    const uint8_t *end;
};

static struct value *make(struct input *in, enum value_kind kind)
{
    REQUIRE(in->values->used < VALUES_MAX, "a message of more than %d values", VALUES_MAX);
    struct value *value = &in->values->pool[in->values->used++];
    *value = (struct value){.kind = kind};
    return value;
}

static uint8_t take(struct input *in)
{
    REQUIRE(in->at < in->end, "a message ends too early");
    return *in->at++;
}

/* ---- JSON ---- */

static struct value *read_json(struct input *in);

static struct value *json_text(struct input *in)
{
    struct value *value = make(in, V_TEXT);
    value->text = (const char *)in->at;
    uint8_t c;
    while ((c = take(in)) != '"') {
        REQUIRE(c >= 0x20, "a control byte within JSON text");
        if (c == '\\')
            take(in);
    }
    value->len = (uint32_t)((const char *)in->at - 1 - value->text);
    return value;
}

static struct value *json_number(struct input *in, uint8_t first)
{
    struct value *value = make(in, V_INTEGER);
    value->negative = first == '-';
    uint8_t c = value->negative ? take(in) : first;
    REQUIRE(c >= '0' && c <= '9', "byte 0x%02x where a JSON value should begin", c);
    value->number = c - '0';
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        value->number = value->number * 10 + (*in->at++ - '0');
    return value;
}

/* Members up to `closer`; a map's keys must be texts. */
static struct value *json_members(struct input *in, enum value_kind kind, uint8_t closer)
{
    struct value *value = make(in, kind);
    struct value **link = &value->first;
    if (in->at < in->end && *in->at == closer) {
        in->at++;
        return value;
    }
    uint8_t c;
    do {
        *link = read_json(in);
        if (kind == V_MAP) {
            REQUIRE((*link)->kind == V_TEXT && take(in) == ':', "a JSON object without its key");
            link = &(*link)->next;
            *link = read_json(in);
        }
        link = &(*link)->next;
        value->number++;
        c = take(in);
    } while (c == ',');
    REQUIRE(c == closer, "a JSON list or object isn't closed");
    return value;
}

static struct value *json_word(struct input *in, const char *rest, enum value_kind kind,
                               uint64_t number)
{
    while (*rest)
        REQUIRE(take(in) == (uint8_t)*rest++, "a word that isn't JSON's");
    struct value *value = make(in, kind);
    value->number = number;
    return value;
}

/* No white space: the server writes none. */
static struct value *read_json(struct input *in)
{
    uint8_t c = take(in);
    switch (c) {
    case '{': return json_members(in, V_MAP, '}');
    case '[': return json_members(in, V_LIST, ']');
    case '"': return json_text(in);
    case 't': return json_word(in, "rue", V_BOOL, 1);
    case 'f': return json_word(in, "alse", V_BOOL, 0);
    case 'n': return json_word(in, "ull", V_NULL, 0);
    default: return json_number(in, c);
    }
}

/* ---- msgpack ---- */

static uint64_t big_endian(struct input *in, uint32_t bytes)
{
    uint64_t n = 0;
    while (bytes--)
        n = n << 8 | take(in);
    return n;
}

static struct value *pack_integer(struct input *in, uint64_t bits, uint32_t bytes, bool is_signed)
{
    struct value *value = make(in, V_INTEGER);
    value->negative = is_signed && bits >> (8 * bytes - 1) & 1;
    if (value->negative && bytes < 8)
        bits |= ~UINT64_C(0) << 8 * bytes;
    value->number = value->negative ? -bits : bits;
    return value;
}

static struct value *pack_text(struct input *in, uint64_t len)
{
    struct value *value = make(in, V_TEXT);
    REQUIRE(len <= (uint64_t)(in->end - in->at), "a msgpack text beyond its message");
    value->text = (const char *)in->at;
    value->len = (uint32_t)len;
    in->at += len;
    return value;
}

static struct value *read_msgpack(struct input *in);

static struct value *pack_members(struct input *in, enum value_kind kind, uint64_t count)
{
    struct value *value = make(in, kind);
    struct value **link = &value->first;
    value->number = count;
    for (uint64_t i = 0; i < (kind == V_MAP ? 2 * count : count); i++) {
        *link = read_msgpack(in);
        link = &(*link)->next;
    }
    return value;
}

static struct value *pack_word(struct input *in, enum value_kind kind, uint64_t number)
{
    struct value *value = make(in, kind);
    value->number = number;
    return value;
}

static struct value *read_msgpack(struct input *in)
{
    uint8_t c = take(in);
    if (c < 0x80)
        return pack_integer(in, c, 8, false);
    if (c >= 0xe0)
        return pack_integer(in, c, 1, true);
    if (c < 0x90)
        return pack_members(in, V_MAP, c & 15);
    if (c < 0xa0)
        return pack_members(in, V_LIST, c & 15);
    if (c < 0xc0)
        return pack_text(in, c & 31);
    switch (c) {
    case 0xc0: return pack_word(in, V_NULL, 0);
    case 0xc2:
    case 0xc3: return pack_word(in, V_BOOL, c & 1);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf: return pack_integer(in, big_endian(in, 1u << (c & 3)), 8, false);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: return pack_integer(in, big_endian(in, 1u << (c & 3)), 1u << (c & 3), true);
    case 0xd9: return pack_text(in, big_endian(in, 1));
    case 0xda: return pack_text(in, big_endian(in, 2));
    case 0xdc: return pack_members(in, V_LIST, big_endian(in, 2));
    case 0xde: return pack_members(in, V_MAP, big_endian(in, 2));
    default: fail("msgpack byte 0x%02x, which no message uses", c);
    }
}

/* ---- both ---- */

const struct value *value_read_json(struct values *values, const uint8_t *data, uint32_t len)
{
    struct input in = {.values = values, .at = data, .end = data + len};
    values->used = 0;
    const struct value *value = read_json(&in);
    REQUIRE(in.at == in.end, "bytes after the JSON of a message");
    return value;
}

const struct value *value_read_msgpack(struct values *values, const uint8_t *data, uint32_t len)
{
    struct input in = {.values = values, .at = data, .end = data + len};
    values->used = 0;
    const struct value *value = read_msgpack(&in);
    REQUIRE(in.at == in.end, "bytes after the msgpack of a message");
    return value;
}

const struct value *value_get(const struct value *map, const char *key)
{
    REQUIRE(map->kind == V_MAP, "a member %s is looked for in what is no map", key);
    for (const struct value *member = map->first; member; member = member->next->next)
        if (value_is(member, key))
            return member->next;
    return NULL;
}

const struct value *value_at(const struct value *list, uint32_t index)
{
    REQUIRE(list->kind == V_LIST && index < list->number, "a list of %u or fewer", index);
    const struct value *member = list->first;
    while (index--)
        member = member->next;
    return member;
}

bool value_is(const struct value *value, const char *text)
{
    return value && value->kind == V_TEXT && strlen(text) == value->len &&
           memcmp(text, value->text, value->len) == 0;
}

uint64_t value_number(const struct value *map, const char *key)
{
    const struct value *value = value_get(map, key);
    REQUIRE(value && value->kind == V_INTEGER && !value->negative, "no number \"%s\"", key);
    return value->number;
}
