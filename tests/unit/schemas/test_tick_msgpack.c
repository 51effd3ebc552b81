/* SPDX-License-Identifier: MIT */
/* Tests of schemas/tick_msgpack.c, and of msgpack_scan.c below it; msgpack-c judges both ways. */
#include "support.h"

#include <inttypes.h>
#include <string.h>

#include <msgpack.h>

#include "schemas/tick_msgpack.h"

/* Bytes given as a string literal, for they hold zeros. */
#define BYTES(literal) (literal), sizeof(literal) - 1
#define S                                                                                          \
    "\xa1s\xa1"                                                                                    \
    "A"
#define P                                                                                          \
    "\xa1p\xa1"                                                                                    \
    "1"
#define Q                                                                                          \
    "\xa1q\xa1"                                                                                    \
    "1"
#define T "\xa1t\x01"

static int read_bytes(const void *data, size_t len, struct caught *caught)
{
    *caught = (struct caught){0};
    int count = tick_msgpack_read(guard_place(data, len), len, catch_tick, caught);
    assert_int_equal(caught->count, count < 0 ? 0 : count);
    return count;
}

static struct tick read_good(const char *data, size_t len)
{
    struct caught caught;
    assert_int_equal(read_bytes(data, len, &caught), 1);
    return caught.ticks[0].tick;
}

static void pack_text(msgpack_packer *packer, const char *text)
{
    msgpack_pack_str(packer, strlen(text));
    msgpack_pack_str_body(packer, text, strlen(text));
}

/* The table of the protocol, written with msgpack-c. */
static void pack_tick(msgpack_packer *packer, const struct tick *tick, const char *symbol, int type)
{
    msgpack_pack_array(packer, tick->index ? 14 : 13);
    msgpack_pack_int(packer, type);
    pack_text(packer, symbol);
    msgpack_pack_uint64(packer, tick->seq);
    msgpack_pack_uint32(packer, tick_partition(tick));
    msgpack_pack_uint64(packer, tick_offset(tick));
    msgpack_pack_int64(packer, tick->price);
    msgpack_pack_int8(packer, tick->price_exp);
    msgpack_pack_int64(packer, tick->size);
    msgpack_pack_int8(packer, tick->size_exp);
    msgpack_pack_uint8(packer, tick->side);
    if (tick->has_id)
        msgpack_pack_uint64(packer, tick->id);
    else
        msgpack_pack_nil(packer);
    msgpack_pack_int64(packer, tick->ts_ns);
    msgpack_pack_int64(packer, tick->rts_ns);
    if (tick->index)
        msgpack_pack_uint16(packer, tick->index);
}

static void ticks_are_byte_for_byte_what_msgpack_c_writes(void **state)
{
    uint64_t seed = 4242;
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    for (int i = 0; i < 50000; i++) {
        char symbol[SYMBOL_LEN_MAX + 1];
        uint8_t out[WIRE_TICK_MAX];
        struct tick tick = random_tick(&seed, false);
        size_t symbol_len = random_symbol(&seed, symbol);
        enum wire_tick_type type = i & 1 ? WIRE_TRADE : WIRE_SNAPSHOT;
        size_t len = tick_msgpack_write(&tick, symbol, symbol_len, type, out);
        msgpack_sbuffer_clear(&buffer);
        pack_tick(&packer, &tick, symbol, i & 1 ? 1 : 2);
        assert_int_equal(len, buffer.size);
        assert_memory_equal(out, buffer.data, len);
    }
    msgpack_sbuffer_destroy(&buffer);
}

