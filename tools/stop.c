/* SPDX-License-Identifier: MIT */
#include "tools/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "feed/clock.h"

/* A signal that comes again sooner was sent to us and to our process group (timeout, a shell), not
 * pressed twice. */
enum { STOP_AGAIN_NS = 500000000 };

/* A handler can reach nothing but globals; lock-free, hence safe in it. Relaxed throughout: nothing
 * is ordered by them. */
static _Atomic int64_t stop_first_ns;

static void remember(int signal_number)
{
    int64_t now = clock_mono_ns();
    int64_t first = atomic_load_explicit(&stop_first_ns, memory_order_relaxed);
    if (first == 0) {
        atomic_store_explicit(&stop_first_ns, now, memory_order_relaxed);
    } else if (now - first > STOP_AGAIN_NS) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
}

void stop_on_signals(void)
{
    /* No SA_RESTART: sleeps must end. */
    struct sigaction action = {.sa_handler = remember};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

bool stop_requested(void)
{
    return atomic_load_explicit(&stop_first_ns, memory_order_relaxed) != 0;
}
