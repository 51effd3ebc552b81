/* SPDX-License-Identifier: MIT */
/*
 * bridge: between JSON and msgpack, by the libraries' own readers and writers, so that one
 * expectation serves both formats.
 */
#ifndef TAPEHEAD_TESTS_UNIT_WIRE_BRIDGE_H
#define TAPEHEAD_TESTS_UNIT_WIRE_BRIDGE_H

#include <jansson.h>

#include "support.h"

/* Packs what `json` says; returns the length. */
size_t bridge_to_msgpack(const char *json, uint8_t *out, size_t size);

/* Reads one message that fills the input exactly; fails the test where it is unsound. The caller
 * releases it. */
json_t *bridge_from_msgpack(const uint8_t *data, size_t len);
json_t *bridge_from_json(const uint8_t *data, size_t len);

#endif
