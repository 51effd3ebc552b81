/* SPDX-License-Identifier: MIT */
#include "feed/tape_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "feed/tape_cursor.h"
#include "feed/tape_file.h"
#include "schemas/tick_msgpack.h"

enum {
    VERDICTS = 1024,   /* of the filter, remembered by symbol; a power of two */
    WANTED_MAX = 4096, /* symbols of an index that are looked for in each block's filter */
    TOPIC_PARTITIONS = 4096,
};

struct verdict {
    uint8_t len; /* 0: none yet */
    bool wanted;
    char symbol[SYMBOL_LEN_MAX];
};

struct name {
    uint8_t len;
    char symbol[SYMBOL_LEN_MAX];
};

enum seek_kind { SEEK_NONE, SEEK_TIME, SEEK_PLACE };

/* What the next tick is to be the first of. */
struct seek {
    enum seek_kind kind;
    enum tape_clock clock;
    int64_t ns;
    char topic[TAPE_TOPIC_LEN_MAX + 1];
    uint32_t partition, index;
    uint64_t offset;
};

struct tape_reader {
    struct tape_cursor cursor;
    struct tape_stats stats;
    bool failed; /* for good */

    bool began;                /* cursor.block is that of a tick or of next_block() */
    const uint8_t *next, *end; /* of the block's ticks, in plain */
    uint32_t left;             /* ticks */
    struct tick_taped taped;   /* the last one; items point to it */

    struct tape_filter filter;
    struct seek seek;
    struct verdict verdicts[VERDICTS];
    struct name wanted[WANTED_MAX];
    uint32_t wanted_count;
    bool wanted_known;

    char topics[TAPE_TOPICS_MAX][TAPE_TOPIC_LEN_MAX + 1];
    uint32_t topics_count, topic; /* the last one */

    ZSTD_DCtx *zstd;
    uint8_t data[TAPE_HEADER_MAX + TAPE_DATA_MAX];
    uint8_t plain[TAPE_PLAIN_MAX];
};

/* ---- opening ---- */

int tape_reader_open(struct tape_reader **out, const struct tape_reader_config *config, char *error,
                     size_t error_size)
{
    struct tape_reader *r = calloc(1, sizeof *r);
    ZSTD_DCtx *zstd = r ? ZSTD_createDCtx() : NULL;
    if (!zstd) {
        free(r);
        snprintf(error, error_size, "%s: %s", config->path, strerror(ENOMEM));
        return -ENOMEM;
    }
    r->zstd = zstd;
    int result = tape_cursor_open(&r->cursor, config);
    if (result < 0) {
        snprintf(error, error_size, "%s", r->cursor.error);
        ZSTD_freeDCtx(zstd);
        free(r);
        return result;
    }
    r->stats.file_bytes = r->cursor.size;
    *out = r;
    return 0;
}

void tape_reader_close(struct tape_reader *r)
{
    if (!r)
        return;
    tape_cursor_close(&r->cursor);
    ZSTD_freeDCtx(r->zstd);
    free(r);
}

uint64_t tape_reader_memory(void)
{
    enum { DCTX_AT_MOST = 256 << 10 };
    return sizeof(struct tape_reader) + DCTX_AT_MOST;
}

/* ---- what is wanted ---- */

static uint32_t verdict_place(const char *symbol, size_t len)
{
    uint32_t h = 2166136261;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)symbol[i]) * 16777619;
    return (h ^ h >> 15) & (VERDICTS - 1);
}

static bool wants(struct tape_reader *r, const char *symbol, size_t len)
{
    if (!r->filter.wants)
        return true;
    if (len < 1 || len > SYMBOL_LEN_MAX)
        return false;
    struct verdict *v = &r->verdicts[verdict_place(symbol, len)];
    if (v->len != len || memcmp(v->symbol, symbol, len) != 0) {
        v->len = (uint8_t)len;
        memcpy(v->symbol, symbol, len);
        v->wanted = r->filter.wants(r->filter.arg, symbol, len);
    }
    return v->wanted;
}

static void note_wanted(void *arg, const char *symbol, size_t len, uint64_t ticks)
{
    struct tape_reader *r = arg;
    (void)ticks;
    if (!r->wanted_known || len > SYMBOL_LEN_MAX || !wants(r, symbol, len))
        return;
    if (r->wanted_count == WANTED_MAX) {
        r->wanted_known = false; /* most blocks have some of them: not worth the looking */
        return;
    }
    struct name *name = &r->wanted[r->wanted_count++];
    name->len = (uint8_t)len;
    memcpy(name->symbol, symbol, len);
}

int tape_reader_filter(struct tape_reader *r, const struct tape_filter *filter)
{
    r->filter = filter ? *filter : (struct tape_filter){.wants = NULL};
    memset(r->verdicts, 0, sizeof r->verdicts);
    r->wanted_count = 0;
    r->wanted_known = r->filter.wants != NULL;
    if (r->wanted_known && tape_reader_symbols(r, note_wanted, r) < 0)
        r->wanted_known = false;
    return 0;
}

