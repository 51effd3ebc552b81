/* SPDX-License-Identifier: MIT */
#include "server/wire/ws.h"

#include <string.h>

enum parser_state { IN_HEADER, IN_DATA, IN_CONTROL, SPENT };

enum {
    BIT_FIN = 0x80,
    BITS_RESERVED = 0x70,
    BITS_OPCODE = 0x0f,
    BIT_MASK = 0x80,
    BITS_LENGTH = 0x7f,
    LENGTH_16 = 126, /* the length stands in the next 2 bytes */
    LENGTH_64 = 127, /* in the next 8 */
    CONTROL_MAX = 125,
};

void ws_parser_init(struct ws_parser *parser, uint64_t message_max)
{
    memset(parser, 0, sizeof *parser);
    parser->message_max = message_max;
}

static bool is_control(uint8_t opcode)
{
    return opcode >= WS_CLOSE;
}

/* Each check of a header or payload answers true, or has filled the event with the error. */
static bool fail(struct ws_parser *parser, struct ws_event *event, uint16_t code,
                 const char *reason)
{
    parser->state = SPENT;
    *event = (struct ws_event){.kind = WS_ERROR, .code = code, .reason = reason};
    return false;
}

static bool judge_opcode(struct ws_parser *parser, uint8_t byte, struct ws_event *event)
{
    uint8_t opcode = byte & BITS_OPCODE;
    bool fin = byte & BIT_FIN;
    /* RFC 7692, 6: RSV1 on the first frame of a message, and on no other. */
    bool opens = opcode == WS_TEXT || opcode == WS_BINARY;
    uint8_t allowed = parser->deflate && opens ? WS_DEFLATED : 0;
    if (byte & BITS_RESERVED & ~allowed)
        return fail(parser, event, WS_CLOSE_PROTOCOL, "reserved bit set");
    if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
        return fail(parser, event, WS_CLOSE_PROTOCOL, "reserved opcode");
    if (is_control(opcode) && !fin)
        return fail(parser, event, WS_CLOSE_PROTOCOL, "fragmented control frame");
    if (opcode == WS_CONTINUATION && parser->message == 0)
        return fail(parser, event, WS_CLOSE_PROTOCOL, "continuation of no message");
    if ((opcode == WS_TEXT || opcode == WS_BINARY) && parser->message != 0)
        return fail(parser, event, WS_CLOSE_PROTOCOL, "new message inside a fragmented one");
    parser->opcode = opcode;
    parser->fin = fin;
    if (opens)
        parser->deflated = byte & WS_DEFLATED;
    return true;
}

static bool judge_short_length(struct ws_parser *parser, uint8_t byte, struct ws_event *event)
{
    if (!(byte & BIT_MASK))
        return fail(parser, event, WS_CLOSE_PROTOCOL, "frame is not masked");
    if (is_control(parser->opcode) && (byte & BITS_LENGTH) > CONTROL_MAX)
        return fail(parser, event, WS_CLOSE_PROTOCOL, "control frame over 125 bytes");
    return true;
}

/* Where in the header the length ends; its second byte must be there. */
static uint8_t length_end(const struct ws_parser *parser)
{
    uint8_t length = parser->header[1] & BITS_LENGTH;
    return length == LENGTH_64 ? 10 : length == LENGTH_16 ? 4 : 2;
}

static bool judge_length(struct ws_parser *parser, struct ws_event *event)
{
    uint8_t end = length_end(parser);
    uint64_t length = parser->header[1] & BITS_LENGTH;
    if (end > 2) {
        length = 0;
        for (uint8_t i = 2; i < end; i++)
            length = length << 8 | parser->header[i];
        if (length >> 63)
            return fail(parser, event, WS_CLOSE_PROTOCOL, "length with its top bit set");
        if (length < (end == 4 ? LENGTH_16 : 0x10000))
            return fail(parser, event, WS_CLOSE_PROTOCOL, "length not in its shortest form");
    }
    parser->frame_left = length;
    if (is_control(parser->opcode))
        return true;
    /* Never below zero: message_len grows only past this test. */
    if (length > parser->message_max - parser->message_len)
        return fail(parser, event, WS_CLOSE_TOO_BIG, "message too big");
    parser->message_len += length;
    return true;
}

static void open_payload(struct ws_parser *parser)
{
    parser->frames++;
    memcpy(parser->mask, parser->header + parser->header_len - 4, 4);
    parser->mask_phase = 0;
    parser->header_len = 0;
    if (is_control(parser->opcode)) {
        parser->state = IN_CONTROL;
        parser->control_len = 0;
        return;
    }
    parser->state = IN_DATA;
    /* `utf8` needs no reset: a text that ends inside a character is the parser's end too. */
    if (parser->opcode != WS_CONTINUATION)
        parser->message = parser->opcode;
}

/* Judges the header byte by byte, so that a frame is refused at the first byte that damns it.
 * Returns the bytes taken; the header may still be incomplete, or the event an error. */
static size_t take_header(struct ws_parser *parser, const uint8_t *data, size_t len,
                          struct ws_event *event)
{
    size_t taken = 0;
    while (taken < len) {
        uint8_t byte = data[taken++];
        parser->header[parser->header_len++] = byte;
        if (parser->header_len == 1 && !judge_opcode(parser, byte, event))
            break;
        if (parser->header_len == 2 && !judge_short_length(parser, byte, event))
            break;
        if (parser->header_len < 2)
            continue;
        if (parser->header_len == length_end(parser) && !judge_length(parser, event))
            break;
        if (parser->header_len == length_end(parser) + 4) {
            open_payload(parser);
            break;
        }
    }
    return taken;
}

