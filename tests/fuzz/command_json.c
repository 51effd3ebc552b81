/* SPDX-License-Identifier: MIT */
/* command_json: what a client says, as JSON. */
#include "tests/fuzz/command_copy.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct command command;
    command_read(&command, WIRE_JSON, data, size);
    command_check(&command, WIRE_JSON);
    command_check_answers(&command);
    if (!command.error_code)
        command_check_copies(&command);
    command_finish(&command);
    return 0;
}
