/* SPDX-License-Identifier: MIT */
/*
 * The table of open orders against a plain array that is told the same.
 */
#include "tests/unit/tools/unit.h"
#include "tools/orders.h"

enum { MODEL_MAX = 500, STEPS = 200000 };

static uint32_t state_of_random = 1;

static uint32_t random_below(uint32_t bound)
{
    state_of_random = state_of_random * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)state_of_random * bound >> 32);
}

static void what_is_open_is_found_with_what_was_noted_however_many_came_and_went(void **state)
{
    (void)state;
    static uint32_t model[MODEL_MAX * 2]; /* price by ref; 0 where not open */
    uint64_t count = 0;
    struct orders *orders = orders_create(MODEL_MAX);
    for (int step = 0; step < STEPS; step++) {
        /* Far apart and close together: searches meet at the table's end as well. */
        uint32_t i = random_below(ARRAY_LEN(model));
        uint64_t ref = i % 2 == 0 ? i : UINT64_MAX - i * UINT64_C(0x100000001);
        struct order *order = orders_find(orders, ref);
        assert_int_equal(order != NULL, model[i] != 0);
        if (order) {
            assert_true(order->ref == ref);
            assert_int_equal(order->price, model[i]);
        }
        if (order && random_below(8) > 2) {
            orders_remove(orders, order);
            model[i] = 0;
            count--;
        } else if (order) {
            assert_int_equal(orders_add(orders, ref, &order), -EEXIST);
        } else {
            int error = orders_add(orders, ref, &order);
            assert_int_equal(error, count == MODEL_MAX ? -ENOSPC : 0);
            if (error == 0) {
                order->price = model[i] = (uint32_t)step + 1;
                count++;
            }
        }
        assert_int_equal(orders_count(orders), count);
    }
    orders_destroy(orders);
}

static void as_many_as_were_asked_for_fit_and_no_more(void **state)
{
    (void)state;
    static const uint64_t bounds[] = {1, 2, 10, 11, 1000};
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        struct order *order;
        struct orders *orders = orders_create(bounds[i]);
        for (uint64_t ref = 0; ref < bounds[i]; ref++)
            assert_int_equal(orders_add(orders, ref, &order), 0);
        assert_int_equal(orders_add(orders, bounds[i], &order), -ENOSPC);
        orders_remove(orders, orders_find(orders, 0));
        assert_int_equal(orders_add(orders, bounds[i], &order), 0);
        orders_destroy(orders);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_open_is_found_with_what_was_noted_however_many_came_and_went),
        cmocka_unit_test(as_many_as_were_asked_for_fit_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
