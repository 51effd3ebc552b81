/* SPDX-License-Identifier: MIT */
/*
 * info: `tapectl info`, what is in a capture file: spans, symbols, rates, and what looks odd. Main
 * thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/symbols.h"
#include "schemas/instant.h"
#include "tools/burst.h"
#include "tools/excerpt.h"
#include "tools/subcommands.h"

enum { SYMBOLS_MAX = 65536, PARTITIONS = 65536, TOPIC_PARTITIONS = 4096, TOP = 10 };

/* How far a clock went back, and how often. */
struct disorder {
    uint64_t count;
    int64_t worst_ns;
};

struct part {
    uint64_t ticks, first, last, holes, missing, repeats;
    uint16_t index; /* of the last */
};

struct info {
    struct excerpt_settings settings;
    bool quick;
    struct excerpt excerpt;
    struct tape_reader *reader;

    uint64_t ticks, blocks, plain, data;
    struct tape_span event, receive;
    struct symbols symbols;
    uint64_t *symbol_ticks;
    int64_t *symbol_event;      /* the latest so far */
    struct part *parts;         /* by tick_partition() */
    struct burst second, tenth; /* the worst of a second and of ten milliseconds */
    struct disorder event_back, receive_back;
    int64_t silence_ns, silence_from_ns;
};

/* ---- taking in ---- */

static void widen(struct tape_span *span, int64_t first, int64_t last)
{
    span->first_ns = first < span->first_ns ? first : span->first_ns;
    span->last_ns = last > span->last_ns ? last : span->last_ns;
}

static void note_back(struct disorder *disorder, int64_t latest, int64_t ns)
{
    if (ns >= latest)
        return;
    disorder->count++;
    if (latest - ns > disorder->worst_ns)
        disorder->worst_ns = latest - ns;
}

static void note_receive(struct info *info, int64_t ns)
{
    int64_t latest = info->receive.last_ns;
    if (info->ticks > 0) {
        note_back(&info->receive_back, latest, ns);
        if (ns - latest > info->silence_ns) {
            info->silence_ns = ns - latest;
            info->silence_from_ns = latest;
        }
    }
    widen(&info->receive, ns, ns);
    burst_add(&info->second, info->receive.last_ns);
    burst_add(&info->tenth, info->receive.last_ns);
}

static void note_symbol(struct info *info, const struct tape_item *item)
{
    uint32_t id = symbols_intern(&info->symbols, item->symbol, item->symbol_len);
    if (id == SYMBOL_NONE)
        return;
    int64_t *latest = &info->symbol_event[id];
    if (info->symbol_ticks[id]++ > 0)
        note_back(&info->event_back, *latest, item->tick.ts_ns);
    if (info->symbol_ticks[id] == 1 || item->tick.ts_ns > *latest)
        *latest = item->tick.ts_ns;
}

static void note_place(struct info *info, const struct tick *tick)
{
    struct part *part = &info->parts[tick_partition(tick)];
    uint64_t offset = tick_offset(tick);
    if (part->ticks++ == 0) {
        part->first = offset;
    } else if (offset > part->last + 1) {
        part->holes++;
        part->missing += offset - part->last - 1;
    } else if (offset < part->last || (offset == part->last && tick->index <= part->index)) {
        part->repeats++;
        return;
    }
    part->last = offset;
    part->index = tick->index;
}

static int take_ticks(struct info *info)
{
    struct tape_item item;
    int result;
    while ((result = excerpt_next(&info->excerpt, info->reader, &item)) == 1) {
        note_receive(info, item.tick.rts_ns);
        widen(&info->event, item.tick.ts_ns, item.tick.ts_ns);
        note_symbol(info, &item);
        note_place(info, &item.tick);
        info->ticks++;
    }
    const struct tape_stats *stats = tape_reader_stats(info->reader);
    info->blocks = stats->blocks_read;
    info->plain = stats->plain_bytes;
    return result;
}

