/* SPDX-License-Identifier: MIT */
#include "schemas/tape_block.h"

#include <endian.h>
#include <string.h>
#include <zlib.h>

enum {
    MAGIC = 0x184d2a54, /* of the sixteen that zstd skips */
    BLOOM_HASHES = 7,
    BLOOM_BITS_PER_SYMBOL = 10, /* 1 in 120 lets a symbol through that isn't there */
    BLOOM_BYTES_MIN = 64,
    CRC_LEN = 4,
};

static const char signature[] = "TAPE";
static const char footer_signature[] = "TAPEINDX";

/* The put_ functions write at `at` and return the byte after; the get_ functions move it on. */
static uint8_t *put16(uint8_t *at, uint16_t value)
{
    value = htole16(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static uint8_t *put64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(at, bytes, len);
    return at + len;
}

static uint16_t get16(const uint8_t **at)
{
    uint16_t value;
    memcpy(&value, *at, sizeof value);
    *at += sizeof value;
    return le16toh(value);
}

static uint32_t get32(const uint8_t **at)
{
    uint32_t value;
    memcpy(&value, *at, sizeof value);
    *at += sizeof value;
    return le32toh(value);
}

static uint64_t get64(const uint8_t **at)
{
    uint64_t value;
    memcpy(&value, *at, sizeof value);
    *at += sizeof value;
    return le64toh(value);
}

uint32_t tape_crc(uint32_t crc, const uint8_t *data, size_t len)
{
    return (uint32_t)crc32(crc, data, (uInt)len);
}

/* ---- frames ---- */

static uint8_t *put_head(uint8_t *at, uint64_t size, enum tape_frame kind, uint8_t detail)
{
    at = put32(at, MAGIC);
    at = put32(at, (uint32_t)(size - 8));
    at = put_bytes(at, signature, 4);
    at = put16(at, TAPE_VERSION);
    *at++ = (uint8_t)kind;
    *at++ = detail;
    return at;
}

int tape_frame_read(const uint8_t *data, uint64_t *size)
{
    const uint8_t *at = data;
    if (get32(&at) != MAGIC)
        return TAPE_FOREIGN;
    *size = (uint64_t)get32(&at) + 8;
    if (memcmp(at, signature, 4) != 0)
        return TAPE_FOREIGN;
    at += 4;
    if (get16(&at) > TAPE_VERSION)
        return TAPE_LATER;
    return *at == TAPE_FRAME_BLOCK || *at == TAPE_FRAME_INDEX ? *at : TAPE_BROKEN;
}

/* ---- headers ---- */

size_t tape_block_write(struct tape_block *block, uint8_t *out)
{
    block->header_size = TAPE_HEADER_MIN + block->topics_size +
                         (uint32_t)block->places_count * TAPE_PLACE_LEN + block->symbols_size;
    uint8_t *at = put_head(out, block->header_size, TAPE_FRAME_BLOCK, (uint8_t)block->symbols_kind);
    at = put64(at, block->offset);
    at = put64(at, block->number);
    at = put64(at, block->ticks_before);
    at = put32(at, block->count);
    at = put32(at, block->plain_size);
    at = put32(at, block->data_size);
    at = put32(at, block->data_crc);
    at = put64(at, (uint64_t)block->event.first_ns);
    at = put64(at, (uint64_t)block->event.last_ns);
    at = put64(at, (uint64_t)block->receive.first_ns);
    at = put64(at, (uint64_t)block->receive.last_ns);
    at = put32(at, block->symbols_count);
    at = put16(at, block->topics_count);
    at = put16(at, block->places_count);
    at = put32(at, block->topics_size);
    at = put32(at, block->symbols_size);
    at = put_bytes(at, block->topics, block->topics_size);
    at = put_bytes(at, block->places, (size_t)block->places_count * TAPE_PLACE_LEN);
    at = put_bytes(at, block->symbols, block->symbols_size);
    put32(at, tape_crc(0, out, (size_t)(at - out)));
    return block->header_size;
}

static bool is_list(const uint8_t *list, size_t size, uint32_t count)
{
    size_t at = 0, len;
    const char *name;
    uint32_t names = 0;
    while (tape_name_next(list, size, &at, &name, &len))
        names++;
    return at == size && names == count;
}

/* A checksum that holds says that the bytes are as they were written, not by whom. */
static bool is_sound(const struct tape_block *b)
{
    bool sizes = b->count > 0 && b->plain_size >= b->count && b->plain_size <= TAPE_PLAIN_MAX &&
                 b->data_size > 0 && b->data_size <= TAPE_DATA_MAX;
    bool spans = b->event.first_ns <= b->event.last_ns && b->receive.first_ns <= b->receive.last_ns;
    bool topics =
        b->topics_count <= TAPE_TOPICS_MAX && is_list(b->topics, b->topics_size, b->topics_count);
    bool symbols = false;
    switch (b->symbols_kind) {
    case TAPE_SYMBOLS_ANY: symbols = b->symbols_size == 0; break;
    case TAPE_SYMBOLS_LIST: symbols = is_list(b->symbols, b->symbols_size, b->symbols_count); break;
    case TAPE_SYMBOLS_BLOOM:
        symbols = b->symbols_size > 0 && (b->symbols_size & (b->symbols_size - 1)) == 0;
        break;
    }
    return sizes && spans && topics && symbols;
}

/* The fields of a header whose checksum holds. */
static int read_fields(const uint8_t *data, struct tape_block *b)
{
    const uint8_t *at = data + TAPE_FRAME_HEAD;
    b->symbols_kind = (enum tape_symbols)data[TAPE_FRAME_HEAD - 1];
    b->offset = get64(&at);
    b->number = get64(&at);
    b->ticks_before = get64(&at);
    b->count = get32(&at);
    b->plain_size = get32(&at);
    b->data_size = get32(&at);
    b->data_crc = get32(&at);
    b->event.first_ns = (int64_t)get64(&at);
    b->event.last_ns = (int64_t)get64(&at);
    b->receive.first_ns = (int64_t)get64(&at);
    b->receive.last_ns = (int64_t)get64(&at);
    b->symbols_count = get32(&at);
    b->topics_count = get16(&at);
    b->places_count = get16(&at);
    b->topics_size = get32(&at);
    b->symbols_size = get32(&at);
    uint64_t size = (uint64_t)TAPE_HEADER_MIN + b->topics_size +
                    (uint64_t)b->places_count * TAPE_PLACE_LEN + b->symbols_size;
    if (size != b->header_size)
        return TAPE_BROKEN;
    b->topics = at;
    b->places = b->topics + b->topics_size;
    b->symbols = b->places + (size_t)b->places_count * TAPE_PLACE_LEN;
    return is_sound(b) ? (int)b->header_size : TAPE_BROKEN;
}

int tape_block_read(const uint8_t *data, size_t len, struct tape_block *block, size_t *needed)
{
    uint64_t size;
    *needed = TAPE_FRAME_HEAD;
    if (len < TAPE_FRAME_HEAD)
        return TAPE_SHORT;
    int kind = tape_frame_read(data, &size);
    if (kind == TAPE_FOREIGN || kind == TAPE_BROKEN)
        return kind;
    if (size < TAPE_HEADER_MIN || size > TAPE_HEADER_MAX)
        return TAPE_BROKEN;
    *needed = size;
    if (len < size)
        return TAPE_SHORT;
    /* First the checksum: a flipped bit in the version is damage, not the future. */
    const uint8_t *at = data + size - CRC_LEN;
    if (tape_crc(0, data, size - CRC_LEN) != get32(&at))
        return TAPE_BROKEN;
    if (kind != TAPE_FRAME_BLOCK)
        return kind == TAPE_LATER ? TAPE_LATER : TAPE_BROKEN;
    block->header_size = (uint32_t)size;
    return read_fields(data, block);
}

void tape_place_write(const struct tape_place *place, uint8_t *out)
{
    out = put16(out, place->partition);
    out = put16(out, place->index);
    put64(out, place->offset);
}

struct tape_place tape_place_read(const struct tape_block *block, uint32_t i)
{
    const uint8_t *at = block->places + (size_t)i * TAPE_PLACE_LEN;
    struct tape_place place;
    place.partition = get16(&at);
    place.index = get16(&at);
    place.offset = get64(&at);
    return place;
}

/* ---- symbols ---- */

size_t tape_name_write(const char *name, size_t len, uint8_t *list, size_t size)
{
    list[size] = (uint8_t)len;
    memcpy(list + size + 1, name, len);
    return size + 1 + len;
}

bool tape_name_next(const uint8_t *list, size_t size, size_t *at, const char **name, size_t *len)
{
    if (*at >= size || list[*at] >= size - *at)
        return false;
    *len = list[*at];
    *name = (const char *)list + *at + 1;
    *at += 1 + *len;
    return true;
}

/* FNV-1a, and MurmurHash3's last step, which spreads it over all 64 bits. */
static uint64_t hash(const char *symbol, size_t len)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)symbol[i]) * 0x100000001b3;
    h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
    return h ^ h >> 33;
}

