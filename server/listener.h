/* SPDX-License-Identifier: MIT */
/*
 * listener: the listening sockets, one a worker on the same port; the kernel spreads callers over
 * them. Main thread.
 */
#ifndef TAPEHEAD_SERVER_LISTENER_H
#define TAPEHEAD_SERVER_LISTENER_H

#include <stddef.h>
#include <stdint.h>

/* `setting` is the one that gave the address, for errors. "127.0.0.1:8080", "[::1]:8080", ":8080"
 * (every address); port 0 takes a free one, the same for all. A peer that acknowledges nothing for
 * `unheard_ms` is given up by the kernel (0: by its own rules). Fills `fds`; `url` receives
 * "http://127.0.0.1:8080/". Returns 0, or -errno with a sentence that names the address. */
int listener_open(const char *setting, const char *address, uint64_t send_buffer,
                  uint64_t unheard_ms, int *fds, uint32_t count, char *url, size_t url_size,
                  char *error, size_t error_size);

#endif
