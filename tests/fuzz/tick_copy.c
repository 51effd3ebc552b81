/* SPDX-License-Identifier: MIT */
/* tick_copy: see tick_copy.h. */
#include "tests/fuzz/tick_copy.h"

#include "schemas/tick_json.h"
#include "schemas/tick_msgpack.h"
#include "tests/fuzz/target.h"

static void take(void *arg, const struct tick *tick, const char *symbol, size_t symbol_len)
{
    struct tick_copies *copies = arg;
    CHECK(copies->count < VALUE_TICKS_MAX);
    CHECK(symbol_is_valid(symbol, symbol_len) && tick->index == copies->count);
    CHECK(tick->side <= TICK_SIDE_SELL);
    copies->ticks[copies->count].tick = *tick;
    copies->ticks[copies->count].symbol_len = (uint8_t)symbol_len;
    memcpy(copies->ticks[copies->count++].symbol, symbol, symbol_len);
}

int tick_copies_read(struct tick_copies *copies, value_read *read, const uint8_t *data, size_t len)
{
    copies->count = 0;
    int rc = read(data, len, take, copies);
    CHECK(rc >= 0 ? rc == copies->count : copies->count == 0);
    CHECK(rc > -VALUE_ERROR_COUNT && (rc == VALUE_EMPTY) == (len == 0));
    CHECK(rc >= 0 || value_error_name(rc)[0]);
    return rc;
}

typedef size_t write_value(const struct tick *tick, const char *symbol, size_t symbol_len,
                           uint8_t *out);
typedef size_t write_wire(const struct tick *tick, const char *symbol, size_t symbol_len,
                          enum wire_tick_type type, uint8_t *out);

struct expected {
    const struct tick *tick;
    const char *symbol;
    size_t symbol_len;
    int count;
};

static void compare(void *arg, const struct tick *tick, const char *symbol, size_t symbol_len)
{
    struct expected *expected = arg;
    const struct tick *other = expected->tick;
    CHECK(expected->count++ == 0);
    CHECK(symbol_len == expected->symbol_len && !memcmp(symbol, expected->symbol, symbol_len));
    CHECK(tick->price == other->price && tick->price_exp == other->price_exp);
    CHECK(tick->size == other->size && tick->size_exp == other->size_exp);
    CHECK(tick->ts_ns == other->ts_ns && tick->side == other->side);
    CHECK(tick->has_id == other->has_id && (!tick->has_id || tick->id == other->id));
}

static void check_value(struct expected expected, write_value *write, value_read *read)
{
    uint8_t *out = malloc(VALUE_TICK_MAX);
    CHECK(out);
    size_t len = write(expected.tick, expected.symbol, expected.symbol_len, out);
    CHECK(len <= VALUE_TICK_MAX);
    uint8_t *exact = target_copy(out, len);
    CHECK(read(exact, len, compare, &expected) == 1 && expected.count == 1);
    expected.count = 0;
    CHECK(tick_value_read(exact, len, compare, &expected) == 1 && expected.count == 1);
    free(exact);
    free(out);
}

/* As much as a tick can bring with it: the rest is the server's own. */
static void check_wire(struct expected expected, write_wire *write)
{
    struct tick tick = *expected.tick;
    tick.seq = tick.pos = UINT64_MAX;
    tick.index = UINT16_MAX;
    tick.rts_ns = INT64_MIN;
    uint8_t *out = malloc(WIRE_TICK_MAX);
    CHECK(out);
    CHECK(write(&tick, expected.symbol, expected.symbol_len, WIRE_SNAPSHOT, out) <= WIRE_TICK_MAX);
    free(out);
}

static void check(struct expected expected)
{
    check_value(expected, tick_json_write_value, tick_json_read);
    check_value(expected, tick_msgpack_write_value, tick_msgpack_read);
    check_wire(expected, tick_json_write);
    check_wire(expected, tick_msgpack_write);
}

/* Where the forms of an integer meet: a power of two, or its neighbour. */
static int64_t edge(struct dice *dice)
{
    uint64_t power = UINT64_C(1) << dice_below(dice, 64);
    uint64_t near = power + dice_below(dice, 3) - 1;
    return (int64_t)(dice_percent(dice, 50) ? near : 0 - near);
}

void tick_copies_check(const struct tick_copies *copies)
{
    for (int i = 0; i < copies->count; i++) {
        struct tick tick = copies->ticks[i].tick;
        struct dice dice = target_dice((const uint8_t *)&tick, sizeof tick);
        struct expected expected = {.tick = &tick,
                                    .symbol = copies->ticks[i].symbol,
                                    .symbol_len = copies->ticks[i].symbol_len};
        check(expected);
        tick.price = edge(&dice);
        tick.size = edge(&dice);
        tick.ts_ns = edge(&dice);
        tick.id = (uint64_t)edge(&dice);
        tick.price_exp = (int8_t)edge(&dice);
        check(expected);
    }
}
