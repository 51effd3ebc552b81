/* SPDX-License-Identifier: MIT */
/*
 * The waits between attempts to connect.
 */
#include "tests/unit/tools/unit.h"
#include "tools/backoff.h"

static void waits_double_up_to_a_bound_with_jitter(void **state)
{
    (void)state;
    bool differs = false;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct backoff backoff;
        struct backoff other;
        backoff_init(&backoff, seed);
        backoff_init(&other, seed + 1000);
        uint32_t step = BACKOFF_FIRST_MS;
        for (int i = 0; i < 12; i++) {
            uint32_t wait = backoff_next_ms(&backoff);
            if (wait < step / 2 || wait > step)
                fail_msg("seed %u, attempt %d: %u ms", (unsigned)seed, i, wait);
            differs |= wait != backoff_next_ms(&other);
            step = step * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : step * 2;
        }
        backoff_reset(&backoff);
        assert_in_range(backoff_next_ms(&backoff), BACKOFF_FIRST_MS / 2, BACKOFF_FIRST_MS);
    }
    assert_true(differs);
}

static void a_servers_range_is_kept_within_reason(void **state)
{
    (void)state;
    struct backoff backoff;
    backoff_init(&backoff, 1);
    for (int i = 0; i < 1000; i++) {
        assert_in_range(backoff_within_ms(&backoff, 100, 500), 100, 500);
        assert_in_range(backoff_within_ms(&backoff, 500, 100), 100, 100);
        assert_in_range(backoff_within_ms(&backoff, 0, UINT64_MAX), 0, 600000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_a_bound_with_jitter),
        cmocka_unit_test(a_servers_range_is_kept_within_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