void tape_reader_rewind(struct tape_reader *r)
{
    tape_cursor_rewind(&r->cursor);
    r->left = 0;
    r->began = false;
    r->failed = false;
    r->seek.kind = SEEK_NONE;
}

void tape_reader_seek_time(struct tape_reader *r, enum tape_clock clock, int64_t ns)
{
    tape_reader_rewind(r);
    r->seek = (struct seek){.kind = SEEK_TIME, .clock = clock, .ns = ns};
}

void tape_reader_seek_place(struct tape_reader *r, const char *topic, uint32_t partition,
                            uint64_t offset, uint32_t index)
{
    tape_reader_rewind(r);
    r->seek =
        (struct seek){.kind = SEEK_PLACE, .partition = partition, .offset = offset, .index = index};
    snprintf(r->seek.topic, sizeof r->seek.topic, "%s", topic);
}

/* ---- blocks ---- */

static const struct tape_span *span_of(const struct tape_block *block, enum tape_clock clock)
{
    return clock == TAPE_EVENT ? &block->event : &block->receive;
}

static bool may_hold_wanted(struct tape_reader *r, const struct tape_block *b)
{
    size_t at = 0, len;
    const char *name;
    if (!r->filter.wants || b->symbols_kind == TAPE_SYMBOLS_ANY)
        return true;
    if (b->symbols_kind == TAPE_SYMBOLS_LIST) {
        while (tape_name_next(b->symbols, b->symbols_size, &at, &name, &len))
            if (wants(r, name, len))
                return true;
        return false;
    }
    if (!r->wanted_known)
        return true;
    for (uint32_t i = 0; i < r->wanted_count; i++)
        if (tape_block_may_hold(b, r->wanted[i].symbol, r->wanted[i].len))
            return true;
    return false;
}

/* Whether the partition had come as far as the place sought when the block was written. */
static bool reaches_place(const struct seek *seek, const struct tape_block *b)
{
    size_t at = 0, len;
    const char *name;
    for (uint32_t topic = 0; tape_name_next(b->topics, b->topics_size, &at, &name, &len); topic++) {
        if (strlen(seek->topic) != len || memcmp(seek->topic, name, len) != 0)
            continue;
        for (uint32_t i = 0; i < b->places_count; i++) {
            struct tape_place place = tape_place_read(b, i);
            if (place.partition == topic * TOPIC_PARTITIONS + seek->partition)
                return place.offset > seek->offset ||
                       (place.offset == seek->offset && place.index > seek->index);
        }
    }
    return false;
}

static bool may_skip(struct tape_reader *r, const struct tape_block *b)
{
    const struct tape_filter *f = &r->filter;
    const struct tape_span *span = span_of(b, f->clock);
    if ((f->from && span->last_ns < f->from_ns) || (f->until && span->first_ns >= f->until_ns))
        return true;
    if (r->seek.kind == SEEK_TIME && span_of(b, r->seek.clock)->last_ns < r->seek.ns)
        return true;
    if (r->seek.kind == SEEK_PLACE && !reaches_place(&r->seek, b))
        return true;
    return !may_hold_wanted(r, b);
}

/* Reads and decompresses the cursor's block. */
static int load(struct tape_reader *r)
{
    struct tape_cursor *c = &r->cursor;
    const struct tape_block *b = &c->block;
    size_t size = (size_t)b->header_size + b->data_size;
    ssize_t got = tape_file_read(c->fd, r->data, size, b->offset);
    if (got != (ssize_t)size)
        return tape_cursor_damaged(c, b->count, got < 0 ? strerror((int)-got) : "it is cut short");
    r->stats.read_bytes += size;
    r->stats.blocks_read++;
    if (memcmp(r->data, c->head, b->header_size) != 0)
        tape_cursor_notice(c,
                           "block %llu at byte %llu has a damaged header; the index's copy of it "
                           "is used",
                           (unsigned long long)b->number, (unsigned long long)b->offset);
    const uint8_t *data = r->data + b->header_size;
    if (tape_crc(0, data, b->data_size) != b->data_crc)
        return tape_cursor_damaged(c, b->count, "its checksum is wrong");
    size_t plain = ZSTD_decompressDCtx(r->zstd, r->plain, TAPE_PLAIN_MAX, data, b->data_size);
    if (ZSTD_isError(plain))
        return tape_cursor_damaged(c, b->count, ZSTD_getErrorName(plain));
    if (plain != b->plain_size)
        return tape_cursor_damaged(c, b->count, "it is not as long as its header says");
    r->stats.plain_bytes += plain;
    r->next = r->plain;
    r->end = r->plain + plain;
    r->left = b->count;
    return 0;
}

/* Moves to the next block that may hold something wanted. As tape_reader_next(). */
static int next_loaded(struct tape_reader *r)
{
    int result;
    while ((result = tape_cursor_next(&r->cursor)) == 1) {
        r->began = true;
        if (!may_skip(r, &r->cursor.block))
            break;
        r->stats.blocks_skipped++;
        r->stats.read_bytes += r->cursor.block.header_size;
    }
    if (result == 1)
        result = load(r);
    else if (result == 0)
        return 0;
    r->failed = result < 0 && result != -EBADMSG;
    return result < 0 ? result : 1;
}

