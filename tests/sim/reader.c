/* SPDX-License-Identifier: MIT */
/* reader: see reader.h. */
#include "tests/sim/reader.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

void reader_put(struct reader *reader, const uint8_t *data, uint32_t len)
{
    pipe_put(&reader->in, data, len);
}

bool reader_is_within(const struct reader *reader)
{
    return reader->in.len > reader->used;
}

void reader_finish(struct reader *reader)
{
    pipe_finish(&reader->in);
}

static uint32_t body_length(const char *head)
{
    const char *field = strstr(head, "\r\nContent-Length: ");
    return field ? (uint32_t)strtoul(field + 18, NULL, 10) : 0;
}

static struct item next_answer(struct reader *reader)
{
    struct item item = {0};
    const uint8_t *data = pipe_bytes(&reader->in);
    const uint8_t *end = reader->in.len ? memmem(data, reader->in.len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return item;
    uint32_t head_len = (uint32_t)(end + 4 - data);
    REQUIRE(head_len < sizeof reader->head, "an answer's head of %u bytes", head_len);
    memcpy(reader->head, data, head_len);
    reader->head[head_len] = 0;
    REQUIRE(strncmp(reader->head, "HTTP/1.1 ", 9) == 0, "an answer that isn't HTTP/1.1");
    uint32_t body = body_length(reader->head);
    if (reader->in.len < head_len + body)
        return item;
    item = (struct item){.kind = ITEM_ANSWER,
                         .status = atoi(reader->head + 9),
                         .head = reader->head,
                         .data = data + head_len,
                         .len = body};
    reader->used = head_len + body;
    reader->websocket = item.status == 101;
    return item;
}

static struct item next_frame(struct reader *reader)
{
    struct item item = {0};
    const uint8_t *data = pipe_bytes(&reader->in);
    uint32_t have = reader->in.len;
    if (have < 2)
        return item;
    uint32_t header = (data[1] & 127) < 126 ? 2 : (data[1] & 127) == 126 ? 4 : 10;
    if (have < header)
        return item;
    uint64_t len = data[1] & 127;
    if (header > 2)
        len = 0;
    for (uint32_t i = 2; i < header; i++)
        len = len << 8 | data[i];
    item.opcode = data[0] & 15;
    REQUIRE((data[0] & 0xf0) == 0x80 && !(data[1] & 0x80),
            "frame header %02x %02x: fragmented, masked, or a reserved bit", data[0], data[1]);
    REQUIRE(item.opcode == 1 || item.opcode == 2 || (item.opcode >= 8 && item.opcode <= 10),
            "a frame of opcode %u", item.opcode);
    REQUIRE(header == (len < 126     ? 2u
                       : len < 65536 ? 4u
                                     : 10u) &&
                (item.opcode < 8 || len < 126),
            "a frame of %u bytes with a header of %u", (unsigned)len, header);
    if (have < header + len)
        return item;
    item.kind = ITEM_FRAME;
    item.data = data + header;
    item.len = (uint32_t)len;
    reader->used = header + (uint32_t)len;
    reader->closed = item.opcode == 8;
    return item;
}

struct item reader_next(struct reader *reader)
{
    pipe_take(&reader->in, reader->used);
    reader->used = 0;
    if (reader->closed) {
        REQUIRE(!reader->in.len, "%u bytes after the close frame", reader->in.len);
        return (struct item){0};
    }
    return reader->websocket ? next_frame(reader) : next_answer(reader);
}
