/* SPDX-License-Identifier: MIT */
#include "server/wire/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 256 };

static void grow(struct bytes *bytes, size_t len)
{
    if (len > SIZE_MAX / 2 - bytes->len) {
        bytes->failed = true;
        return;
    }
    size_t cap = bytes->cap ? bytes->cap : FIRST_CAP;
    while (cap < bytes->len + len)
        cap *= 2;
    uint8_t *data = realloc(bytes->data, cap);
    if (!data) {
        bytes->failed = true;
        return;
    }
    bytes->data = data;
    bytes->cap = cap;
}

uint8_t *bytes_reserve(struct bytes *bytes, size_t len)
{
    if (!bytes->failed && len > bytes->cap - bytes->len)
        grow(bytes, len);
    return bytes->failed ? NULL : bytes->data + bytes->len;
}

void bytes_append(struct bytes *bytes, const void *data, size_t len)
{
    if (len == 0)
        return;
    uint8_t *room = bytes_reserve(bytes, len);
    if (!room)
        return;
    memcpy(room, data, len);
    bytes->len += len;
}

void bytes_printf(struct bytes *bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        bytes->failed = true;
    uint8_t *room = len < 0 ? NULL : bytes_reserve(bytes, (size_t)len + 1);
    if (!room)
        return;
    va_start(args, format);
    vsnprintf((char *)room, (size_t)len + 1, format, args);
    va_end(args);
    bytes->len += (size_t)len;
}

void bytes_finish(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}