static int take_blocks(struct info *info)
{
    const struct tape_block *block;
    int result;
    while ((result = tape_reader_next_block(info->reader, &block)) == 1 || result == -EBADMSG) {
        if (result < 0) {
            fprintf(stderr, "tapectl info: %s\n", tape_reader_error(info->reader));
            info->excerpt.damages++;
            continue;
        }
        info->blocks++;
        info->ticks += block->count;
        info->plain += block->plain_size;
        widen(&info->event, block->event.first_ns, block->event.last_ns);
        widen(&info->receive, block->receive.first_ns, block->receive.last_ns);
    }
    return result;
}

/* ---- telling ---- */

static void print_span(const char *clock, const struct tape_span *span)
{
    char first[INSTANT_TEXT_MAX], last[INSTANT_TEXT_MAX];
    instant_write(span->first_ns, first);
    instant_write(span->last_ns, last);
    printf("%-10s%s to %s (%.3f s)\n", clock, first, last,
           (double)(span->last_ns - span->first_ns) / 1e9);
}

static void print_burst(const char *what, const struct burst *burst)
{
    char when[INSTANT_TEXT_MAX];
    instant_write(burst->worst_ns, when);
    printf("  worst %-7s %" PRIu64 " ticks, ending %s\n", what, burst->worst, when);
}

static void print_rates(const struct info *info)
{
    double seconds = (double)(info->receive.last_ns - info->receive.first_ns) / 1e9;
    char from[INSTANT_TEXT_MAX];
    printf("rate      %.1f ticks/s on average\n",
           seconds > 0 ? (double)info->ticks / seconds : (double)info->ticks);
    if (info->quick)
        return;
    print_burst("second", &info->second);
    print_burst("10 ms", &info->tenth);
    instant_write(info->silence_from_ns, from);
    printf("  longest silence %.3f s, from %s\n", (double)info->silence_ns / 1e9, from);
}

/* The `TOP` symbols with most ticks, by repeated selection: few of many. */
static void print_symbols(const struct info *info)
{
    uint64_t bound = UINT64_MAX;
    uint32_t bound_id = 0;
    printf("symbols   %u%s\n", info->symbols.count,
           info->symbols.count == SYMBOLS_MAX ? " or more" : "");
    for (int shown = 0; shown < TOP; shown++) {
        uint64_t most = 0;
        uint32_t id = SYMBOL_NONE;
        for (uint32_t i = 0; i < info->symbols.count; i++) {
            uint64_t ticks = info->symbol_ticks[i];
            bool below = ticks < bound || (ticks == bound && i > bound_id);
            if (below && ticks > most) {
                most = ticks;
                id = i;
            }
        }
        if (id == SYMBOL_NONE)
            return;
        const struct symbol *symbol = &info->symbols.table[id];
        printf("  %-32.*s %" PRIu64 "\n", (int)symbol->len, symbol->name, most);
        bound = most;
        bound_id = id;
    }
}

static void print_parts(const struct info *info)
{
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        const struct part *part = &info->parts[i];
        if (part->ticks == 0)
            continue;
        printf("partition %s/%u: %" PRIu64 " ticks, offsets %" PRIu64 " to %" PRIu64 ", %" PRIu64
               " gaps with %" PRIu64 " offsets, %" PRIu64 " ticks again\n",
               tape_reader_topic(info->reader, i / TOPIC_PARTITIONS), i % TOPIC_PARTITIONS,
               part->ticks, part->first, part->last, part->holes, part->missing, part->repeats);
    }
}

