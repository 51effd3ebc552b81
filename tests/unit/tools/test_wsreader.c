/* SPDX-License-Identifier: MIT */
/*
 * A byte stream cut at any two places as messages.
 */
#include "tests/unit/tools/unit.h"
#include "tools/wsreader.h"

enum { MESSAGE_MAX = 100000 };

/* Notes every event of what the reader holds: "T:abc B:x P:hi C:1000:bye E:1002 ". Returns false at
 * the end. */
static bool note(struct wsreader *reader, char *out, size_t size)
{
    for (;;) {
        struct wsreader_event event;
        wsreader_next(reader, &event);
        size_t used = strlen(out);
        char *at = out + used;
        int len = (int)event.len;
        switch (event.kind) {
        case WSREADER_MORE: return true;
        case WSREADER_ERROR: snprintf(at, size - used, "E:%u ", event.code); return false;
        case WSREADER_MESSAGE:
            snprintf(at, size - used, "%c:%.*s ", event.opcode == WS_TEXT ? 'T' : 'B', len,
                     event.data);
            break;
        case WSREADER_CONTROL:
            if (event.opcode == WS_CLOSE) {
                snprintf(at, size - used, "C:%u:%.*s ", event.code, len, event.data);
                return false;
            }
            snprintf(at, size - used, "%c:%.*s ", event.opcode == WS_PING ? 'P' : 'O', len,
                     event.data);
            break;
        }
    }
}

static bool feed(struct wsreader *reader, const char *data, size_t len)
{
    while (len > 0) {
        size_t size;
        uint8_t *room = wsreader_room(reader, &size);
        if (!room)
            return false;
        size_t piece = size < len ? size : len;
        memcpy(room, data, piece);
        wsreader_added(reader, piece);
        data += piece;
        len -= piece;
        if (len > 0)
            return false; /* the tests' input fits */
    }
    return true;
}

struct transcript {
    const char *bytes;
    size_t len;
    const char *events;
};

#define BYTES(text) text, sizeof(text) - 1

static const struct transcript transcripts[] = {
    {BYTES("\x81\x03"
           "abc\x82\x01x\x89\x02hi\x8a\x00"),
     "T:abc B:x P:hi O: "},
    {BYTES("\x01\x02"
           "ab\x89\x01!\x00\x00\x80\x01"
           "c\x81\x01z"),
     "P:! T:abc T:z "},
    {BYTES("\x01\x00\x80\x00"), "T: "},
    {BYTES("\x01\x01\xc3\x80\x01\xa9"), "T:\xc3\xa9 "},
    {BYTES("\x88\x00"), "C:1005: "},
    {BYTES("\x88\x05\x03\xe8"
           "bye"),
     "C:1000:bye "},
    {BYTES("\x88\x01\x03"), "E:1002 "},
    {BYTES("\x80\x01x"), "E:1002 "},
    {BYTES("\x01\x01x\x81\x01y"), "E:1002 "},
    {BYTES("\x81\x01\xff"), "E:1007 "},
    {BYTES("\x81\x02\xe2\x82"), "E:1007 "},
    {BYTES("\x82\x01\xff"), "B:\xff "},
};

static void every_split_gives_the_same_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(transcripts); i++)
        for (size_t first = 0; first <= transcripts[i].len; first++)
            for (size_t second = first; second <= transcripts[i].len; second++) {
                const struct transcript *t = &transcripts[i];
                struct wsreader reader;
                char events[256] = "";
                assert_int_equal(wsreader_init(&reader, 0, MESSAGE_MAX), 0);
                bool open = feed(&reader, t->bytes, first) && note(&reader, events, sizeof events);
                open = open && feed(&reader, t->bytes + first, second - first) &&
                       note(&reader, events, sizeof events);
                open = open && feed(&reader, t->bytes + second, t->len - second) &&
                       note(&reader, events, sizeof events);
                if (strcmp(events, t->events) != 0)
                    fail_msg("case %zu at %zu, %zu: %s, not %s", i, first, second, events,
                             t->events);
                wsreader_finish(&reader);
            }
}

/* Feeds `data` in whatever pieces the reader has room for. */
static uint64_t count_messages(struct wsreader *reader, const uint8_t *data, size_t len,
                               size_t payload)
{
    uint64_t messages = 0;
    while (len > 0) {
        size_t size;
        uint8_t *room = wsreader_room(reader, &size);
        assert_non_null(room);
        assert_true(size > 0);
        size_t piece = size < len ? size : len;
        memcpy(room, data, piece);
        wsreader_added(reader, piece);
        data += piece;
        len -= piece;
        struct wsreader_event event;
        for (wsreader_next(reader, &event); event.kind == WSREADER_MESSAGE;
             wsreader_next(reader, &event)) {
            assert_int_equal(event.len, payload);
            messages++;
        }
        assert_int_equal(event.kind, WSREADER_MORE);
    }
    return messages;
}

static void the_buffer_grows_to_the_largest_frame(void **state)
{
    (void)state;
    uint8_t *data = calloc(3, MESSAGE_MAX + 10);
    size_t len = 0;
    for (int i = 0; i < 3; i++)
        len += ws_write_header(data + len, WS_BINARY, MESSAGE_MAX) + MESSAGE_MAX;
    struct wsreader reader;
    assert_int_equal(wsreader_init(&reader, 0, MESSAGE_MAX), 0);
    assert_int_equal(count_messages(&reader, data, len, MESSAGE_MAX), 3);
    wsreader_finish(&reader);
    free(data);
}

static void fragments_together_are_bounded(void **state)
{
    (void)state;
    struct wsreader reader;
    char events[64] = "";
    assert_int_equal(wsreader_init(&reader, 0, 10), 0);
    assert_true(feed(&reader,
                     "\x02\x06"
                     "aaaaaa"
                     "\x80\x05"
                     "bbbbb",
                     15));
    assert_false(note(&reader, events, sizeof events));
    assert_string_equal(events, "E:1009 ");
    wsreader_finish(&reader);
    wsreader_finish(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_gives_the_same_events),
        cmocka_unit_test(the_buffer_grows_to_the_largest_frame),
        cmocka_unit_test(fragments_together_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
