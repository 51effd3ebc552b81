/* SPDX-License-Identifier: MIT */
/* json_scan: see json_scan.h. */
#include "schemas/json_scan.h"

#include <string.h>

#include "schemas/digits.h"
#include "schemas/tick_value.h"

enum { FOREIGN = 0xff }; /* what a character outside ASCII decodes to; see json_item */

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Returns the byte after the UTF-8 sequence at `at`, NULL if it isn't well formed (Unicode 15,
 * table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF). */
static const uint8_t *utf8_next(const uint8_t *at, const uint8_t *end)
{
    uint8_t lead = at[0];
    if (lead < 0xc2 || lead > 0xf4)
        return NULL;
    int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (end - at <= more)
        return NULL;
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return NULL;
    for (int i = 2; i <= more; i++)
        if ((at[i] & 0xc0) != 0x80)
            return NULL;
    return at + more + 1;
}

/* Reads four hex digits. Returns -1 where one isn't. */
static int hex4(const uint8_t *at)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t lower = at[i] | 0x20;
        int digit;
        if (is_digit(at[i]))
            digit = at[i] - '0';
        else if (lower >= 'a' && lower <= 'f')
            digit = lower - 'a' + 10;
        else
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Reads the escape at `at`, a backslash. Returns the byte after it, NULL if it is none. */
static const uint8_t *escape_next(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    if (end - at < 2)
        return NULL;
    switch (at[1]) {
    case '"':
    case '\\':
    case '/': *out = at[1]; return at + 2;
    case 'b': *out = '\b'; return at + 2;
    case 'f': *out = '\f'; return at + 2;
    case 'n': *out = '\n'; return at + 2;
    case 'r': *out = '\r'; return at + 2;
    case 't': *out = '\t'; return at + 2;
    case 'u': break;
    default: return NULL;
    }
    int code = end - at < 6 ? -1 : hex4(at + 2);
    if (code < 0)
        return NULL;
    *out = code < 0x80 ? (uint8_t)code : FOREIGN;
    return at + 6;
}

/* Reads one character of a string. Returns the byte after it, NULL if it can't stand in one. */
static const uint8_t *character_next(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    if (*at == '\\')
        return escape_next(at, end, out);
    if (*at >= 0x80) {
        *out = FOREIGN;
        return utf8_next(at, end);
    }
    *out = *at;
    return *at < 0x20 ? NULL : at + 1;
}

/* The slow half of string_item(): a string with escapes or characters outside ASCII. */
static int string_decode(struct json_scan *scan, struct json_item *item)
{
    size_t len = 0;
    const uint8_t *at = scan->at;
    while (at && at < scan->end && *at != '"') {
        uint8_t byte = 0;
        at = character_next(at, scan->end, &byte);
        if (len < sizeof scan->decoded)
            scan->decoded[len] = (char)byte;
        len++;
    }
    if (!at || at == scan->end)
        return VALUE_SYNTAX;
    if (len > sizeof scan->decoded) {
        scan->decoded[0] = (char)FOREIGN;
        len = 1;
    }
    scan->at = at + 1;
    *item = (struct json_item){JSON_KIND_TEXT, scan->decoded, len};
    return 0;
}

/* Of eight bytes, the high bit of each that is a quote, a backslash, a control or outside ASCII. A
 * borrow may mark bytes above such a one, never below: the lowest mark is exact. */
static inline uint64_t special8(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t quotes = (word ^ ones * '"') - ones;
    uint64_t slashes = (word ^ ones * '\\') - ones;
    uint64_t controls = word - ones * 0x20;
    return (quotes | slashes | controls | word) & ones * 0x80;
}

/* Returns the first byte that doesn't stand for itself, the closing quote for one. */
static const uint8_t *plain_end(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t marks = special8(digits_load8(at));
        if (marks)
            return at + __builtin_ctzll(marks) / 8;
    }
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* Reads a string whose opening quote has been taken. */
static int string_item(struct json_scan *scan, struct json_item *item)
{
    const uint8_t *at = plain_end(scan->at, scan->end);
    if (at == scan->end)
        return VALUE_SYNTAX;
    if (*at != '"')
        return string_decode(scan, item);
    *item = (struct json_item){JSON_KIND_TEXT, (const char *)scan->at, (size_t)(at - scan->at)};
    scan->at = at + 1;
    return 0;
}

