/* SPDX-License-Identifier: MIT */
/* Tests of server/fanout/spool.c. */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "feed/clock.h"
#include "server/fanout/frame.h"
#include "server/fanout/spool.h"

/* The n-th frame has `len` bytes in all, not 1, and every one of its payload tells n. */
static void write_frame(uint8_t *out, uint32_t n, uint32_t len)
{
    uint32_t header = len < 128 ? 2 : 4;
    out[0] = n % 2 ? 0x81 : 0x82;
    out[1] = (uint8_t)(len < 128 ? len - 2 : 126);
    if (header == 4) {
        out[2] = (uint8_t)((len - 4) >> 8);
        out[3] = (uint8_t)(len - 4);
    }
    for (uint32_t i = header; i < len; i++)
        out[i] = (uint8_t)(n * 31 + i);
}

static bool is_frame(const uint8_t *data, uint32_t n, uint32_t len)
{
    uint8_t expected[FRAME_LEN_MAX];
    write_frame(expected, n, len);
    return memcmp(data, expected, len) == 0;
}

/* No frame of 128 or 129 bytes has the shortest header. */
static uint32_t some_len(uint64_t *random)
{
    static const uint32_t edges[] = {2, 3, 126, 127, 130, 131, 259, 260, FRAME_LEN_MAX};
    uint32_t len = (uint32_t)(2 + random_below(random, random_below(random, 4) ? 200 : 1000));
    if (random_below(random, 8) == 0)
        len = edges[random_below(random, sizeof edges / sizeof edges[0])];
    return len == 128 || len == 129 ? 130 : len;
}

static void open_spool(struct spool *spool, uint32_t size)
{
    assert_int_equal(spool_init(spool, size), 0);
}

/* Returns whether there was room. */
static bool put(struct spool *spool, uint32_t n, uint32_t len)
{
    uint8_t *at = spool_begin(spool, len);
    if (!at)
        return false;
    write_frame(at, n, len);
    spool_commit(spool, at, 0, len);
    return true;
}

static void nothing_is_seen_before_it_is_published(void **state)
{
    (void)state;
    struct spool spool;
    const uint8_t *data;
    uint32_t frames;
    open_spool(&spool, 0);
    assert_true(spool_is_empty(&spool) && spool_is_drained(&spool));
    assert_false(spool_publish(&spool));
    assert_true(put(&spool, 0, 20) && put(&spool, 1, 130));
    assert_true(spool_is_empty(&spool));
    assert_int_equal(spool_peek(&spool, 4096, &data, &frames), 0);
    assert_int_equal(frames, 0);
    assert_true(spool_publish(&spool));
    assert_false(spool_publish(&spool));
    assert_int_equal(spool_peek(&spool, 4096, &data, &frames), 150);
    assert_int_equal(frames, 2);
    assert_true(is_frame(data, 0, 20) && is_frame(data + 20, 1, 130));
    spool_finish(&spool);
}

static void frames_stay_until_they_are_taken(void **state)
{
    (void)state;
    struct spool spool;
    const uint8_t *data;
    uint32_t frames;
    open_spool(&spool, 0);
    for (uint32_t i = 0; i < 3; i++)
        put(&spool, i, 50);
    spool_publish(&spool);
    assert_int_equal(spool_peek(&spool, 4096, &data, &frames), 150);
    assert_int_equal(spool_peek(&spool, 4096, &data, &frames), 150);
    assert_false(spool_is_drained(&spool));
    spool_take(&spool, 100);
    assert_int_equal(spool_peek(&spool, 4096, &data, &frames), 50);
    assert_true(is_frame(data, 2, 50));
    spool_take(&spool, 50);
    assert_true(spool_is_empty(&spool) && spool_is_drained(&spool));
    spool_finish(&spool);
}

static void as_many_whole_frames_are_shown_as_are_wanted_and_at_least_one(void **state)
{
    (void)state;
    struct spool spool;
    const uint8_t *data;
    uint32_t frames;
    open_spool(&spool, 0);
    for (uint32_t i = 0; i < 3; i++)
        put(&spool, i, 50);
    spool_publish(&spool);
    static const uint32_t wants[][2] = {{0, 50}, {1, 50}, {99, 50}, {100, 100}, {149, 100}};
    for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++) {
        assert_int_equal(spool_peek(&spool, wants[i][0], &data, &frames), wants[i][1]);
        assert_int_equal(frames, wants[i][1] / 50);
    }
    spool_finish(&spool);
}

