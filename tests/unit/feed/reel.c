/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "reel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/sim.h"

static const char *const topics[] = {"trades", "more"};
static const uint32_t partitions[REEL_PARTITIONS] = {0, 7, 4096 + 1};

struct reel *reel_create(uint32_t symbols)
{
    static int number;
    const struct sim_config config = {.seed = 1, .rate = 5000, .symbols = symbols, .burst = 1};
    struct reel *reel = calloc(1, sizeof *reel);
    assert_non_null(reel);
    snprintf(reel->path, sizeof reel->path, "%s/reel-%d-%d.tape",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid(), number++);
    reel->ticks = calloc(REEL_TICKS_MAX, sizeof *reel->ticks);
    reel->sim = sim_create(&config);
    assert_true(reel->ticks && reel->sim);
    return reel;
}

void reel_destroy(struct reel *reel)
{
    unlink(reel->path);
    sim_destroy(reel->sim);
    free(reel->ticks);
    free(reel);
}

size_t reel_load(const struct reel *reel, uint8_t *bytes, size_t size)
{
    FILE *file = fopen(reel->path, "rb");
    assert_non_null(file);
    size_t got = fread(bytes, 1, size, file);
    assert_true(got < size);
    fclose(file);
    return got;
}

void reel_store(const struct reel *reel, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(reel->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

struct tape_writer *reel_writer(const struct reel *reel, uint32_t block_bytes)
{
    const struct tape_writer_config config = {
        .path = reel->path, .sync = TAPE_SYNC_NEVER, .block_bytes = block_bytes};
    struct tape_writer *writer;
    char error[512] = "";
    if (tape_writer_create(&writer, &config, error, sizeof error) < 0)
        fail_msg("%s", error);
    return writer;
}

static void make(struct reel *reel)
{
    struct reel_tick *made = &reel->ticks[reel->count];
    const char *symbol;
    uint32_t n = reel->count, part = n % REEL_PARTITIONS;
    assert_true(n < REEL_TICKS_MAX);
    sim_next(reel->sim, &made->tick, &symbol);
    snprintf(made->symbol, sizeof made->symbol, "%s", symbol);
    made->tick.id = n;
    made->tick.has_id = 1;
    made->tick.rts_ns = INT64_C(1723161255342123456) + (int64_t)n * 200000;
    made->tick.ts_ns = made->tick.rts_ns - (n % 16 == 15 ? 900000 : 100000);
    made->tick.index = reel->offsets[part] % 10 == 9 && n % 2;
    if (!made->tick.index)
        reel->offsets[part]++;
    made->tick.pos = tick_pos(partitions[part], reel->offsets[part]);
    reel->count++;
}

void reel_append(struct reel *reel, struct tape_writer *writer, uint32_t count)
{
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(tape_writer_topic(writer, i, topics[i]), 0);
    for (uint32_t i = 0; i < count; i++) {
        make(reel);
        const struct reel_tick *made = &reel->ticks[reel->count - 1];
        if (tape_writer_append(writer, &made->tick, made->symbol, strlen(made->symbol)) < 0)
            fail_msg("%s", tape_writer_error(writer));
    }
}

void reel_fill(struct reel *reel, uint32_t count, uint32_t block_bytes)
{
    struct tape_writer *writer = reel_writer(reel, block_bytes);
    reel_append(reel, writer, count);
    assert_int_equal(tape_writer_finish(writer), 0);
    tape_writer_destroy(writer);
}

static void note(void *arg, const char *sentence)
{
    struct reel_heard *heard = arg;
    assert_non_null(strstr(sentence, "/reel-"));
    assert_non_null(strstr(sentence, "byte"));
    heard->notices++;
}

struct tape_reader *reel_reader(const struct reel *reel, struct reel_heard *heard)
{
    const struct tape_reader_config config = {.path = reel->path, .notice = note, .arg = heard};
    struct tape_reader *reader = NULL;
    memset(heard, 0, sizeof *heard);
    heard->result = tape_reader_open(&reader, &config, heard->sentence, sizeof heard->sentence);
    return heard->result == 0 ? reader : NULL;
}

void reel_check(const struct reel *reel, const struct tape_reader *reader,
                const struct tape_item *item)
{
    assert_true(item->tick.has_id && item->tick.id < reel->count);
    const struct reel_tick *made = &reel->ticks[item->tick.id];
    assert_int_equal(item->symbol_len, strlen(made->symbol));
    assert_memory_equal(item->symbol, made->symbol, item->symbol_len);
    const char *topic = tape_reader_topic(reader, tick_partition(&item->tick) / 4096);
    assert_string_equal(topic, topics[tick_partition(&made->tick) / 4096]);
    struct tick tick = item->tick;
    /* The reader's own numbers for topics are in order of appearance. */
    tick.pos = tick_pos(tick_partition(&made->tick) / 4096 * 4096 + tick_partition(&tick) % 4096,
                        tick_offset(&tick));
    assert_memory_equal(&tick, &made->tick, sizeof tick);
}

void reel_hear(const struct reel *reel, struct reel_heard *heard)
{
    struct tape_reader *reader = reel_reader(reel, heard);
    struct tape_item item;
    int result = 0;
    while (reader && ((result = tape_reader_next(reader, &item)) == 1 || result == -EBADMSG)) {
        if (result == 1) {
            reel_check(reel, reader, &item);
            assert_true(heard->ticks == 0 || item.tick.id > heard->last);
            heard->last = (uint32_t)item.tick.id;
            heard->ticks++;
            continue;
        }
        heard->damages++;
        heard->lost += tape_reader_damage(reader)->ticks;
        heard->lost_unknown |= !tape_reader_damage(reader)->ticks_known;
        heard->torn = tape_reader_damage(reader)->torn;
        snprintf(heard->sentence, sizeof heard->sentence, "%s", tape_reader_error(reader));
    }
    if (reader) {
        heard->result = result;
        if (result < 0)
            snprintf(heard->sentence, sizeof heard->sentence, "%s", tape_reader_error(reader));
    }
    tape_reader_close(reader);
}