size_t tape_bloom_size(uint32_t symbols)
{
    size_t size = BLOOM_BYTES_MIN;
    while (size < TAPE_BLOOM_BYTES_MAX && size * 8 < (size_t)symbols * BLOOM_BITS_PER_SYMBOL)
        size *= 2;
    return size;
}

/* The i-th bit of a symbol: its hash's halves, the second i times (Kirsch and Mitzenmacher). */
static uint32_t bloom_bit(uint64_t h, uint32_t i, size_t size)
{
    return ((uint32_t)h + i * (uint32_t)(h >> 32)) & ((uint32_t)size * 8 - 1);
}

void tape_bloom_add(uint8_t *bits, size_t size, const char *symbol, size_t len)
{
    uint64_t h = hash(symbol, len);
    for (uint32_t i = 0; i < BLOOM_HASHES; i++) {
        uint32_t bit = bloom_bit(h, i, size);
        bits[bit / 8] |= (uint8_t)(1U << bit % 8);
    }
}

static bool bloom_holds(const uint8_t *bits, size_t size, const char *symbol, size_t len)
{
    uint64_t h = hash(symbol, len);
    for (uint32_t i = 0; i < BLOOM_HASHES; i++) {
        uint32_t bit = bloom_bit(h, i, size);
        if (!(bits[bit / 8] & 1U << bit % 8))
            return false;
    }
    return true;
}

