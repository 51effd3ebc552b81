/* SPDX-License-Identifier: MIT */
/* Subscription specs, of command.h. */
#include <string.h>

#include "schemas/tick.h"
#include "server/wire/command.h"

static bool is_symbol_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._-/:@", c));
}

enum spec_kind spec_classify(const char *text, size_t len)
{
    if (len == 0 || len > SYMBOL_LEN_MAX)
        return SPEC_BAD;
    bool pattern = text[len - 1] == '*';
    for (size_t i = 0; i < len - pattern; i++)
        if (!is_symbol_byte(text[i]))
            return SPEC_BAD;
    return pattern ? SPEC_PATTERN : SPEC_SYMBOL;
}
