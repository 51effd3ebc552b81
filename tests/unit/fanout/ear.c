/* SPDX-License-Identifier: MIT */
/* ear: see ear.h. */
#include "ear.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

enum { UNREAD_MAX = 1 << 20 };

struct ear *ear_create(uint32_t history_ticks, int format)
{
    const struct fanout_config config = {
        .subscribers_max = 2,
        .symbols_max = EAR_SYMBOLS,
        .pairs_max = 64,
        .holds_max = 64,
        .queue_frames_max = 4096,
        .queue_bytes_max = 1 << 20,
        .control_bytes_max = 1 << 20,
        .control_budget = 1 << 20,
        .arena_bytes = 1 << 20,
        .arena_frames = 1 << 13,
        .history_ticks = history_ticks,
    };
    struct ear *ear = calloc(1, sizeof *ear);
    assert_non_null(ear);
    ear->latency = calloc(1, sizeof *ear->latency);
    ear->unread = malloc(UNREAD_MAX);
    ear->heard = calloc(1, EAR_HEARD_MAX);
    ear->bytes_max = GATHER_BYTES_MAX;
    assert_true(ear->latency && ear->unread && ear->heard);
    assert_int_equal(fanout_init(&ear->fanout, &config), 0);
    assert_int_equal(batch_init(&ear->batch), 0);
    fanout_join(&ear->fanout, 0, format);
    return ear;
}

void ear_destroy(struct ear *ear)
{
    fanout_leave(&ear->fanout, 0);
    fanout_finish(&ear->fanout);
    batch_finish(&ear->batch);
    free(ear->latency);
    free(ear->unread);
    free(ear->heard);
    free(ear);
}

void ear_tick(struct ear *ear, uint32_t symbol, uint32_t partition, uint64_t offset, uint16_t index)
{
    const char name = (char)('A' + symbol);
    if (symbol == ear->fanout.symbols_count)
        fanout_symbol(&ear->fanout, symbol, &name, 1);
    const struct tick tick = {.symbol = symbol,
                              .seq = ++ear->seqs[symbol],
                              .price = (int64_t)offset,
                              .size = 1,
                              .pos = tick_pos(partition, offset),
                              .index = index};
    fanout_tick(&ear->fanout, &tick);
}

static uint32_t write_frame(uint8_t *out, int first, char mark, uint32_t number, uint32_t len)
{
    uint32_t header = len < 126 ? 2 : 4;
    out[0] = (uint8_t)first;
    out[1] = (uint8_t)(len < 126 ? len : 126);
    if (header == 4) {
        out[2] = (uint8_t)(len >> 8);
        out[3] = (uint8_t)len;
    }
    memset(out + header, '.', len);
    snprintf((char *)out + header, 16, "%c%u", mark, number);
    return header + len;
}

uint32_t ear_write_frame(uint8_t *out, uint32_t number, uint32_t len)
{
    return write_frame(out, 0x81, '@', number, len);
}

void ear_control(struct ear *ear, uint32_t number, uint32_t len)
{
    uint8_t *frame = malloc(len + 4);
    uint32_t size = write_frame(frame, 0x81, '#', number, len);
    assert_true(fanout_control(&ear->fanout, 0, frame, size));
    free(frame);
}

/* ---- what is heard ---- */

static void say(struct ear *ear, const char *word)
{
    size_t len = strlen(ear->heard);
    assert_true(len + strlen(word) + 2 < EAR_HEARD_MAX);
    snprintf(ear->heard + len, EAR_HEARD_MAX - len, "%s%s", len ? " " : "", word);
}

static void hear_frame(struct ear *ear, const struct stream_frame *frame)
{
    char word[96] = "";
    struct stream_message message;
    if (frame->payload[0] == '#' || frame->payload[0] == '@') {
        memcpy(word, frame->payload, 15);
        for (size_t i = 16; i < frame->len; i++)
            assert_int_equal(frame->payload[i], '.');
        say(ear, word);
        return;
    }
    assert_true(stream_parse(frame, &message));
    if (message.kind == STREAM_GAP) {
        assert_int_equal(message.count, message.to - message.from + 1);
        snprintf(word, sizeof word, "%s[%llu-%llu %s]", message.symbol,
                 (unsigned long long)message.from, (unsigned long long)message.to, message.reason);
    } else {
        snprintf(word, sizeof word, "%s%s%llu", message.symbol,
                 message.kind == STREAM_SNAPSHOT ? "=" : "", (unsigned long long)message.seq);
    }
    say(ear, word);
}

void ear_hear(struct ear *ear, const struct send *send, uint32_t taken)
{
    struct stream_frame frame;
    size_t at = 0;
    long size;
    assert_true(ear->len + taken <= UNREAD_MAX);
    memcpy(ear->unread + ear->len, send->data, taken);
    ear->len += taken;
    while ((size = stream_read(ear->unread + at, ear->len - at, &frame)) != 0) {
        assert_true(size > 0);
        hear_frame(ear, &frame);
        at += (size_t)size;
    }
    ear->len -= at;
    memmove(ear->unread, ear->unread + at, ear->len);
}

struct send *ear_gather(struct ear *ear)
{
    fanout_bury(&ear->fanout);
    batch_reset(&ear->batch);
    return gather(&ear->fanout, &ear->batch, 0, ear->bytes_max, 0, ear->latency);
}

bool ear_send(struct ear *ear, uint32_t taken)
{
    struct send *send = ear_gather(ear);
    if (!send)
        return false;
    taken = taken < send->len ? taken : send->len;
    ear_hear(ear, send, taken);
    assert_int_equal(gather_sent(&ear->fanout, &ear->batch, send, taken), 0);
    return true;
}

void ear_send_all(struct ear *ear)
{
    while (ear_send(ear, UINT32_MAX))
        continue;
    assert_false(fanout_waiting(&ear->fanout.subscribers[0]));
}

void ear_expect(struct ear *ear, const char *heard)
{
    assert_string_equal(ear->heard, heard);
    assert_int_equal(ear->len, 0);
    ear->heard[0] = 0;
}
