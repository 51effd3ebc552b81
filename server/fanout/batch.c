/* SPDX-License-Identifier: MIT */
#include "server/fanout/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "server/fanout/frame.h"

int batch_init(struct batch *batch)
{
    memset(batch, 0, sizeof *batch);
    bool ok = true;
    for (uint32_t i = 0; i < GATHER_CHUNKS; i++)
        ok = (batch->chunks[i] = malloc(GATHER_SCRATCH)) && ok;
    batch->pieces = malloc(GATHER_PIECES * sizeof *batch->pieces);
    if (ok && batch->pieces)
        return 0;
    batch_finish(batch);
    return -ENOMEM;
}

void batch_finish(struct batch *batch)
{
    for (uint32_t i = 0; i < GATHER_CHUNKS; i++)
        free(batch->chunks[i]);
    free(batch->pieces);
    memset(batch, 0, sizeof *batch);
}

/* Another chunk than the batch's that nothing is pinned in, or GATHER_CHUNKS. */
static uint32_t spare_chunk(const struct batch *batch)
{
    uint32_t i = 0;
    while (i < GATHER_CHUNKS && (i == batch->chunk || batch->pins[i]))
        i++;
    return i;
}

void batch_reset(struct batch *batch)
{
    if (batch->pins[batch->chunk])
        batch->chunk = spare_chunk(batch); /* there is one, or nothing would have been pinned */
    CHECK(batch->chunk < GATHER_CHUNKS);
    batch->scratch_used = 0;
    batch->pieces_used = 0;
    batch->sends_count = 0;
}

int batch_pin(struct batch *batch, struct send *send)
{
    uint8_t *chunk = batch->chunks[batch->chunk];
    bool inside = send->data >= chunk && send->data < chunk + GATHER_SCRATCH;
    if (spare_chunk(batch) == GATHER_CHUNKS ||
        (!inside && batch->scratch_used + send->len > GATHER_SCRATCH))
        return -1;
    if (!inside) {
        memcpy(chunk + batch->scratch_used, send->data, send->len);
        send->data = chunk + batch->scratch_used;
        batch->scratch_used += send->len;
    }
    batch->pins[batch->chunk]++;
    return (int)batch->chunk;
}

void batch_unpin(struct batch *batch, uint32_t chunk)
{
    CHECK(batch->pins[chunk] > 0);
    batch->pins[chunk]--;
}

bool batch_has_room(const struct batch *batch)
{
    /* The last frame of a send may pass its bound, with a gap before it; a frame takes two pieces
     * then. */
    return batch->sends_count < GATHER_SENDS_MAX &&
           batch->scratch_used + GATHER_BYTES_MAX + 2 * FRAME_LEN_MAX <= GATHER_SCRATCH &&
           batch->pieces_used + 2 * GATHER_FRAMES_MAX + 2 <= GATHER_PIECES;
}