static void who_finds_no_room_is_told_until_something_is_taken(void **state)
{
    (void)state;
    struct spool spool;
    uint32_t count = 0;
    open_spool(&spool, 4096);
    while (put(&spool, count, 256))
        count++;
    assert_int_equal(count, 16);
    spool_publish(&spool);
    assert_null(spool_begin(&spool, 2));
    spool_take(&spool, 256);
    assert_true(put(&spool, count, 256));
    assert_null(spool_begin(&spool, 2));
    spool_finish(&spool);
}

static void room_that_was_asked_for_and_not_used_costs_nothing(void **state)
{
    (void)state;
    struct spool spool;
    const uint8_t *data;
    uint32_t frames;
    open_spool(&spool, 4096);
    for (uint32_t n = 0; n < 400; n++) {
        assert_non_null(spool_begin(&spool, FRAME_LEN_MAX));
        spool_publish(&spool);
        assert_true(spool_is_empty(&spool));
        uint8_t *at = spool_begin(&spool, FRAME_LEN_MAX);
        write_frame(at + 7, n, 100);
        spool_commit(&spool, at, 7, 100);
        spool_publish(&spool);
        assert_int_equal(spool_peek(&spool, 4096, &data, &frames), 100);
        assert_true(is_frame(data, n, 100));
        spool_take(&spool, 100);
        assert_true(spool_is_drained(&spool));
    }
    spool_finish(&spool);
}

static void a_spool_that_was_reset_is_empty_and_has_all_its_room(void **state)
{
    (void)state;
    struct spool spool;
    const uint8_t *data;
    uint32_t frames;
    open_spool(&spool, 4096);
    while (put(&spool, 9, 300))
        continue;
    spool_publish(&spool);
    spool_take(&spool, 300);
    spool_reset(&spool);
    assert_true(spool_is_empty(&spool) && spool_is_drained(&spool));
    for (uint32_t i = 0; i < 4; i++)
        assert_true(put(&spool, i, FRAME_LEN_MAX));
    assert_null(spool_begin(&spool, 2));
    spool_publish(&spool);
    assert_int_equal(spool_peek(&spool, 5000, &data, &frames), 4096);
    assert_int_equal(frames, 4);
    assert_true(is_frame(data, 0, FRAME_LEN_MAX));
    spool_finish(&spool);
}

/* ---- against a model ---- */

struct model {
    struct spool spool;
    uint64_t seed, random;
    uint32_t lens[4096]; /* of frames by number, round and round */
    uint32_t put, shown, taken;
    uint32_t bytes; /* put and not taken */
};

static uint32_t *len_of(struct model *m, uint32_t n)
{
    return &m->lens[n % 4096];
}

static void model_put(struct model *m)
{
    uint32_t len = some_len(&m->random), skip = (uint32_t)random_below(&m->random, 9);
    uint32_t asked = len + skip + (uint32_t)random_below(&m->random, 300);
    uint8_t *at = spool_begin(&m->spool, asked);
    if (!at) {
        /* Two of them may be lost where frames don't wrap: what stands there, and what would. */
        model_assert(m->bytes + 3 * (FRAME_LEN_MAX + 320) + asked > m->spool.size, m->seed);
        return;
    }
    write_frame(at + skip, m->put, len);
    spool_commit(&m->spool, at, skip, len);
    *len_of(m, m->put++) = len;
    m->bytes += len;
    model_assert(m->bytes <= m->spool.size && m->put - m->taken < 4096, m->seed);
}

static void model_read(struct model *m)
{
    const uint8_t *data;
    uint32_t max = (uint32_t)random_below(&m->random, 3000), frames, done = 0;
    uint32_t len = spool_peek(&m->spool, max, &data, &frames);
    model_assert((frames > 0) == (m->taken < m->shown), m->seed);
    model_assert(frames <= 1 || len <= max, m->seed);
    model_assert(spool_is_empty(&m->spool) == (len == 0), m->seed);
    uint32_t wanted = (uint32_t)random_below(&m->random, frames + 1);
    for (uint32_t i = 0; i < frames; i++) {
        uint32_t one = *len_of(m, m->taken + i);
        model_assert(m->taken + i < m->shown, m->seed);
        model_assert(spool_frame_len(data + done) == one, m->seed);
        model_assert(is_frame(data + done, m->taken + i, one), m->seed);
        done += one;
    }
    model_assert(done == len, m->seed);
    for (len = 0; wanted > 0; wanted--) {
        len += *len_of(m, m->taken++);
        model_assert(len <= done, m->seed);
    }
    spool_take(&m->spool, len);
    m->bytes -= len;
}

