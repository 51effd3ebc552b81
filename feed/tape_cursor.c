/* SPDX-License-Identifier: MIT */
#include "feed/tape_cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/tape_file.h"

typedef unsigned long long ull; /* for printf */

enum { PART = 1 << 16, /* what is read at a time, to search or to sum */ MAGIC_LEN = 4 };

static const uint8_t magic[MAGIC_LEN] = {0x54, 0x2a, 0x4d, 0x18};
static const uint8_t zstd_magic[MAGIC_LEN] = {0x28, 0xb5, 0x2f, 0xfd};

static int fail(struct tape_cursor *c, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct tape_cursor *c, int error, const char *format, ...)
{
    int len = snprintf(c->error, sizeof c->error, "%s: ", c->path);
    va_list args;
    va_start(args, format);
    vsnprintf(c->error + len, sizeof c->error - (size_t)len, format, args);
    va_end(args);
    return error;
}

void tape_cursor_notice(struct tape_cursor *c, const char *format, ...)
{
    char sentence[TAPE_SENTENCE_MAX];
    if (!c->config.notice)
        return;
    int len = snprintf(sentence, sizeof sentence, "%s: ", c->path);
    va_list args;
    va_start(args, format);
    vsnprintf(sentence + len, sizeof sentence - (size_t)len, format, args);
    va_end(args);
    c->config.notice(c->config.arg, sentence);
}

static uint64_t blocks_end(const struct tape_cursor *c)
{
    return c->indexed ? c->footer.index_offset : c->size;
}

/* ---- checksums of the index ---- */

static int bad_index(struct tape_cursor *c, uint64_t at, const char *why)
{
    return fail(c, -EBADMSG, "the index at byte %llu: %s", (ull)at, why);
}

/* Checksum of [from, to), in parts. */
static int sum(struct tape_cursor *c, uint64_t from, uint64_t to, uint32_t *crc)
{
    uint8_t part[PART];
    *crc = 0;
    for (uint64_t at = from; at < to;) {
        size_t want = to - at < PART ? (size_t)(to - at) : PART;
        ssize_t got = tape_file_read(c->fd, part, want, at);
        if (got <= 0)
            return bad_index(c, at, got < 0 ? strerror((int)-got) : "it is cut short");
        *crc = tape_crc(*crc, part, (size_t)got);
        at += (uint64_t)got;
    }
    return 0;
}

