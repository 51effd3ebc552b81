/* SPDX-License-Identifier: MIT */
/* inflate: see inflate.h. */
#include "server/wire/inflate.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    WINDOW_BITS = 15,     /* the largest that a client may use */
    STEP_MIN = 1024,      /* bytes of output asked for at a time, at least */
    BETWEEN_BLOCKS = 128, /* zlib.h, inflate(): in data_type */
};

struct inflate {
    z_stream stream;
    bool ended; /* by a last block, with no input left */
};

struct inflate *inflate_create(void)
{
    struct inflate *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    /* Negative: without zlib's header. */
    if (inflateInit2(&self->stream, -WINDOW_BITS) != Z_OK) {
        free(self);
        return NULL;
    }
    return self;
}

void inflate_destroy(struct inflate *self)
{
    if (self)
        inflateEnd(&self->stream);
    free(self);
}

/* All of `data`, until it is used up. `*produced` counts the output of the message. */
static int take(struct inflate *self, const uint8_t *data, size_t len, size_t max, size_t *produced,
                struct bytes *out)
{
    z_stream *stream = &self->stream;
    if (self->ended)
        inflateReset(stream);
    self->ended = false;
    stream->next_in = (Bytef *)data;
    stream->avail_in = (uInt)len;
    for (;;) {
        /* One byte more than may be: whether there is one tells too much from just enough. */
        size_t room = len * 4 + STEP_MIN;
        if (room > max - *produced + 1)
            room = max - *produced + 1;
        uint8_t *at = bytes_reserve(out, room);
        if (!at)
            return -ENOMEM;
        stream->next_out = at;
        stream->avail_out = (uInt)room;
        int rc = inflate(stream, Z_SYNC_FLUSH);
        size_t got = room - stream->avail_out;
        out->len += got;
        *produced += got;
        if (*produced > max)
            return -EMSGSIZE;
        /* RFC 7692, 7.2.3.4: a block may be marked as the last; others may follow. */
        self->ended = rc == Z_STREAM_END;
        if (self->ended && stream->avail_in == 0)
            return 0;
        if (self->ended && inflateReset(stream) == Z_OK)
            continue;
        if (rc != Z_OK && rc != Z_BUF_ERROR)
            return rc == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
        if (stream->avail_in == 0 && stream->avail_out > 0)
            return 0;
        if (got == 0 && rc == Z_BUF_ERROR)
            return -EBADMSG;
    }
}

int inflate_message(struct inflate *self, const uint8_t *data, size_t len, size_t max,
                    struct bytes *out)
{
    static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff}; /* RFC 7692, 7.2.2 */
    size_t produced = 0;
    inflateReset(&self->stream);
    self->ended = false;
    int rc = len ? take(self, data, len, max, &produced, out) : 0;
    if (rc == 0)
        rc = take(self, tail, sizeof tail, max, &produced, out);
    if (rc == 0 && !self->ended && !(self->stream.data_type & BETWEEN_BLOCKS))
        rc = -EBADMSG; /* cut short */
    return rc;
}

uint64_t inflate_memory_max(void)
{
    /* zlib's zconf.h */
    return sizeof(struct inflate) + (1u << WINDOW_BITS) + 8192;
}
