/* SPDX-License-Identifier: MIT */
/* frame: see frame.h. */
#include "server/fanout/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "feed/base.h"

static uint64_t round_up(uint64_t n)
{
    uint64_t size = 1;
    while (size < n)
        size *= 2;
    return size;
}

int frames_init(struct frames *frames, uint64_t bytes, uint32_t count)
{
    memset(frames, 0, sizeof *frames);
    uint64_t size = round_up(bytes < 4 * FRAME_LEN_MAX ? 4 * FRAME_LEN_MAX : bytes);
    /* mmap: what is never written is never resident. */
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    frames->bytes = memory;
    frames->bytes_mask = size - 1;
    uint64_t slots = round_up(count < 2 ? 2 : count);
    frames->ring = calloc(slots, sizeof *frames->ring);
    if (!frames->ring) {
        frames_finish(frames);
        return -ENOMEM;
    }
    frames->ring_mask = (uint32_t)(slots - 1);
    return 0;
}

void frames_finish(struct frames *frames)
{
    if (frames->bytes)
        munmap(frames->bytes, frames->bytes_mask + 1);
    free(frames->ring);
    memset(frames, 0, sizeof *frames);
}

uint8_t *frames_begin(struct frames *frames)
{
    uint64_t size = frames->bytes_mask + 1;
    uint64_t at = frames->end & frames->bytes_mask;
    if (at + FRAME_LEN_MAX > size)
        frames->end += size - at; /* the tail is too short: it is skipped */
    /* Forget what the new frame may overwrite, and what its place in the ring of frames held. */
    while (frames->oldest != frames->next) {
        const struct frame *oldest = &frames->ring[frames->oldest & frames->ring_mask];
        bool overwritten = oldest->start + size < frames->end + FRAME_LEN_MAX;
        if (!overwritten && frames->next - frames->oldest <= frames->ring_mask)
            break;
        frames->oldest++;
    }
    return frames->bytes + (frames->end & frames->bytes_mask);
}

uint32_t frames_commit(struct frames *frames, uint32_t skip, uint32_t len, const struct frame *what)
{
    CHECK(skip + len <= FRAME_LEN_MAX);
    struct frame *frame = &frames->ring[frames->next & frames->ring_mask];
    *frame = *what;
    frame->start = frames->end + skip;
    frame->len = (uint16_t)len;
    frames->end += skip + len;
    return frames->next++;
}

const struct frame *frames_find(const struct frames *frames, uint32_t number)
{
    if (number - frames->oldest >= frames->next - frames->oldest)
        return NULL;
    return &frames->ring[number & frames->ring_mask];
}

uint8_t *frames_bytes(const struct frames *frames, const struct frame *frame)
{
    return frames->bytes + (frame->start & frames->bytes_mask);
}
