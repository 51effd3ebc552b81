/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "schemas/tape_block.h"

static uint8_t bytes[TAPE_HEADER_MAX];

/* A header with something in every field. */
static struct tape_block sample(void)
{
    static uint8_t topics[64], places[2 * TAPE_PLACE_LEN], symbols[64];
    size_t topics_size = tape_name_write("trades", 6, topics, 0);
    topics_size = tape_name_write("t2", 2, topics, topics_size);
    size_t symbols_size = tape_name_write("BTC-USD", 7, symbols, 0);
    symbols_size = tape_name_write("E", 1, symbols, symbols_size);
    tape_place_write(&(struct tape_place){.partition = 3, .index = 1, .offset = 1ULL << 47},
                     places);
    tape_place_write(&(struct tape_place){.partition = 4097, .offset = 918},
                     places + TAPE_PLACE_LEN);
    return (struct tape_block){
        .offset = 1ULL << 40,
        .number = 12,
        .ticks_before = 5000000000,
        .count = 3,
        .plain_size = 300,
        .data_size = 120,
        .data_crc = 0xdeadbeef,
        .event = {-5, INT64_MAX},
        .receive = {1723161255342123456, 1723161255342123457},
        .symbols_count = 2,
        .symbols_kind = TAPE_SYMBOLS_LIST,
        .symbols = symbols,
        .symbols_size = (uint32_t)symbols_size,
        .topics = topics,
        .topics_size = (uint32_t)topics_size,
        .topics_count = 2,
        .places = places,
        .places_count = 2,
    };
}

static void a_header_is_read_back_as_it_was_written(void **state)
{
    (void)state;
    struct tape_block written = sample(), read;
    size_t needed, size = tape_block_write(&written, bytes);
    assert_int_equal(tape_block_read(bytes, size, &read, &needed), size);
    assert_true(read.offset == written.offset && read.number == 12 &&
                read.ticks_before == 5000000000 && read.header_size == size);
    assert_true(read.count == 3 && read.plain_size == 300 && read.data_size == 120 &&
                read.data_crc == 0xdeadbeef);
    assert_true(read.event.first_ns == -5 && read.event.last_ns == INT64_MAX);
    assert_true(read.receive.first_ns == 1723161255342123456);
    struct tape_place first = tape_place_read(&read, 0), second = tape_place_read(&read, 1);
    assert_true(first.partition == 3 && first.index == 1 && first.offset == 1ULL << 47);
    assert_true(second.partition == 4097 && second.index == 0 && second.offset == 918);
    assert_true(tape_block_may_hold(&read, "BTC-USD", 7) && tape_block_may_hold(&read, "E", 1));
    assert_false(tape_block_may_hold(&read, "BTC-USDT", 8));
    assert_false(tape_block_may_hold(&read, "BTC", 3));
}

static void the_bytes_are_those_of_the_document(void **state)
{
    (void)state;
    struct tape_block block = sample();
    size_t size = tape_block_write(&block, bytes);
    const uint8_t head[] = {
        0x54, 0x2a, 0x4d, 0x18, (uint8_t)(size - 8), 0, 0, 0, 'T', 'A', 'P', 'E', 1, 0, 'B', 'L'};
    assert_memory_equal(bytes, head, sizeof head);
    assert_int_equal(bytes[24], 12); /* number */
    assert_memory_equal(bytes + 104, "\6trades\2t2\3\0\1\0", 14);
    /* CRC-32's check value, so that it is the one of zlib. */
    assert_int_equal(tape_crc(0, (const uint8_t *)"123456789", 9), 0xcbf43926);
}

static void part_of_a_header_asks_for_the_rest(void **state)
{
    (void)state;
    struct tape_block block = sample(), read;
    size_t needed, size = tape_block_write(&block, bytes);
    for (size_t len = 0; len < size; len++) {
        assert_int_equal(tape_block_read(bytes, len, &read, &needed), TAPE_SHORT);
        assert_int_equal(needed, len < TAPE_FRAME_HEAD ? TAPE_FRAME_HEAD : size);
    }
}

