/* SPDX-License-Identifier: MIT */
/*
 * tape_block: the frames of a capture file that aren't ticks: the header in front of each block of
 * ticks, and the index at the end. Pure; no thread, no file. The format in prose: schemas/tape.md.
 *
 *      [header][ticks, zstd] [header][ticks, zstd] ... [index: the headers again, symbols, footer]
 *
 * Headers and index are skippable frames, so that any zstd reads past them. What is pointed to lies
 * in the caller's bytes.
 */
#ifndef TAPEHEAD_SCHEMAS_TAPE_BLOCK_H
#define TAPEHEAD_SCHEMAS_TAPE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/tick.h"

enum {
    TAPE_VERSION = 1,
    TAPE_PLAIN_MAX = 1 << 20, /* bytes of a block's ticks before compression */
    TAPE_DATA_MAX = TAPE_PLAIN_MAX + (TAPE_PLAIN_MAX >> 8) + 64, /* and after it, at worst */
    TAPE_TOPICS_MAX = 16,
    TAPE_TOPIC_LEN_MAX = 249,
    TAPE_PLACES_MAX = 1024,
    TAPE_LIST_BYTES_MAX = 1024, /* of symbols by name; more of them become a Bloom filter */
    TAPE_BLOOM_BYTES_MAX = 8192,
    TAPE_HEADER_MAX = 32768,
    TAPE_HEADER_MIN = 108,
    TAPE_FRAME_HEAD = 16, /* bytes that every frame of ours begins with, in every version */
    TAPE_FOOTER_LEN = 48,
    TAPE_SYMBOL_ENTRY_MAX = 8 + 1 + SYMBOL_LEN_MAX,
};

#define TAPE_SYMBOLS_UNKNOWN UINT32_MAX /* for a count: too many to be kept */

/* Why bytes aren't what they should be. */
enum tape_error {
    TAPE_SHORT = 0,    /* more bytes are needed */
    TAPE_FOREIGN = -1, /* no frame of a tape */
    TAPE_BROKEN = -2,  /* one, but its checksum or a field is wrong */
    TAPE_LATER = -3,   /* whole, of a version after ours */
};

enum tape_frame { TAPE_FRAME_BLOCK = 'B', TAPE_FRAME_INDEX = 'I' };

enum tape_symbols {
    TAPE_SYMBOLS_ANY = 0,     /* any may be in the block */
    TAPE_SYMBOLS_LIST = 'L',  /* those named, and no other */
    TAPE_SYMBOLS_BLOOM = 'F', /* those that a Bloom filter lets through */
};

/* The earliest and the latest instant by one clock, in ns since 1970 UTC. */
struct tape_span {
    int64_t first_ns, last_ns;
};

/* How far a partition was captured: the next tick to come is that of `offset`, `index`. */
struct tape_place {
    uint16_t partition; /* topic's place * 4096 + partition, as tick_partition() */
    uint16_t index;     /* of the ticks of one Kafka message, those before it are in the file */
    uint64_t offset;
};

struct tape_block {
    uint64_t offset;       /* of the header in the file */
    uint64_t number;       /* of the block, from 0 */
    uint64_t ticks_before; /* in the file's blocks before this one */
    uint32_t header_size;
    uint32_t count;      /* ticks, at least 1 */
    uint32_t plain_size; /* bytes of the ticks */
    uint32_t data_size;  /* and compressed: right behind the header */
    uint32_t data_crc;   /* tape_crc() of those */
    struct tape_span event, receive;
    uint32_t symbols_count; /* different ones */
    enum tape_symbols symbols_kind;
    uint32_t symbols_size;
    const uint8_t *symbols; /* names, a length byte before each; or the filter's bits */
    uint16_t topics_count;
    uint16_t places_count;
    uint32_t topics_size;
    const uint8_t *topics; /* names, a length byte before each */
    const uint8_t *places; /* TAPE_PLACE_LEN each, see tape_place_read() */
};

enum { TAPE_PLACE_LEN = 12 };

/* CRC-32 as zlib and Ethernet have it; 0 to begin. */
uint32_t tape_crc(uint32_t crc, const uint8_t *data, size_t len);

/* Writes a block's header; offset and header_size are taken from, and put into, `block`. `out`
 * holds TAPE_HEADER_MAX bytes. Returns the length. */
size_t tape_block_write(struct tape_block *block, uint8_t *out);

/* Reads a header from the front of `data`. Returns its length or an enum tape_error; with
 * TAPE_SHORT `*needed` is how many bytes it takes. */
int tape_block_read(const uint8_t *data, size_t len, struct tape_block *block, size_t *needed);

/* What kind of frame begins with the TAPE_FRAME_HEAD bytes at `data`, or an enum tape_error; the
 * frame's whole length to `*size`. Checks no checksum. */
int tape_frame_read(const uint8_t *data, uint64_t *size);

void tape_place_write(const struct tape_place *place, uint8_t *out);
struct tape_place tape_place_read(const struct tape_block *block, uint32_t i);

/* Adds a name with its length byte to a list of names. Returns the list's new size. */
size_t tape_name_write(const char *name, size_t len, uint8_t *list, size_t size);

/* The name at `*at` of a list, which moves on; false at the end. */
bool tape_name_next(const uint8_t *list, size_t size, size_t *at, const char **name, size_t *len);

/* Whether `symbol` may be in the block; true may be wrong, false is not. */
bool tape_block_may_hold(const struct tape_block *block, const char *symbol, size_t len);

/* Bytes of a Bloom filter for so many symbols, a power of two. */
size_t tape_bloom_size(uint32_t symbols);
void tape_bloom_add(uint8_t *bits, size_t size, const char *symbol, size_t len);

struct tape_footer {
    uint64_t index_offset;   /* of the index's frame in the file; its headers follow its head */
    uint64_t symbols_offset; /* of the list of symbols in the file: where the headers end */
    uint64_t blocks;
    uint64_t ticks;
};

/* The first TAPE_FRAME_HEAD bytes of an index of `size` bytes in all. */
void tape_index_head(uint64_t size, uint8_t *out);

/* One symbol and its ticks, at most TAPE_SYMBOL_ENTRY_MAX bytes. Returns the length. */
size_t tape_symbol_write(const char *symbol, size_t len, uint64_t ticks, uint8_t *out);

/* Reads one; returns its length, or 0 where more bytes are needed. */
size_t tape_symbol_read(const uint8_t *data, size_t size, const char **symbol, size_t *len,
                        uint64_t *ticks);

/* Writes all TAPE_FOOTER_LEN bytes; `crc` is tape_crc() of the frame before the footer. */
void tape_footer_write(const struct tape_footer *footer, uint32_t crc, uint8_t *out);

/* Reads the last TAPE_FOOTER_LEN bytes of a file. Returns 0 or an enum tape_error; the whole
 * frame's checksum to `*crc`. */
int tape_footer_read(const uint8_t *data, struct tape_footer *footer, uint32_t *crc);

#endif
