/* SPDX-License-Identifier: MIT */
/* Tests of server/fanout/gather.c: a replay's frames among what else waits for its client. */
#include "ear.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/fanout/frame.h"

/* ear's client, and the spool of its replay. */
struct play {
    struct ear *ear;
    struct spool spool;
    uint32_t put; /* frames */
};

static struct subscriber *subscriber(struct play *play)
{
    return &play->ear->fanout.subscribers[0];
}

static struct play *play_create(uint32_t size)
{
    struct play *play = aligned_alloc(CACHE_LINE, (sizeof *play + 63) & ~63ul);
    assert_non_null(play);
    memset(play, 0, sizeof *play);
    play->ear = ear_create(100, ENCODE_JSON);
    assert_int_equal(spool_init(&play->spool, size), 0);
    subscriber(play)->spool = &play->spool;
    return play;
}

static void play_destroy(struct play *play)
{
    ear_destroy(play->ear);
    spool_finish(&play->spool);
    free(play);
}

/* The next frames, each with `len` bytes of payload. */
static void put(struct play *play, uint32_t count, uint32_t len)
{
    for (; count > 0; count--) {
        uint8_t *at = spool_begin(&play->spool, len + 4);
        assert_non_null(at);
        spool_commit(&play->spool, at, 0, ear_write_frame(at, play->put++, len));
    }
    spool_publish(&play->spool);
}

static void the_control_lane_goes_before_a_replays_frames(void **state)
{
    (void)state;
    struct play *play = play_create(4096);
    put(play, 2, 40);
    ear_control(play->ear, 1, 30);
    ear_send_all(play->ear);
    ear_expect(play->ear, "#1 @0 @1");
    assert_true(spool_is_drained(&play->spool));
    assert_int_equal(subscriber(play)->delivered, 2);
    play_destroy(play);
}

static void a_replays_frames_alone_leave_without_a_copy(void **state)
{
    (void)state;
    struct play *play = play_create(4096);
    put(play, 3, 40);
    struct send *send = ear_gather(play->ear);
    assert_ptr_equal(send->data, play->spool.bytes);
    assert_int_equal(send->len, 3 * 42);
    assert_int_equal(send->spool_len, send->len);
    play_destroy(play);
}

static void nothing_waits_while_the_spool_is_empty(void **state)
{
    (void)state;
    struct play *play = play_create(4096);
    assert_false(fanout_waiting(subscriber(play)));
    assert_null(ear_gather(play->ear));
    put(play, 1, 40);
    assert_true(fanout_waiting(subscriber(play)));
    ear_send_all(play->ear);
    play_destroy(play);
}

static void a_send_keeps_its_bound_by_whole_frames(void **state)
{
    (void)state;
    struct play *play = play_create(4096);
    put(play, 9, 40); /* of 42 bytes each */
    static const uint32_t bounds[][2] = {{1, 42}, {42, 42}, {83, 42}, {84, 84}, {100, 84}};
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        play->ear->bytes_max = bounds[i][0];
        assert_int_equal(ear_gather(play->ear)->len, bounds[i][1]);
    }
    /* A lane that fills it leaves no room. */
    ear_control(play->ear, 1, 100);
    struct send *send = ear_gather(play->ear);
    assert_int_equal(send->spool_len, 0);
    assert_int_equal(send->lane_len, send->len);
    ear_send_all(play->ear);
    ear_expect(play->ear, "#1 @0 @1 @2 @3 @4 @5 @6 @7 @8");
    play_destroy(play);
}

static void frames_round_the_end_of_the_spool_take_two_sends(void **state)
{
    (void)state;
    struct play *play = play_create(4096);
    put(play, 3, 1000);
    ear_send_all(play->ear);
    put(play, 2, 1000);
    ear_send_all(play->ear);
    ear_expect(play->ear, "@0 @1 @2 @3 @4");
    play_destroy(play);
}

/* A send that has the rest of a frame, the lane, and frames of the spool. */
static struct play *prepare_mixed(void)
{
    struct play *play = play_create(4096);
    put(play, 1, 200);
    assert_true(ear_send(play->ear, 77)); /* a frame is begun */
    ear_control(play->ear, 1, 30);
    put(play, 3, 50);
    ear_control(play->ear, 2, 16);
    return play;
}

/* Breaks off after `taken` bytes; what comes meanwhile stands where it must. */
static void break_off(uint32_t taken, uint32_t len)
{
    struct play *play = prepare_mixed();
    assert_true(ear_send(play->ear, taken));
    put(play, 2, 60);
    if (taken == len)
        ear_control(play->ear, 3, 20);
    ear_send_all(play->ear);
    ear_expect(play->ear, taken == len ? "@0 #1 #2 @1 @2 @3 #3 @4 @5" : "@0 #1 #2 @1 @2 @3 @4 @5");
    assert_true(spool_is_drained(&play->spool));
    assert_int_equal(subscriber(play)->delivered, 6);
    play_destroy(play);
}

static void a_send_that_breaks_off_at_any_byte_goes_on_there(void **state)
{
    (void)state;
    struct play *play = prepare_mixed();
    struct send *send = ear_gather(play->ear);
    assert_int_equal(send->rest_len, 204 - 77);
    assert_int_equal(send->lane_len, 32 + 18);
    assert_int_equal(send->spool_len, 3 * 52);
    uint32_t len = send->len;
    assert_int_equal(len, send->rest_len + send->lane_len + send->spool_len);
    play_destroy(play);
    for (uint32_t taken = 0; taken <= len; taken++)
        break_off(taken, len);
}

