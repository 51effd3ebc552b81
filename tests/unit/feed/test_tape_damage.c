/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "reel.h"

enum { TICKS = 100, FEW = 40, SMALL = 1024 };

static uint8_t bytes[1 << 20];

/* Everything that a reader can be asked. Returns whether anything was said of damage. */
static bool hear_all(const struct reel *reel, struct reel_heard *heard)
{
    reel_hear(reel, heard);
    if (heard->result == -EPROTO)
        return true;
    assert_int_equal(heard->result, 0);
    struct reel_heard again;
    struct tape_reader *reader = reel_reader(reel, &again);
    int index = tape_reader_check_index(reader);
    tape_reader_close(reader);
    return heard->damages > 0 || heard->notices > 0 || index == -EBADMSG;
}

static void flip_each_bit(struct reel *reel, size_t size)
{
    for (size_t bit = 0; bit < size * 8; bit++) {
        struct reel_heard heard;
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        reel_store(reel, bytes, size);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_true(hear_all(reel, &heard));
        if (heard.result == 0) {
            assert_true(heard.ticks == FEW || heard.damages > 0);
            assert_true(heard.lost_unknown || heard.ticks + heard.lost == FEW);
            assert_true(heard.damages <= 1);
        }
        if (heard.damages > 0)
            assert_non_null(strstr(heard.sentence, "byte"));
    }
}

static void any_flipped_bit_is_told_and_no_more_is_lost_than_is_said(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    reel_fill(reel, FEW, SMALL);
    size_t size = reel_load(reel, bytes, sizeof bytes);
    flip_each_bit(reel, size);
    reel_destroy(reel);
}

static void so_it_is_in_a_file_without_an_index(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct tape_writer *writer = reel_writer(reel, SMALL);
    reel_append(reel, writer, FEW);
    tape_writer_flush(writer);
    tape_writer_destroy(writer);
    size_t size = reel_load(reel, bytes, sizeof bytes);
    flip_each_bit(reel, size);
    reel_destroy(reel);
}

static void with_an_index_a_flipped_bit_costs_no_more_than_its_block(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct reel_heard heard;
    reel_fill(reel, 1000, SMALL);
    size_t size = reel_load(reel, bytes, sizeof bytes);
    for (size_t at = 0; at < size; at += 97) {
        bytes[at] ^= 4;
        reel_store(reel, bytes, size);
        bytes[at] ^= 4;
        reel_hear(reel, &heard);
        assert_int_equal(heard.result, 0);
        assert_false(heard.lost_unknown);
        assert_int_equal(heard.ticks + heard.lost, 1000);
        assert_true(heard.lost < 20);
    }
    reel_destroy(reel);
}

/* As a crash leaves a file, at any byte: what is whole comes, the rest is said. */
static void a_torn_end_costs_the_last_block_and_is_told_with_counts(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct reel_heard heard;
    struct tape_writer *writer = reel_writer(reel, SMALL);
    uint64_t ends[64] = {0};
    uint32_t ticks[64] = {0}, blocks = 0;
    for (int i = 0; i < TICKS; i++) {
        reel_append(reel, writer, 1);
        if (tape_writer_blocks(writer) > blocks) {
            blocks = (uint32_t)tape_writer_blocks(writer);
            ends[blocks] = tape_writer_bytes(writer);
            ticks[blocks] = (uint32_t)tape_writer_ticks(writer);
        }
    }
    tape_writer_destroy(writer);
    size_t size = reel_load(reel, bytes, sizeof bytes);
    assert_int_equal(size, ends[blocks]);
    for (size_t cut = 0, whole = 0; cut <= size; cut++) {
        reel_store(reel, bytes, cut);
        whole += cut == ends[whole + 1];
        reel_hear(reel, &heard);
        assert_int_equal(heard.result, 0);
        assert_int_equal(heard.ticks, ticks[whole]);
        assert_int_equal(heard.damages, cut != ends[whole]);
        assert_true(cut == ends[whole] || heard.torn);
        if (cut != ends[whole]) {
            char said[64];
            snprintf(said, sizeof said, "at byte %u", (unsigned)ends[whole]);
            assert_non_null(strstr(heard.sentence, said));
        }
    }
    reel_destroy(reel);
}

