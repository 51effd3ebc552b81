/* SPDX-License-Identifier: MIT */
/*
 * command_tree: what a message says, whichever format it came in: the fields that some command
 * knows, each as a node. command_json.c and command_msgpack.c fill it, command.c alone judges it,
 * so the two formats cannot drift. Private to command*.c.
 */
#ifndef TAPEHEAD_SERVER_WIRE_COMMAND_TREE_H
#define TAPEHEAD_SERVER_WIRE_COMMAND_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TREE_BYTES_MAX = 64 * 1024,
    TREE_DEPTH_MAX = 16,  /* of maps and lists; no command needs more than 2 */
    TREE_FIELDS_MAX = 64, /* of the outermost map, unknown ones included */
};

enum node_kind {
    NODE_ABSENT,
    NODE_NULL,
    NODE_BOOL,
    NODE_INTEGER,
    NODE_BIG,  /* an integer beyond int64 */
    NODE_REAL, /* in msgpack it may be infinite, or no number */
    NODE_TEXT,
    NODE_LIST,
    NODE_MAP,
    NODE_OTHER,
};

struct node {
    enum node_kind kind;
    bool truth;
    int64_t integer;
    double real;
    const char *text; /* in the document or the input; in msgpack any bytes */
    size_t len;       /* of the text, the list or the map */
    const void *list; /* the reader's; of a map, too */
};

enum field {
    FIELD_OP,
    FIELD_ID,
    FIELD_SYMBOLS,
    FIELD_MODE,
    FIELD_SNAPSHOT,
    FIELD_SINCE,
    FIELD_INTERVAL_MS,
    FIELD_MAX_DELAY_MS,
    FIELD_FROM,
    FIELD_TO,
    FIELD_CLOCK,
    FIELD_SPEED,
    FIELD_MAX_GAP_MS,
    FIELD_THEN,
    FIELD_GROUP,
    FIELD_COUNT,
    FIELDS,
};

/* The fields' names on the wire. */
extern const char *const field_names[FIELDS];

enum tree_verdict {
    TREE_GOOD,
    TREE_UNREADABLE, /* error_at says where */
    TREE_TOO_DEEP,
    TREE_BIG_NUMBER,
    TREE_NOT_A_MAP,
    TREE_DUPLICATE,
    TREE_TOO_MANY_FIELDS,
    TREE_NO_MEMORY,
};

struct command_tree {
    struct node fields[FIELDS];
    size_t error_at; /* a byte of the input */
    void *document;  /* the reader's; nodes point into it */
};

typedef bool map_take(void *arg, const struct node *key, const struct node *value);

/* A format. `read` starts from a zeroed tree, and `release` takes whatever it left. */
struct command_reader {
    enum tree_verdict (*read)(struct command_tree *tree, const uint8_t *data, size_t len);
    struct node (*item)(const struct node *list, size_t index);
    /* Each key (NODE_OTHER where it is no text) and value, until `take` returns false. */
    bool (*each)(const struct node *map, map_take *take, void *arg);
    void (*release)(struct command_tree *tree);
};

extern const struct command_reader command_json_reader;
extern const struct command_reader command_msgpack_reader;

#endif
