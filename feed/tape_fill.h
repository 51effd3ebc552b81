/* SPDX-License-Identifier: MIT */
/*
 * tape_fill: the block of a capture file that is being filled: its ticks as msgpack, and what its
 * header will say of them. Knows no file. For tape_writer.
 */
#ifndef TAPEHEAD_FEED_TAPE_FILL_H
#define TAPEHEAD_FEED_TAPE_FILL_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/symbols.h"
#include "schemas/tape_block.h"
#include "schemas/tick.h"

enum { TAPE_FILL_PARTITIONS = 65536 };

struct tape_fill {
    /* Of the block. */
    uint32_t count, plain_size;
    struct tape_span event, receive;
    uint32_t symbols_count, names_size;
    uint8_t *plain;     /* room for one tick more than fits */
    uint32_t *in_block; /* ids of its symbols */
    uint64_t number;    /* of it; the caller's to set */

    /* Of the file so far. */
    char topics[TAPE_TOPICS_MAX][TAPE_TOPIC_LEN_MAX + 1];
    uint32_t topics_count;
    struct tape_place places[TAPE_PLACES_MAX];
    uint32_t places_count;
    uint16_t place_of[TAPE_FILL_PARTITIONS]; /* plus one; 0 where there is none */
    struct symbols symbols;
    bool symbols_unknown; /* there were too many for the table */
    uint64_t *symbol_ticks;
    uint64_t *symbol_block; /* the last block that it is in, plus one */

    /* As the header has them. */
    uint8_t *topics_list, *places_list, *symbols_list;
};

/* The functions below return 0 or -errno: -EINVAL for a topic without a name, out of order or of
 * another name, or a bad symbol; -ENOSPC for more topics or partitions than a file may have. */

int tape_fill_init(struct tape_fill *fill, uint32_t symbols_max);

/* Accepts a zeroed one. */
void tape_fill_finish(struct tape_fill *fill);

int tape_fill_topic(struct tape_fill *fill, uint32_t place, const char *topic, size_t len);
int tape_fill_place(struct tape_fill *fill, const struct tape_place *place);

/* Writes the tick behind the others and returns the length; tape_fill_take() then counts it in.
 * Between the two the caller may begin a new block, see tape_fill_begin(). */
int tape_fill_encode(struct tape_fill *fill, const struct tick *tick, const char *symbol,
                     size_t symbol_len);
void tape_fill_take(struct tape_fill *fill, const struct tick *tick, const char *symbol,
                    size_t symbol_len, uint32_t len);

/* A symbol of the block, known without its tick. */
void tape_fill_symbol(struct tape_fill *fill, const char *symbol, size_t len);

/* Begins block `number`, with `len` bytes of a tick that was encoded behind those of the last. */
void tape_fill_begin(struct tape_fill *fill, uint64_t number, uint32_t len);

/* Sets what the header says of ticks, topics, places and symbols. It points into `fill`. */
void tape_fill_describe(struct tape_fill *fill, struct tape_block *block);

#endif
