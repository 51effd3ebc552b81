/* SPDX-License-Identifier: MIT */
/*
 * command: what a client may ask, read from JSON text or msgpack; and the answers on the control
 * lane, written as either. Pure: bytes in, struct command out; it knows no client and no symbol
 * table.
 */
#ifndef TAPEHEAD_SERVER_WIRE_COMMAND_H
#define TAPEHEAD_SERVER_WIRE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_format { WIRE_JSON, WIRE_MSGPACK, WIRE_FORMAT_COUNT };

enum command_op {
    COMMAND_NONE, /* unreadable, or `op` missing or unknown: see error */
    COMMAND_SUBSCRIBE,
    COMMAND_UNSUBSCRIBE,
    COMMAND_LIST,
    COMMAND_PING,
    COMMAND_CONFIGURE,
    COMMAND_REPLAY,
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_STEP,
    COMMAND_SEEK,
    COMMAND_SPEED,
};

enum command_mode { MODE_ALL, MODE_LATEST, MODE_STRICT };

enum {
    COMMAND_SYMBOLS_MAX = 4096, /* in one command; error too_many_symbols beyond */
    COMMAND_ID_MAX = 64,        /* bytes of a string id */
    COMMAND_GROUP_MAX = 32,     /* bytes of a group's name */
};

/* The client's own `id`, echoed in the answer: absent, an integer, or a string. */
struct command_id {
    enum { ID_ABSENT, ID_INTEGER, ID_STRING } kind;
    int64_t integer;
    char text[COMMAND_ID_MAX];
    uint8_t text_len;
};

/* An element of "symbols", as sent; not necessarily well formed: the caller judges each. */
struct command_symbol {
    const char *text;
    uint32_t len;
};

/* An entry of "since": the client has everything of the symbol up to this position. */
struct command_since {
    const char *text; /* the symbol */
    uint32_t len;
    uint16_t partition;
    uint16_t index;
    uint64_t offset; /* below 2^48 */
};

/* Of COMMAND_REPLAY everything but `count`; of COMMAND_STEP that, of COMMAND_SEEK the beginning, of
 * COMMAND_SPEED the speed. */
struct command_replay {
    bool from_given, until_given; /* whether the bounds below hold */
    int64_t from_ns, until_ns;    /* [from_ns, until_ns), and until_ns >= from_ns */
    bool by_receive;              /* the clock is the receipt's, not the exchange's */
    double speed;        /* 0: as fast as it goes; else above it, by however little, to 1e6 */
    uint32_t max_gap_ms; /* a longer silence is cut to it; 0: none is, to 86400000 */
    bool then_live;      /* never with until_given */
    uint32_t count;      /* ticks to step, 1..1000000 */
    char group[COMMAND_GROUP_MAX + 1]; /* empty: none */
};

struct command {
    enum command_op op;
    struct command_id id;
    struct command_symbol *symbols; /* owned by the command */
    uint32_t symbols_count;
    bool symbols_given; /* an absent list differs from an empty one: unsubscribe takes it as all */
    enum command_mode mode;
    struct command_since *since; /* owned by the command */
    uint32_t since_count;
    uint32_t interval_ms;  /* mode latest: 0..60000 */
    bool snapshot;         /* true unless the client said false */
    uint32_t max_delay_ms; /* COMMAND_CONFIGURE: 0..60000 */
    struct command_replay replay;
    const char *error_code;  /* NULL: the command is good; else one of those below, static */
    char error_message[160]; /* a sentence that names the field */
    void *owned;             /* what symbols point into */
};

/* Reads one message. Always leaves a command that command_finish() accepts; look at error_code:
 *   bad_json, bad_msgpack   unreadable
 *   bad_command             not an object, a field missing, of the wrong type or given twice
 *   bad_field               a value out of range
 *   unknown_op, too_many_symbols
 *   not_supported           auth: known but not yet served
 *   internal                out of memory
 * The id is filled whenever it could be read; an id of null is none. Unknown fields are ignored. */
void command_read(struct command *command, enum wire_format format, const uint8_t *data,
                  size_t len);
void command_finish(struct command *command);

/* A subscription spec: a symbol, "PREFIX*", or "*"; all within SYMBOL_LEN_MAX bytes. */
enum spec_kind { SPEC_BAD, SPEC_SYMBOL, SPEC_PATTERN };
enum spec_kind spec_classify(const char *text, size_t len);

#endif
