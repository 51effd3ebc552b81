/* SPDX-License-Identifier: MIT */
/*
 * verify: `tapectl verify`, whether capture files hold what they say: every checksum, and every
 * word of headers and index against the ticks themselves. Main thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "tools/excerpt.h"
#include "tools/subcommands.h"

enum { TOPIC_PARTITIONS = 4096 };

/* A block's ticks as they came, to be held against its header. */
struct tally {
    uint64_t block; /* plus one */
    uint32_t count;
    struct tape_span event, receive;
    bool strangers; /* a symbol or position that the header denies */
};

struct verify {
    struct excerpt excerpt;
    const char *path;
    struct tape_reader *reader;
    struct tally tally;
    uint64_t ticks, blocks, wrong;
};

static void tell_wrong(struct verify *v, const struct tape_block *block, const char *what)
{
    v->wrong++;
    fprintf(stderr, "tapectl verify: %s: block %" PRIu64 " at byte %" PRIu64 ": %s\n", v->path,
            block->number, block->offset, what);
}

static void widen(struct tape_span *span, int64_t ns)
{
    span->first_ns = ns < span->first_ns ? ns : span->first_ns;
    span->last_ns = ns > span->last_ns ? ns : span->last_ns;
}

/* The number that the file itself gives the tick's partition. */
static uint32_t own_partition(const struct verify *v, const struct tape_block *block,
                              const struct tick *tick)
{
    const char *topic = tape_reader_topic(v->reader, tick_partition(tick) / TOPIC_PARTITIONS);
    size_t at = 0, len;
    const char *name;
    for (uint32_t i = 0; tape_name_next(block->topics, block->topics_size, &at, &name, &len); i++)
        if (topic && strlen(topic) == len && memcmp(topic, name, len) == 0)
            return i * TOPIC_PARTITIONS + tick_partition(tick) % TOPIC_PARTITIONS;
    return UINT32_MAX;
}

static bool is_placed(const struct verify *v, const struct tape_block *block,
                      const struct tick *tick)
{
    uint32_t partition = own_partition(v, block, tick);
    for (uint32_t i = 0; i < block->places_count; i++)
        if (tape_place_read(block, i).partition == partition)
            return true;
    return false;
}

static void check_block(struct verify *v, const struct tape_block *block)
{
    const struct tally *t = &v->tally;
    v->blocks++;
    if (memcmp(&t->event, &block->event, sizeof t->event) != 0)
        tell_wrong(v, block, "its header has other event times than its ticks");
    if (memcmp(&t->receive, &block->receive, sizeof t->receive) != 0)
        tell_wrong(v, block, "its header has other receive times than its ticks");
    if (t->strangers)
        tell_wrong(v, block, "its header denies a symbol or a partition that its ticks have");
}

static void check_tick(struct verify *v, const struct tape_item *item)
{
    const struct tape_block *block = tape_reader_block(v->reader);
    struct tally *t = &v->tally;
    if (t->block != block->number + 1)
        *t = (struct tally){.block = block->number + 1,
                            .event = {INT64_MAX, INT64_MIN},
                            .receive = {INT64_MAX, INT64_MIN}};
    v->ticks++;
    t->count++;
    widen(&t->event, item->tick.ts_ns);
    widen(&t->receive, item->tick.rts_ns);
    if (!tape_block_may_hold(block, item->symbol, item->symbol_len) ||
        !is_placed(v, block, &item->tick))
        t->strangers = true;
    if (t->count == block->count)
        check_block(v, block);
}

static void count_ticks(void *arg, const char *symbol, size_t len, uint64_t ticks)
{
    (void)symbol, (void)len;
    *(uint64_t *)arg += ticks;
}

/* What the index adds to the headers. Returns a word for it. */
static const char *check_index(struct verify *v)
{
    uint64_t blocks, ticks, sum = 0;
    if (!tape_reader_totals(v->reader, &blocks, &ticks))
        return "no index: not finished";
    int result = tape_reader_check_index(v->reader);
    if (result == 0 && tape_reader_symbols(v->reader, count_ticks, &sum) == 0 && sum != ticks)
        result = -EBADMSG;
    if (result == 0 && v->excerpt.damages == 0 && (blocks != v->blocks || ticks != v->ticks))
        result = -EBADMSG;
    if (result == 0)
        return "index whole";
    v->wrong++;
    fprintf(stderr, "tapectl verify: %s: the index is damaged or says what isn't so\n", v->path);
    return "index damaged";
}

static bool verify_file(const char *path)
{
    struct verify v = {.excerpt = {.program = "tapectl verify"}, .path = path};
    struct tape_item item;
    int result;
    v.reader = excerpt_open(&v.excerpt, path);
    if (!v.reader)
        return false;
    while ((result = excerpt_next(&v.excerpt, v.reader, &item)) == 1)
        check_tick(&v, &item);
    const char *index = check_index(&v);
    bool whole = result == 0 && v.wrong == 0 && v.excerpt.damages == 0 && v.excerpt.notices == 0;
    printf("%s: %s: ticks=%" PRIu64 " blocks=%" PRIu64 " damages=%" PRIu64 " ticks_lost=%" PRIu64
           " bytes=%" PRIu64 " (%s)\n",
           path, whole ? "good" : "DAMAGED", v.ticks, v.blocks, v.excerpt.damages, v.excerpt.lost,
           tape_reader_stats(v.reader)->file_bytes, index);
    tape_reader_close(v.reader);
    return whole;
}

int verify_main(int argc, char **argv)
{
    const struct options options = {
        .program = "tapectl verify",
        .operands = "FILE...",
        .summary = "Reads capture files through and tells every part that isn't as it was written.",
        .notes =
            "Ends with status 1 when there is one. A file that is still being written, or whose\n"
            "writer was killed, has no index; that alone is no damage.",
    };
    int status;
    int operands = options_start(&options, argc, argv, &status);
    if (operands < 0)
        return status;
    if (operands == 0)
        return options_refuse(&options, "a FILE is missing");
    bool good = true;
    for (int i = 1; i <= operands; i++)
        good = verify_file(argv[i]) && good;
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