static void unmask(struct ws_parser *parser, uint8_t *data, size_t len)
{
    uint8_t key[8];
    for (uint32_t i = 0; i < 8; i++)
        key[i] = parser->mask[(parser->mask_phase + i) & 3];
    uint64_t wide;
    memcpy(&wide, key, 8);
    size_t i = 0;
    for (; len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        word ^= wide;
        memcpy(data + i, &word, 8);
    }
    for (; i < len; i++)
        data[i] ^= key[i & 7];
    parser->mask_phase = (parser->mask_phase + len) & 3;
}

static void take_data(struct ws_parser *parser, uint8_t *data, size_t len, struct ws_event *event)
{
    unmask(parser, data, len);
    parser->frame_left -= len;
    bool frame_ends = parser->frame_left == 0;
    bool message_ends = frame_ends && parser->fin;
    uint8_t opcode = parser->message;
    bool text = opcode == WS_TEXT && !parser->deflated;
    if (text && !utf8_feed(&parser->utf8, data, len)) {
        fail(parser, event, WS_CLOSE_BAD_DATA, "text is not UTF-8");
        return;
    }
    if (text && message_ends && !utf8_complete(&parser->utf8)) {
        fail(parser, event, WS_CLOSE_BAD_DATA, "text ends inside a character");
        return;
    }
    if (frame_ends)
        parser->state = IN_HEADER;
    if (message_ends) {
        parser->message = 0;
        parser->message_len = 0;
    }
    if (len > 0 || message_ends)
        *event = (struct ws_event){.kind = WS_DATA,
                                   .opcode = opcode,
                                   .fin = message_ends,
                                   .deflated = parser->deflated,
                                   .data = data,
                                   .len = len};
}

bool ws_close_code_is_valid(uint16_t code)
{
    /* 1004 is reserved, 1005, 1006 and 1015 are never sent; 1012 to 1014 are IANA's additions. */
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

/* The event's data is the whole payload; leaves the reason there. */
static void take_close(struct ws_parser *parser, struct ws_event *event)
{
    struct utf8 utf8 = {0};
    parser->state = SPENT;
    event->code = WS_CLOSE_NO_STATUS;
    if (event->len == 0)
        return;
    if (event->len == 1) {
        fail(parser, event, WS_CLOSE_PROTOCOL, "close with half a code");
        return;
    }
    event->code = (uint16_t)(event->data[0] << 8 | event->data[1]);
    event->data += 2;
    event->len -= 2;
    if (!ws_close_code_is_valid(event->code))
        fail(parser, event, WS_CLOSE_PROTOCOL, "close with an invalid code");
    else if (!utf8_feed(&utf8, event->data, event->len) || !utf8_complete(&utf8))
        fail(parser, event, WS_CLOSE_BAD_DATA, "close reason is not UTF-8");
}

static void take_control(struct ws_parser *parser, const uint8_t *data, size_t len,
                         struct ws_event *event)
{
    if (len > 0)
        memcpy(parser->control + parser->control_len, data, len);
    parser->control_len += (uint8_t)len;
    parser->frame_left -= len;
    if (parser->frame_left > 0)
        return;
    unmask(parser, parser->control, parser->control_len);
    parser->state = IN_HEADER;
    *event = (struct ws_event){.kind = WS_CONTROL,
                               .opcode = parser->opcode,
                               .data = parser->control,
                               .len = parser->control_len};
    if (parser->opcode == WS_CLOSE)
        take_close(parser, event);
}

size_t ws_parse(struct ws_parser *parser, uint8_t *data, size_t len, struct ws_event *event)
{
    size_t used = 0;
    *event = (struct ws_event){.kind = WS_NEED_MORE};
    while (event->kind == WS_NEED_MORE) {
        /* After a close or an error whatever still comes is not for us (RFC 6455, 5.5.1). */
        if (parser->state == SPENT)
            return len;
        if (parser->state == IN_HEADER) {
            if (used == len)
                break;
            used += take_header(parser, data + used, len - used, event);
            continue;
        }
        size_t piece = len - used < parser->frame_left ? len - used : (size_t)parser->frame_left;
        if (piece == 0 && parser->frame_left > 0)
            break;
        if (parser->state == IN_CONTROL)
            take_control(parser, data + used, piece, event);
        else
            take_data(parser, data + used, piece, event);
        used += piece;
    }
    return used;
}

size_t ws_header_len(size_t payload_len)
{
    return payload_len < LENGTH_16 ? 2 : payload_len < 0x10000 ? 4 : 10;
}

size_t ws_write_header(uint8_t *out, enum ws_opcode opcode, size_t payload_len)
{
    size_t header_len = ws_header_len(payload_len);
    out[0] = BIT_FIN | (uint8_t)opcode;
    out[1] = header_len == 2 ? (uint8_t)payload_len : header_len == 4 ? LENGTH_16 : LENGTH_64;
    for (size_t i = header_len; i > 2; i--) {
        out[i - 1] = (uint8_t)payload_len;
        payload_len >>= 8;
    }
    return header_len;
}

/* The longest start of `text` within `max` bytes that doesn't cut a character. */
static size_t cut_at_character(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    if (len <= max)
        return len;
    len = max;
    while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

size_t ws_write_close(uint8_t *out, uint16_t code, const char *reason)
{
    if (code == WS_CLOSE_NO_STATUS)
        return ws_write_header(out, WS_CLOSE, 0);
    size_t reason_len = reason ? cut_at_character(reason, CONTROL_MAX - 2) : 0;
    size_t at = ws_write_header(out, WS_CLOSE, 2 + reason_len);
    out[at++] = (uint8_t)(code >> 8);
    out[at++] = (uint8_t)code;
    if (reason_len > 0)
        memcpy(out + at, reason, reason_len);
    return at + reason_len;
}
