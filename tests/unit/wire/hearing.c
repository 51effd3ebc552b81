/* SPDX-License-Identifier: MIT */
#include "hearing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/inflate.h"

void hearing_init(struct hearing *hearing, uint64_t message_max)
{
    memset(hearing, 0, sizeof *hearing);
    ws_parser_init(&hearing->parser, message_max);
    hearing->message = malloc(message_max + 1);
    hearing->out = open_memstream(&hearing->text, &hearing->text_len);
    assert_non_null(hearing->message);
    assert_non_null(hearing->out);
}

void hearing_finish(struct hearing *hearing)
{
    fclose(hearing->out);
    free(hearing->text);
    free(hearing->message);
}

/* In blocks: a call a byte is what ThreadSanitizer makes dear. */
static void write_hex(FILE *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char block[1024];
    for (size_t i = 0; i < len;) {
        size_t n = 0;
        for (; i < len && n < sizeof block; i++) {
            block[n++] = digits[data[i] >> 4];
            block[n++] = digits[data[i] & 15];
        }
        fwrite(block, 1, n, out);
    }
    putc_unlocked('\n', out);
}

void hearing_negotiate_deflate(struct hearing *hearing)
{
    hearing->parser.deflate = true;
}

static void hear_message(struct hearing *hearing, uint8_t opcode, const uint8_t *data, size_t len)
{
    fputs(opcode == WS_TEXT ? "text " : "binary ", hearing->out);
    write_hex(hearing->out, data, len);
}

static void hear_deflated(struct hearing *hearing, uint8_t opcode)
{
    static struct inflate *inflate; /* one for all: nothing is kept between messages */
    struct bytes out = {0};
    struct utf8 utf8 = {0};
    if (!inflate)
        inflate = inflate_create();
    assert_non_null(inflate);
    int rc = inflate_message(inflate, hearing->message, hearing->message_len,
                             hearing->parser.message_max, &out);
    assert_true(rc == 0 || rc == -EMSGSIZE || rc == -EBADMSG);
    bool bad_text = rc == 0 && opcode == WS_TEXT &&
                    (!utf8_feed(&utf8, out.data, out.len) || !utf8_complete(&utf8));
    hearing->over = hearing->deaf = rc != 0 || bad_text;
    if (hearing->deaf)
        fprintf(hearing->out, "error %u\n", rc == -EMSGSIZE ? WS_CLOSE_TOO_BIG : WS_CLOSE_BAD_DATA);
    else
        hear_message(hearing, opcode, out.data, out.len);
    bytes_finish(&out);
}

static void hear_data(struct hearing *hearing, const struct ws_event *event)
{
    assert_true(event->opcode == WS_TEXT || event->opcode == WS_BINARY);
    assert_true(event->len > 0 || event->fin);
    assert_true(hearing->message_len + event->len <= hearing->parser.message_max);
    if (event->len > 0)
        memcpy(hearing->message + hearing->message_len, event->data, event->len);
    hearing->message_len += event->len;
    if (!event->fin)
        return;
    if (event->deflated)
        hear_deflated(hearing, event->opcode);
    else
        hear_message(hearing, event->opcode, hearing->message, hearing->message_len);
    hearing->message_len = 0;
}

static void hear_control(struct hearing *hearing, const struct ws_event *event)
{
    assert_true(event->len <= 125);
    if (event->opcode == WS_CLOSE)
        fprintf(hearing->out, "close %u ", event->code);
    else
        fputs(event->opcode == WS_PING ? "ping " : "pong ", hearing->out);
    write_hex(hearing->out, event->data, event->len);
    hearing->over |= event->opcode == WS_CLOSE;
}

static void hear_error(struct hearing *hearing, const struct ws_event *event)
{
    assert_non_null(event->reason);
    fprintf(hearing->out, "error %u\n", event->code);
    hearing->over = true;
}

void hearing_feed(struct hearing *hearing, const uint8_t *data, size_t len)
{
    uint8_t *piece = guard_place(data, len);
    struct ws_event event;
    while (!hearing->deaf) {
        bool over = hearing->over;
        size_t used = ws_parse(&hearing->parser, piece, len, &event);
        assert_true(used <= len);
        if (event.kind == WS_NEED_MORE)
            assert_true(used == len);
        else
            assert_false(over);
        if (event.kind == WS_DATA && event.len > 0)
            assert_true(event.data >= piece && event.data + event.len <= piece + used);
        piece += used;
        len -= used;
        hearing->consumed += over ? 0 : used;
        switch (event.kind) {
        case WS_NEED_MORE: return;
        case WS_DATA: hear_data(hearing, &event); break;
        case WS_CONTROL: hear_control(hearing, &event); break;
        case WS_ERROR: hear_error(hearing, &event); break;
        }
    }
}

const char *hearing_text(struct hearing *hearing)
{
    fflush(hearing->out);
    return hearing->text;
}

static void check(struct hearing *hearing, const char *expected, const char *how, size_t at)
{
    const char *heard = hearing_text(hearing);
    if (strcmp(heard, expected) != 0)
        fail_msg("%s %zu: heard\n%.400s\ninstead of\n%.400s", how, at, heard, expected);
    hearing_finish(hearing);
}

static void check_split(uint64_t message_max, const uint8_t *input, size_t len, size_t at,
                        const char *expected)
{
    struct hearing hearing;
    hearing_init(&hearing, message_max);
    hearing_feed(&hearing, input, at);
    hearing_feed(&hearing, input + at, len - at);
    check(&hearing, expected, "split at", at);
}

void assert_heard(uint64_t message_max, const uint8_t *input, size_t len, const char *expected)
{
    struct hearing hearing;
    for (size_t at = 0; at <= len;) {
        check_split(message_max, input, len, at, expected);
        at += at < 600 || at + 600 > len ? 1 : 997;
    }
    for (size_t step = 1; step < 10; step++) {
        hearing_init(&hearing, message_max);
        for (size_t at = 0; at < len; at += step)
            hearing_feed(&hearing, input + at, len - at < step ? len - at : step);
        check(&hearing, expected, "in steps of", step);
    }
}

void assert_hears(const char *hex, const char *expected)
{
    static uint8_t input[GUARD_MAX];
    long len = hex_parse(hex, input, sizeof input);
    assert_true(len >= 0);
    assert_heard(64 * 1024, input, (size_t)len, expected);
}

size_t client_frame(uint8_t *out, uint8_t first, const void *payload, size_t len, uint32_t mask)
{
    size_t at = ws_write_header(out, WS_BINARY, len);
    out[0] = first;
    out[1] |= 0x80;
    uint8_t key[4];
    memcpy(key, &mask, 4);
    memcpy(out + at, key, 4);
    at += 4;
    for (size_t i = 0; i < len; i++)
        out[at + i] = ((const uint8_t *)payload)[i] ^ key[i & 3];
    return at + len;
}