bool tape_block_may_hold(const struct tape_block *block, const char *symbol, size_t len)
{
    size_t at = 0, name_len;
    const char *name;
    if (block->symbols_kind == TAPE_SYMBOLS_ANY)
        return true;
    if (block->symbols_kind == TAPE_SYMBOLS_BLOOM)
        return bloom_holds(block->symbols, block->symbols_size, symbol, len);
    while (tape_name_next(block->symbols, block->symbols_size, &at, &name, &name_len))
        if (name_len == len && memcmp(name, symbol, len) == 0)
            return true;
    return false;
}

/* ---- the index ---- */

void tape_index_head(uint64_t size, uint8_t *out)
{
    put_head(out, size, TAPE_FRAME_INDEX, 0);
}

size_t tape_symbol_write(const char *symbol, size_t len, uint64_t ticks, uint8_t *out)
{
    uint8_t *at = put64(out, ticks);
    return 8 + tape_name_write(symbol, len, at, 0);
}

size_t tape_symbol_read(const uint8_t *data, size_t size, const char **symbol, size_t *len,
                        uint64_t *ticks)
{
    const uint8_t *at = data;
    size_t name_at = 8;
    if (size < 9 || !tape_name_next(data, size, &name_at, symbol, len))
        return 0;
    *ticks = get64(&at);
    return name_at;
}

void tape_footer_write(const struct tape_footer *footer, uint32_t crc, uint8_t *out)
{
    uint8_t *at = put64(out, footer->index_offset);
    at = put64(at, footer->symbols_offset);
    at = put64(at, footer->blocks);
    at = put64(at, footer->ticks);
    at = put_bytes(at, footer_signature, 8);
    at = put32(at, tape_crc(0, out, (size_t)(at - out)));
    put32(at, tape_crc(crc, out, (size_t)(at - out)));
}

int tape_footer_read(const uint8_t *data, struct tape_footer *footer, uint32_t *crc)
{
    const uint8_t *at = data;
    footer->index_offset = get64(&at);
    footer->symbols_offset = get64(&at);
    footer->blocks = get64(&at);
    footer->ticks = get64(&at);
    if (memcmp(at, footer_signature, 8) != 0)
        return TAPE_FOREIGN;
    at += 8;
    if (tape_crc(0, data, (size_t)(at - data)) != get32(&at))
        return TAPE_BROKEN;
    *crc = get32(&at);
    return 0;
}
