/* SPDX-License-Identifier: MIT */
/*
 * value: a message as a client reads it: JSON or msgpack into one small tree. Written for the
 * simulation, apart from the server's and the schemas' codecs, so that a mistake of theirs isn't
 * repeated here. Strict: what isn't well formed fails the seed.
 */
#ifndef TAPEHEAD_TESTS_SIM_VALUE_H
#define TAPEHEAD_TESTS_SIM_VALUE_H

#include <stdbool.h>
#include <stdint.h>

enum value_kind { V_NULL, V_BOOL, V_INTEGER, V_TEXT, V_LIST, V_MAP };

struct value {
    enum value_kind kind;
    bool negative;       /* V_INTEGER: then `number` is its magnitude */
    uint64_t number;     /* V_INTEGER; V_BOOL: 0 or 1; V_LIST and V_MAP: how many members */
    const char *text;    /* V_TEXT: as it stands in the message, escapes and all */
    uint32_t len;        /* of text */
    struct value *first; /* of a list; a map's members are key, value, key, value… */
    struct value *next;  /* of the same list or map */
};

enum { VALUES_MAX = 1024 };

struct values {
    struct value pool[VALUES_MAX];
    uint32_t used;
};

/* The tree lives in `values`, its texts in `data`. Anything after the value fails. */
const struct value *value_read_json(struct values *values, const uint8_t *data, uint32_t len);
const struct value *value_read_msgpack(struct values *values, const uint8_t *data, uint32_t len);

/* A map's member, or NULL. */
const struct value *value_get(const struct value *map, const char *key);

/* A list's member. */
const struct value *value_at(const struct value *list, uint32_t index);

/* NULL is no text. */
bool value_is(const struct value *value, const char *text);

/* The member, which must be there and a whole number of 0 or more. */
uint64_t value_number(const struct value *map, const char *key);

#endif
