/* SPDX-License-Identifier: MIT */
/*
 * gather: what waits for a subscriber as one send, and what to do when only part of it was taken.
 * Worker thread only.
 *
 * In wire order: the rest of a frame that was begun, the control lane, a replay's frames, fresh
 * values (snapshots, resumes, mode latest), queued ticks; gaps stand where `seq` jumps. A send that
 * is one range of memory (one frame, or frames that lie side by side in the arena) points there.
 * Otherwise the frames are copied into the batch's scratch, which at the size of ticks is cheaper
 * than a gather list of any length.
 *
 * Gathering takes entries off the queue at once, since all but always the whole send is taken. The
 * batch notes each as a piece, and from the pieces a short send is undone: a frame once begun is
 * finished from a copy of its rest, frames not begun go back.
 */
#ifndef TAPEHEAD_SERVER_FANOUT_GATHER_H
#define TAPEHEAD_SERVER_FANOUT_GATHER_H

#include "feed/histogram.h"
#include "server/fanout/batch.h"
#include "server/fanout/fanout.h"

/* Up to `bytes_max` of what waits, which is at most GATHER_BYTES_MAX; the last frame, with a gap
 * before it, may pass that, and so may the control lane. Returns NULL when nothing waits. The
 * send's memory stays valid until the fanout changes. Each frame's age is added to `latency`. */
struct send *gather(struct fanout *fanout, struct batch *batch, uint32_t subscriber,
                    uint32_t bytes_max, int64_t now_ns, struct histogram *latency);

/* Accounts for `taken` bytes of the send (0 to send->len). Returns 0, or -ENOMEM when a begun
 * frame's rest couldn't be kept: then the connection is broken. */
int gather_sent(struct fanout *fanout, const struct batch *batch, const struct send *send,
                uint32_t taken);

#endif
