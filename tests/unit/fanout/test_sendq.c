/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "server/fanout/sendq.h"

enum { QUEUES = 5, DEPTH = 200 };

static uint32_t free_blocks(const struct sendq_pool *pool)
{
    uint32_t count = 0;
    for (uint32_t i = pool->free; i != SENDQ_NONE; i = pool->blocks[i].next)
        count++;
    return count;
}

static struct sendq_entry entry_of(uint32_t n)
{
    return (struct sendq_entry){.frame = n, .pair = n * 3, .len = n % 700};
}

static void entries_leave_in_the_order_they_came(void **state)
{
    (void)state;
    struct sendq_pool pool;
    struct sendq queue;
    assert_int_equal(sendq_pool_init(&pool, (uint32_t)sendq_blocks_needed(1, DEPTH)), 0);
    sendq_init(&queue);
    for (uint32_t i = 0; i < DEPTH; i++)
        sendq_push(&queue, &pool, entry_of(i));
    for (uint32_t i = 0; i < DEPTH; i++) {
        assert_int_equal(sendq_peek(&queue, &pool).frame, i);
        struct sendq_entry entry = sendq_pop(&queue, &pool);
        assert_int_equal(entry.frame, i);
        assert_int_equal(entry.pair, i * 3);
        assert_int_equal(entry.len, i % 700);
    }
    sendq_pool_finish(&pool);
}

static void an_entry_put_back_is_the_next_to_leave(void **state)
{
    (void)state;
    struct sendq_pool pool;
    struct sendq queue;
    assert_int_equal(sendq_pool_init(&pool, (uint32_t)sendq_blocks_needed(1, DEPTH)), 0);
    sendq_init(&queue);
    sendq_push_front(&queue, &pool, entry_of(1)); /* into an empty one */
    sendq_push_front(&queue, &pool, entry_of(2)); /* before the first of a block */
    assert_int_equal(sendq_pop(&queue, &pool).frame, 2);
    sendq_push_front(&queue, &pool, entry_of(3)); /* where there is room */
    assert_int_equal(sendq_pop(&queue, &pool).frame, 3);
    assert_int_equal(sendq_pop(&queue, &pool).frame, 1);
    sendq_pool_finish(&pool);
}

static void an_empty_queue_holds_no_block(void **state)
{
    (void)state;
    struct sendq_pool pool;
    struct sendq queue;
    assert_int_equal(sendq_pool_init(&pool, 4), 0);
    sendq_init(&queue);
    for (int i = 0; i < 100; i++) {
        sendq_push(&queue, &pool, entry_of(1));
        assert_int_equal(free_blocks(&pool), pool.used_max - 1);
        sendq_pop(&queue, &pool);
        assert_int_equal(free_blocks(&pool), pool.used_max);
        assert_int_equal(queue.first, SENDQ_NONE);
    }
    assert_int_equal(pool.used_max, 1);
    sendq_pool_finish(&pool);
}

static void a_queue_that_shifts_for_ever_reuses_its_blocks(void **state)
{
    (void)state;
    struct sendq_pool pool;
    struct sendq queue;
    assert_int_equal(sendq_pool_init(&pool, (uint32_t)sendq_blocks_needed(1, 50)), 0);
    sendq_init(&queue);
    for (uint32_t i = 0; i < 50; i++)
        sendq_push(&queue, &pool, entry_of(i));
    for (uint32_t i = 50; i < 10000; i++) {
        assert_int_equal(sendq_pop(&queue, &pool).frame, i - 50);
        sendq_push(&queue, &pool, entry_of(i));
    }
    assert_int_equal(queue.count, 50);
    sendq_pool_finish(&pool);
}

/* The naive queue: entries from `head` on, with room before it. */
struct naive {
    struct sendq_entry entries[60000];
    uint32_t head, tail;
    uint32_t bytes;
};

struct scene {
    struct sendq_pool pool;
    struct sendq queues[QUEUES];
    struct naive naive[QUEUES];
};