/* ---- ticks ---- */

/* The place of the topic last read, a new one if need be; negative where there are too many. */
static int topic_place(struct tape_reader *r)
{
    const char *topic = r->taped.topic;
    size_t len = r->taped.topic_len;
    for (uint32_t n = 0; n < r->topics_count; n++) {
        uint32_t i = (r->topic + n) % r->topics_count;
        if (strlen(r->topics[i]) == len && memcmp(r->topics[i], topic, len) == 0)
            return (int)(r->topic = i);
    }
    if (r->topics_count == TAPE_TOPICS_MAX || len < 1 || len > TAPE_TOPIC_LEN_MAX)
        return -1;
    memcpy(r->topics[r->topics_count], topic, len);
    return (int)(r->topic = r->topics_count++);
}

/* Decodes the block's next tick into `taped`. */
static int decode(struct tape_reader *r)
{
    int len = tick_msgpack_read_taped(r->next, (size_t)(r->end - r->next), &r->taped);
    int topic = len > 0 ? topic_place(r) : 0;
    uint32_t left = r->left--;
    struct tick *tick = &r->taped.tick;
    if (len > 0)
        r->next += len;
    if (len <= 0 || topic < 0 || tick_partition(tick) >= TOPIC_PARTITIONS ||
        (left == 1 && r->next != r->end)) {
        r->left = 0;
        return tape_cursor_damaged(&r->cursor, left, "it holds what is no tick");
    }
    tick->pos =
        tick_pos((uint32_t)topic * TOPIC_PARTITIONS + tick_partition(tick), tick_offset(tick));
    r->stats.ticks_read++;
    return 0;
}

static int64_t time_of(const struct tick *tick, enum tape_clock clock)
{
    return clock == TAPE_EVENT ? tick->ts_ns : tick->rts_ns;
}

/* Whether the tick is, or comes after, the one sought. */
static bool arrived(struct tape_reader *r, const struct tick *tick)
{
    struct seek *s = &r->seek;
    if (s->kind == SEEK_TIME && time_of(tick, s->clock) < s->ns)
        return false;
    if (s->kind == SEEK_PLACE &&
        (strcmp(r->topics[r->topic], s->topic) != 0 ||
         tick_partition(tick) % TOPIC_PARTITIONS != s->partition || tick_offset(tick) < s->offset ||
         (tick_offset(tick) == s->offset && tick->index < s->index)))
        return false;
    s->kind = SEEK_NONE;
    return true;
}

static bool passes(struct tape_reader *r, const struct tick *tick)
{
    const struct tape_filter *f = &r->filter;
    int64_t ns = time_of(tick, f->clock);
    if (r->seek.kind != SEEK_NONE && !arrived(r, tick))
        return false;
    return !(f->from && ns < f->from_ns) && !(f->until && ns >= f->until_ns) &&
           wants(r, r->taped.symbol, r->taped.symbol_len);
}

int tape_reader_next(struct tape_reader *r, struct tape_item *item)
{
    if (r->failed)
        return -EIO;
    for (;;) {
        int result = r->left > 0 ? 1 : next_loaded(r);
        if (result <= 0)
            return result;
        result = decode(r);
        if (result < 0)
            return result;
        if (passes(r, &r->taped.tick))
            break;
    }
    r->stats.ticks_passed++;
    item->tick = r->taped.tick;
    item->symbol = r->taped.symbol;
    item->symbol_len = r->taped.symbol_len;
    return 1;
}

int tape_reader_next_block(struct tape_reader *r, const struct tape_block **block)
{
    if (r->failed)
        return -EIO;
    r->left = 0;
    int result = tape_cursor_next(&r->cursor);
    r->failed = result < 0 && result != -EBADMSG;
    if (result != 1)
        return result;
    r->began = true;
    r->stats.read_bytes += r->cursor.block.header_size;
    *block = &r->cursor.block;
    return 1;
}

/* ---- what is known ---- */

const struct tape_block *tape_reader_block(const struct tape_reader *r)
{
    return r->began ? &r->cursor.block : NULL;
}

const char *tape_reader_error(const struct tape_reader *r)
{
    return r->cursor.error;
}

const struct tape_damage *tape_reader_damage(const struct tape_reader *r)
{
    return &r->cursor.damage;
}

const struct tape_stats *tape_reader_stats(const struct tape_reader *r)
{
    return &r->stats;
}

const char *tape_reader_topic(const struct tape_reader *r, uint32_t place)
{
    return place < r->topics_count ? r->topics[place] : NULL;
}

bool tape_reader_totals(const struct tape_reader *r, uint64_t *blocks, uint64_t *ticks)
{
    *blocks = r->cursor.footer.blocks;
    *ticks = r->cursor.footer.ticks;
    return r->cursor.indexed;
}

int tape_reader_check_index(struct tape_reader *r)
{
    return tape_cursor_check_index(&r->cursor);
}

int tape_reader_symbols(struct tape_reader *r,
                        void (*take)(void *arg, const char *symbol, size_t len, uint64_t ticks),
                        void *arg)
{
    return tape_cursor_symbols(&r->cursor, take, arg);
}
