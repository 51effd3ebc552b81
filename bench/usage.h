/* SPDX-License-Identifier: MIT */
/*
 * usage: what a process and the kernel's sockets use, from /proc.
 */
#ifndef TAPEHEAD_BENCH_USAGE_H
#define TAPEHEAD_BENCH_USAGE_H

#include <stdint.h>
#include <sys/types.h>

enum { USAGE_THREADS_MAX = 72 };

struct usage {
    uint64_t cpu_ns;   /* of all threads, from schedstat: exact, not sampled */
    uint64_t delay_ns; /* ready to run, and waiting for a core */
    uint64_t rss_bytes;
    uint64_t rss_bytes_max;
    uint32_t threads;
    uint64_t threads_ns[USAGE_THREADS_MAX]; /* cpu_ns of each, in order of creation */
};

/* Figures of a process that has ended are 0. */
void usage_read(struct usage *usage, pid_t pid);

/* What the kernel holds for TCP sockets, of this whole machine. */
uint64_t usage_socket_bytes(void);

#endif