static void msgpack_c_unpacks_a_trade_at_the_places_of_the_table(void **state)
{
    struct tick tick = {.price = -5,
                        .price_exp = -8,
                        .size = INT64_MIN,
                        .size_exp = 3,
                        .ts_ns = -1,
                        .rts_ns = 70000,
                        .id = UINT64_MAX,
                        .has_id = 1,
                        .side = TICK_SIDE_BUY,
                        .seq = 918,
                        .pos = tick_pos(7, 300),
                        .index = 9};
    uint8_t out[WIRE_TICK_MAX];
    msgpack_unpacked unpacked;
    size_t off = 0;
    (void)state;
    size_t len = tick_msgpack_write(&tick, "BTC-USD", 7, WIRE_TRADE, out);
    msgpack_unpacked_init(&unpacked);
    assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)out, len, &off),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(off, len);
    assert_int_equal(unpacked.data.type, MSGPACK_OBJECT_ARRAY);
    assert_int_equal(unpacked.data.via.array.size, 14);
    const msgpack_object *at = unpacked.data.via.array.ptr;
    assert_int_equal(at[0].via.u64, 1);
    assert_int_equal(at[1].type, MSGPACK_OBJECT_STR);
    assert_memory_equal(at[1].via.str.ptr, "BTC-USD", 7);
    assert_int_equal(at[2].via.u64, 918);
    assert_int_equal(at[3].via.u64, 7);
    assert_int_equal(at[4].via.u64, 300);
    assert_int_equal(at[5].via.i64, -5);
    assert_int_equal(at[6].via.i64, -8);
    assert_true(at[7].via.i64 == INT64_MIN);
    assert_int_equal(at[8].via.u64, 3);
    assert_int_equal(at[9].via.u64, 1);
    assert_true(at[10].type == MSGPACK_OBJECT_POSITIVE_INTEGER && at[10].via.u64 == UINT64_MAX);
    assert_int_equal(at[11].via.i64, -1);
    assert_int_equal(at[12].via.u64, 70000);
    assert_int_equal(at[13].via.u64, 9);
    msgpack_unpacked_destroy(&unpacked);
}

static void a_gap_is_a_map_with_the_keys_of_the_json_one(void **state)
{
    struct wire_gap gap = {920, 951, GAP_OVERLOAD};
    uint8_t out[WIRE_TICK_MAX];
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    (void)state;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 6);
    pack_text(&packer, "type");
    pack_text(&packer, "gap");
    pack_text(&packer, "symbol");
    pack_text(&packer, "BTC-USD");
    pack_text(&packer, "from");
    msgpack_pack_int(&packer, 920);
    pack_text(&packer, "to");
    msgpack_pack_int(&packer, 951);
    pack_text(&packer, "count");
    msgpack_pack_int(&packer, 32);
    pack_text(&packer, "reason");
    pack_text(&packer, "overload");
    assert_int_equal(tick_msgpack_write_gap(&gap, "BTC-USD", 7, out), buffer.size);
    assert_memory_equal(out, buffer.data, buffer.size);
    msgpack_sbuffer_destroy(&buffer);
}

static void values_survive_writing_and_reading(void **state)
{
    uint64_t seed = 77;
    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < 50000; i++) {
        char symbol[SYMBOL_LEN_MAX + 1];
        uint8_t out[VALUE_TICK_MAX];
        struct caught caught = {0};
        struct tick tick = random_tick(&seed, true);
        size_t symbol_len = random_symbol(&seed, symbol);
        size_t len = tick_msgpack_write_value(&tick, symbol, symbol_len, out);
        assert_true(len <= VALUE_TICK_MAX);
        assert_int_equal(read_bytes(out, len, &caught), 1);
        assert_memory_equal(&caught.ticks[0].tick, &tick, sizeof tick);
        assert_string_equal(caught.ticks[0].symbol, symbol);
    }
}