static void print(const struct info *info, const char *path)
{
    uint64_t blocks, ticks;
    uint64_t bytes = tape_reader_stats(info->reader)->file_bytes;
    bool indexed = tape_reader_totals(info->reader, &blocks, &ticks);
    printf("file      %s\n", path);
    printf("size      %" PRIu64 " bytes, %" PRIu64 " blocks, %s; %.1f bytes a tick, %.1f "
           "uncompressed\n",
           bytes, info->blocks, indexed ? "indexed" : "no index: not finished",
           (double)bytes / (double)(info->ticks + !info->ticks),
           (double)info->plain / (double)(info->ticks + !info->ticks));
    printf("ticks     %" PRIu64 "\n", info->ticks);
    if (info->ticks == 0)
        return;
    print_span("event", &info->event);
    print_span("receive", &info->receive);
    print_rates(info);
    if (info->quick)
        return;
    print_symbols(info);
    print_parts(info);
    printf("disorder  event time goes back within a symbol %" PRIu64 " times, by %.6f s at worst\n",
           info->event_back.count, (double)info->event_back.worst_ns / 1e9);
    printf("          receive time goes back %" PRIu64 " times, by %.6f s at worst\n",
           info->receive_back.count, (double)info->receive_back.worst_ns / 1e9);
}

/* ---- the run ---- */

static int info_file(struct info *info, const char *path)
{
    info->reader = excerpt_open(&info->excerpt, path);
    if (!info->reader)
        return -ENOENT;
    info->ticks = info->blocks = info->plain = 0;
    info->event = info->receive = (struct tape_span){INT64_MAX, INT64_MIN};
    info->event_back = info->receive_back = (struct disorder){0};
    info->silence_ns = info->silence_from_ns = 0;
    burst_init(&info->second, 1000);
    burst_init(&info->tenth, 10);
    symbols_finish(&info->symbols);
    int result = symbols_init(&info->symbols, SYMBOLS_MAX, 1);
    memset(info->symbol_ticks, 0, SYMBOLS_MAX * sizeof *info->symbol_ticks);
    memset(info->parts, 0, PARTITIONS * sizeof *info->parts);
    if (result == 0)
        result = info->quick ? take_blocks(info) : take_ticks(info);
    print(info, path);
    tape_reader_close(info->reader);
    return result;
}

static int run(struct info *info, char **paths, int count)
{
    bool good = true;
    info->symbol_ticks = calloc(SYMBOLS_MAX, sizeof *info->symbol_ticks);
    info->symbol_event = calloc(SYMBOLS_MAX, sizeof *info->symbol_event);
    info->parts = calloc(PARTITIONS, sizeof *info->parts);
    if (!info->symbol_ticks || !info->symbol_event || !info->parts) {
        fprintf(stderr, "tapectl info: %s\n", strerror(ENOMEM));
        return EXIT_FAILURE;
    }
    for (int i = 0; i < count; i++) {
        if (i > 0)
            printf("\n");
        good = info_file(info, paths[i]) == 0 && good;
    }
    symbols_finish(&info->symbols);
    free(info->symbol_ticks);
    free(info->symbol_event);
    free(info->parts);
    return good && info->excerpt.damages == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int info_main(int argc, char **argv)
{
    static struct info info; /* too big for a stack */
    const struct option_spec specs[] = {
        EXCERPT_OPTIONS(info.settings),
        {.name = "quick",
         .kind = OPTION_FLAG,
         .to.flag = &info.quick,
         .help = "by the blocks' headers alone: spans and counts, of the whole file"},
    };
    const struct options options = {
        .program = "tapectl info",
        .operands = "FILE...",
        .summary =
            "Tells what is in capture files: spans by both clocks, symbols, rates, the worst\n"
            "bursts, gaps in Kafka's offsets, and where clocks go back.",
        .specs = specs,
        .count = ARRAY_LEN(specs),
        .notes = "A gap in offsets may be a message that is no tick, a mark of a transaction, or\n"
                 "compaction. Ends with status 1 when a part of a file could not be read.",
    };
    int status;
    int operands = options_start(&options, argc, argv, &status);
    if (operands < 0)
        return status;
    if (operands == 0)
        return options_refuse(&options, "a FILE is missing");
    status = excerpt_init(&info.excerpt, &info.settings, &options);
    return status != 0 ? status : run(&info, argv + 1, operands);
}
