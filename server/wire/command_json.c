/* SPDX-License-Identifier: MIT */
/* JSON into a command_tree. The only file of this room that sees jansson. */
#include <jansson.h>
#include <string.h>

#include "server/wire/command_tree.h"

/* jansson recurses at each level, up to 2048 of them: too deep for a stack that others size. */
static bool is_shallow(const uint8_t *data, size_t len)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (quoted && data[i] == '\\') {
            i++; /* over what is escaped */
        } else if (data[i] == '"') {
            quoted = !quoted;
        } else if (quoted) {
            continue;
        } else if (data[i] == '[' || data[i] == '{') {
            if (++depth > TREE_DEPTH_MAX)
                return false;
        } else if ((data[i] == ']' || data[i] == '}') && depth > 0) {
            depth--;
        }
    }
    return true;
}

static struct node node_of(json_t *value)
{
    if (!value)
        return (struct node){.kind = NODE_ABSENT};
    switch (json_typeof(value)) {
    case JSON_NULL: return (struct node){.kind = NODE_NULL};
    case JSON_TRUE: return (struct node){.kind = NODE_BOOL, .truth = true};
    case JSON_FALSE: return (struct node){.kind = NODE_BOOL};
    case JSON_INTEGER:
        return (struct node){.kind = NODE_INTEGER, .integer = json_integer_value(value)};
    case JSON_REAL: return (struct node){.kind = NODE_REAL, .real = json_real_value(value)};
    case JSON_STRING:
        return (struct node){
            .kind = NODE_TEXT, .text = json_string_value(value), .len = json_string_length(value)};
    case JSON_ARRAY:
        return (struct node){.kind = NODE_LIST, .list = value, .len = json_array_size(value)};
    case JSON_OBJECT:
        return (struct node){.kind = NODE_MAP, .list = value, .len = json_object_size(value)};
    default: return (struct node){.kind = NODE_OTHER};
    }
}

static enum tree_verdict verdict_of(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key: return TREE_DUPLICATE;
    case json_error_numeric_overflow: return TREE_BIG_NUMBER;
    case json_error_out_of_memory: return TREE_NO_MEMORY;
    default: return TREE_UNREADABLE;
    }
}

static enum tree_verdict read_json(struct command_tree *tree, const uint8_t *data, size_t len)
{
    json_error_t error;
    if (!is_shallow(data, len))
        return TREE_TOO_DEEP;
    /* NUL is let into strings so that a symbol that holds one is rejected alone, as in msgpack. */
    json_t *root = json_loadb((const char *)data, len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!root) {
        tree->error_at = error.position > 0 ? (size_t)error.position : 0;
        return verdict_of(&error);
    }
    tree->document = root;
    if (!json_is_object(root))
        return TREE_NOT_A_MAP;
    if (json_object_size(root) > TREE_FIELDS_MAX)
        return TREE_TOO_MANY_FIELDS;
    for (size_t i = 0; i < FIELDS; i++)
        tree->fields[i] = node_of(json_object_get(root, field_names[i]));
    return TREE_GOOD;
}

static struct node item_of_json(const struct node *list, size_t index)
{
    return node_of(json_array_get((const json_t *)list->list, index));
}

static bool each_of_json(const struct node *map, map_take *take, void *arg)
{
    json_t *object = (json_t *)map->list;
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const char *text = json_object_iter_key(i);
        struct node key = {.kind = NODE_TEXT, .text = text, .len = strlen(text)};
        struct node value = node_of(json_object_iter_value(i));
        if (!take(arg, &key, &value))
            return false;
    }
    return true;
}

static void release_json(struct command_tree *tree)
{
    json_decref(tree->document);
    tree->document = NULL;
}

const struct command_reader command_json_reader = {
    .read = read_json,
    .item = item_of_json,
    .each = each_of_json,
    .release = release_json,
};