static void a_writer_goes_on_after_a_torn_end_as_if_nothing_had_been(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct reel_heard heard;
    struct tape_writer *writer = reel_writer(reel, SMALL);
    reel_append(reel, writer, 50);
    tape_writer_flush(writer);
    uint64_t whole = tape_writer_bytes(writer);
    reel_append(reel, writer, 10);
    tape_writer_flush(writer);
    tape_writer_destroy(writer);
    size_t size = reel_load(reel, bytes, sizeof bytes);
    for (size_t cut = whole; cut < size; cut += 7) {
        const struct tape_writer_config config = {
            .path = reel->path, .sync = TAPE_SYNC_NEVER, .block_bytes = SMALL};
        struct tape_recovery recovery;
        char error[512] = "";
        reel_store(reel, bytes, cut);
        reel->count = 50;
        if (tape_writer_reopen(&writer, &config, &recovery, error, sizeof error) < 0)
            fail_msg("%s", error);
        assert_int_equal(recovery.ticks, 50);
        assert_int_equal(recovery.bytes, whole);
        assert_int_equal(recovery.cut_bytes, cut - whole);
        uint32_t places;
        assert_int_equal(tape_writer_places(writer, &places)[0].partition, 0);
        assert_int_equal(places, REEL_PARTITIONS);
        reel_append(reel, writer, 50);
        assert_int_equal(tape_writer_finish(writer), 0);
        tape_writer_destroy(writer);
        reel_hear(reel, &heard);
        assert_true(heard.result == 0 && heard.ticks == 100 && heard.damages + heard.notices == 0);
    }
    reel_destroy(reel);
}

static void a_writer_leaves_a_file_alone_that_is_finished_damaged_within_or_in_use(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    const struct tape_writer_config config = {.path = reel->path, .sync = TAPE_SYNC_NEVER};
    struct tape_recovery recovery;
    struct tape_writer *writer = reel_writer(reel, SMALL), *second;
    char error[512];
    reel_append(reel, writer, 50);
    assert_int_equal(tape_writer_reopen(&second, &config, &recovery, error, sizeof error), -EAGAIN);
    tape_writer_flush(writer);
    size_t size = reel_load(reel, bytes, sizeof bytes);
    tape_writer_finish(writer);
    tape_writer_destroy(writer);
    assert_int_equal(tape_writer_reopen(&second, &config, &recovery, error, sizeof error),
                     -EALREADY);
    assert_int_equal(tape_writer_create(&second, &config, error, sizeof error), -EEXIST);
    bytes[400] ^= 1;
    reel_store(reel, bytes, size);
    assert_int_equal(tape_writer_reopen(&second, &config, &recovery, error, sizeof error),
                     -EBADMSG);
    assert_non_null(strstr(error, "byte 0"));
    static uint8_t after[sizeof bytes];
    assert_int_equal(reel_load(reel, after, sizeof after), size);
    assert_memory_equal(bytes, after, size);
    reel_destroy(reel);
}

static void files_that_were_joined_are_told(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct reel_heard heard;
    reel_fill(reel, 50, SMALL);
    size_t size = reel_load(reel, bytes, sizeof bytes);
    memcpy(bytes + size, bytes, size);
    reel_store(reel, bytes, 2 * size);
    struct tape_reader *reader = reel_reader(reel, &heard);
    struct tape_item item;
    uint32_t ticks = 0, damages = 0;
    int result;
    while ((result = tape_reader_next(reader, &item)) == 1 || result == -EBADMSG) {
        ticks += result == 1;
        damages += result < 0;
        if (result < 0)
            assert_non_null(strstr(tape_reader_error(reader), "joined"));
    }
    assert_int_equal(result, 0);
    assert_int_equal(ticks, 100);
    assert_true(damages >= 1 && heard.notices >= 1);
    tape_reader_close(reader);
    reel_destroy(reel);
}

