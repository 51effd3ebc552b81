/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "reel.h"

enum { SMALL = 2048 };

static void everything_comes_back_in_order_and_to_the_last_digit(void **state)
{
    (void)state;
    struct reel *reel = reel_create(50);
    struct reel_heard heard;
    reel_fill(reel, 40000, 0);
    reel_hear(reel, &heard);
    assert_int_equal(heard.result, 0);
    assert_int_equal(heard.ticks, 40000);
    assert_int_equal(heard.damages + heard.notices, 0);
    reel_destroy(reel);
}

static void an_empty_file_is_a_whole_one(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct reel_heard heard;
    reel_fill(reel, 0, 0);
    reel_hear(reel, &heard);
    assert_true(heard.result == 0 && heard.ticks == 0 && heard.damages + heard.notices == 0);
    reel_destroy(reel);
}

static void a_file_without_an_index_is_read_all_the_same(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct reel_heard heard;
    struct tape_writer *writer = reel_writer(reel, SMALL);
    reel_append(reel, writer, 1000);
    assert_int_equal(tape_writer_flush(writer), 0);
    reel_hear(reel, &heard);
    assert_true(heard.result == 0 && heard.ticks == 1000 && heard.damages == 0);
    tape_writer_destroy(writer);
    reel_destroy(reel);
}

/* What tape.md promises to those who have no library of ours. */
static void any_zstd_reads_the_file_as_one_run_of_ticks(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    static uint8_t bytes[1 << 20], plain[1 << 20];
    reel_fill(reel, 1000, SMALL);
    ZSTD_inBuffer in = {bytes, reel_load(reel, bytes, sizeof bytes), 0};
    ZSTD_outBuffer out = {plain, sizeof plain, 0};
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    while (in.pos < in.size)
        assert_false(ZSTD_isError(ZSTD_decompressStream(zstd, &out, &in)));
    ZSTD_freeDCtx(zstd);
    struct reel_heard heard;
    struct tape_reader *reader = reel_reader(reel, &heard);
    struct tape_item item;
    while (tape_reader_next(reader, &item) == 1)
        continue;
    assert_int_equal(out.pos, tape_reader_stats(reader)->plain_bytes);
    tape_reader_close(reader);
    reel_destroy(reel);
}

static void a_seek_in_time_lands_on_the_first_tick_of_that_instant_or_later(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct reel_heard heard;
    struct tape_item item;
    reel_fill(reel, 2000, SMALL);
    struct tape_reader *reader = reel_reader(reel, &heard);
    for (uint32_t n = 0; n < 2000; n += 37) {
        int64_t received = reel->ticks[n].tick.rts_ns, event = reel->ticks[n].tick.ts_ns;
        tape_reader_seek_time(reader, TAPE_RECEIVE, received - 199999);
        assert_int_equal(tape_reader_next(reader, &item), 1);
        assert_int_equal(item.tick.id, n);
        /* The order is that of capture: event times are tried one after the other. */
        uint32_t first = 0;
        while (reel->ticks[first].tick.ts_ns < event)
            first++;
        tape_reader_seek_time(reader, TAPE_EVENT, event);
        for (uint32_t k = first; k < first + 100 && k < 2000; k++) {
            assert_int_equal(tape_reader_next(reader, &item), 1);
            assert_int_equal(item.tick.id, k);
        }
    }
    tape_reader_seek_time(reader, TAPE_RECEIVE, INT64_MAX);
    assert_int_equal(tape_reader_next(reader, &item), 0);
    tape_reader_rewind(reader);
    assert_int_equal(tape_reader_next(reader, &item), 1);
    assert_int_equal(item.tick.id, 0);
    tape_reader_close(reader);
    reel_destroy(reel);
}