static const uint8_t *digits_end(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 8 && digits_all8(digits_load8(at)))
        at += 8;
    while (at < end && is_digit(*at))
        at++;
    return at;
}

/* Returns the end of a fraction and exponent at `at`, `at` where there is neither, NULL where one
 * is begun and not finished. */
static const uint8_t *real_end(const uint8_t *at, const uint8_t *end)
{
    if (at < end && *at == '.') {
        const uint8_t *start = at + 1;
        at = digits_end(start, end);
        if (at == start)
            return NULL;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        const uint8_t *start = at;
        at = digits_end(start, end);
        if (at == start)
            return NULL;
    }
    return at;
}

static int number_item(struct json_scan *scan, struct json_item *item)
{
    const uint8_t *start = scan->at;
    const uint8_t *whole = start + (*start == '-');
    const uint8_t *at = digits_end(whole, scan->end);
    if (at == whole || (*whole == '0' && at - whole > 1))
        return VALUE_SYNTAX;
    const uint8_t *after = real_end(at, scan->end);
    if (!after)
        return VALUE_SYNTAX;
    *item = (struct json_item){after == at ? JSON_KIND_INTEGER : JSON_KIND_REAL,
                               (const char *)start, (size_t)(after - start)};
    scan->at = after;
    return 0;
}

static int word_item(struct json_scan *scan, const char *word, enum json_kind kind,
                     struct json_item *item)
{
    size_t len = strlen(word);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
        return VALUE_SYNTAX;
    *item = (struct json_item){.kind = kind};
    scan->at += len;
    return 0;
}

int json_scan_item(struct json_scan *scan, struct json_item *item)
{
    json_scan_blanks(scan);
    if (scan->at == scan->end)
        return VALUE_SYNTAX;
    switch (*scan->at) {
    case '"': scan->at++; return string_item(scan, item);
    case '{':
    case '[':
        *item = (struct json_item){
            .kind = *scan->at == '{' ? JSON_KIND_OBJECT : JSON_KIND_ARRAY,
        };
        scan->at++;
        return 0;
    case 'n': return word_item(scan, "null", JSON_KIND_NULL, item);
    case 't': return word_item(scan, "true", JSON_KIND_BOOL, item);
    case 'f': return word_item(scan, "false", JSON_KIND_BOOL, item);
    default: break;
    }
    if (*scan->at != '-' && !is_digit(*scan->at))
        return VALUE_SYNTAX;
    return number_item(scan, item);
}

int json_scan_key(struct json_scan *scan, struct json_item *key)
{
    if (!json_scan_take(scan, '"'))
        return VALUE_SYNTAX;
    int error = string_item(scan, key);
    if (error)
        return error;
    return json_scan_take(scan, ':') ? 0 : VALUE_SYNTAX;
}

int json_scan_skip(struct json_scan *scan, const struct json_item *item)
{
    if (item->kind != JSON_KIND_OBJECT && item->kind != JSON_KIND_ARRAY)
        return 0;
    /* A bit per open container, the innermost lowest: set for an object. */
    uint32_t objects = item->kind == JSON_KIND_OBJECT;
    int depth = 1;
    bool first = true;
    while (depth > 0) {
        struct json_item next = {0};
        if (json_scan_take(scan, objects & 1 ? '}' : ']')) {
            objects >>= 1;
            depth--;
            first = false;
            continue;
        }
        if (!first && !json_scan_take(scan, ','))
            return VALUE_SYNTAX;
        int error = objects & 1 ? json_scan_key(scan, &next) : 0;
        error = error ? error : json_scan_item(scan, &next);
        if (error)
            return error;
        first = next.kind == JSON_KIND_OBJECT || next.kind == JSON_KIND_ARRAY;
        if (first && depth++ == JSON_SCAN_DEPTH_MAX)
            return VALUE_TOO_MANY;
        if (first)
            objects = objects << 1 | (next.kind == JSON_KIND_OBJECT);
    }
    return 0;
}
_Static_assert(JSON_SCAN_DEPTH_MAX <= 32, "json_scan_skip() keeps a bit per level in 32");