static void a_socket_that_takes_a_byte_at_a_time_gets_all(void **state)
{
    (void)state;
    struct play *play = prepare_mixed();
    while (ear_send(play->ear, 1))
        continue;
    ear_expect(play->ear, "@0 #1 #2 @1 @2 @3");
    play_destroy(play);
}

static void only_whole_frames_leave_the_spool(void **state)
{
    (void)state;
    for (uint32_t taken = 0; taken <= 3 * 52; taken++) {
        struct play *play = play_create(4096);
        put(play, 3, 50);
        assert_true(ear_send(play->ear, taken));
        /* A frame that was begun has left, its end is kept aside. */
        uint64_t left = (taken + 51) / 52 * 52;
        assert_int_equal(play->spool.taken, left);
        assert_int_equal(subscriber(play)->rest.len, left - taken);
        play_destroy(play);
    }
}

/* The replay ends while a send of its frames is under way. */
static void end_within(uint32_t taken)
{
    char heard[64] = "";
    struct play *play = play_create(4096);
    put(play, 3, 50);
    struct send *send = ear_gather(play->ear);
    subscriber(play)->spool = NULL;
    ear_control(play->ear, 1, 16);
    ear_hear(play->ear, send, taken);
    assert_int_equal(gather_sent(&play->ear->fanout, &play->ear->batch, send, taken), 0);
    spool_reset(&play->spool);
    memset(play->spool.bytes, 0xff, play->spool.size); /* the next replay's */
    ear_send_all(play->ear);
    for (uint32_t i = 0; i * 52 < taken; i++)
        sprintf(heard + strlen(heard), "@%u ", i);
    strcat(heard, "#1");
    ear_expect(play->ear, heard);
    play_destroy(play);
}

static void of_a_replay_that_ends_a_frame_that_was_begun_is_finished_and_no_more(void **state)
{
    (void)state;
    for (uint32_t taken = 0; taken <= 3 * 52; taken++)
        end_within(taken);
}

static void a_client_that_joins_live_gets_its_replays_last_frame_whole_before(void **state)
{
    (void)state;
    struct play *play = play_create(4096);
    const struct history_mark played = {.pos = tick_pos(0, 1)};
    const struct fanout_request request = {
        .terms = {.mode = TERMS_ALL}, .played = &played, .played_count = 1};
    ear_tick(play->ear, 0, 0, 1, 0);
    ear_tick(play->ear, 0, 0, 2, 0);
    put(play, 1, 50);
    assert_true(ear_send(play->ear, 20));
    subscriber(play)->spool = NULL;
    ear_control(play->ear, 1, 16);
    fanout_subscribe(&play->ear->fanout, 0, "A", 1, &request);
    ear_send_all(play->ear);
    ear_expect(play->ear, "@0 #1 A=1 A2");
    play_destroy(play);
}

/* ---- anything, in any order ---- */

static void some_bytes(struct play *play, uint64_t *random, uint32_t *controls)
{
    char *heard = play->ear->heard;
    switch (random_below(random, 4)) {
    case 0:
        if (spool_begin(&play->spool, 1024))
            put(play, 1, (uint32_t)(16 + random_below(random, 1000)));
        break;
    case 1:
        if (random_below(random, 4) == 0)
            ear_control(play->ear, (*controls)++, (uint32_t)(16 + random_below(random, 300)));
        break;
    default:
        play->ear->bytes_max = (uint32_t)(1 + random_below(random, 5000));
        ear_send(play->ear, (uint32_t)random_below(random, 4000));
        break;
    }
    assert_true(strlen(heard) < EAR_HEARD_MAX / 2);
}

static void round_of_all(uint64_t seed)
{
    struct play *play = play_create(4096);
    uint64_t random = seed;
    uint32_t controls = 0, nexts[2] = {0};
    for (int i = 0; i < 2000; i++)
        some_bytes(play, &random, &controls);
    play->ear->bytes_max = GATHER_BYTES_MAX;
    ear_send_all(play->ear);
    for (char *word = strtok(play->ear->heard, " "); word; word = strtok(NULL, " ")) {
        uint32_t *next = &nexts[word[0] == '#'];
        model_assert(strtoul(word + 1, NULL, 10) == *next, seed);
        ++*next;
    }
    model_assert(nexts[0] == play->put && nexts[1] == controls, seed);
    model_assert(spool_is_drained(&play->spool), seed);
    play_destroy(play);
}

static void whatever_sockets_take_each_frame_comes_once_and_in_order(void **state)
{
    (void)state;
    model_run(23, 40, round_of_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_control_lane_goes_before_a_replays_frames),
        cmocka_unit_test(a_replays_frames_alone_leave_without_a_copy),
        cmocka_unit_test(nothing_waits_while_the_spool_is_empty),
        cmocka_unit_test(a_send_keeps_its_bound_by_whole_frames),
        cmocka_unit_test(frames_round_the_end_of_the_spool_take_two_sends),
        cmocka_unit_test(a_send_that_breaks_off_at_any_byte_goes_on_there),
        cmocka_unit_test(a_socket_that_takes_a_byte_at_a_time_gets_all),
        cmocka_unit_test(only_whole_frames_leave_the_spool),
        cmocka_unit_test(of_a_replay_that_ends_a_frame_that_was_begun_is_finished_and_no_more),
        cmocka_unit_test(a_client_that_joins_live_gets_its_replays_last_frame_whole_before),
        cmocka_unit_test(whatever_sockets_take_each_frame_comes_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
