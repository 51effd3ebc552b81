/* SPDX-License-Identifier: MIT */
/*
 * tick: one trade as every thread sees it; plain 64 bytes, one cache line, no pointers.
 *
 * Thread F fills it, the ring copies it, workers read it. Nothing in it depends on who receives it.
 * A price or size is `mantissa * 10^exponent`: the digits that the producer sent, trailing zeros
 * included, and never a float.
 */
#ifndef TAPEHEAD_SCHEMAS_TICK_H
#define TAPEHEAD_SCHEMAS_TICK_H

#include <stdint.h>

enum {
    SYMBOL_LEN_MAX = 32, /* bytes of A-Z a-z 0-9 . _ - / : @ */
    TICK_ID_BITS = 24,   /* dense symbol ids, so at most 16,777,216 symbols */
};

enum tick_side { TICK_SIDE_NONE = 0, TICK_SIDE_BUY = 1, TICK_SIDE_SELL = 2 };

struct tick {
    int64_t price;  /* mantissa */
    int64_t size;   /* mantissa; zero and negative are the producer's affair */
    int64_t ts_ns;  /* the exchange's event time, since 1970 UTC */
    int64_t rts_ns; /* when this server took it from its source, same clock */
    uint64_t id;    /* the venue's trade id; meaningless unless has_id */
    uint64_t seq;   /* contiguous per symbol within one epoch, from 1 */
    uint64_t pos;   /* where it stands in the source: see tick_pos() */
    uint32_t symbol : TICK_ID_BITS;
    uint32_t side : 2; /* enum tick_side, the aggressor's */
    uint32_t has_id : 1;
    uint32_t quiet : 1; /* warm-up: becomes the last value, is not fanned out */
    uint32_t kind : 4;  /* the ring's: what a slot holds, see feed/ring.h */
    uint16_t index;     /* place in the source message's array of ticks, from 0 */
    int8_t price_exp;
    int8_t size_exp;
};

_Static_assert(sizeof(struct tick) == 64, "a tick is one cache line");

/* A position orders the ticks of one partition: 16 bits of partition above 48 of offset. With
 * several topics the partition's number is `topic's place in --topic * 4096 + partition`. */
static inline uint64_t tick_pos(uint32_t partition, uint64_t offset)
{
    return (uint64_t)partition << 48 | (offset & 0xffffffffffff);
}

static inline uint32_t tick_partition(const struct tick *tick)
{
    return (uint32_t)(tick->pos >> 48);
}

static inline uint64_t tick_offset(const struct tick *tick)
{
    return tick->pos & 0xffffffffffff;
}

#endif
