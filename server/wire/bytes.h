/* SPDX-License-Identifier: MIT */
/*
 * bytes: a growing array of bytes; zeroed is a valid start. Once an allocation fails `failed` stays
 * set and nothing more is written: check it once, at the end.
 */
#ifndef TAPEHEAD_SERVER_WIRE_BYTES_H
#define TAPEHEAD_SERVER_WIRE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool failed;
};

void bytes_append(struct bytes *bytes, const void *data, size_t len);
void bytes_printf(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for `len` more bytes behind the last, NULL where there is none; the caller adds to `len`
 * what it fills. */
uint8_t *bytes_reserve(struct bytes *bytes, size_t len);
void bytes_finish(struct bytes *bytes);

#endif
