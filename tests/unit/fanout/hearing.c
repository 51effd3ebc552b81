/* SPDX-License-Identifier: MIT */
/* hearing: see hearing.h. */
#include "hearing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/tick_json.h"
#include "schemas/tick_msgpack.h"

uint32_t hearing_write_control(uint8_t *out, int format, uint32_t number, uint32_t len)
{
    uint32_t header = len < 126 ? 2 : 4;
    out[0] = format == ENCODE_JSON ? 0x81 : 0x82;
    out[1] = (uint8_t)(len < 126 ? len : 126);
    if (header == 4) {
        out[2] = (uint8_t)(len >> 8);
        out[3] = (uint8_t)len;
    }
    memset(out + header, '.', len);
    snprintf((char *)out + header, 16, "#%u", number);
    return header + len;
}

static void hear_control(struct world *world, struct listener *who,
                         const struct stream_frame *frame)
{
    char text[16];
    world_assert(world, frame->len >= sizeof text);
    memcpy(text, frame->payload, sizeof text);
    text[15] = 0;
    world_assert(world, strtoul(text + 1, NULL, 10) == who->controls_heard);
    for (size_t i = 16; i < frame->len; i++)
        world_assert(world, frame->payload[i] == '.');
    who->controls_heard++;
}

static uint32_t find_symbol(const struct world *world, const char *name)
{
    for (uint32_t i = 0; i < world->symbols_count; i++)
        if (strcmp(world->symbols[i].name, name) == 0)
            return i;
    fail_msg("a message of an unknown symbol '%s'", name);
    return 0;
}

static size_t write_tick(const struct world_symbol *symbol, int format,
                         const struct stream_message *message, uint8_t *out)
{
    enum wire_tick_type type = message->kind == STREAM_SNAPSHOT ? WIRE_SNAPSHOT : WIRE_TRADE;
    const struct tick *tick = &symbol->ticks[message->seq];
    return (format == ENCODE_JSON ? tick_json_write : tick_msgpack_write)(
        tick, symbol->name, strlen(symbol->name), type, out);
}

static size_t write_gap(const struct world_symbol *symbol, int format,
                        const struct stream_message *message, uint8_t *out)
{
    struct wire_gap gap = {.from = message->from, .to = message->to};
    while (strcmp(gap_reason_name(gap.reason), message->reason) != 0)
        if (++gap.reason == GAP_REASON_COUNT)
            return 0;
    return (format == ENCODE_JSON ? tick_json_write_gap : tick_msgpack_write_gap)(
        &gap, symbol->name, strlen(symbol->name), out);
}

/* Every byte is as the codec would write it of what was made. */
static void check_bytes(const struct world *world, const struct world_symbol *symbol, int format,
                        const struct stream_message *message, const struct stream_frame *frame)
{
    uint8_t expected[WIRE_TICK_MAX];
    size_t len;
    if (message->kind == STREAM_GAP) {
        world_assert(world, message->to <= symbol->last);
        len = write_gap(symbol, format, message, expected);
    } else {
        world_assert(world, message->seq && message->seq <= symbol->last);
        world_assert(world, symbol->ticks[message->seq].seq == message->seq);
        len = write_tick(symbol, format, message, expected);
    }
    world_assert(world, frame->len == len && memcmp(frame->payload, expected, len) == 0);
}

/* A gap of the feed's names exactly what it merged. */
static void check_overload(const struct world *world, const struct world_symbol *symbol,
                           const struct stream_message *message)
{
    for (uint64_t seq = message->from; seq <= message->to; seq++)
        world_assert(world, symbol->ticks[seq].seq == 0);
    world_assert(world, symbol->ticks[message->to + 1].seq);
}

static const char *judge(struct world *world, uint32_t listener, uint32_t symbol,
                         const struct stream_message *message)
{
    struct listener *who = &world->listeners[listener];
    struct world_account *account = &who->accounts[symbol];
    bool before = who->begun < account->changed;
    struct account *state = before ? &account->before : &account->now;
    struct account_sums sums = {0};
    const char *wrong = account_take(state, message, &sums);
    if (before && account->kept && !account->now.renewed) {
        account->now.next = state->next;
        account->now.snapshot = state->snapshot;
    }
    who->sums.slow += sums.slow;
    who->sums.ticks += sums.ticks;
    world->sums.slow += sums.slow;
    if (state->mode == TERMS_STRICT && message->from > state->strict_from &&
        sums.slow + sums.overload && world->fanout.subscribers[listener].doom == DOOM_NONE)
        return "a gap in mode strict";
    return wrong;
}

static void hear_message(struct world *world, uint32_t listener, const struct stream_frame *frame)
{
    struct listener *who = &world->listeners[listener];
    struct stream_message message;
    world_assert(world, stream_parse(frame, &message));
    uint32_t symbol = find_symbol(world, message.symbol);
    check_bytes(world, &world->symbols[symbol], who->format, &message, frame);
    if (strcmp(message.reason, "overload") == 0)
        check_overload(world, &world->symbols[symbol], &message);
    const struct account was = who->accounts[symbol].now;
    const char *wrong = judge(world, listener, symbol, &message);
    if (wrong)
        fail_msg("listener %u, %s: %s: kind %d, seq %llu, gap %llu-%llu %s where %llu was next in "
                 "mode %d; replay with TAPEHEAD_ROUNDS=1 TAPEHEAD_SEED=%llu",
                 listener, message.symbol, wrong, (int)message.kind,
                 (unsigned long long)message.seq, (unsigned long long)message.from,
                 (unsigned long long)message.to, message.reason, (unsigned long long)was.next,
                 was.mode, (unsigned long long)world->seed);
}

void hearing_take(struct world *world, uint32_t listener, const uint8_t *data, uint32_t len)
{
    struct listener *who = &world->listeners[listener];
    world_assert(world, who->len + len <= WORLD_BYTES);
    if (!who->len)
        who->begun = world->clock;
    memcpy(who->unread + who->len, data, len);
    who->len += len;
    size_t at = 0;
    for (;;) {
        struct stream_frame frame;
        long size = stream_read(who->unread + at, who->len - at, &frame);
        world_assert(world, size >= 0);
        if (!size)
            break;
        world_assert(world, frame.text == (who->format == ENCODE_JSON));
        if (frame.payload[0] == '#')
            hear_control(world, who, &frame);
        else
            hear_message(world, listener, &frame);
        at += (size_t)size;
        who->begun = world->clock;
    }
    who->len -= at;
    memmove(who->unread, who->unread + at, who->len);
}
