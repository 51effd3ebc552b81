/* SPDX-License-Identifier: MIT */
#include "feed/tape_fill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"
#include "schemas/tick_msgpack.h"

enum { TOPIC_PARTITIONS = 4096 }; /* see tick_pos() */

int tape_fill_init(struct tape_fill *f, uint32_t symbols_max)
{
    int result = symbols_init(&f->symbols, symbols_max, (uint64_t)clock_mono_ns());
    if (result < 0)
        return result;
    f->symbol_ticks = calloc(symbols_max, sizeof *f->symbol_ticks);
    f->symbol_block = calloc(symbols_max, sizeof *f->symbol_block);
    f->in_block = calloc(symbols_max, sizeof *f->in_block);
    f->plain = malloc(TAPE_PLAIN_MAX + TAPED_TICK_MAX);
    f->topics_list = malloc(TAPE_TOPICS_MAX * (TAPE_TOPIC_LEN_MAX + 1));
    f->places_list = malloc(TAPE_PLACES_MAX * TAPE_PLACE_LEN);
    f->symbols_list = malloc(TAPE_BLOOM_BYTES_MAX);
    bool all = f->symbol_ticks && f->symbol_block && f->in_block && f->plain && f->topics_list &&
               f->places_list && f->symbols_list;
    if (!all)
        return -ENOMEM;
    tape_fill_begin(f, 0, 0);
    return 0;
}

void tape_fill_finish(struct tape_fill *f)
{
    symbols_finish(&f->symbols);
    free(f->symbol_ticks);
    free(f->symbol_block);
    free(f->in_block);
    free(f->plain);
    free(f->topics_list);
    free(f->places_list);
    free(f->symbols_list);
}

void tape_fill_begin(struct tape_fill *f, uint64_t number, uint32_t len)
{
    memmove(f->plain, f->plain + f->plain_size, len);
    f->number = number;
    f->count = f->plain_size = 0;
    f->symbols_count = f->names_size = 0;
    f->event = f->receive = (struct tape_span){INT64_MAX, INT64_MIN};
}

/* ---- what comes in ---- */

int tape_fill_topic(struct tape_fill *f, uint32_t place, const char *topic, size_t len)
{
    if (place >= TAPE_TOPICS_MAX)
        return -ENOSPC;
    if (place > f->topics_count || len < 1 || len > TAPE_TOPIC_LEN_MAX)
        return -EINVAL;
    char *name = f->topics[place];
    if (place < f->topics_count)
        return strlen(name) == len && memcmp(name, topic, len) == 0 ? 0 : -EINVAL;
    memcpy(name, topic, len);
    name[len] = '\0';
    f->topics_count++;
    return 0;
}

/* The row of `partition`, a new one if need be; NULL where there is no room. */
static struct tape_place *place_of(struct tape_fill *f, uint32_t partition)
{
    uint16_t *row = &f->place_of[partition % TAPE_FILL_PARTITIONS];
    if (*row == 0 && f->places_count < TAPE_PLACES_MAX) {
        f->places[f->places_count] = (struct tape_place){.partition = (uint16_t)partition};
        *row = (uint16_t)++f->places_count;
    }
    return *row ? &f->places[*row - 1] : NULL;
}

int tape_fill_place(struct tape_fill *f, const struct tape_place *place)
{
    struct tape_place *row = place_of(f, place->partition);
    if (!row)
        return -ENOSPC;
    *row = *place;
    return 0;
}

int tape_fill_encode(struct tape_fill *f, const struct tick *tick, const char *symbol,
                     size_t symbol_len)
{
    uint32_t topic = tick_partition(tick) / TOPIC_PARTITIONS;
    if (topic >= f->topics_count || symbol_len < 1 || symbol_len > SYMBOL_LEN_MAX)
        return -EINVAL;
    if (!place_of(f, tick_partition(tick)))
        return -ENOSPC;
    const char *name = f->topics[topic];
    struct tick own = *tick;
    own.pos = tick_pos(tick_partition(tick) % TOPIC_PARTITIONS, tick_offset(tick));
    return (int)tick_msgpack_write_taped(&own, symbol, symbol_len, name, strlen(name),
                                         f->plain + f->plain_size);
}

