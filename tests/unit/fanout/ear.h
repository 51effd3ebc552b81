/* SPDX-License-Identifier: MIT */
/*
 * ear: a fan-out with one client, number 0, and all that it hears, as a line of words: "A4" is a
 * trade of symbol A with seq 4, "A=4" a snapshot, "A[5-7 history]" a gap, "#3" the control message
 * 3, "@8" the frame 8 of a replay.
 */
#ifndef TAPEHEAD_TESTS_UNIT_FANOUT_EAR_H
#define TAPEHEAD_TESTS_UNIT_FANOUT_EAR_H

#include "server/fanout/gather.h"
#include "support.h"

enum { EAR_HEARD_MAX = 1 << 16, EAR_SYMBOLS = 8 };

struct ear {
    struct fanout fanout;
    struct batch batch;
    struct histogram *latency;
    uint64_t seqs[EAR_SYMBOLS];
    uint8_t *unread;
    size_t len;
    uint32_t bytes_max; /* of a send */
    char *heard;
};

/* A worker that remembers so many ticks. */
struct ear *ear_create(uint32_t history_ticks, int format);
void ear_destroy(struct ear *ear);

/* Symbols are "A", "B" and on, in order of their first tick. */
void ear_tick(struct ear *ear, uint32_t symbol, uint32_t partition, uint64_t offset,
              uint16_t index);

/* The client's control lane gets a message of `len` bytes, at least 16, that tells its number. */
void ear_control(struct ear *ear, uint32_t number, uint32_t len);

/* The same as a frame of a replay: "@n". Returns its bytes. */
uint32_t ear_write_frame(uint8_t *out, uint32_t number, uint32_t len);

/* What waits as a send, or NULL; and its first `taken` bytes, as they come out of the socket. */
struct send *ear_gather(struct ear *ear);
void ear_hear(struct ear *ear, const struct send *send, uint32_t taken);

/* A send of which at most `taken` bytes are taken. Returns false when nothing waited. */
bool ear_send(struct ear *ear, uint32_t taken);
void ear_send_all(struct ear *ear);

/* Fails the test unless exactly this was heard since the last call, and no half of a frame. */
void ear_expect(struct ear *ear, const char *heard);

#endif
