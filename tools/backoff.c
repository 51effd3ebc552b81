/* SPDX-License-Identifier: MIT */
#include "tools/backoff.h"

void backoff_init(struct backoff *backoff, uint64_t seed)
{
    *backoff = (struct backoff){.state = seed | 1};
}

/* xorshift64* (Vigna 2016): plenty for spreading clients. */
static uint64_t next_random(struct backoff *backoff)
{
    uint64_t x = backoff->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    backoff->state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

uint32_t backoff_next_ms(struct backoff *backoff)
{
    uint32_t step = BACKOFF_FIRST_MS;
    for (unsigned i = 0; i < backoff->attempts && step < BACKOFF_MAX_MS; i++)
        step *= 2;
    backoff->attempts++;
    if (step > BACKOFF_MAX_MS)
        step = BACKOFF_MAX_MS;
    return step / 2 + (uint32_t)(next_random(backoff) % (step / 2 + 1));
}

uint32_t backoff_within_ms(struct backoff *backoff, uint64_t low, uint64_t high)
{
    const uint64_t bound = 600000; /* no server may send a client away for more than ten minutes */
    high = high > bound ? bound : high;
    low = low > high ? high : low;
    return (uint32_t)(low + next_random(backoff) % (high - low + 1));
}

void backoff_reset(struct backoff *backoff)
{
    backoff->attempts = 0;
}
