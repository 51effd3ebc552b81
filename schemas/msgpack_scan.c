/* SPDX-License-Identifier: MIT */
/* msgpack_scan: see msgpack_scan.h. */
#include "schemas/msgpack_scan.h"

#include <endian.h>
#include <string.h>

#include "schemas/tick_value.h"

/* How an item that begins with 0xc0..0xdf is laid out. */
struct form {
    uint8_t kind;
    uint8_t width;  /* bytes of big-endian number that follow: a value, a length or a count */
    uint8_t number; /* the number where width is 0 */
};

static const struct form forms[32] = {
    {MSGPACK_KIND_NIL, 0, 0},   /* c0 */
    {MSGPACK_KIND_NEVER, 0, 0}, /* c1 */
    {MSGPACK_KIND_BOOL, 0, 0},  /* c2 false */
    {MSGPACK_KIND_BOOL, 0, 1},  /* c3 true */
    {MSGPACK_KIND_BIN, 1, 0},   /* c4 */
    {MSGPACK_KIND_BIN, 2, 0},   /* c5 */
    {MSGPACK_KIND_BIN, 4, 0},   /* c6 */
    {MSGPACK_KIND_EXT, 1, 0},   /* c7 */
    {MSGPACK_KIND_EXT, 2, 0},   /* c8 */
    {MSGPACK_KIND_EXT, 4, 0},   /* c9 */
    {MSGPACK_KIND_FLOAT, 4, 0}, /* ca */
    {MSGPACK_KIND_FLOAT, 8, 0}, /* cb */
    {MSGPACK_KIND_UINT, 1, 0},  /* cc */
    {MSGPACK_KIND_UINT, 2, 0},  /* cd */
    {MSGPACK_KIND_UINT, 4, 0},  /* ce */
    {MSGPACK_KIND_UINT, 8, 0},  /* cf */
    {MSGPACK_KIND_INT, 1, 0},   /* d0 */
    {MSGPACK_KIND_INT, 2, 0},   /* d1 */
    {MSGPACK_KIND_INT, 4, 0},   /* d2 */
    {MSGPACK_KIND_INT, 8, 0},   /* d3 */
    {MSGPACK_KIND_EXT, 0, 1},   /* d4 */
    {MSGPACK_KIND_EXT, 0, 2},   /* d5 */
    {MSGPACK_KIND_EXT, 0, 4},   /* d6 */
    {MSGPACK_KIND_EXT, 0, 8},   /* d7 */
    {MSGPACK_KIND_EXT, 0, 16},  /* d8 */
    {MSGPACK_KIND_TEXT, 1, 0},  /* d9 */
    {MSGPACK_KIND_TEXT, 2, 0},  /* da */
    {MSGPACK_KIND_TEXT, 4, 0},  /* db */
    {MSGPACK_KIND_ARRAY, 2, 0}, /* dc */
    {MSGPACK_KIND_ARRAY, 4, 0}, /* dd */
    {MSGPACK_KIND_MAP, 2, 0},   /* de */
    {MSGPACK_KIND_MAP, 4, 0},   /* df */
};

static size_t bytes_left(const struct msgpack_scan *scan)
{
    return (size_t)(scan->end - scan->at);
}

static uint64_t read_big_endian(const uint8_t *at, unsigned width)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (width) {
    case 1: return *at;
    case 2: memcpy(&two, at, 2); return be16toh(two);
    case 4: memcpy(&four, at, 4); return be32toh(four);
    default: memcpy(&eight, at, 8); return be64toh(eight);
    }
}

/* An integer of a signed form: sign-extended, and called UINT where it isn't negative. */
static void settle_signed(struct msgpack_item *item, unsigned width)
{
    uint64_t sign = (uint64_t)1 << (width * 8 - 1);
    item->number = (item->number ^ sign) - sign;
    if (!(item->number >> 63))
        item->kind = MSGPACK_KIND_UINT;
}

