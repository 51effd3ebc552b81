/* SPDX-License-Identifier: MIT */
/*
 * guard: input that ends where memory ends, so that one byte read too far is a crash.
 */
#ifndef TAPEHEAD_TESTS_UNIT_TOOLS_GUARD_H
#define TAPEHEAD_TESTS_UNIT_TOOLS_GUARD_H

#include <stddef.h>
#include <stdint.h>

enum { GUARD_MAX = 1 << 20 };

/* A copy whose last byte is the last before a page that can't be read. It lasts until the next
 * call. */
uint8_t *guard_copy(const void *data, size_t len);

#endif
