/* SPDX-License-Identifier: MIT */
/*
 * starve: the allocations of the whole program but its shared libraries, counted, and one of them
 * refused. The linker leads malloc() and its kin here (--wrap), below it is the real one, that of
 * AddressSanitizer in its build.
 *
 *   STARVE_AT=N   in the environment: the N-th allocation from the start is refused
 *   SIGUSR2       the next round: the first allocation from now on is refused; in the round after
 *                 it the second, and so on. Says how many came since the last time.
 *   SIGUSR1       says how many there have been: "starve allocations=N" on standard error
 *
 * When one is refused it says "starve refused=N".
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
bool __wrap_warm_init(void);
void *__real_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);

static _Atomic long allocations;
static _Atomic long refuse_at; /* 0: none */
static _Atomic long round_of;

/* Without stdio, which allocates, and safe in a handler. */
static void say(const char *what, long number)
{
    char line[64];
    int len = snprintf(line, sizeof line, "starve %s=%ld\n", what, number);
    (void)!write(STDERR_FILENO, line, (size_t)len);
}

static void tell(int signal_number)
{
    (void)signal_number;
    say("allocations", atomic_load(&allocations));
}

static void next_round(int signal_number)
{
    (void)signal_number;
    atomic_store(&refuse_at, atomic_load(&allocations) + 1 + atomic_fetch_add(&round_of, 1));
    say("round", atomic_load(&round_of));
}

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("STARVE_AT");
    struct sigaction action = {.sa_flags = SA_RESTART};
    atomic_store(&refuse_at, at ? atol(at) : 0);
    action.sa_handler = tell;
    sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = next_round;
    sigaction(SIGUSR2, &action, NULL);
}

static int refused(void)
{
    long number = atomic_fetch_add(&allocations, 1) + 1;
    if (number != atomic_load(&refuse_at))
        return 0;
    say("refused", number);
    errno = ENOMEM;
    return 1;
}

/* OpenSSL keeps its own malloc: a shared library's allocations are its own affair. */
bool __wrap_warm_init(void)
{
    return false;
}

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return refused() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return refused() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text)
{
    return refused() ? NULL : __real_strdup(text);
}

void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return refused() ? MAP_FAILED : __real_mmap64(at, size, protection, flags, fd, offset);
}
