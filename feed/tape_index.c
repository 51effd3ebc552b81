/* SPDX-License-Identifier: MIT */
#include "feed/tape_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/tape_file.h"

enum { ROOM = 1 << 16, COUNT_LEN = 4, CRC_LEN = 4 };

/* Bytes on their way to the file. */
struct run {
    int fd;
    int failed;
    uint64_t at;
    uint32_t crc;      /* of the whole frame so far */
    uint32_t part_crc; /* since last set to 0 */
    size_t used;
    uint8_t room[ROOM];
    uint8_t head[TAPE_HEADER_MAX];
};

static void drain(struct run *run)
{
    if (run->failed == 0)
        run->failed = tape_file_write(run->fd, run->room, run->used, run->at);
    run->at += run->used;
    run->used = 0;
}

static void put(struct run *run, const uint8_t *data, size_t len)
{
    if (run->used + len > ROOM)
        drain(run);
    memcpy(run->room + run->used, data, len);
    run->used += len;
    run->crc = tape_crc(run->crc, data, len);
    run->part_crc = tape_crc(run->part_crc, data, len);
}

static void put_u32(struct run *run, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    put(run, bytes, sizeof bytes);
}

static int put_headers(struct run *run, const struct tape_index *index)
{
    uint64_t at = 0;
    while (at < index->at) {
        struct tape_block block;
        int failed;
        int size = tape_file_header(index->fd, at, run->head, &block, &failed);
        if (size <= 0)
            return failed < 0 ? failed : -EBADMSG;
        put(run, run->head, (size_t)size);
        at += (uint64_t)size + block.data_size;
    }
    return 0;
}

static uint64_t symbols_size(const struct tape_index *index)
{
    uint64_t size = COUNT_LEN + CRC_LEN;
    for (uint32_t i = 0; index->symbols && i < index->symbols->count; i++)
        size += 8 + 1 + index->symbols->table[i].len;
    return size;
}

/* Their count, each with its ticks, and a checksum of their own: they are read alone. */
static void put_symbols(struct run *run, const struct tape_index *index)
{
    const struct symbols *symbols = index->symbols;
    run->part_crc = 0;
    put_u32(run, symbols ? symbols->count : TAPE_SYMBOLS_UNKNOWN);
    for (uint32_t i = 0; symbols && i < symbols->count; i++) {
        uint8_t entry[TAPE_SYMBOL_ENTRY_MAX];
        const struct symbol *s = &symbols->table[i];
        put(run, entry, tape_symbol_write(s->name, s->len, index->symbol_ticks[i], entry));
    }
    put_u32(run, run->part_crc);
}

int tape_index_write(const struct tape_index *index, uint64_t *size)
{
    uint8_t head[TAPE_FRAME_HEAD], footer[TAPE_FOOTER_LEN];
    *size = TAPE_FRAME_HEAD + index->headers_size + symbols_size(index) + TAPE_FOOTER_LEN;
    if (*size > UINT32_MAX)
        return -EFBIG;
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return -ENOMEM;
    run->fd = index->fd;
    run->at = index->at;
    tape_index_head(*size, head);
    put(run, head, sizeof head);
    int result = put_headers(run, index);
    put_symbols(run, index);
    const struct tape_footer words = {
        .index_offset = index->at,
        .symbols_offset = index->at + TAPE_FRAME_HEAD + index->headers_size,
        .blocks = index->blocks,
        .ticks = index->ticks,
    };
    tape_footer_write(&words, run->crc, footer);
    put(run, footer, sizeof footer);
    drain(run);
    if (result == 0)
        result = run->failed;
    free(run);
    return result;
}
