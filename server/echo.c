/* SPDX-License-Identifier: MIT */
/* echo: see echo.h. */
#include "server/echo.h"

#include <string.h>

#include "server/worker.h"

enum { ECHO_KEPT = 1 << 20 }; /* of the worker's buffer, between messages */

void echo_message(struct worker *worker, uint32_t index, uint8_t opcode, const uint8_t *data,
                  size_t len)
{
    struct bytes *answer = &worker->answer;
    bool deflated = worker->fanout.subscribers[index].format >= ENCODE_DEFLATED;
    uint8_t *frame = bytes_reserve(answer, WS_HEADER_MAX + len);
    if (frame) {
        /* Deflated behind the longest header, then moved up to its own. */
        uint8_t *payload = frame + WS_HEADER_MAX;
        uint32_t small =
            deflated ? deflate_payload(worker->fanout.deflate, data, (uint32_t)len, payload) : 0;
        size_t header = ws_write_header(frame, (enum ws_opcode)opcode, small ? small : len);
        if (small)
            frame[0] |= WS_DEFLATED;
        if (len)
            memmove(frame + header, small ? payload : data, small ? small : len);
        answer->len += header + (small ? small : len);
    }
    client_answer(worker, index);
    if (answer->cap > ECHO_KEPT) {
        bytes_finish(answer);
        *answer = (struct bytes){0};
    }
}
