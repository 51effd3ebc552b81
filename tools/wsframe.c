/* SPDX-License-Identifier: MIT */
#include "tools/wsframe.h"

#include <string.h>

static ssize_t refuse(struct wsframe *frame, int code, const char *reason)
{
    frame->reason = reason;
    return -code;
}

/* What the first two bytes alone forbid. */
static const char *check_start(const uint8_t *data)
{
    uint8_t opcode = data[0] & 0x0f;
    if (data[0] & 0x70)
        return "a reserved bit is set";
    if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
        return "an unknown opcode";
    if (data[1] & 0x80)
        return "a server's frame is masked";
    if (opcode >= WS_CLOSE && (!(data[0] & 0x80) || data[1] > 125))
        return "a control frame is fragmented or too long";
    return NULL;
}

ssize_t wsframe_read(const uint8_t *data, size_t len, size_t payload_max, struct wsframe *frame)
{
    *frame = (struct wsframe){0};
    if (len < 2)
        return 0;
    const char *problem = check_start(data);
    if (problem)
        return refuse(frame, WS_CLOSE_PROTOCOL, problem);
    size_t wide = data[1] == 126 ? 2 : data[1] == 127 ? 8 : 0;
    if (len < 2 + wide)
        return 0;
    uint64_t payload = wide ? 0 : data[1];
    for (size_t i = 0; i < wide; i++)
        payload = payload << 8 | data[2 + i];
    if ((wide == 2 && payload < 126) || (wide == 8 && (payload <= UINT16_MAX || payload >> 63)))
        return refuse(frame, WS_CLOSE_PROTOCOL, "a length isn't in its shortest form");
    if (payload > payload_max)
        return refuse(frame, WS_CLOSE_TOO_BIG, "a message is too big");
    frame->whole = 2 + wide + (size_t)payload;
    if (len < frame->whole)
        return 0;
    frame->opcode = data[0] & 0x0f;
    frame->fin = data[0] >> 7;
    frame->data = data + 2 + wide;
    frame->len = (size_t)payload;
    return (ssize_t)frame->whole;
}

size_t wsframe_write(uint8_t *out, enum ws_opcode opcode, const void *data, size_t len,
                     uint32_t mask)
{
    size_t head = ws_write_header(out, opcode, len);
    out[1] |= 0x80;
    uint8_t key[4];
    memcpy(key, &mask, sizeof key);
    memcpy(out + head, key, sizeof key);
    head += sizeof key;
    const uint8_t *from = data;
    for (size_t i = 0; i < len; i++)
        out[head + i] = from[i] ^ key[i % 4];
    return head + len;
}
