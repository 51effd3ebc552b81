/* SPDX-License-Identifier: MIT */
#include "server/wire/utf8.h"

#include <string.h>

/* Most text is ASCII: eight bytes a step while no character is open. */
static size_t skip_ascii(const uint8_t *data, size_t len)
{
    size_t done = 0;
    while (len - done >= 8) {
        uint64_t word;
        memcpy(&word, data + done, 8);
        if (word & 0x8080808080808080)
            break;
        done += 8;
    }
    return done;
}

static bool open_character(struct utf8 *utf8, uint8_t lead)
{
    /* RFC 3629, 4: only the byte after the lead is narrowed, against overlong forms (E0, F0),
     * surrogates (ED) and what lies beyond U+10FFFF (F4). */
    if (lead < 0xc2 || lead > 0xf4)
        return false;
    utf8->need = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    utf8->low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    utf8->high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    return true;
}

bool utf8_feed(struct utf8 *utf8, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (utf8->need > 0) {
            if (data[i] < utf8->low || data[i] > utf8->high)
                return false;
            utf8->need--;
            utf8->low = 0x80;
            utf8->high = 0xbf;
            continue;
        }
        i += skip_ascii(data + i, len - i);
        if (i < len && data[i] >= 0x80 && !open_character(utf8, data[i]))
            return false;
    }
    return true;
}

bool utf8_complete(const struct utf8 *utf8)
{
    return utf8->need == 0;
}
