/* SPDX-License-Identifier: MIT */
#include "feed/tape_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zstd.h>

#include "feed/tape_file.h"
#include "feed/tape_fill.h"
#include "feed/tape_index.h"
#include "feed/tape_reader.h"
#include "schemas/tick_msgpack.h"

enum { LEVEL_DEFAULT = 3, SYMBOLS_DEFAULT = 65536 };

struct tape_writer {
    struct tape_writer_config config;
    char path[4096];
    int fd;
    int failed; /* -errno */
    char error[4608];

    /* What stands in the file. */
    uint64_t at; /* where it ends */
    uint64_t blocks, ticks;
    uint64_t headers_size;

    struct tape_fill fill;
    ZSTD_CCtx *zstd;
    uint8_t *out; /* header and data, side by side */
};

static int fail(struct tape_writer *w, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct tape_writer *w, int error, const char *format, ...)
{
    int len = snprintf(w->error, sizeof w->error, "%s: ", w->path);
    va_list args;
    va_start(args, format);
    vsnprintf(w->error + len, sizeof w->error - (size_t)len, format, args);
    va_end(args);
    w->failed = error;
    return error;
}

/* ---- making one ---- */

static uint32_t symbols_max(const struct tape_writer_config *config)
{
    return config->symbols_max ? config->symbols_max : SYMBOLS_DEFAULT;
}

static int level(const struct tape_writer_config *config)
{
    return config->level ? config->level : LEVEL_DEFAULT;
}

static int allocate(struct tape_writer *w)
{
    int result = tape_fill_init(&w->fill, symbols_max(&w->config));
    if (result < 0)
        return result;
    w->out = malloc(TAPE_HEADER_MAX + TAPE_DATA_MAX);
    w->zstd = ZSTD_createCCtx();
    if (!w->out || !w->zstd)
        return -ENOMEM;
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, level(&w->config));
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
    return 0;
}

uint64_t tape_writer_memory(const struct tape_writer_config *config)
{
    enum { COLUMNS = 20, ZSTD_AT_MOST = 32 << 20 };
    uint32_t max = symbols_max(config);
    return sizeof(struct tape_writer) + symbols_memory(max) + (uint64_t)max * COLUMNS +
           TAPE_PLAIN_MAX + TAPED_TICK_MAX + TAPE_HEADER_MAX * 2 + TAPE_DATA_MAX + ZSTD_AT_MOST;
}

static int make(struct tape_writer **out, const struct tape_writer_config *config, char *error,
                size_t error_size)
{
    struct tape_writer *w = calloc(1, sizeof *w);
    int result = -ENOMEM;
    if (w) {
        w->config = *config;
        w->fd = -1;
        snprintf(w->path, sizeof w->path, "%s", config->path);
        if (w->config.block_bytes == 0 || w->config.block_bytes > TAPE_PLAIN_MAX)
            w->config.block_bytes = TAPE_PLAIN_MAX;
        result = allocate(w);
    }
    if (result == 0) {
        *out = w;
        return 0;
    }
    snprintf(error, error_size, "%s: %s", config->path, strerror(-result));
    tape_writer_destroy(w);
    return result;
}

/* Two writers in one file would make it useless. */
static int open_locked(struct tape_writer *w, int flags)
{
    w->fd = open(w->path, flags | O_RDWR | O_CLOEXEC, 0644);
    if (w->fd < 0)
        return fail(w, -errno, "%s", strerror(errno));
    if (flock(w->fd, LOCK_EX | LOCK_NB) < 0)
        return fail(w, -errno, "another process writes to it");
    return 0;
}

int tape_writer_create(struct tape_writer **out, const struct tape_writer_config *config,
                       char *error, size_t error_size)
{
    struct tape_writer *w;
    int result = make(&w, config, error, error_size);
    if (result < 0)
        return result;
    result = open_locked(w, O_CREAT | O_EXCL);
    if (result == 0 && config->sync != TAPE_SYNC_NEVER &&
        (result = tape_file_sync_folder(w->path)) < 0)
        fail(w, result, "its folder can't be synced: %s", strerror(-result));
    if (result < 0) {
        snprintf(error, error_size, "%s", w->error);
        tape_writer_destroy(w);
        return result;
    }
    *out = w;
    return 0;
}

void tape_writer_destroy(struct tape_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    ZSTD_freeCCtx(w->zstd);
    tape_fill_finish(&w->fill);
    free(w->out);
    free(w);
}

/* ---- blocks ---- */