/* A value as msgpack-c writes it, decimals as strings, with members that a tick doesn't know. */
static void pack_foreign_value(msgpack_packer *packer)
{
    msgpack_pack_map(packer, 9);
    msgpack_pack_int(packer, 5);
    msgpack_pack_float(packer, 1.5);
    pack_text(packer, "t");
    msgpack_pack_fix_int64(packer, 1723161255342000000);
    pack_text(packer, "p");
    pack_text(packer, "61837.63000000");
    pack_text(packer, "x");
    msgpack_pack_map(packer, 1);
    msgpack_pack_array(packer, 2);
    msgpack_pack_nil(packer);
    msgpack_pack_true(packer);
    msgpack_pack_double(packer, 2.5);
    pack_text(packer, "q");
    msgpack_pack_fix_uint32(packer, 7);
    pack_text(packer, "side");
    pack_text(packer, "buy");
    pack_text(packer, "raw");
    msgpack_pack_bin_with_body(packer, "\0\1\2", 3);
    pack_text(packer, "id");
    msgpack_pack_fix_int8(packer, 9);
    pack_text(packer, "s");
    pack_text(packer, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345");
}

static void what_msgpack_c_packs_is_read_however_its_numbers_are_spelt(void **state)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    struct caught caught;
    (void)state;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_array(&packer, 2);
    pack_foreign_value(&packer);
    pack_foreign_value(&packer);
    assert_int_equal(read_bytes(buffer.data, buffer.size, &caught), 2);
    for (int i = 0; i < 2; i++) {
        const struct tick expected = {.price = 6183763000000,
                                      .price_exp = -8,
                                      .size = 7,
                                      .side = TICK_SIDE_BUY,
                                      .id = 9,
                                      .has_id = 1,
                                      .ts_ns = 1723161255342000000,
                                      .index = (uint16_t)i};
        assert_memory_equal(&caught.ticks[i].tick, &expected, sizeof expected);
        assert_string_equal(caught.ticks[i].symbol, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345");
    }
    for (size_t cut = 1; cut < buffer.size; cut++)
        assert_int_equal(read_bytes(buffer.data, cut, &caught), VALUE_SYNTAX);
    msgpack_sbuffer_destroy(&buffer);
}

static void id_and_side_may_be_nil_and_numbers_may_be_text(void **state)
{
    (void)state;
    struct tick tick = read_good(BYTES("\x86" S P Q "\xa2id\xc0\xa4side\xc0\xa1t\xa2-7"));
    assert_int_equal(tick.has_id, 0);
    assert_int_equal(tick.ts_ns, -7);
    tick = read_good(BYTES("\x85" S P "\xa1q\xff" T "\xa2id\xb4"
                           "18446744073709551615"));
    assert_true(tick.id == UINT64_MAX);
    assert_int_equal(tick.size, -1);
}

static const struct {
    const char *bytes;
    size_t len;
    int error;
} faults[] = {
    {BYTES("\x05"), VALUE_SHAPE},
    {BYTES("\xc0"), VALUE_SHAPE},
    {BYTES("\xa1"
           "A"),
     VALUE_SHAPE},
    {BYTES("\x91\x01"), VALUE_SHAPE},
    {BYTES("\x91\x91\x01"), VALUE_SHAPE},
    {BYTES("\x85" S P Q T P), VALUE_SHAPE},
    {BYTES("\x80"), VALUE_SYMBOL},
    {BYTES("\x91\x80"), VALUE_SYMBOL},
    {BYTES("\x84\xa1s\xa3"
           "X Y" P Q T),
     VALUE_SYMBOL},
    {BYTES("\x84\xa1s\xa0" P Q T), VALUE_SYMBOL},
    {BYTES("\x84\xa1s\xc4\x01"
           "A" P Q T),
     VALUE_SYMBOL},
    {BYTES("\x84\xa1s\xd9\x21"
           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456" P Q T),
     VALUE_SYMBOL},
    {BYTES("\x83" S Q T), VALUE_PRICE},
    {BYTES("\x84" S "\xa1p\xcb\x40\x5e\xdd\x2f\x1a\x9f\xbe\x77" Q T), VALUE_PRICE},
    {BYTES("\x84" S "\xa1p\xca\x40\x5e\xdd\x2f" Q T), VALUE_PRICE},
    {BYTES("\x84" S "\xa1p\xc0" Q T), VALUE_PRICE},
    {BYTES("\x84" S "\xa1p\x91\x01" Q T), VALUE_PRICE},
    {BYTES("\x84" S "\xa1p\x93\x01\x01\x01" Q T), VALUE_PRICE},
    {BYTES("\x84" S "\xa1p\x92\x01\xa1"
           "1" Q T),
     VALUE_PRICE},
    {BYTES("\x84" S "\xa1p\x80" Q T), VALUE_PRICE},
    {BYTES("\x83" S P T), VALUE_SIZE},
    {BYTES("\x84" S P "\xa1q\xa1x" T), VALUE_SIZE},
    {BYTES("\x84" S "\xa1p\xcf\x80\x00\x00\x00\x00\x00\x00\x00" Q T), VALUE_DECIMAL_RANGE},
    {BYTES("\x84" S "\xa1p\x92\xcf\x80\x00\x00\x00\x00\x00\x00\x00\x01" Q T), VALUE_DECIMAL_RANGE},
    {BYTES("\x84" S "\xa1p\x92\x01\xcc\x80" Q T), VALUE_DECIMAL_RANGE},
    {BYTES("\x84" S "\xa1p\x92\x01\xd1\xff\x7f" Q T), VALUE_DECIMAL_RANGE},
    {BYTES("\x84" S P "\xa1q\xa5"
           "1e128" T),
     VALUE_DECIMAL_RANGE},
    {BYTES("\x85" S P Q T "\xa4side\xa3"
           "BUY"),
     VALUE_SIDE},
    {BYTES("\x85" S P Q T "\xa4side\x01"), VALUE_SIDE},
    {BYTES("\x85" S P Q T "\xa2id\xff"), VALUE_ID},
    {BYTES("\x85" S P Q T "\xa2id\xa1z"), VALUE_ID},
    {BYTES("\x85" S P Q T "\xa2id\xc3"), VALUE_ID},
    {BYTES("\x83" S P Q), VALUE_TIME},
    {BYTES("\x84" S P Q "\xa1t\xc0"), VALUE_TIME},
    {BYTES("\x84" S P Q "\xa1t\xcf\x80\x00\x00\x00\x00\x00\x00\x00"), VALUE_TIME},
    {BYTES("\x84" S P Q "\xa1t\xcb\x00\x00\x00\x00\x00\x00\x00\x00"), VALUE_TIME},
    {BYTES("\xc1"), VALUE_SYNTAX},
    {BYTES("\x05\x05"), VALUE_SYNTAX},
    {BYTES("\x84" S P Q T "\xc0"), VALUE_SYNTAX},
    {BYTES("\x90\xc0"), VALUE_SYNTAX},
    {BYTES("\x85" S P Q T "\xa1x\xc1"), VALUE_SYNTAX},
    {BYTES("\x85" S P Q T "\xc1\x01"), VALUE_SYNTAX},
    {BYTES("\x84" S "\xa1p\x92\x01\xc1" Q T), VALUE_SYNTAX},
    /* Headers that promise what isn't there. */
    {BYTES("\xdd\xff\xff\xff\xff\x01"), VALUE_SYNTAX},
    {BYTES("\xdf\xff\xff\xff\xff\x01"), VALUE_SYNTAX},
    {BYTES("\xdf\x80\x00\x00\x00\x01"), VALUE_SYNTAX},
    {BYTES("\xdb\xff\xff\xff\xff\x01"), VALUE_SYNTAX},
    {BYTES("\xc6\xff\xff\xff\xff\x01"), VALUE_SYNTAX},
    {BYTES("\xc9\xff\xff\xff\xff\x01"), VALUE_SYNTAX},
    {BYTES("\x81\xa1x\xdd\xff\xff\xff\xff"), VALUE_SYNTAX},
};

static void every_fault_has_its_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct caught caught;
        int error = read_bytes(faults[i].bytes, faults[i].len, &caught);
        if (error != faults[i].error)
            fail_msg("fault %zu: %d (%s), expected %s", i, error, value_error_name(error),
                     value_error_name(faults[i].error));
    }
}