static void every_flipped_bit_is_seen(void **state)
{
    (void)state;
    struct tape_block block = sample(), read;
    size_t needed, size = tape_block_write(&block, bytes);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_true(tape_block_read(bytes, sizeof bytes, &read, &needed) < 0);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void put_crc(uint8_t *frame, size_t size)
{
    uint32_t crc = tape_crc(0, frame, size - 4);
    for (int i = 0; i < 4; i++)
        frame[size - 4 + (size_t)i] = (uint8_t)(crc >> 8 * i);
}

static void a_later_version_is_told_from_damage_by_its_checksum(void **state)
{
    (void)state;
    struct tape_block block = sample(), read;
    size_t needed, size = tape_block_write(&block, bytes);
    bytes[12] = 2;
    assert_int_equal(tape_block_read(bytes, size, &read, &needed), TAPE_BROKEN);
    put_crc(bytes, size);
    assert_int_equal(tape_block_read(bytes, size, &read, &needed), TAPE_LATER);
}

/* With a checksum that holds: whoever wrote this meant it. */
static void fields_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{40, 0} /* no tick */,
                 {46, 0x20} /* more than 1 MiB */,
                 {50, 0x40},
                 {92, 3} /* topics */,
                 {94, 3} /* places */,
                 {96, 9} /* their bytes */,
                 {88, 3} /* symbols */,
                 {15, 'F'},
                 {15, 'X'},
                 {104, 7} /* a name */,
                 {63, 0x7f} /* latest before earliest */};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct tape_block block = sample(), read;
        block.event.last_ns = 0;
        size_t needed, size = tape_block_write(&block, bytes);
        bytes[wrong[i].at] = wrong[i].value;
        put_crc(bytes, size);
        assert_int_equal(tape_block_read(bytes, size, &read, &needed), TAPE_BROKEN);
    }
}

static void a_bloom_filter_never_denies_what_is_there_and_seldom_affirms_what_is_not(void **state)
{
    (void)state;
    static uint8_t bits[TAPE_BLOOM_BYTES_MAX];
    enum { SYMBOLS = 3000 };
    struct tape_block block = sample();
    size_t size = tape_bloom_size(SYMBOLS);
    char name[SYMBOL_LEN_MAX];
    assert_int_equal(size, 4096);
    assert_int_equal(tape_bloom_size(1), 64);
    assert_int_equal(tape_bloom_size(16000000), TAPE_BLOOM_BYTES_MAX);
    for (int i = 0; i < SYMBOLS; i++)
        tape_bloom_add(bits, size, name, (size_t)snprintf(name, sizeof name, "S%d-USD", i));
    block.symbols_kind = TAPE_SYMBOLS_BLOOM;
    block.symbols = bits;
    block.symbols_size = (uint32_t)size;
    int wrong = 0;
    for (int i = 0; i < 2 * SYMBOLS; i++) {
        bool may =
            tape_block_may_hold(&block, name, (size_t)snprintf(name, sizeof name, "S%d-USD", i));
        assert_true(may || i >= SYMBOLS);
        wrong += may && i >= SYMBOLS;
    }
    assert_true(wrong < SYMBOLS / 50);
}

static void a_footer_is_read_back_and_a_flipped_bit_in_it_is_seen(void **state)
{
    (void)state;
    uint8_t footer[TAPE_FOOTER_LEN];
    const struct tape_footer written = {1000, 2000, 17, 918};
    struct tape_footer read;
    uint32_t crc;
    tape_footer_write(&written, 5, footer);
    assert_int_equal(tape_footer_read(footer, &read, &crc), 0);
    assert_memory_equal(&read, &written, sizeof read);
    assert_int_equal(crc, tape_crc(5, footer, TAPE_FOOTER_LEN - 4));
    for (size_t bit = 0; bit < (TAPE_FOOTER_LEN - 4) * 8; bit++) {
        footer[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_true(tape_footer_read(footer, &read, &crc) < 0);
        footer[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read_back_as_it_was_written),
        cmocka_unit_test(the_bytes_are_those_of_the_document),
        cmocka_unit_test(part_of_a_header_asks_for_the_rest),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(a_later_version_is_told_from_damage_by_its_checksum),
        cmocka_unit_test(fields_that_cannot_be_are_refused),
        cmocka_unit_test(a_bloom_filter_never_denies_what_is_there_and_seldom_affirms_what_is_not),
        cmocka_unit_test(a_footer_is_read_back_and_a_flipped_bit_in_it_is_seen),
    };
    return cmocka_run_group_tests_name("tape_block", tests, NULL, NULL);
}
