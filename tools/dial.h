/* SPDX-License-Identifier: MIT */
/*
 * dial: a TCP connection, with a deadline. Any thread.
 */
#ifndef TAPEHEAD_TOOLS_DIAL_H
#define TAPEHEAD_TOOLS_DIAL_H

#include <stddef.h>
#include <stdint.h>

#include "tools/url.h"

/* Tries the host's addresses in turn. `receive_buffer` is SO_RCVBUF, 0 for the system's own.
 * Returns a descriptor that doesn't block, or -errno with a sentence without a name in it. */
int dial(const struct url *url, int64_t deadline_mono_ns, int receive_buffer, char *error,
         size_t error_size);

/* Waits for `events` (POLLIN, POLLOUT). Returns 1, 0 past the deadline, or -errno (-EINTR on a
 * signal). */
int dial_wait(int fd, short events, int64_t deadline_mono_ns);

#endif
