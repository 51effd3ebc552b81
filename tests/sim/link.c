/* SPDX-License-Identifier: MIT */
/* link: see link.h. */
#include "tests/sim/link.h"

#include <stdlib.h>
#include <string.h>

#include "feed/base.h"

void pipe_put(struct pipe *pipe, const void *data, uint32_t len)
{
    if (pipe->head + pipe->len + len > pipe->cap && pipe->head) {
        memmove(pipe->data, pipe->data + pipe->head, pipe->len);
        pipe->head = 0;
    }
    if (pipe->len + len > pipe->cap) {
        pipe->cap = 2 * (pipe->len + len) + 256;
        pipe->data = realloc(pipe->data, pipe->cap);
        CHECK(pipe->data);
    }
    if (len)
        memcpy(pipe->data + pipe->head + pipe->len, data, len);
    pipe->len += len;
}

void pipe_take(struct pipe *pipe, uint32_t len)
{
    CHECK(len <= pipe->len);
    pipe->head += len;
    pipe->len -= len;
    if (!pipe->len)
        pipe->head = 0;
}

const uint8_t *pipe_bytes(const struct pipe *pipe)
{
    return pipe->data + pipe->head;
}

void pipe_finish(struct pipe *pipe)
{
    free(pipe->data);
    *pipe = (struct pipe){0};
}

void link_finish(struct link *link)
{
    pipe_finish(&link->up);
    pipe_finish(&link->down);
}
