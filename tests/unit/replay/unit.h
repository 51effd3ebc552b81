/* SPDX-License-Identifier: MIT */
/* unit: cmocka with the headers that it wants before it. */
#ifndef TAPEHEAD_TESTS_UNIT_REPLAY_UNIT_H
#define TAPEHEAD_TESTS_UNIT_REPLAY_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
