/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdlib.h>

#include "tools/burst.h"

static const int64_t start = INT64_C(1723161255342000000);

static void the_worst_window_is_the_one_that_counting_all_windows_finds(void **state)
{
    (void)state;
    enum { TICKS = 3000 };
    static int64_t times[TICKS];
    const uint32_t windows[] = {1, 10, 1000};
    srand(7);
    for (int i = 1; i < TICKS; i++)
        times[i] =
            times[i - 1] + (rand() % 50 == 0 ? rand() % 3000 : rand() % 3) * INT64_C(1000000);
    for (int w = 0; w < 3; w++) {
        struct burst burst;
        uint64_t worst = 0;
        burst_init(&burst, windows[w]);
        for (int i = 0; i < TICKS; i++) {
            uint64_t count = 0;
            burst_add(&burst, start + times[i]);
            for (int k = i; k >= 0 && times[i] - times[k] < (int64_t)windows[w] * INT64_C(1000000);
                 k--)
                count++;
            worst = count > worst ? count : worst;
            assert_int_equal(burst.worst, worst);
        }
    }
}

static void a_long_silence_empties_the_window_and_the_worst_stays(void **state)
{
    (void)state;
    struct burst burst;
    burst_init(&burst, 1000);
    for (int i = 0; i < 5; i++)
        burst_add(&burst, start);
    burst_add(&burst, start + INT64_C(86400000000000));
    assert_int_equal(burst.sum, 1);
    assert_int_equal(burst.worst, 5);
    assert_int_equal(burst.worst_ns, start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_window_is_the_one_that_counting_all_windows_finds),
        cmocka_unit_test(a_long_silence_empties_the_window_and_the_worst_stays),
    };
    return cmocka_run_group_tests_name("burst", tests, NULL, NULL);
}
