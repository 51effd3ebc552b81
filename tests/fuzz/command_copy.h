/* SPDX-License-Identifier: MIT */
/*
 * command_copy: a command that was read, held to what command.h promises, and written again in
 * either format: what is read of that must be the same command.
 */
#ifndef TAPEHEAD_TESTS_FUZZ_COMMAND_COPY_H
#define TAPEHEAD_TESTS_FUZZ_COMMAND_COPY_H

#include "server/wire/command.h"

void command_check(const struct command *command, enum wire_format format);

/* Only of a command without an error. */
void command_check_copies(const struct command *command);

/* Answers to it are well formed, whatever it held. */
void command_check_answers(const struct command *command);

#endif
