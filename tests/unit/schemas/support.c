/* SPDX-License-Identifier: MIT */
/* support: see support.h. */
#include "support.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const real_decimals[] = {
    "61685.99000000", "0.02000000", "2683.80000000", "0.00001000",  "0.00000123", "1",
    "189.5",          "0.00",       "-37.63",        "99999.99",    "0.5",        "1000000",
    "0.000000000001", "-0.01",      "4503.25",       "12345678.90", "100",        NULL,
};

const uint8_t *guard_place(const void *data, size_t len)
{
    static uint8_t *area;
    if (!area) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        area = mmap(NULL, GUARD_LEN_MAX + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
        assert_ptr_not_equal(area, MAP_FAILED);
        assert_int_equal(mprotect(area + GUARD_LEN_MAX, page, PROT_NONE), 0);
    }
    assert_true(len <= GUARD_LEN_MAX);
    return memcpy(area + GUARD_LEN_MAX - len, data, len);
}

void catch_tick(void *arg, const struct tick *tick, const char *symbol, size_t symbol_len)
{
    struct caught *caught = arg;
    assert_true(symbol_is_valid(symbol, symbol_len));
    assert_int_equal(tick->index, caught->count);
    assert_int_equal(tick->seq | tick->pos | (uint64_t)tick->rts_ns, 0);
    assert_int_equal(tick->symbol | tick->quiet | tick->kind, 0);
    if (caught->count < CAUGHT_MAX) {
        caught->ticks[caught->count].tick = *tick;
        memcpy(caught->ticks[caught->count].symbol, symbol, symbol_len);
        caught->ticks[caught->count].symbol[symbol_len] = '\0';
    }
    caught->count++;
}

uint64_t random_next(uint64_t *state)
{
    /* xorshift64*, Vigna 2016. */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1d;
}

/* Every width is as likely as another, and now and then a boundary of an encoding. */
static uint64_t random_number(uint64_t *state)
{
    static const uint64_t bounds[] = {
        0,         1,         31,         32,         127,       128,
        255,       256,       32767,      32768,      65535,     65536,
        INT32_MAX, 1U << 31,  UINT32_MAX, 1ULL << 32, INT64_MAX, (uint64_t)INT64_MAX + 1,
        999999999, UINT64_MAX};
    uint64_t pick = random_next(state);
    if (pick % 4 == 0)
        return bounds[(pick >> 8) % (sizeof bounds / sizeof bounds[0])];
    return random_next(state) >> (pick >> 8) % 64;
}

static int64_t random_signed(uint64_t *state)
{
    uint64_t number = random_number(state);
    return (int64_t)(random_next(state) & 1 ? 0 - number : number);
}

struct tick random_tick(uint64_t *state, bool as_value)
{
    struct tick tick = {
        .price = random_signed(state),
        .size = random_signed(state),
        .ts_ns = random_signed(state),
        .side = random_next(state) % 3,
        .price_exp = (int8_t)random_next(state),
        .size_exp = (int8_t)random_next(state),
    };
    tick.has_id = random_next(state) & 1;
    tick.id = tick.has_id ? random_number(state) : 0;
    if (as_value)
        return tick;
    tick.rts_ns = random_signed(state);
    tick.seq = random_number(state);
    tick.pos = tick_pos(random_next(state) & 0xffff, random_number(state));
    tick.index = random_next(state) & 1 ? (uint16_t)random_number(state) : 0;
    return tick;
}

size_t random_symbol(uint64_t *state, char out[SYMBOL_LEN_MAX + 1])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789._-/:@";
    size_t len = 1 + random_next(state) % SYMBOL_LEN_MAX;
    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[random_next(state) % (sizeof alphabet - 1)];
    out[len] = '\0';
    return len;
}
