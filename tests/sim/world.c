/* SPDX-License-Identifier: MIT */
/* world: see world.h. */
#include "tests/sim/world.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define WALL_AT_START INT64_C(1700000000000000000)
#define MONO_AT_START INT64_C(1000000000000)

struct world world;

void world_begin(uint64_t seed, bool trace_it)
{
    world = (struct world){.seed = seed, .trace = trace_it, .dice.state = seed};
}

void world_end(void)
{
    if (world.feed.stack)
        fiber_finish(&world.feed);
}

bool chance(uint32_t percent)
{
    return dice_percent(&world.dice, percent);
}

uint32_t roll(uint32_t low, uint32_t high)
{
    return dice_between(&world.dice, low, high);
}

void fail(const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    fflush(stdout);
    fprintf(stderr,
            "\nsim: seed %" PRIu64 " fails at %.6f s: %s\nreplay: tests/sim/run --seed %" PRIu64
            "\n",
            world.seed, (double)world.now_ns / 1e9, text, world.seed);
    _exit(1);
}

void trace(const char *format, ...)
{
    va_list list;
    printf("%12.6f  ", (double)world.now_ns / 1e9);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
}

/* ---- in the C library's place ---- */

int __wrap_clock_gettime(clockid_t id, struct timespec *out);
ssize_t __wrap_getrandom(void *data, size_t len, unsigned flags);
int __wrap_eventfd(unsigned initial, int flags);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_close(int fd);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, fiber_run *run,
                          void *arg);
int __wrap_pthread_join(pthread_t thread, void **result);
_Noreturn void __wrap_check_failed(const char *condition, const char *file, int line);
ssize_t __real_write(int fd, const void *data, size_t len);
int __real_close(int fd);

int __wrap_clock_gettime(clockid_t id, struct timespec *out)
{
    int64_t ns = (id == CLOCK_REALTIME ? WALL_AT_START : MONO_AT_START) + world.now_ns;
    *out = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return 0;
}

ssize_t __wrap_getrandom(void *data, size_t len, unsigned flags)
{
    (void)flags;
    memset(data, 42, len);
    return (ssize_t)len;
}

int __wrap_eventfd(unsigned initial, int flags)
{
    (void)flags;
    REQUIRE(world.bells_count < WORLD_BELLS_MAX, "too many eventfds");
    world.bells[world.bells_count] = initial;
    return WORLD_FD + (int)world.bells_count++;
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    if (fd < WORLD_FD)
        return __real_write(fd, data, len);
    REQUIRE(fd < WORLD_LISTEN_FD && len == sizeof(uint64_t), "a write to descriptor %d", fd);
    uint64_t count;
    memcpy(&count, data, sizeof count);
    world.bells[fd - WORLD_FD] += count;
    return (ssize_t)len;
}

int __wrap_close(int fd)
{
    if (fd < WORLD_FD)
        return __real_close(fd);
    if (fd >= WORLD_LISTEN_FD)
        world.listener_closed[fd - WORLD_LISTEN_FD] = true;
    return 0;
}

/* Thread F is the only thread that the simulated parts start. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, fiber_run *run,
                          void *arg)
{
    (void)attributes;
    REQUIRE(!world.feed_runs, "a second thread");
    memset(thread, 0, sizeof *thread);
    fiber_start(&world.feed, run, arg);
    world.feed_runs = true;
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    (void)thread;
    (void)result;
    while (!world.feed.done)
        fiber_resume(&world.feed);
    world.feed_runs = false;
    return 0;
}

void __wrap_check_failed(const char *condition, const char *file, int line)
{
    fail("%s:%d: CHECK(%s)", file, line, condition);
}