static void note_time(struct tape_span *span, int64_t ns)
{
    if (ns < span->first_ns)
        span->first_ns = ns;
    if (ns > span->last_ns)
        span->last_ns = ns;
}

/* A merged file's positions may go back, and count as far as they came; a capture whose positions
 * go back says so by tape_fill_place(). */
static void note_place(struct tape_fill *f, const struct tick *tick)
{
    struct tape_place *place = place_of(f, tick_partition(tick));
    uint64_t offset = tick_offset(tick);
    uint16_t next = (uint16_t)(tick->index + 1);
    if (offset < place->offset || (offset == place->offset && next <= place->index))
        return;
    place->offset = offset;
    place->index = next;
}

void tape_fill_symbol(struct tape_fill *f, const char *symbol, size_t len)
{
    uint32_t id = symbols_intern(&f->symbols, symbol, len);
    if (id == SYMBOL_NONE) {
        f->symbols_unknown = true;
        return;
    }
    f->symbol_ticks[id]++;
    if (f->symbol_block[id] == f->number + 1)
        return;
    f->symbol_block[id] = f->number + 1;
    f->in_block[f->symbols_count++] = id;
    f->names_size += 1 + (uint32_t)len;
}

void tape_fill_take(struct tape_fill *f, const struct tick *tick, const char *symbol,
                    size_t symbol_len, uint32_t len)
{
    f->plain_size += len;
    f->count++;
    note_time(&f->event, tick->ts_ns);
    note_time(&f->receive, tick->rts_ns);
    note_place(f, tick);
    tape_fill_symbol(f, symbol, symbol_len);
}

/* ---- what the header says ---- */

static void list_topics(struct tape_fill *f, struct tape_block *block)
{
    size_t size = 0;
    for (uint32_t i = 0; i < f->topics_count; i++)
        size = tape_name_write(f->topics[i], strlen(f->topics[i]), f->topics_list, size);
    block->topics = f->topics_list;
    block->topics_size = (uint32_t)size;
    block->topics_count = (uint16_t)f->topics_count;
}

static void list_places(struct tape_fill *f, struct tape_block *block)
{
    for (uint32_t i = 0; i < f->places_count; i++)
        tape_place_write(&f->places[i], f->places_list + (size_t)i * TAPE_PLACE_LEN);
    block->places = f->places_list;
    block->places_count = (uint16_t)f->places_count;
}

static void list_symbols(struct tape_fill *f, struct tape_block *block)
{
    bool list = f->names_size <= TAPE_LIST_BYTES_MAX;
    size_t size = list ? 0 : tape_bloom_size(f->symbols_count);
    memset(f->symbols_list, 0, size);
    for (uint32_t i = 0; i < f->symbols_count; i++) {
        const struct symbol *s = &f->symbols.table[f->in_block[i]];
        if (list)
            size = tape_name_write(s->name, s->len, f->symbols_list, size);
        else
            tape_bloom_add(f->symbols_list, size, s->name, s->len);
    }
    block->symbols_kind = list ? TAPE_SYMBOLS_LIST : TAPE_SYMBOLS_BLOOM;
    block->symbols_count = f->symbols_count;
    block->symbols_size = (uint32_t)size;
    block->symbols = f->symbols_list;
}

void tape_fill_describe(struct tape_fill *f, struct tape_block *block)
{
    block->number = f->number;
    block->count = f->count;
    block->plain_size = f->plain_size;
    block->event = f->event;
    block->receive = f->receive;
    list_topics(f, block);
    list_places(f, block);
    list_symbols(f, block);
    if (f->symbols_unknown) {
        block->symbols_kind = TAPE_SYMBOLS_ANY;
        block->symbols_count = block->symbols_size = 0;
    }
}
