/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "tape.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/clock.h"

struct tape *tape_create(struct feed *feed, uint32_t reader)
{
    struct tape *tape = calloc(1, sizeof *tape);
    assert_non_null(tape);
    tape->feed = feed;
    tape->reader = reader;
    tape->ticks = calloc(TAPE_TICKS_MAX, sizeof *tape->ticks);
    assert_non_null(tape->ticks);
    return tape;
}

void tape_destroy(struct tape *tape)
{
    free(tape->ticks);
    free(tape);
}

static void take_name(struct tape *tape, const union ring_slot *slot)
{
    assert_int_equal(slot->tick.symbol, tape->symbols_count);
    assert_true(slot->symbol.len >= 1 && slot->symbol.len <= SYMBOL_LEN_MAX);
    memcpy(tape->symbols[tape->symbols_count++].name, slot->symbol.name, slot->symbol.len);
}

static void take_tick(struct tape *tape, const struct tick *tick)
{
    assert_true(tick->symbol < tape->symbols_count);
    assert_true(tape->ticks_count < TAPE_TICKS_MAX);
    struct tape_symbol *symbol = &tape->symbols[tick->symbol];
    assert_true(tick->seq > symbol->seq);
    symbol->skipped += tick->seq - symbol->seq - 1;
    symbol->seq = tick->seq;
    symbol->last = *tick;
    tape->ticks[tape->ticks_count++] = *tick;
    tape->quiet_count += tick->quiet;
}

uint64_t tape_read(struct tape *tape)
{
    struct ring *ring = feed_ring(tape->feed);
    uint64_t before = tape->ticks_count, count;
    const union ring_slot *slots;
    while ((count = ring_peek(ring, tape->reader, &slots)) > 0) {
        for (uint64_t i = 0; i < count; i++) {
            if (slots[i].tick.kind == RING_SYMBOL)
                take_name(tape, &slots[i]);
            else
                take_tick(tape, &slots[i].tick);
        }
        ring_release(ring, tape->reader, count);
    }
    return tape->ticks_count - before;
}

bool tape_read_until(struct tape *tape, uint64_t count, int timeout_ms)
{
    int64_t until = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
    while (tape->ticks_count < count && clock_mono_ns() < until)
        if (tape_read(tape) == 0)
            usleep(500);
    return tape->ticks_count >= count;
}

bool tape_wait_metric(const counter *metric, uint64_t value, int timeout_ms)
{
    int64_t until = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
    while (counter_get(metric) != value && clock_mono_ns() < until)
        usleep(500);
    return counter_get(metric) == value;
}

const struct tape_symbol *tape_symbol(const struct tape *tape, const char *name)
{
    for (uint32_t i = 0; i < tape->symbols_count; i++)
        if (strcmp(tape->symbols[i].name, name) == 0)
            return &tape->symbols[i];
    return NULL;
}

uint64_t tape_skipped(const struct tape *tape)
{
    uint64_t skipped = 0;
    for (uint32_t i = 0; i < tape->symbols_count; i++)
        skipped += tape->symbols[i].skipped;
    return skipped;
}