static void push(struct scene *scene, int i, uint32_t n, bool front)
{
    struct naive *naive = &scene->naive[i];
    naive->entries[front ? --naive->head : naive->tail++] = entry_of(n);
    naive->bytes += entry_of(n).len;
    (front ? sendq_push_front : sendq_push)(&scene->queues[i], &scene->pool, entry_of(n));
}

static void pop(struct scene *scene, int i, uint64_t seed)
{
    struct naive *naive = &scene->naive[i];
    struct sendq_entry entry = sendq_pop(&scene->queues[i], &scene->pool);
    model_assert(memcmp(&entry, &naive->entries[naive->head], sizeof entry) == 0, seed);
    naive->head++;
    naive->bytes -= entry.len;
}

static void check(const struct scene *scene, int i, uint64_t seed)
{
    const struct naive *naive = &scene->naive[i];
    model_assert(scene->queues[i].count == naive->tail - naive->head, seed);
    model_assert(scene->queues[i].bytes == naive->bytes, seed);
    if (naive->tail > naive->head) {
        struct sendq_entry first = sendq_peek(&scene->queues[i], &scene->pool);
        model_assert(first.frame == naive->entries[naive->head].frame, seed);
    }
}

static void steps(struct scene *scene, uint64_t seed)
{
    uint64_t random = seed;
    uint32_t pops = 1;
    for (uint32_t n = 0; n < 20000; n++) {
        if (n % 500 == 0)
            pops = 1 + (uint32_t)random_below(&random, 3);
        int i = (int)random_below(&random, QUEUES);
        uint32_t count = scene->queues[i].count;
        uint64_t dice = random_below(&random, 4);
        if (count && (dice < pops || count == DEPTH))
            pop(scene, i, seed);
        else
            push(scene, i, n, random_below(&random, 3) == 0);
        check(scene, i, seed);
    }
}

/* A pool for DEPTH entries each, in one piece: sendq_push() aborts when it would need more. */
static void round_against_naive(uint64_t seed)
{
    struct scene *scene = calloc(1, sizeof *scene);
    uint32_t blocks = (uint32_t)sendq_blocks_needed(QUEUES, DEPTH);
    assert_int_equal(sendq_pool_init(&scene->pool, blocks), 0);
    for (int i = 0; i < QUEUES; i++) {
        sendq_init(&scene->queues[i]);
        scene->naive[i].head = scene->naive[i].tail = 30000;
    }
    steps(scene, seed);
    for (int i = 0; i < QUEUES; i++)
        while (scene->queues[i].count)
            pop(scene, i, seed);
    model_assert(free_blocks(&scene->pool) == scene->pool.used_max, seed);
    sendq_pool_finish(&scene->pool);
    free(scene);
}

static void any_order_of_calls_agrees_with_a_naive_queue(void **state)
{
    (void)state;
    model_run(400, 20, round_against_naive);
}

static void the_pool_is_never_needed_beyond_its_size(void **state)
{
    (void)state;
    struct sendq_pool pool;
    struct sendq queue;
    for (uint32_t depth = 1; depth <= 70; depth++) {
        assert_int_equal(sendq_pool_init(&pool, (uint32_t)sendq_blocks_needed(1, depth)), 0);
        sendq_init(&queue);
        /* One entry at the end of a first block, the rest in order, and some of it put back. */
        sendq_push(&queue, &pool, entry_of(0));
        for (uint32_t i = 1; i < depth; i++)
            sendq_push_front(&queue, &pool, entry_of(i));
        for (uint32_t i = 0; i < 100; i++) {
            sendq_pop(&queue, &pool);
            (i % 3 ? sendq_push : sendq_push_front)(&queue, &pool, entry_of(i));
        }
        assert_int_equal(queue.count, depth);
        sendq_pool_finish(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_leave_in_the_order_they_came),
        cmocka_unit_test(an_entry_put_back_is_the_next_to_leave),
        cmocka_unit_test(an_empty_queue_holds_no_block),
        cmocka_unit_test(a_queue_that_shifts_for_ever_reuses_its_blocks),
        cmocka_unit_test(any_order_of_calls_agrees_with_a_naive_queue),
        cmocka_unit_test(the_pool_is_never_needed_beyond_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
