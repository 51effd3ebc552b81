/* SPDX-License-Identifier: MIT */
/* hearing: what a listener of the world makes of the bytes that its socket gives. */
#ifndef TAPEHEAD_TESTS_UNIT_FANOUT_HEARING_H
#define TAPEHEAD_TESTS_UNIT_FANOUT_HEARING_H

#include "world.h"

/* Writes a control message of `len` bytes, at least 16, that tells its number. Returns the bytes of
 * the frame. */
uint32_t hearing_write_control(uint8_t *out, int format, uint32_t number, uint32_t len);

/* Fails the test when the bytes are not what the listener must hear next. */
void hearing_take(struct world *world, uint32_t listener, const uint8_t *data, uint32_t len);

#endif
