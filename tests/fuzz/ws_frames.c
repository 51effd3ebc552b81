/* SPDX-License-Identifier: MIT */
/*
 * ws_frames: a client's frames, which come in pieces: each way to cut them is heard the same, with
 * permessage-deflate and without.
 */
#include "server/wire/bytes.h"
#include "server/wire/ws.h"
#include "tests/fuzz/target.h"

enum { MESSAGE_MAX = 1000 };

/* An event; pieces of a message that follow each other count as one. */
struct sound {
    struct ws_event event; /* `data` is not set: see `at` */
    size_t at;             /* in the hearing's bytes */
};

struct hearing {
    struct sound *sounds;
    size_t count, cap;
    struct bytes bytes;
    uint64_t message; /* bytes of the open message */
    bool over;        /* after an error or a close nothing is heard */
};

static void hearing_finish(struct hearing *hearing)
{
    free(hearing->sounds);
    bytes_finish(&hearing->bytes);
}

static struct sound *last(const struct hearing *hearing)
{
    return hearing->count ? &hearing->sounds[hearing->count - 1] : NULL;
}

static bool is_open(const struct sound *sound)
{
    return sound && sound->event.kind == WS_DATA && !sound->event.fin;
}

static void check_event(struct hearing *hearing, const struct ws_event *event, bool deflate)
{
    CHECK(!hearing->over);
    switch (event->kind) {
    case WS_DATA:
        CHECK(event->opcode == WS_TEXT || event->opcode == WS_BINARY);
        CHECK(deflate || !event->deflated);
        hearing->message += event->len;
        CHECK(hearing->message <= MESSAGE_MAX && (event->len || event->fin));
        hearing->message = event->fin ? 0 : hearing->message;
        break;
    case WS_CONTROL:
        CHECK(event->opcode >= WS_CLOSE && event->opcode <= WS_PONG && event->len <= 125);
        hearing->over = event->opcode == WS_CLOSE;
        CHECK(!hearing->over || event->code == WS_CLOSE_NO_STATUS ||
              ws_close_code_is_valid(event->code));
        break;
    case WS_ERROR:
        CHECK(event->code == WS_CLOSE_PROTOCOL || event->code == WS_CLOSE_BAD_DATA ||
              event->code == WS_CLOSE_TOO_BIG);
        CHECK(event->reason);
        hearing->over = true;
        break;
    case WS_NEED_MORE: break;
    }
}

static void hear(struct hearing *hearing, const struct ws_event *event)
{
    struct sound *sound = last(hearing);
    if (event->kind == WS_DATA && is_open(sound)) {
        CHECK(sound->event.opcode == event->opcode && sound->event.deflated == event->deflated);
        sound->event.fin = event->fin;
        sound->event.len += event->len;
    } else {
        if (hearing->count == hearing->cap) {
            hearing->cap = 2 * hearing->cap + 16;
            hearing->sounds = realloc(hearing->sounds, hearing->cap * sizeof *hearing->sounds);
            CHECK(hearing->sounds);
        }
        hearing->sounds[hearing->count++] =
            (struct sound){.event = *event, .at = hearing->bytes.len};
    }
    bytes_append(&hearing->bytes, event->data, event->len);
    CHECK(!hearing->bytes.failed);
}

static void listen(struct hearing *hearing, struct ws_parser *parser, const uint8_t *data,
                   size_t len)
{
    uint8_t *piece = target_copy(data, len);
    struct ws_event event = {.kind = WS_DATA};
    for (size_t used = 0; event.kind != WS_NEED_MORE;) {
        size_t n = ws_parse(parser, piece + used, len - used, &event);
        used += n;
        CHECK(used <= len && (event.kind != WS_NEED_MORE || used == len));
        if (event.kind == WS_NEED_MORE)
            break;
        check_event(hearing, &event, parser->deflate);
        hear(hearing, &event);
    }
    free(piece);
}

/* `step` is how much comes at a time; 0: as the dice say. */
static struct hearing listen_in_pieces(const uint8_t *data, size_t len, bool deflate, size_t step)
{
    struct hearing hearing = {0};
    struct ws_parser parser;
    struct dice dice = target_dice(data, len);
    ws_parser_init(&parser, MESSAGE_MAX);
    parser.deflate = deflate;
    while (len > 0) {
        size_t n = step ? step : dice_length(&dice, (uint32_t)len);
        n = n < len ? n : len;
        listen(&hearing, &parser, data, n);
        data += n;
        len -= n;
    }
    return hearing;
}

/* The start of a text whose end is no UTF-8 may have been heard before that, or not: it is taken
 * off. */
static void forget_bad_text(struct hearing *hearing)
{
    struct sound *error = last(hearing);
    if (!error || error->event.kind != WS_ERROR || error->event.code != WS_CLOSE_BAD_DATA)
        return;
    struct sound *before = hearing->count > 1 ? error - 1 : NULL;
    if (!is_open(before))
        return;
    hearing->bytes.len = before->at;
    *before = *error;
    before->at = hearing->bytes.len;
    hearing->count--;
}

static void check_same(struct hearing *a, struct hearing *b)
{
    size_t heard = a->bytes.len < b->bytes.len ? a->bytes.len : b->bytes.len;
    CHECK(!heard || memcmp(a->bytes.data, b->bytes.data, heard) == 0);
    forget_bad_text(a);
    forget_bad_text(b);
    CHECK(a->count == b->count && a->bytes.len == b->bytes.len);
    for (size_t i = 0; i < a->count; i++) {
        const struct ws_event *x = &a->sounds[i].event, *y = &b->sounds[i].event;
        CHECK(a->sounds[i].at == b->sounds[i].at && x->len == y->len);
        CHECK(x->kind == y->kind && x->opcode == y->opcode && x->fin == y->fin);
        CHECK(x->deflated == y->deflated && x->code == y->code);
        CHECK(!x->reason == !y->reason && (!x->reason || !strcmp(x->reason, y->reason)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int deflate = 0; deflate < 2; deflate++) {
        struct hearing whole = listen_in_pieces(data, size, deflate, size);
        for (size_t step = 0; step < 2; step++) {
            struct hearing pieces = listen_in_pieces(data, size, deflate, step);
            check_same(&whole, &pieces);
            hearing_finish(&pieces);
        }
        hearing_finish(&whole);
    }
    return 0;
}
