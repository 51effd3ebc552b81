/* SPDX-License-Identifier: MIT */
/*
 * unit: what every test here includes, in the order that cmocka wants.
 */
#ifndef TAPEHEAD_TESTS_UNIT_TOOLS_UNIT_H
#define TAPEHEAD_TESTS_UNIT_TOOLS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (!strstr((text), (part)))                                                               \
            fail_msg("\"%s\" doesn't contain \"%s\"", (text), (part));                             \
    } while (0)

#endif