/* Cuts the file back to its last whole block, so that what is told holds. */
static int fail_write(struct tape_writer *w, int error, const char *what)
{
    bool whole = ftruncate(w->fd, (off_t)w->at) == 0;
    return fail(w, error,
                "can't write %s at byte %llu: %s; %llu whole blocks with %llu ticks stand%s, "
                "%u ticks that were pending are not in the file",
                what, (unsigned long long)w->at, strerror(-error), (unsigned long long)w->blocks,
                (unsigned long long)w->ticks, whole ? "" : ", a torn one after them",
                w->fill.count);
}

static int write_block(struct tape_writer *w)
{
    struct tape_fill *f = &w->fill;
    uint8_t header[TAPE_HEADER_MAX];
    uint8_t *data = w->out + TAPE_HEADER_MAX;
    size_t size = ZSTD_compress2(w->zstd, data, TAPE_DATA_MAX, f->plain, f->plain_size);
    if (ZSTD_isError(size))
        return fail(w, -ENOMEM, "block %llu at byte %llu: %s", (unsigned long long)w->blocks,
                    (unsigned long long)w->at, ZSTD_getErrorName(size));
    struct tape_block block = {
        .offset = w->at,
        .ticks_before = w->ticks,
        .data_size = (uint32_t)size,
        .data_crc = tape_crc(0, data, size),
    };
    tape_fill_describe(f, &block);
    size_t header_size = tape_block_write(&block, header);
    memcpy(data - header_size, header, header_size);
    int result = tape_file_write(w->fd, data - header_size, header_size + size, w->at);
    if (result == 0 && w->config.sync == TAPE_SYNC_BLOCK && fdatasync(w->fd) < 0)
        result = -errno;
    if (result < 0)
        return fail_write(w, result, "a block");
    w->at += header_size + size;
    w->headers_size += header_size;
    w->blocks++;
    w->ticks += block.count;
    return 0;
}

int tape_writer_flush(struct tape_writer *w)
{
    if (w->failed < 0)
        return w->failed;
    int result = w->fill.count > 0 ? write_block(w) : 0;
    if (result == 0)
        tape_fill_begin(&w->fill, w->blocks, 0);
    return result;
}

int tape_writer_append(struct tape_writer *w, const struct tick *tick, const char *symbol,
                       size_t symbol_len)
{
    struct tape_fill *f = &w->fill;
    if (w->failed < 0)
        return w->failed;
    int len = tape_fill_encode(f, tick, symbol, symbol_len);
    if (len < 0)
        return fail(w, len, "a tick can't be taken: %s",
                    len == -ENOSPC ? "too many partitions" : "no symbol, or a topic without name");
    if (f->count > 0 && f->plain_size + (uint32_t)len > w->config.block_bytes) {
        int result = write_block(w);
        if (result < 0)
            return result;
        tape_fill_begin(f, w->blocks, (uint32_t)len);
    }
    tape_fill_take(f, tick, symbol, symbol_len, (uint32_t)len);
    return 0;
}

int tape_writer_topic(struct tape_writer *w, uint32_t place, const char *topic)
{
    if (w->failed < 0)
        return w->failed;
    int result = tape_fill_topic(&w->fill, place, topic, strlen(topic));
    if (result < 0)
        return fail(w, result, "topic %u \"%s\": a file has at most %d, in order, each of one name",
                    place, topic, TAPE_TOPICS_MAX);
    return 0;
}

int tape_writer_place(struct tape_writer *w, const struct tape_place *place)
{
    if (w->failed < 0)
        return w->failed;
    int result = tape_fill_place(&w->fill, place);
    return result < 0 ? fail(w, result, "more than %d partitions", TAPE_PLACES_MAX) : 0;
}

int tape_writer_finish(struct tape_writer *w)
{
    int result = tape_writer_flush(w);
    if (result < 0)
        return result;
    const struct tape_index index = {
        .fd = w->fd,
        .at = w->at,
        .blocks = w->blocks,
        .ticks = w->ticks,
        .headers_size = w->headers_size,
        .symbols = w->fill.symbols_unknown ? NULL : &w->fill.symbols,
        .symbol_ticks = w->fill.symbol_ticks,
    };
    uint64_t size;
    result = tape_index_write(&index, &size);
    if (result == 0 && w->config.sync != TAPE_SYNC_NEVER && fsync(w->fd) < 0)
        result = -errno;
    if (result < 0)
        return fail_write(w, result, "the index");
    w->at += size;
    fail(w, -EROFS, "is finished");
    return 0;
}

/* ---- after a crash ---- */