/* Takes the `extra + number` bytes that belong to the item. */
static int take_payload(struct msgpack_scan *scan, struct msgpack_item *item, size_t extra)
{
    if (bytes_left(scan) < extra || bytes_left(scan) - extra < item->number)
        return VALUE_SYNTAX;
    item->text = (const char *)scan->at + extra;
    scan->at += extra + item->number;
    return 0;
}

/* Whether the items of a container can be there at all, a byte each. */
static int check_count(const struct msgpack_scan *scan, const struct msgpack_item *item)
{
    uint64_t least = item->kind == MSGPACK_KIND_MAP ? item->number * 2 : item->number;
    return least > bytes_left(scan) ? VALUE_SYNTAX : 0;
}

/* Takes what belongs to an item whose kind and number are known. */
static int finish_item(struct msgpack_scan *scan, struct msgpack_item *item)
{
    switch (item->kind) {
    case MSGPACK_KIND_TEXT:
    case MSGPACK_KIND_BIN: return take_payload(scan, item, 0);
    case MSGPACK_KIND_EXT: return take_payload(scan, item, 1);
    case MSGPACK_KIND_ARRAY:
    case MSGPACK_KIND_MAP: return check_count(scan, item);
    case MSGPACK_KIND_NEVER: return VALUE_SYNTAX;
    default: return 0;
    }
}

/* An item that begins with 0xc0..0xdf, that byte taken. */
static int wide_item(struct msgpack_scan *scan, uint8_t lead, struct msgpack_item *item)
{
    const struct form *form = &forms[lead - 0xc0];
    if (bytes_left(scan) < form->width)
        return VALUE_SYNTAX;
    *item = (struct msgpack_item){.kind = form->kind, .number = form->number};
    if (form->width > 0)
        item->number = read_big_endian(scan->at, form->width);
    scan->at += form->width;
    if (item->kind == MSGPACK_KIND_INT)
        settle_signed(item, form->width);
    return finish_item(scan, item);
}

int msgpack_scan_long_item(struct msgpack_scan *scan, struct msgpack_item *item)
{
    if (scan->at == scan->end)
        return VALUE_SYNTAX;
    uint8_t lead = *scan->at++;
    if (lead >= 0xe0)
        *item = (struct msgpack_item){.kind = MSGPACK_KIND_INT, .number = (uint64_t)lead - 0x100};
    else if (lead >= 0xc0)
        return wide_item(scan, lead, item);
    else if (lead >= 0xa0)
        *item = (struct msgpack_item){.kind = MSGPACK_KIND_TEXT, .number = lead & 0x1f};
    else if (lead >= 0x90)
        *item = (struct msgpack_item){.kind = MSGPACK_KIND_ARRAY, .number = lead & 0xf};
    else if (lead >= 0x80)
        *item = (struct msgpack_item){.kind = MSGPACK_KIND_MAP, .number = lead & 0xf};
    else
        *item = (struct msgpack_item){.kind = MSGPACK_KIND_UINT, .number = lead};
    return finish_item(scan, item);
}

/* How many items a container holds; 0 for what isn't one. */
static uint64_t items_within(const struct msgpack_item *item)
{
    if (item->kind == MSGPACK_KIND_MAP)
        return item->number * 2;
    return item->kind == MSGPACK_KIND_ARRAY ? item->number : 0;
}

int msgpack_scan_skip(struct msgpack_scan *scan, const struct msgpack_item *item)
{
    uint64_t left[MSGPACK_SCAN_DEPTH_MAX]; /* items still to come, per open container */
    int depth = 1;
    left[0] = items_within(item);
    while (depth > 0) {
        if (left[depth - 1] == 0) {
            depth--;
            continue;
        }
        left[depth - 1]--;
        struct msgpack_item next;
        int error = msgpack_scan_item(scan, &next);
        if (error)
            return error;
        /* An empty container is a level too, as in json_scan_skip(). */
        if (next.kind != MSGPACK_KIND_MAP && next.kind != MSGPACK_KIND_ARRAY)
            continue;
        if (depth == MSGPACK_SCAN_DEPTH_MAX)
            return VALUE_TOO_MANY;
        left[depth++] = items_within(&next);
    }
    return 0;
}
