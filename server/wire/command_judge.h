/* SPDX-License-Identifier: MIT */
/*
 * command_judge: what judging a message's fields shares between command.c and command_replay.c.
 * Every judgement answers true, or has refused. Private to command*.c.
 */
#ifndef TAPEHEAD_SERVER_WIRE_COMMAND_JUDGE_H
#define TAPEHEAD_SERVER_WIRE_COMMAND_JUDGE_H

#include "server/wire/command.h"
#include "server/wire/command_tree.h"

/* What judges a message: its tree, how to read lists in it, and the command being made of it. */
struct judge {
    struct command *command;
    const struct command_reader *reader;
    struct command_tree tree;
};

/* Always false. `code` is static. */
bool judge_refuse(struct judge *judge, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

bool node_is(const struct node *node, const char *word);

bool judge_symbols(struct judge *judge, bool required);

/* An optional integer of min..max; `out` keeps what it holds where there is none. */
bool judge_uint32(struct judge *judge, enum field field, uint32_t min, uint32_t max, uint32_t *out);

/* The replay commands' own fields, into command->replay; command_replay.c. */
bool judge_replay(struct judge *judge);
bool judge_step(struct judge *judge);
bool judge_seek(struct judge *judge);
bool judge_speed(struct judge *judge);

#endif