struct check_order {
    int count;
};

static void check_in_order(void *arg, const struct tick *tick, const char *symbol,
                           size_t symbol_len)
{
    struct check_order *order = arg;
    assert_int_equal(symbol_len, 1);
    assert_int_equal(symbol[0], 'A');
    assert_int_equal(tick->index, order->count);
    assert_int_equal(tick->price, order->count);
    order->count++;
}

/* Around the number that a reader holds back, and the most that it takes. */
static void arrays_of_any_size_are_emitted_whole_or_not_at_all(void **state)
{
    static const int counts[] = {0, 1, 127, 128, 129, 1000, VALUE_TICKS_MAX, VALUE_TICKS_MAX + 1};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        int expected = counts[i] > VALUE_TICKS_MAX ? VALUE_TOO_MANY : counts[i];
        msgpack_sbuffer buffer;
        msgpack_packer packer;
        struct check_order order = {0};
        msgpack_sbuffer_init(&buffer);
        msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
        msgpack_pack_array(&packer, (size_t)counts[i]);
        for (int k = 0; k < counts[i]; k++) {
            struct tick tick = {.price = k};
            uint8_t out[VALUE_TICK_MAX];
            size_t len = tick_msgpack_write_value(&tick, "A", 1, out);
            msgpack_sbuffer_write(&buffer, (const char *)out, len);
        }
        const uint8_t *data = guard_place(buffer.data, buffer.size);
        assert_int_equal(tick_msgpack_read(data, buffer.size, check_in_order, &order), expected);
        assert_int_equal(order.count, expected < 0 ? 0 : expected);
        order.count = 0;
        data = guard_place(buffer.data, buffer.size - 1);
        assert_true(tick_msgpack_read(data, buffer.size - 1, check_in_order, &order) < 0);
        assert_int_equal(order.count, 0);
        msgpack_sbuffer_destroy(&buffer);
    }
}