static void a_file_of_a_later_version_is_refused_with_both_numbers(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct reel_heard heard;
    struct tape_writer *writer = reel_writer(reel, 0);
    reel_append(reel, writer, 50);
    tape_writer_flush(writer);
    tape_writer_destroy(writer);
    size_t size = reel_load(reel, bytes, sizeof bytes);
    size_t header = 8 + (bytes[4] | (size_t)bytes[5] << 8);
    bytes[12] = 7;
    uint32_t crc = tape_crc(0, bytes, header - 4);
    for (size_t i = 0; i < 4; i++)
        bytes[header - 4 + i] = (uint8_t)(crc >> 8 * i);
    reel_store(reel, bytes, size);
    reel_hear(reel, &heard);
    assert_int_equal(heard.result, -EPROTO);
    assert_non_null(strstr(heard.sentence, "version 7"));
    assert_non_null(strstr(heard.sentence, "up to 1"));
    assert_non_null(strstr(heard.sentence, "byte 0"));
    reel_destroy(reel);
}

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Changes some bytes of the ticks of the file's one block, or of its header, and makes all
 * checksums hold again. Returns the file's new size. */
static size_t forge(const uint8_t *header, size_t header_size, const uint8_t *plain,
                    size_t plain_size, bool ticks)
{
    static uint8_t forged[1 << 16];
    memcpy(forged, plain, plain_size);
    memcpy(bytes, header, header_size);
    for (int n = rand() % 4 + 1; n > 0; n--) {
        if (ticks)
            forged[(size_t)rand() % plain_size] = (uint8_t)rand();
        else
            bytes[14 + (size_t)rand() % (header_size - 18)] = (uint8_t)rand();
    }
    size_t size =
        ZSTD_compress(bytes + header_size, sizeof bytes - header_size, forged, plain_size, 1);
    put32(bytes + 48, (uint32_t)size);
    put32(bytes + 52, tape_crc(0, bytes + header_size, size));
    put32(bytes + header_size - 4, tape_crc(0, bytes, header_size - 4));
    return header_size + size;
}

/* Read by a sanitizer build, this is about bounds. */
static void whoever_forges_a_file_gets_ticks_or_a_sentence_and_nothing_else(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct tape_writer *writer = reel_writer(reel, 0);
    static uint8_t plain[1 << 16], header[4096];
    reel_append(reel, writer, FEW);
    tape_writer_flush(writer);
    tape_writer_destroy(writer);
    size_t size = reel_load(reel, bytes, sizeof bytes), header_size = 8 + get32(bytes + 4);
    memcpy(header, bytes, header_size);
    size_t plain_size =
        ZSTD_decompress(plain, sizeof plain, bytes + header_size, size - header_size);
    assert_false(ZSTD_isError(plain_size));
    srand(1);
    for (int i = 0; i < 3000; i++) {
        struct reel_heard heard;
        struct tape_item item;
        uint32_t calls = 0;
        int result;
        reel_store(reel, bytes, forge(header, header_size, plain, plain_size, i % 2));
        struct tape_reader *reader = reel_reader(reel, &heard);
        if (!reader)
            continue;
        tape_reader_seek_place(reader, "more", 1, (uint64_t)rand() % 10, 0);
        if (i % 3)
            tape_reader_rewind(reader);
        while ((result = tape_reader_next(reader, &item)) == 1 || result == -EBADMSG) {
            assert_true(++calls <= 2 * FEW);
            if (result == 1)
                assert_non_null(tape_reader_topic(reader, tick_partition(&item.tick) / 4096));
        }
        tape_reader_close(reader);
    }
    reel_destroy(reel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_flipped_bit_is_told_and_no_more_is_lost_than_is_said),
        cmocka_unit_test(so_it_is_in_a_file_without_an_index),
        cmocka_unit_test(with_an_index_a_flipped_bit_costs_no_more_than_its_block),
        cmocka_unit_test(a_torn_end_costs_the_last_block_and_is_told_with_counts),
        cmocka_unit_test(a_writer_goes_on_after_a_torn_end_as_if_nothing_had_been),
        cmocka_unit_test(a_writer_leaves_a_file_alone_that_is_finished_damaged_within_or_in_use),
        cmocka_unit_test(files_that_were_joined_are_told),
        cmocka_unit_test(whoever_forges_a_file_gets_ticks_or_a_sentence_and_nothing_else),
        cmocka_unit_test(a_file_of_a_later_version_is_refused_with_both_numbers),
    };
    return cmocka_run_group_tests_name("tape_damage", tests, NULL, NULL);
}
