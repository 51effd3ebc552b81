/* SPDX-License-Identifier: MIT */
/* deflate: see deflate.h. */
#include "server/fanout/deflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    LEVEL = 6,
    WINDOW_BITS = 9,
    MEMORY_LEVEL = 4, /* a smaller table is sooner cleared for the next payload */
    TAIL = 4,         /* RFC 7692, 7.2.1: 00 00 ff ff is left off */
};

struct deflate {
    z_stream stream;
};

struct deflate *deflate_create(void)
{
    struct deflate *deflate = calloc(1, sizeof *deflate);
    if (!deflate)
        return NULL;
    /* Negative: without zlib's header. */
    if (deflateInit2(&deflate->stream, LEVEL, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(deflate);
        return NULL;
    }
    return deflate;
}

void deflate_destroy(struct deflate *deflate)
{
    if (deflate)
        deflateEnd(&deflate->stream);
    free(deflate);
}

uint32_t deflate_payload(struct deflate *self, const void *data, uint32_t len, uint8_t *out)
{
    z_stream *stream = &self->stream;
    deflateReset(stream);
    stream->next_in = (Bytef *)data;
    stream->avail_in = len;
    stream->next_out = out;
    stream->avail_out = len;
    /* With room left over everything has been flushed (zlib.h, deflate()). */
    if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_out == 0)
        return 0;
    return len - stream->avail_out - TAIL;
}

uint64_t deflate_memory_max(void)
{
    /* zlib's zconf.h */
    return sizeof(struct deflate) + (1u << (WINDOW_BITS + 2)) + (1u << (MEMORY_LEVEL + 9)) + 8192;
}