static int read_nested(int depth, char open)
{
    char bytes[1024] = "\x85" S P Q T "\xa1x";
    size_t len = strlen(bytes);
    struct caught caught;
    for (int i = 0; i < depth; i++) {
        bytes[len++] = open;
        if (open == '\x81')
            bytes[len++] = 1;
    }
    bytes[len++] = 0;
    return read_bytes(bytes, len, &caught);
}

static void nesting_is_ignored_to_32_levels_and_refused_beyond(void **state)
{
    (void)state;
    assert_int_equal(read_nested(32, '\x91'), 1);
    assert_int_equal(read_nested(33, '\x91'), VALUE_TOO_MANY);
    assert_int_equal(read_nested(32, '\x81'), 1);
    assert_int_equal(read_nested(33, '\x81'), VALUE_TOO_MANY);
    assert_int_equal(read_nested(400, '\x91'), VALUE_TOO_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_byte_for_byte_what_msgpack_c_writes),
        cmocka_unit_test(msgpack_c_unpacks_a_trade_at_the_places_of_the_table),
        cmocka_unit_test(a_gap_is_a_map_with_the_keys_of_the_json_one),
        cmocka_unit_test(values_survive_writing_and_reading),
        cmocka_unit_test(what_msgpack_c_packs_is_read_however_its_numbers_are_spelt),
        cmocka_unit_test(id_and_side_may_be_nil_and_numbers_may_be_text),
        cmocka_unit_test(every_fault_has_its_error),
        cmocka_unit_test(arrays_of_any_size_are_emitted_whole_or_not_at_all),
        cmocka_unit_test(nesting_is_ignored_to_32_levels_and_refused_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
