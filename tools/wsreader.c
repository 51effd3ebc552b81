/* SPDX-License-Identifier: MIT */
#include "tools/wsreader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "server/wire/utf8.h"
#include "tools/wsframe.h"

enum { WSREADER_CAPACITY_MIN = 512, WSREADER_EAGER_MAX = 1 << 18 };

int wsreader_init(struct wsreader *reader, size_t capacity, size_t message_max)
{
    if (capacity < WSREADER_CAPACITY_MIN)
        capacity = WSREADER_CAPACITY_MIN;
    *reader = (struct wsreader){.capacity = capacity, .message_max = message_max};
    reader->buffer = malloc(capacity);
    return reader->buffer ? 0 : -ENOMEM;
}

void wsreader_finish(struct wsreader *reader)
{
    free(reader->buffer);
    free(reader->joined);
    *reader = (struct wsreader){0};
}

static int grow(uint8_t **buffer, size_t *capacity, size_t needed)
{
    size_t size = *capacity > 0 ? *capacity : WSREADER_CAPACITY_MIN;
    while (size < needed)
        size *= 2;
    uint8_t *bigger = realloc(*buffer, size);
    if (!bigger)
        return -ENOMEM;
    *buffer = bigger;
    *capacity = size;
    return 0;
}

uint8_t *wsreader_room(struct wsreader *reader, size_t *size)
{
    size_t unread = reader->end - reader->start;
    /* Half a frame at the end is moved to the front: the rest of it then lands beside it. */
    if (reader->start > 0) {
        memmove(reader->buffer, reader->buffer + reader->start, unread);
        reader->start = 0;
        reader->end = unread;
    }
    size_t needed = reader->frame_size > unread ? reader->frame_size : unread + 1;
    if (needed > reader->capacity && grow(&reader->buffer, &reader->capacity, needed) < 0)
        return NULL;
    *size = reader->capacity - reader->end;
    return reader->buffer + reader->end;
}

void wsreader_added(struct wsreader *reader, size_t len)
{
    CHECK(len <= reader->capacity - reader->end);
    reader->end += len;
    /* A receive that fills the buffer says that there is more: next time take it in one call.
     * Without memory it stays as it is. */
    if (reader->end == reader->capacity && reader->capacity < WSREADER_EAGER_MAX)
        (void)grow(&reader->buffer, &reader->capacity, reader->capacity * 2);
}

static void fail(struct wsreader_event *event, uint16_t code, const char *reason)
{
    *event = (struct wsreader_event){.kind = WSREADER_ERROR, .code = code, .reason = reason};
}

static void take_control(const struct wsframe *frame, struct wsreader_event *event)
{
    *event = (struct wsreader_event){
        .kind = WSREADER_CONTROL, .opcode = frame->opcode, .data = frame->data, .len = frame->len};
    if (frame->opcode != WS_CLOSE)
        return;
    if (frame->len == 1) {
        fail(event, WS_CLOSE_PROTOCOL, "a close frame with half a code");
        return;
    }
    event->code = WS_CLOSE_NO_STATUS;
    if (frame->len >= 2) {
        event->code = (uint16_t)(frame->data[0] << 8 | frame->data[1]);
        event->data += 2;
        event->len -= 2;
    }
}

static void finish_message(struct wsreader *reader, const uint8_t *data, size_t len,
                           struct wsreader_event *event)
{
    struct utf8 utf8 = {0};
    *event = (struct wsreader_event){
        .kind = WSREADER_MESSAGE, .opcode = reader->opcode, .data = data, .len = len};
    if (reader->opcode == WS_TEXT && (!utf8_feed(&utf8, data, len) || !utf8_complete(&utf8)))
        fail(event, WS_CLOSE_BAD_DATA, "text that isn't UTF-8");
    reader->opcode = 0;
    reader->joined_len = 0;
}

/* Appends a fragment. Returns whether the message goes on without trouble. */
static bool join(struct wsreader *reader, const struct wsframe *frame, struct wsreader_event *event)
{
    size_t len = reader->joined_len + frame->len;
    if (len > reader->message_max) {
        fail(event, WS_CLOSE_TOO_BIG, "a message is too big");
        return false;
    }
    if (len > reader->joined_capacity && grow(&reader->joined, &reader->joined_capacity, len) < 0) {
        fail(event, WS_CLOSE_TOO_BIG, "no memory for a message");
        return false;
    }
    if (frame->len > 0)
        memcpy(reader->joined + reader->joined_len, frame->data, frame->len);
    reader->joined_len = len;
    return true;
}

/* Returns whether there is an event. */
static bool take_data(struct wsreader *reader, const struct wsframe *frame,
                      struct wsreader_event *event)
{
    bool continues = frame->opcode == WS_CONTINUATION;
    if (continues != (reader->opcode != 0)) {
        fail(event, WS_CLOSE_PROTOCOL,
             continues ? "a continuation of nothing" : "a message within a message");
        return true;
    }
    if (!continues)
        reader->opcode = frame->opcode;
    if (!continues && frame->fin) {
        finish_message(reader, frame->data, frame->len, event);
        return true;
    }
    if (!join(reader, frame, event))
        return true;
    if (frame->fin)
        finish_message(reader, reader->joined, reader->joined_len, event);
    return frame->fin;
}

void wsreader_next(struct wsreader *reader, struct wsreader_event *event)
{
    for (;;) {
        struct wsframe frame;
        ssize_t used = wsframe_read(reader->buffer + reader->start, reader->end - reader->start,
                                    reader->message_max, &frame);
        reader->frame_size = frame.whole;
        if (used == 0) {
            *event = (struct wsreader_event){.kind = WSREADER_MORE};
            return;
        }
        if (used < 0) {
            fail(event, (uint16_t)-used, frame.reason);
            return;
        }
        reader->start += (size_t)used;
        reader->frame_size = 0;
        if (frame.opcode >= WS_CLOSE) {
            take_control(&frame, event);
            return;
        }
        if (take_data(reader, &frame, event))
            return;
    }
}
