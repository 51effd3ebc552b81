/* SPDX-License-Identifier: MIT */
#include "reading.h"

#include <string.h>

#include "bridge.h"

struct command reading_bytes(enum wire_format format, const void *data, size_t len)
{
    struct command command;
    uint8_t *input = guard_place(data, len);
    command_read(&command, format, input, len);
    memset(input, 0xee, len);
    assert_int_equal(command.error_code != NULL, command.error_message[0] != '\0');
    assert_true(command.error_code || command.op != COMMAND_NONE);
    return command;
}

struct command reading_as(enum wire_format format, const char *json)
{
    static uint8_t packed[GUARD_MAX];
    if (format == WIRE_JSON)
        return reading_bytes(format, json, strlen(json));
    return reading_bytes(format, packed, bridge_to_msgpack(json, packed, sizeof packed));
}

void assert_refused(const char *json, const char *code, const char *part)
{
    for_both(json)
    {
        if (!command.error_code || strcmp(command.error_code, code) != 0)
            fail_msg("%s instead of %s for %s", command.error_code, code, json);
        if (!strstr(command.error_message, part))
            fail_msg("no %s in: %s", part, command.error_message);
    }
}

void assert_good(const struct command *command, enum command_op op)
{
    if (command->error_code)
        fail_msg("%s: %s", command->error_code, command->error_message);
    assert_int_equal(command->op, op);
}

void assert_symbol(const struct command *command, uint32_t index, const char *text)
{
    assert_true(index < command->symbols_count);
    assert_int_equal(command->symbols[index].len, strlen(text));
    assert_memory_equal(command->symbols[index].text, text, strlen(text));
}
