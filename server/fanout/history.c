/* SPDX-License-Identifier: MIT */
/* history: see history.h. */
#include "server/fanout/history.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "feed/base.h"

int history_init(struct history *history, uint32_t ticks)
{
    memset(history, 0, sizeof *history);
    if (!ticks)
        return 0;
    void *memory = mmap(NULL, (size_t)ticks * sizeof *history->entries, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    history->entries = memory;
    history->max = ticks;
    return 0;
}

void history_finish(struct history *history)
{
    if (history->entries)
        munmap(history->entries, (size_t)history->max * sizeof *history->entries);
    memset(history, 0, sizeof *history);
}

/* The oldest of all is the oldest of its symbol, too. */
static void forget_oldest(struct history *history, struct history_span *spans)
{
    const struct history_entry *entry = &history->entries[history->next];
    struct history_span *span = &spans[entry->tick.symbol];
    CHECK(span->oldest == history->next);
    span->oldest = entry->newer;
    if (entry->newer == HISTORY_NONE)
        span->newest = HISTORY_NONE;
    else
        history->entries[entry->newer].older = HISTORY_NONE;
}

void history_add(struct history *history, const struct tick *tick, struct history_span *spans)
{
    if (!history->max)
        return;
    if (history->count == history->max)
        forget_oldest(history, spans);
    else
        history->count++;
    uint32_t index = history->next;
    struct history_span *span = &spans[tick->symbol];
    history->entries[index] =
        (struct history_entry){.tick = *tick, .older = span->newest, .newer = HISTORY_NONE};
    if (span->newest != HISTORY_NONE)
        history->entries[span->newest].newer = index;
    else
        span->oldest = index;
    span->newest = index;
    history->next = index + 1 == history->max ? 0 : index + 1;
}

bool history_is_before(const struct tick *tick, struct history_mark mark)
{
    if (tick_partition(tick) != mark.pos >> 48)
        return false;
    return tick->pos < mark.pos || (tick->pos == mark.pos && tick->index <= mark.index);
}

enum history_answer history_find(const struct history *history, struct history_span span,
                                 struct history_mark mark, uint64_t *seq)
{
    for (uint32_t i = span.newest; i != HISTORY_NONE; i = history->entries[i].older) {
        const struct tick *tick = &history->entries[i].tick;
        if (!history_is_before(tick, mark))
            continue;
        *seq = tick->seq;
        return i == span.newest ? HISTORY_AHEAD : HISTORY_AT;
    }
    /* Nothing was forgotten of a symbol whose first tick is still here. */
    if (span.oldest != HISTORY_NONE && history->entries[span.oldest].tick.seq == 1) {
        *seq = 0;
        return HISTORY_AT;
    }
    return HISTORY_LOST;
}

uint32_t history_resume_cursor(const struct history *history, struct history_span span,
                               uint64_t seq, uint32_t cursor)
{
    if (cursor == HISTORY_NONE || span.oldest == HISTORY_NONE || cursor >= history->count)
        return HISTORY_NONE;
    const struct tick *tick = &history->entries[cursor].tick;
    bool stands = tick->seq == seq && tick->symbol == history->entries[span.oldest].tick.symbol;
    return stands ? cursor : HISTORY_NONE;
}

const struct tick *history_after(const struct history *history, struct history_span span,
                                 uint64_t seq, uint32_t *cursor)
{
    uint32_t i = *cursor == HISTORY_NONE ? span.oldest : history->entries[*cursor].newer;
    while (i != HISTORY_NONE && history->entries[i].tick.seq <= seq)
        i = history->entries[i].newer;
    if (i != HISTORY_NONE)
        *cursor = i;
    return i == HISTORY_NONE ? NULL : &history->entries[i].tick;
}