static void play(uint64_t seed)
{
    struct model *m = calloc(1, sizeof *m);
    m->seed = m->random = seed;
    open_spool(&m->spool, 4096u << random_below(&m->random, 4));
    uint32_t bias = (uint32_t)random_below(&m->random, 7) + 1;
    for (int i = 0; i < 3000; i++) {
        if (random_below(&m->random, 8) < bias)
            model_put(m);
        else
            model_read(m);
        if (random_below(&m->random, 3) == 0) {
            spool_publish(&m->spool);
            m->shown = m->put;
        }
    }
    spool_publish(&m->spool);
    m->shown = m->put;
    while (m->taken < m->put)
        model_read(m);
    model_assert(spool_is_drained(&m->spool) && m->bytes == 0, m->seed);
    spool_finish(&m->spool);
    free(m);
}

static void frames_come_out_whole_and_in_order_whatever_their_sizes(void **state)
{
    (void)state;
    model_run(4711, 40, play);
}

/* ---- two threads ---- */

struct pair {
    struct spool spool;
    uint64_t seed;
    _Atomic bool stop;
    uint32_t put; /* once the writer has ended */
};

/* Both sides know each frame's length by its number. */
static uint32_t len_by_number(uint32_t n)
{
    uint64_t random = n * 2654435761u + 1;
    return some_len(&random);
}

static void *write_all(void *arg)
{
    struct pair *pair = arg;
    uint64_t random = pair->seed;
    while (!pair->stop) {
        if (!put(&pair->spool, pair->put, len_by_number(pair->put))) {
            spool_publish(&pair->spool);
            sched_yield();
            continue;
        }
        pair->put++;
        if (random_below(&random, 4) == 0)
            spool_publish(&pair->spool);
    }
    spool_publish(&pair->spool);
    return NULL;
}

static uint32_t read_some(struct pair *pair, uint32_t n)
{
    const uint8_t *data;
    uint32_t frames, len = spool_peek(&pair->spool, 2000, &data, &frames), at = 0;
    if (!frames)
        sched_yield();
    for (uint32_t i = 0; i < frames; i++, n++) {
        model_assert(spool_frame_len(data + at) == len_by_number(n), pair->seed);
        model_assert(is_frame(data + at, n, len_by_number(n)), pair->seed);
        at += len_by_number(n);
    }
    model_assert(at == len, pair->seed);
    spool_take(&pair->spool, len);
    return n;
}

static void a_reader_beside_the_writer_gets_every_frame(void **state)
{
    (void)state;
    struct pair pair = {.seed = model_seed(99)};
    pthread_t writer;
    uint32_t n = 0;
    open_spool(&pair.spool, 4096);
    assert_int_equal(pthread_create(&writer, NULL, write_all, &pair), 0);
    int64_t until_ns = clock_mono_ns() + 300000000;
    while (clock_mono_ns() < until_ns)
        n = read_some(&pair, n);
    pair.stop = true;
    pthread_join(writer, NULL);
    while (!spool_is_empty(&pair.spool))
        n = read_some(&pair, n);
    assert_int_equal(n, pair.put);
    assert_true(spool_is_drained(&pair.spool));
    spool_finish(&pair.spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_seen_before_it_is_published),
        cmocka_unit_test(frames_stay_until_they_are_taken),
        cmocka_unit_test(as_many_whole_frames_are_shown_as_are_wanted_and_at_least_one),
        cmocka_unit_test(who_finds_no_room_is_told_until_something_is_taken),
        cmocka_unit_test(room_that_was_asked_for_and_not_used_costs_nothing),
        cmocka_unit_test(a_spool_that_was_reset_is_empty_and_has_all_its_room),
        cmocka_unit_test(frames_come_out_whole_and_in_order_whatever_their_sizes),
        cmocka_unit_test(a_reader_beside_the_writer_gets_every_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
