/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <string.h>

#include "server/fanout/frame.h"

static uint32_t put(struct frames *frames, uint64_t seq, uint32_t skip, uint32_t len)
{
    uint8_t *at = frames_begin(frames);
    memset(at + skip, (int)(seq & 0xff), len);
    const struct frame what = {.first_seq = seq, .seq = seq, .symbol = 7};
    return frames_commit(frames, skip, len, &what);
}

static void assert_holds(const struct frames *frames, uint32_t number, uint64_t seq, uint32_t len)
{
    const struct frame *frame = frames_find(frames, number);
    assert_non_null(frame);
    assert_int_equal(frame->seq, seq);
    assert_int_equal(frame->len, len);
    const uint8_t *bytes = frames_bytes(frames, frame);
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], seq & 0xff);
}

static void numbers_rise_by_one(void **state)
{
    (void)state;
    struct frames frames;
    assert_int_equal(frames_init(&frames, 1 << 16, 64), 0);
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(put(&frames, i, 0, 10), i);
    frames_finish(&frames);
}

static void what_was_committed_is_found_again(void **state)
{
    (void)state;
    struct frames frames;
    assert_int_equal(frames_init(&frames, 1 << 16, 64), 0);
    frames_begin(&frames);
    const struct frame what = {
        .first_seq = 3, .seq = 9, .rts_ns = -5, .symbol = 77, .len = 999, .gap = true};
    uint32_t number = frames_commit(&frames, 2, 40, &what);
    const struct frame *frame = frames_find(&frames, number);
    assert_non_null(frame);
    assert_int_equal(frame->first_seq, 3);
    assert_int_equal(frame->seq, 9);
    assert_int_equal(frame->rts_ns, -5);
    assert_int_equal(frame->symbol, 77);
    assert_true(frame->gap);
    assert_int_equal(frame->len, 40);
    frames_finish(&frames);
}

static void numbers_never_given_are_not_found(void **state)
{
    (void)state;
    struct frames frames;
    assert_int_equal(frames_init(&frames, 1 << 16, 64), 0);
    assert_null(frames_find(&frames, 0));
    put(&frames, 1, 0, 10);
    assert_null(frames_find(&frames, 1));
    assert_null(frames_find(&frames, UINT32_MAX));
    frames_finish(&frames);
}

static void the_oldest_is_forgotten_when_slots_run_out(void **state)
{
    (void)state;
    struct frames frames;
    assert_int_equal(frames_init(&frames, 1 << 16, 8), 0);
    for (uint32_t i = 0; i < 8; i++)
        put(&frames, i, 0, 10);
    for (uint32_t i = 0; i < 8; i++)
        assert_holds(&frames, i, i, 10);
    put(&frames, 8, 0, 10);
    assert_null(frames_find(&frames, 0));
    for (uint32_t i = 1; i <= 8; i++)
        assert_holds(&frames, i, i, 10);
    frames_finish(&frames);
}

static void the_oldest_are_forgotten_when_bytes_run_out(void **state)
{
    (void)state;
    struct frames frames;
    assert_int_equal(frames_init(&frames, 4096, 1024), 0);
    for (uint32_t i = 0; i < 4; i++)
        put(&frames, i, 0, 1024);
    for (uint32_t i = 0; i < 4; i++)
        assert_holds(&frames, i, i, 1024);
    put(&frames, 4, 0, 1);
    assert_null(frames_find(&frames, 0));
    for (uint32_t i = 1; i < 4; i++)
        assert_holds(&frames, i, i, 1024);
    assert_holds(&frames, 4, 4, 1);
    frames_finish(&frames);
}

static void neighbours_are_adjacent_in_memory(void **state)
{
    (void)state;
    struct frames frames;
    assert_int_equal(frames_init(&frames, 1 << 16, 64), 0);
    const uint8_t *end = NULL;
    for (uint32_t i = 0; i < 20; i++) {
        const struct frame *frame = frames_find(&frames, put(&frames, i, 0, 30 + i));
        if (end)
            assert_ptr_equal(frames_bytes(&frames, frame), end);
        end = frames_bytes(&frames, frame) + frame->len;
    }
    frames_finish(&frames);
}

static void skipped_bytes_are_not_part_of_the_frame(void **state)
{
    (void)state;
    struct frames frames;
    assert_int_equal(frames_init(&frames, 1 << 16, 64), 0);
    const struct frame *first = frames_find(&frames, put(&frames, 1, 0, 30));
    const struct frame *second = frames_find(&frames, put(&frames, 2, 2, 40));
    assert_int_equal(second->len, 40);
    assert_ptr_equal(frames_bytes(&frames, second), frames_bytes(&frames, first) + 32);
    frames_finish(&frames);
}

/* Numbers from `next` on; every frame that is found must hold its own bytes, and what is found must
 * be the newest without a hole. */
static void check_round(uint64_t seed, uint32_t next, uint32_t slots)
{
    uint64_t random = seed;
    struct frames frames;
    static uint32_t lens[5000];
    assert_int_equal(frames_init(&frames, 8192, slots), 0);
    frames.next = frames.oldest = next;
    for (uint32_t i = 0; i < 5000; i++) {
        lens[i] = 1 + (uint32_t)random_below(&random, i % 2 ? 1022 : 60);
        model_assert(put(&frames, i, i % 3, lens[i]) == next + i, seed);
        uint32_t found = 0;
        while (found <= i && frames_find(&frames, next + i - found))
            found++;
        model_assert(found >= 1 && found <= slots, seed);
        for (uint32_t k = 0; k < found; k++)
            assert_holds(&frames, next + i - k, i - k, lens[i - k]);
        for (uint32_t k = found; k <= i && k < found + 2 * slots; k++)
            model_assert(!frames_find(&frames, next + i - k), seed);
    }
    frames_finish(&frames);
}

static void round_of_bytes(uint64_t seed)
{
    check_round(seed, 0, 4096);
}

static void round_of_slots(uint64_t seed)
{
    check_round(seed, (uint32_t)seed, 16);
}

static void round_at_wrap(uint64_t seed)
{
    check_round(seed, UINT32_MAX - 2000, seed % 2 ? 16 : 1024);
}

static void a_frame_that_is_found_was_never_overwritten(void **state)
{
    (void)state;
    model_run(100, 3, round_of_bytes);
    model_run(200, 3, round_of_slots);
}

static void numbers_wrap_around_at_two_to_the_32(void **state)
{
    (void)state;
    model_run(300, 4, round_at_wrap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_rise_by_one),
        cmocka_unit_test(what_was_committed_is_found_again),
        cmocka_unit_test(numbers_never_given_are_not_found),
        cmocka_unit_test(the_oldest_is_forgotten_when_slots_run_out),
        cmocka_unit_test(the_oldest_are_forgotten_when_bytes_run_out),
        cmocka_unit_test(neighbours_are_adjacent_in_memory),
        cmocka_unit_test(skipped_bytes_are_not_part_of_the_frame),
        cmocka_unit_test(a_frame_that_is_found_was_never_overwritten),
        cmocka_unit_test(numbers_wrap_around_at_two_to_the_32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