static uint32_t u32_at(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Their checksum first: what is handed out is handed out. */
static int check_symbols(struct tape_cursor *c, uint64_t from, uint64_t to)
{
    uint32_t crc;
    uint8_t stored[4];
    if (to < from + 4)
        return bad_index(c, from, "its symbols are cut short");
    int result = sum(c, from, to, &crc);
    if (result < 0)
        return result;
    if (tape_file_read(c->fd, stored, sizeof stored, to) != (ssize_t)sizeof stored ||
        u32_at(stored) != crc)
        return bad_index(c, from, "its symbols' checksum is wrong");
    return 0;
}

/* ---- opening ---- */

/* The frame at `at`: an enum tape_frame or tape_error, and its length. */
static int frame_at(const struct tape_cursor *c, uint64_t at, uint64_t *size)
{
    uint8_t head[TAPE_FRAME_HEAD];
    if (tape_file_read(c->fd, head, sizeof head, at) != (ssize_t)sizeof head)
        return TAPE_SHORT;
    return tape_frame_read(head, size);
}

/* Whether the index stands where the footer says: its head does, or, where that is damaged, the
 * first block's header behind it and the symbols that reach to the footer. */
static bool index_stands(struct tape_cursor *c)
{
    const struct tape_footer *f = &c->footer;
    uint64_t size, first = f->index_offset + TAPE_FRAME_HEAD;
    struct tape_block block;
    int failed;
    if (f->index_offset > c->size || f->symbols_offset < first || f->symbols_offset > c->size)
        return false;
    if (frame_at(c, f->index_offset, &size) == TAPE_FRAME_INDEX &&
        f->index_offset + size == c->size)
        return true;
    if (f->symbols_offset == first ||
        tape_file_header(c->fd, first, c->head, &block, &failed) <= 0 || block.offset != 0 ||
        check_symbols(c, f->symbols_offset, c->size - TAPE_FOOTER_LEN - 4) < 0)
        return false;
    tape_cursor_notice(c, "the head of its index at byte %llu is damaged", (ull)f->index_offset);
    return true;
}

static void find_index(struct tape_cursor *c)
{
    uint8_t bytes[TAPE_FOOTER_LEN];
    if (c->size < TAPE_FRAME_HEAD + TAPE_FOOTER_LEN ||
        tape_file_read(c->fd, bytes, sizeof bytes, c->size - sizeof bytes) !=
            (ssize_t)sizeof bytes ||
        tape_footer_read(bytes, &c->footer, &c->index_crc) != 0)
        return;
    c->indexed = index_stands(c);
    if (!c->indexed)
        tape_cursor_notice(c,
                           "the index at its end says that it stands at byte %llu, where it "
                           "doesn't: going from block to block",
                           (ull)c->footer.index_offset);
}

/* Whether a file without an index is one of ours: it begins with a block, or with what is left of
 * one after a crash: as much of the magic as there is, or zeros that stand for what never reached
 * the disk. */
static bool begins_well(const struct tape_cursor *c, uint8_t *first, size_t *len)
{
    static const uint8_t zeros[TAPE_FRAME_HEAD];
    ssize_t got = tape_file_read(c->fd, first, TAPE_FRAME_HEAD, 0);
    *len = got > 0 ? (size_t)got : 0;
    if (*len == 0 || memcmp(first, zeros, *len) == 0)
        return true;
    if (memcmp(first, magic, *len < MAGIC_LEN ? *len : MAGIC_LEN) != 0)
        return false;
    return *len < 12 || memcmp(first + 8, "TAPE", 4) == 0;
}

static bool find_header(struct tape_cursor *c, uint64_t from, uint64_t to, uint64_t *found);

static int recognize(struct tape_cursor *c)
{
    uint8_t first[TAPE_FRAME_HEAD];
    size_t len;
    uint64_t found, search = PART * 64;
    find_index(c);
    if (c->indexed || begins_well(c, first, &len))
        return 0;
    if (find_header(c, 0, search < c->size ? search : c->size, &found))
        return 0;
    return fail(c, -EPROTO, "is no tape: it begins with %02x %02x %02x %02x, not 54 2a 4d 18",
                first[0], len > 1 ? first[1] : 0, len > 2 ? first[2] : 0, len > 3 ? first[3] : 0);
}

static int later(struct tape_cursor *c)
{
    return fail(c, -EPROTO,
                "block %llu at byte %llu is of format version %u; this program reads up to %d",
                (ull)c->number, (ull)c->at, c->head[12] | c->head[13] << 8, TAPE_VERSION);
}

int tape_cursor_open(struct tape_cursor *c, const struct tape_reader_config *config)
{
    memset(c, 0, sizeof *c);
    c->config = *config;
    snprintf(c->path, sizeof c->path, "%s", config->path);
    c->fd = open(c->path, O_RDONLY | O_CLOEXEC);
    if (c->fd < 0)
        return fail(c, -errno, "%s", strerror(errno));
    struct stat status;
    int result = fstat(c->fd, &status) < 0 ? -errno : S_ISREG(status.st_mode) ? 0 : -EINVAL;
    if (result < 0) {
        fail(c, result, "%s", result == -EINVAL ? "is no plain file" : strerror(-result));
    } else {
        c->size = (uint64_t)status.st_size;
        result = recognize(c);
    }
    int failed;
    if (result == 0 && tape_file_header(c->fd, 0, c->head, &c->block, &failed) == TAPE_LATER)
        result = later(c);
    if (result < 0) {
        close(c->fd);
        return result;
    }
    tape_cursor_rewind(c);
    return 0;
}

void tape_cursor_close(struct tape_cursor *c)
{
    close(c->fd);
}

void tape_cursor_rewind(struct tape_cursor *c)
{
    c->by_index = c->indexed;
    c->index_at = c->footer.index_offset + TAPE_FRAME_HEAD;
    c->at = c->number = c->ticks = 0;
    c->any = false;
}

/* ---- damage ---- */

static int damage(struct tape_cursor *c, const struct tape_damage *what, const char *why)
{
    char ticks[64] = "";
    c->damage = *what;
    if (what->ticks_known)
        snprintf(ticks, sizeof ticks, ", %llu ticks", (ull)what->ticks);
    if (what->bytes == 0 && !what->ticks_known)
        return fail(c, -EBADMSG, "block %llu at byte %llu: %s", (ull)what->block, (ull)what->offset,
                    why);
    return fail(c, -EBADMSG, "block %llu at byte %llu: %s: %llu bytes%s are lost", (ull)what->block,
                (ull)what->offset, why, (ull)what->bytes,
                what->ticks_known ? ticks : " and the ticks in them");
}

int tape_cursor_damaged(struct tape_cursor *c, uint64_t ticks, const char *why)
{
    const struct tape_damage what = {
        .block = c->block.number,
        .offset = c->block.offset,
        .bytes = (uint64_t)c->block.header_size + c->block.data_size,
        .ticks = ticks,
        .ticks_known = true,
    };
    return damage(c, &what, why);
}

/* Whether a whole header stands at `at` with its data behind it: the headers' copies in an index
 * have none. */
static bool block_at(struct tape_cursor *c, uint64_t at, struct tape_block *block)
{
    uint8_t behind[MAGIC_LEN];
    int failed;
    int size = tape_file_header(c->fd, at, c->head, block, &failed);
    return size > 0 && tape_file_read(c->fd, behind, MAGIC_LEN, at + (uint64_t)size) == MAGIC_LEN &&
           memcmp(behind, zstd_magic, MAGIC_LEN) == 0;
}

/* Where in [from, to) the next block begins, or the index that ends the file. */
static bool find_header(struct tape_cursor *c, uint64_t from, uint64_t to, uint64_t *found)
{
    uint8_t chunk[PART];
    struct tape_block block;
    while (from < to) {
        size_t want = to - from < sizeof chunk ? (size_t)(to - from) : sizeof chunk;
        ssize_t got = tape_file_read(c->fd, chunk, want, from);
        if (got < MAGIC_LEN)
            return false;
        const uint8_t *at = chunk, *hit;
        while ((hit = memmem(at, (size_t)(chunk + got - at), magic, MAGIC_LEN)) != NULL) {
            uint64_t size;
            *found = from + (uint64_t)(hit - chunk);
            if (block_at(c, *found, &block))
                return true;
            if (frame_at(c, *found, &size) == TAPE_FRAME_INDEX && *found + size >= c->size)
                return true;
            at = hit + 1;
        }
        from += (uint64_t)got - (MAGIC_LEN - 1);
        if ((size_t)got < sizeof chunk)
            return false;
    }
    return false;
}

static bool is_being_written(const struct tape_cursor *c)
{
    return c->config.growing && !c->indexed;
}

/* What stands at `at` is no block. Goes on at the next whole one; without one, the file's end is
 * torn. */
static int skip_damage(struct tape_cursor *c, const char *why)
{
    uint64_t next = blocks_end(c), end = next;
    struct tape_block block;
    struct tape_damage what = {.block = c->number, .offset = c->at};
    bool found = find_header(c, c->at + 1, end, &next);
    if (!found && is_being_written(c))
        return 0;
    if (!found)
        next = end;
    what.bytes = next - c->at;
    what.torn = !found && !c->indexed;
    if (found && block_at(c, next, &block)) {
        what.ticks_known = block.number > c->number && block.ticks_before >= c->ticks;
        what.ticks = block.ticks_before - c->ticks;
        c->number = block.number;
        c->ticks = block.ticks_before;
    } else if (c->indexed) {
        what.ticks_known = c->footer.ticks >= c->ticks;
        what.ticks = c->footer.ticks - c->ticks;
    }
    c->at = next;
    return damage(c, &what, what.torn ? "the file ends within it" : why);
}

/* ---- going on ---- */

static int accept(struct tape_cursor *c)
{
    const struct tape_block *b = &c->block;
    if (c->by_index)
        c->index_at += b->header_size;
    c->last = b->offset;
    c->any = true;
    c->at += (uint64_t)b->header_size + b->data_size;
    c->number = b->number + 1;
    c->ticks = b->ticks_before + b->count;
    return 1;
}

/* A whole block that isn't the one that should come. */
static int out_of_turn(struct tape_cursor *c)
{
    const struct tape_block *b = &c->block;
    struct tape_damage what = {.block = c->number, .offset = c->at};
    char why[160];
    bool later = b->number > c->number && b->ticks_before >= c->ticks;
    what.ticks_known = later;
    what.ticks = later ? b->ticks_before - c->ticks : 0;
    snprintf(why, sizeof why, "block %llu, written at byte %llu, stands in its place%s",
             (ull)b->number, (ull)b->offset, later ? "" : " (were files joined? see merge)");
    c->number = b->number;
    c->ticks = b->ticks_before;
    return damage(c, &what, why);
}

static int torn(struct tape_cursor *c)
{
    if (is_being_written(c))
        return 0;
    const struct tape_damage what = {
        .block = c->number,
        .offset = c->at,
        .bytes = blocks_end(c) - c->at,
        .ticks = c->block.count,
        .ticks_known = true,
        .torn = !c->indexed,
    };
    c->at = blocks_end(c);
    return damage(c, &what, "the file ends within it");
}

/* The index was come to by walking. */
static int at_index(struct tape_cursor *c, uint64_t size)
{
    if (c->at + size < c->size) {
        const struct tape_damage what = {.block = c->number, .offset = c->at, .bytes = size};
        c->at += size;
        return damage(c, &what, "an index stands in its place (were files joined? see merge)");
    }
    tape_cursor_notice(c, "its index at byte %llu is %s; the blocks before it are all there",
                       (ull)c->at, c->at + size > c->size ? "cut short" : "damaged");
    c->at = c->size;
    return 0;
}

static int walk(struct tape_cursor *c)
{
    uint64_t end = blocks_end(c), size = 0;
    if (c->at >= end)
        return 0;
    int failed;
    int result = tape_file_header(c->fd, c->at, c->head, &c->block, &failed);
    if (failed < 0)
        return fail(c, failed, "block %llu at byte %llu can't be read: %s", (ull)c->number,
                    (ull)c->at, strerror(-failed));
    if (result == TAPE_LATER)
        return later(c);
    if (result <= 0 && frame_at(c, c->at, &size) == TAPE_FRAME_INDEX)
        return at_index(c, size);
    if (result <= 0)
        return skip_damage(c, "its header is damaged");
    if (c->block.number != c->number || c->block.ticks_before != c->ticks)
        return out_of_turn(c);
    if (c->at + c->block.header_size + c->block.data_size > end)
        return torn(c);
    if (c->block.offset != c->at)
        tape_cursor_notice(c, "block %llu at byte %llu was written at byte %llu", (ull)c->number,
                           (ull)c->at, (ull)c->block.offset);
    c->block.offset = c->at;
    return accept(c);
}

/* The last block's header again: a look at what stands behind it has written over it. */
static void show_last(struct tape_cursor *c)
{
    int failed;
    if (!c->any)
        return;
    if (tape_file_header(c->fd, c->last, c->head, &c->block, &failed) <= 0)
        c->block = (struct tape_block){0};
    c->block.offset = c->last;
}

static int next(struct tape_cursor *c)
{
    if (!c->by_index)
        return walk(c);
    if (c->index_at == c->footer.symbols_offset && c->at == c->footer.index_offset)
        return 0;
    int failed;
    int result = tape_file_header(c->fd, c->index_at, c->head, &c->block, &failed);
    const struct tape_block *b = &c->block;
    if (result == TAPE_LATER)
        return walk(c); /* which says so */
    if (result > 0 && b->offset == c->at && b->number == c->number && b->ticks_before == c->ticks &&
        c->at + b->header_size + b->data_size <= c->footer.index_offset)
        return accept(c);
    tape_cursor_notice(c, "its index is damaged at byte %llu: going from block to block",
                       (ull)c->index_at);
    c->by_index = false;
    return walk(c);
}

int tape_cursor_next(struct tape_cursor *c)
{
    int result = next(c);
    if (result == 0 && !c->by_index)
        show_last(c);
    return result;
}

/* ---- the index ---- */

int tape_cursor_check_index(struct tape_cursor *c)
{
    uint32_t crc;
    if (!c->indexed)
        return -ENOENT;
    int result = sum(c, c->footer.index_offset, c->size - 4, &crc);
    if (result == 0 && crc != c->index_crc)
        result = bad_index(c, c->footer.index_offset, "its checksum is wrong");
    return result;
}

int tape_cursor_symbols(struct tape_cursor *c,
                        void (*take)(void *arg, const char *symbol, size_t len, uint64_t ticks),
                        void *arg)
{
    if (!c->indexed)
        return -ENOENT;
    uint64_t at = c->footer.symbols_offset, to = c->size - TAPE_FOOTER_LEN - 4;
    int result = check_symbols(c, at, to);
    uint8_t part[PART], count[4];
    if (result < 0)
        return result;
    tape_file_read(c->fd, count, sizeof count, at);
    if (u32_at(count) == TAPE_SYMBOLS_UNKNOWN)
        return -ENOENT;
    for (at += 4; at < to;) {
        size_t want = to - at < PART ? (size_t)(to - at) : PART, done = 0, len, name_len;
        ssize_t got = tape_file_read(c->fd, part, want, at);
        const char *name;
        uint64_t ticks;
        while (got > 0 && (len = tape_symbol_read(part + done, (size_t)got - done, &name, &name_len,
                                                  &ticks)) > 0) {
            take(arg, name, name_len, ticks);
            done += len;
        }
        if (done == 0)
            return bad_index(c, at, "its symbols can't be read");
        at += done;
    }
    return 0;
}
