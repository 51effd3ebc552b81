/* SPDX-License-Identifier: MIT */
/* msgpack into a command_tree. The only file of this room that sees msgpack-c. */
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/command_tree.h"

/* One element: what it takes itself, and how many others stand inside it. */
struct element {
    uint64_t size;
    uint64_t children;
};

/* The big-endian number in `width` bytes behind the type byte. */
static uint64_t number_behind(const uint8_t *at, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 1; i <= width; i++)
        value = value << 8 | at[i];
    return value;
}

/* Types of one byte, where the length or value is part of it. */
static struct element element_of_byte(uint8_t type)
{
    if (type >= 0x80 && type <= 0x8f)
        return (struct element){1, 2 * (type & 0x0fu)};
    if (type >= 0x90 && type <= 0x9f)
        return (struct element){1, type & 0x0fu};
    if (type >= 0xa0 && type <= 0xbf)
        return (struct element){1 + (type & 0x1fu), 0};
    return (struct element){1, 0};
}

/* The element at `at`; size 0 where the bytes left don't even hold its length, or it is none. */
static struct element element_at(const uint8_t *at, size_t left)
{
    /* Of the types c0 to df, the bytes of length or value that follow: for fixext all that follow.
     */
    static const uint8_t widths[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2,  4, 4, 8, 1, 2, 4, 8,
                                       1, 2, 4, 8, 2, 3, 5, 9, 17, 1, 2, 4, 2, 4, 2, 4};
    uint8_t type = at[0];
    if (type < 0xc0 || type > 0xdf)
        return element_of_byte(type);
    size_t width = widths[type - 0xc0];
    if (type == 0xc1 || left < 1 + width)
        return (struct element){0, 0};
    bool has_length = (type >= 0xc4 && type <= 0xc9) || type >= 0xd9;
    uint64_t length = has_length ? number_behind(at, width) : 0;
    if (type >= 0xde)
        return (struct element){1 + width, 2 * length};
    if (type >= 0xdc)
        return (struct element){1 + width, length};
    bool is_ext = type >= 0xc7 && type <= 0xc9;
    return (struct element){1 + width + is_ext + length, 0};
}

/* msgpack-c allocates what a header claims before the elements have come, and a list of four
 * billion is five bytes. So the whole message is walked first, without allocating: every element
 * takes at least a byte, so a claim beyond the input ends the walk. */
static enum tree_verdict scan(const uint8_t *data, size_t len, size_t *at)
{
    uint64_t pending[TREE_DEPTH_MAX + 1] = {1}; /* elements still to come, a level each */
    size_t depth = 0;
    for (*at = 0;;) {
        while (pending[depth] == 0) {
            if (depth == 0)
                return *at == len ? TREE_GOOD : TREE_UNREADABLE;
            depth--;
        }
        if (*at == len)
            return TREE_UNREADABLE;
        struct element element = element_at(data + *at, len - *at);
        if (element.size == 0 || element.size > len - *at)
            return TREE_UNREADABLE;
        *at += element.size;
        pending[depth]--;
        if (element.children == 0)
            continue;
        if (depth == TREE_DEPTH_MAX)
            return TREE_TOO_DEEP;
        pending[++depth] = element.children;
    }
}

static struct node node_of(const msgpack_object *value)
{
    switch (value->type) {
    case MSGPACK_OBJECT_NIL: return (struct node){.kind = NODE_NULL};
    case MSGPACK_OBJECT_BOOLEAN:
        return (struct node){.kind = NODE_BOOL, .truth = value->via.boolean};
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return (struct node){.kind = NODE_INTEGER, .integer = value->via.i64};
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        if (value->via.u64 > INT64_MAX)
            return (struct node){.kind = NODE_BIG};
        return (struct node){.kind = NODE_INTEGER, .integer = (int64_t)value->via.u64};
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64: return (struct node){.kind = NODE_REAL, .real = value->via.f64};
    case MSGPACK_OBJECT_STR:
        return (struct node){
            .kind = NODE_TEXT, .text = value->via.str.ptr, .len = value->via.str.size};
    case MSGPACK_OBJECT_ARRAY:
        return (struct node){
            .kind = NODE_LIST, .list = value->via.array.ptr, .len = value->via.array.size};
    case MSGPACK_OBJECT_MAP:
        return (struct node){
            .kind = NODE_MAP, .list = value->via.map.ptr, .len = value->via.map.size};
    default: return (struct node){.kind = NODE_OTHER};
    }
}

static bool is_text(const msgpack_object *key, const char *text, size_t len)
{
    return key->type == MSGPACK_OBJECT_STR && key->via.str.size == len &&
           (len == 0 || memcmp(key->via.str.ptr, text, len) == 0);
}

static bool has_duplicates(const msgpack_object_map *map)
{
    for (uint32_t i = 1; i < map->size; i++) {
        const msgpack_object *key = &map->ptr[i].key;
        for (uint32_t j = 0; j < i && key->type == MSGPACK_OBJECT_STR; j++)
            if (is_text(&map->ptr[j].key, key->via.str.ptr, key->via.str.size))
                return true;
    }
    return false;
}

/* Keys that are not strings are unknown fields like others. */
static enum tree_verdict read_fields(struct command_tree *tree, const msgpack_object *root)
{
    if (root->type != MSGPACK_OBJECT_MAP)
        return TREE_NOT_A_MAP;
    const msgpack_object_map *map = &root->via.map;
    if (map->size > TREE_FIELDS_MAX)
        return TREE_TOO_MANY_FIELDS;
    if (has_duplicates(map))
        return TREE_DUPLICATE;
    for (uint32_t i = 0; i < map->size; i++)
        for (size_t field = 0; field < FIELDS; field++)
            if (is_text(&map->ptr[i].key, field_names[field], strlen(field_names[field])))
                tree->fields[field] = node_of(&map->ptr[i].val);
    return TREE_GOOD;
}

static enum tree_verdict read_msgpack(struct command_tree *tree, const uint8_t *data, size_t len)
{
    enum tree_verdict verdict = scan(data, len, &tree->error_at);
    if (verdict != TREE_GOOD)
        return verdict;
    msgpack_unpacked *unpacked = malloc(sizeof *unpacked);
    if (!unpacked)
        return TREE_NO_MEMORY;
    msgpack_unpacked_init(unpacked);
    tree->document = unpacked;
    size_t offset = 0;
    switch (msgpack_unpack_next(unpacked, (const char *)data, len, &offset)) {
    case MSGPACK_UNPACK_SUCCESS: return read_fields(tree, &unpacked->data);
    case MSGPACK_UNPACK_NOMEM_ERROR: return TREE_NO_MEMORY;
    default: return TREE_UNREADABLE;
    }
}

static struct node item_of_msgpack(const struct node *list, size_t index)
{
    return node_of((const msgpack_object *)list->list + index);
}

static bool each_of_msgpack(const struct node *map, map_take *take, void *arg)
{
    const msgpack_object_kv *entries = map->list;
    for (size_t i = 0; i < map->len; i++) {
        struct node key = node_of(&entries[i].key);
        struct node value = node_of(&entries[i].val);
        if (!take(arg, &key, &value))
            return false;
    }
    return true;
}

static void release_msgpack(struct command_tree *tree)
{
    if (!tree->document)
        return;
    msgpack_unpacked_destroy(tree->document);
    free(tree->document);
    tree->document = NULL;
}

const struct command_reader command_msgpack_reader = {
    .read = read_msgpack,
    .item = item_of_msgpack,
    .each = each_of_msgpack,
    .release = release_msgpack,
};