static void a_seek_to_a_position_lands_on_it_and_reads_little_else(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct reel_heard heard;
    struct tape_item item;
    reel_fill(reel, 2000, SMALL);
    struct tape_reader *reader = reel_reader(reel, &heard);
    for (uint32_t n = 0; n < 2000; n += 31) {
        const struct tick *tick = &reel->ticks[n].tick;
        uint32_t partition = tick_partition(tick);
        uint64_t before = tape_reader_stats(reader)->blocks_read;
        tape_reader_seek_place(reader, partition >= 4096 ? "more" : "trades", partition % 4096,
                               tick_offset(tick), tick->index);
        assert_int_equal(tape_reader_next(reader, &item), 1);
        assert_int_equal(item.tick.id, n);
        assert_true(tape_reader_stats(reader)->blocks_read - before <= 2);
    }
    tape_reader_seek_place(reader, "trades", 0, 1 << 30, 0);
    assert_int_equal(tape_reader_next(reader, &item), 0);
    tape_reader_seek_place(reader, "nothing", 0, 0, 0);
    assert_int_equal(tape_reader_next(reader, &item), 0);
    tape_reader_close(reader);
    reel_destroy(reel);
}

static bool is_wanted(void *arg, const char *symbol, size_t len)
{
    return strlen(arg) == len && memcmp(arg, symbol, len) == 0;
}

/* Reads with the filter and compares with what was made. Returns the blocks read. */
static uint64_t read_filtered(struct reel *reel, const struct tape_filter *filter, char *symbol)
{
    struct reel_heard heard;
    struct tape_item item;
    struct tape_reader *reader = reel_reader(reel, &heard);
    assert_int_equal(tape_reader_filter(reader, filter), 0);
    for (uint32_t n = 0; n < reel->count; n++) {
        const struct tick *tick = &reel->ticks[n].tick;
        int64_t ns = filter->clock == TAPE_EVENT ? tick->ts_ns : tick->rts_ns;
        if ((filter->wants && strcmp(reel->ticks[n].symbol, symbol) != 0) ||
            (filter->from && ns < filter->from_ns) || (filter->until && ns >= filter->until_ns))
            continue;
        assert_int_equal(tape_reader_next(reader, &item), 1);
        assert_int_equal(item.tick.id, n);
        reel_check(reel, reader, &item);
    }
    assert_int_equal(tape_reader_next(reader, &item), 0);
    const struct tape_stats *stats = tape_reader_stats(reader);
    uint64_t read = stats->blocks_read;
    assert_true(stats->read_bytes <= stats->file_bytes);
    tape_reader_close(reader);
    return read;
}

static void a_filter_by_time_and_symbol_passes_exactly_what_it_says(void **state)
{
    (void)state;
    struct reel *reel = reel_create(20);
    reel_fill(reel, 3000, SMALL);
    for (int i = 0; i < 8; i++) {
        struct tape_filter filter = {
            .clock = i & 1 ? TAPE_EVENT : TAPE_RECEIVE,
            .from = i & 2,
            .until = i & 2,
            .from_ns = reel->ticks[700].tick.ts_ns,
            .until_ns = reel->ticks[1400].tick.rts_ns,
            .wants = i & 4 ? is_wanted : NULL,
            .arg = reel->ticks[1000].symbol,
        };
        read_filtered(reel, &filter, reel->ticks[1000].symbol);
    }
    reel_destroy(reel);
}

static void blocks_without_a_wanted_symbol_are_not_read_whether_listed_or_filtered(void **state)
{
    (void)state;
    const struct {
        uint32_t symbols, block_bytes;
    } cases[] = {{2000, 2048} /* names */, {5000, 65536} /* Bloom filters */};
    for (int i = 0; i < 2; i++) {
        struct reel *reel = reel_create(cases[i].symbols);
        reel_fill(reel, 20000, cases[i].block_bytes);
        /* One that is rare. */
        char *rare = reel->ticks[0].symbol;
        uint32_t fewest = UINT32_MAX;
        for (uint32_t n = 0; n < 200; n++) {
            uint32_t count = 0;
            for (uint32_t k = 0; k < reel->count; k++)
                count += strcmp(reel->ticks[k].symbol, reel->ticks[n].symbol) == 0;
            if (count < fewest) {
                fewest = count;
                rare = reel->ticks[n].symbol;
            }
        }
        struct tape_filter filter = {.wants = is_wanted, .arg = rare};
        uint64_t blocks, ticks;
        struct reel_heard heard;
        struct tape_reader *reader = reel_reader(reel, &heard);
        assert_true(tape_reader_totals(reader, &blocks, &ticks));
        assert_int_equal(ticks, 20000);
        tape_reader_close(reader);
        assert_true(read_filtered(reel, &filter, rare) < blocks / 2);
        reel_destroy(reel);
    }
}