/* Takes in what the header of a whole block says. */
static int restore_block(struct tape_writer *w, const struct tape_block *block)
{
    size_t at = 0, len;
    const char *name;
    int result = 0;
    for (uint32_t i = 0; tape_name_next(block->topics, block->topics_size, &at, &name, &len); i++)
        if (result == 0)
            result = tape_fill_topic(&w->fill, i, name, len);
    for (uint32_t i = 0; i < block->places_count && result == 0; i++) {
        struct tape_place place = tape_place_read(block, i);
        result = tape_fill_place(&w->fill, &place);
    }
    if (result < 0)
        return fail(w, result, "block %llu at byte %llu doesn't go with those before it",
                    (unsigned long long)block->number, (unsigned long long)block->offset);
    w->at = block->offset + block->header_size + block->data_size;
    w->headers_size += block->header_size;
    w->blocks = block->number + 1;
    w->ticks = block->ticks_before + block->count;
    tape_fill_begin(&w->fill, w->blocks, 0);
    return 0;
}

/* Reads all that is whole. A damaged part at the end is the torn tail; before others it isn't ours
 * to throw away. */
static int restore_blocks(struct tape_writer *w, struct tape_reader *reader)
{
    struct tape_item item;
    uint64_t ticks = 0;
    int result;
    bool damage = false;
    while ((result = tape_reader_next(reader, &item)) == 1 || result == -EBADMSG) {
        if (result == 1 && damage)
            return fail(w, -EBADMSG,
                        "what is at byte %llu is damaged, and whole blocks come after it: the file "
                        "is left as it is",
                        (unsigned long long)w->at);
        damage = damage || result == -EBADMSG;
        if (damage)
            continue;
        const struct tape_block *block = tape_reader_block(reader);
        tape_fill_symbol(&w->fill, item.symbol, item.symbol_len);
        result = ++ticks == block->ticks_before + block->count ? restore_block(w, block) : 0;
        if (result < 0)
            return result;
    }
    return result < 0 ? fail(w, result, "%s", tape_reader_error(reader)) : 0;
}

static int restore(struct tape_writer *w, struct tape_recovery *recovery)
{
    const struct tape_reader_config config = {.path = w->path};
    struct tape_reader *reader;
    int result = tape_reader_open(&reader, &config, w->error, sizeof w->error);
    if (result < 0)
        return w->failed = result;
    uint64_t blocks, ticks;
    if (tape_reader_totals(reader, &blocks, &ticks))
        result = fail(w, -EALREADY, "is finished");
    else
        result = restore_blocks(w, reader);
    uint64_t size = tape_reader_stats(reader)->file_bytes;
    tape_reader_close(reader);
    if (result < 0)
        return result;
    *recovery = (struct tape_recovery){
        .blocks = w->blocks,
        .ticks = w->ticks,
        .bytes = w->at,
        .cut_bytes = size - w->at,
    };
    if (size == w->at)
        return 0;
    if (ftruncate(w->fd, (off_t)w->at) < 0 || fsync(w->fd) < 0)
        return fail(w, -errno, "its torn end at byte %llu can't be cut off: %s",
                    (unsigned long long)w->at, strerror(errno));
    return 0;
}

int tape_writer_reopen(struct tape_writer **out, const struct tape_writer_config *config,
                       struct tape_recovery *recovery, char *error, size_t error_size)
{
    struct tape_writer *w;
    int result = make(&w, config, error, error_size);
    if (result < 0)
        return result;
    result = open_locked(w, 0);
    if (result == 0)
        result = restore(w, recovery);
    if (result < 0) {
        snprintf(error, error_size, "%s", w->error);
        tape_writer_destroy(w);
        return result;
    }
    *out = w;
    return 0;
}

/* ---- what stands ---- */

const char *tape_writer_error(const struct tape_writer *w)
{
    return w->error;
}

uint64_t tape_writer_blocks(const struct tape_writer *w)
{
    return w->blocks;
}

uint64_t tape_writer_ticks(const struct tape_writer *w)
{
    return w->ticks;
}

uint64_t tape_writer_bytes(const struct tape_writer *w)
{
    return w->at;
}

uint32_t tape_writer_pending(const struct tape_writer *w)
{
    return w->fill.count;
}

const struct tape_place *tape_writer_places(const struct tape_writer *w, uint32_t *count)
{
    *count = w->fill.places_count;
    return w->fill.places;
}

const char *tape_writer_topic_name(const struct tape_writer *w, uint32_t place)
{
    return place < w->fill.topics_count ? w->fill.topics[place] : NULL;
}