static void count_symbol(void *arg, const char *symbol, size_t len, uint64_t ticks)
{
    uint64_t *sums = arg;
    assert_true(len > 0 && symbol[0] != 0);
    sums[0]++;
    sums[1] += ticks;
}

static void the_index_knows_every_symbol_and_how_many_ticks_it_has(void **state)
{
    (void)state;
    struct reel *reel = reel_create(3000);
    uint64_t sums[2] = {0, 0};
    struct reel_heard heard;
    reel_fill(reel, 60000, 0);
    struct tape_reader *reader = reel_reader(reel, &heard);
    assert_int_equal(tape_reader_symbols(reader, count_symbol, sums), 0);
    assert_true(sums[0] > 2000 && sums[0] <= 3000);
    assert_int_equal(sums[1], 60000);
    assert_int_equal(tape_reader_check_index(reader), 0);
    tape_reader_close(reader);
    reel_destroy(reel);
}

static void headers_alone_tell_spans_and_counts(void **state)
{
    (void)state;
    struct reel *reel = reel_create(20);
    struct reel_heard heard;
    const struct tape_block *block;
    reel_fill(reel, 3000, SMALL);
    struct tape_reader *reader = reel_reader(reel, &heard);
    uint32_t ticks = 0;
    while (tape_reader_next_block(reader, &block) == 1) {
        assert_int_equal(block->receive.first_ns, reel->ticks[ticks].tick.rts_ns);
        ticks += block->count;
        assert_int_equal(block->receive.last_ns, reel->ticks[ticks - 1].tick.rts_ns);
    }
    assert_int_equal(ticks, 3000);
    assert_int_equal(tape_reader_stats(reader)->blocks_read, 0);
    tape_reader_close(reader);
    reel_destroy(reel);
}

static void what_is_no_file_or_no_tape_is_refused_by_name(void **state)
{
    (void)state;
    struct reel *reel = reel_create(5);
    struct reel_heard heard;
    reel_hear(reel, &heard);
    assert_int_equal(heard.result, -ENOENT);
    assert_non_null(strstr(heard.sentence, reel->path));
    reel_store(reel, (const uint8_t *)"{\"s\":\"BTC-USD\"}\n", 16);
    reel_hear(reel, &heard);
    assert_int_equal(heard.result, -EPROTO);
    assert_non_null(strstr(heard.sentence, "no tape"));
    /* A zstd file of somebody else. */
    uint8_t bytes[256];
    reel_store(reel, bytes, ZSTD_compress(bytes, sizeof bytes, "ticks", 5, 1));
    reel_hear(reel, &heard);
    assert_int_equal(heard.result, -EPROTO);
    reel_destroy(reel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back_in_order_and_to_the_last_digit),
        cmocka_unit_test(an_empty_file_is_a_whole_one),
        cmocka_unit_test(a_file_without_an_index_is_read_all_the_same),
        cmocka_unit_test(any_zstd_reads_the_file_as_one_run_of_ticks),
        cmocka_unit_test(a_seek_in_time_lands_on_the_first_tick_of_that_instant_or_later),
        cmocka_unit_test(a_seek_to_a_position_lands_on_it_and_reads_little_else),
        cmocka_unit_test(a_filter_by_time_and_symbol_passes_exactly_what_it_says),
        cmocka_unit_test(blocks_without_a_wanted_symbol_are_not_read_whether_listed_or_filtered),
        cmocka_unit_test(the_index_knows_every_symbol_and_how_many_ticks_it_has),
        cmocka_unit_test(headers_alone_tell_spans_and_counts),
        cmocka_unit_test(what_is_no_file_or_no_tape_is_refused_by_name),
    };
    return cmocka_run_group_tests_name("tape_reader", tests, NULL, NULL);
}
