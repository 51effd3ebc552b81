/* SPDX-License-Identifier: MIT */
/*
 * Both readers against random and mutated input at a guard page, with jansson and msgpack-c as
 * second opinions on what is well formed. TAPEHEAD_FUZZ_SEED and TAPEHEAD_FUZZ_ROUNDS replace the
 * fixed seed and count; a failure names both.
 */
#include "support.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <msgpack.h>

#include "schemas/tick_json.h"
#include "schemas/tick_msgpack.h"

enum { INPUT_MAX = 512 };

struct input {
    uint8_t bytes[INPUT_MAX];
    size_t len;
};

static uint64_t fuzz_seed;

static uint64_t setting(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

static void fail_input(const struct input *input, const char *why)
{
    for (size_t i = 0; i < input->len; i++)
        print_error("%02x", input->bytes[i]);
    print_error("\n%.*s\n", (int)input->len, (const char *)input->bytes);
    fail_msg("%s; replay with TAPEHEAD_FUZZ_SEED=%" PRIu64, why, fuzz_seed);
}

static void splice(struct input *input, size_t at, size_t drop, const void *data, size_t len)
{
    if (drop > input->len - at)
        drop = input->len - at;
    if (input->len - drop + len > INPUT_MAX)
        return;
    memmove(input->bytes + at + len, input->bytes + at + drop, input->len - at - drop);
    memcpy(input->bytes + at, data, len);
    input->len += len - drop;
}

/* What means something to one of the readers. */
static const char *const tokens[] = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0073",
    "\\ud800",
    "null",
    "true",
    "-",
    "0",
    "1e5",
    ".",
    "e",
    "\xc3\xa9",
    "\"s\":",
    "\"p\":",
    "99999999999999999999",
    "\x80",
    "\x91",
    "\x81",
    "\xc0",
    "\xc1",
    "\xd9\x01",
    "\xcc\x80",
    "\xdc\x00\x01",
    " ",
    "\xa1s",
    "\xa1p",
    "\xcb",
    "{\"x\":[{}]}",
    "[1,2]",
    "\xde\x00\x01",
    "\xd4\x01\x02",
    "\xff",
};

/* One small change: a bit, a byte, a token, a cut, or a piece of itself. */
static void mutate(struct input *input, uint64_t *state)
{
    size_t at = random_next(state) % (input->len + 1);
    size_t drop = random_next(state) % 4;
    const char *token = tokens[random_next(state) % (sizeof tokens / sizeof tokens[0])];
    uint8_t piece[16];
    switch (random_next(state) % 6) {
    case 0:
        if (at < input->len)
            input->bytes[at] ^= (uint8_t)(1U << random_next(state) % 8);
        break;
    case 1:
        piece[0] = (uint8_t)random_next(state);
        splice(input, at, 1, piece, 1);
        break;
    case 2: splice(input, at, 0, token, strlen(token)); break;
    case 3: splice(input, at, drop, token, strlen(token)); break;
    case 4: splice(input, at, random_next(state) % 16, "", 0); break;
    default:
        if (at + sizeof piece <= input->len) {
            memcpy(piece, input->bytes + at, sizeof piece);
            splice(input, random_next(state) % (input->len + 1), drop, piece,
                   random_next(state) % sizeof piece);
        }
    }
}

/* A good value, or two in an array. */
static void make_json(struct input *input, uint64_t *state)
{
    char symbol[SYMBOL_LEN_MAX + 1];
    input->len = 0;
    bool array = random_next(state) % 4 == 0;
    if (array)
        input->bytes[input->len++] = '[';
    for (int i = 0; i <= array; i++) {
        struct tick tick = random_tick(state, true);
        tick.price_exp %= 9;
        tick.size_exp %= 9;
        if (i)
            input->bytes[input->len++] = ',';
        size_t symbol_len = random_symbol(state, symbol);
        input->len += tick_json_write_value(&tick, symbol, symbol_len, input->bytes + input->len);
    }
    if (array)
        input->bytes[input->len++] = ']';
}

static void make_msgpack(struct input *input, uint64_t *state)
{
    char symbol[SYMBOL_LEN_MAX + 1];
    input->len = 0;
    bool array = random_next(state) % 4 == 0;
    if (array)
        input->bytes[input->len++] = 0x92;
    for (int i = 0; i <= array; i++) {
        struct tick tick = random_tick(state, true);
        size_t symbol_len = random_symbol(state, symbol);
        input->len +=
            tick_msgpack_write_value(&tick, symbol, symbol_len, input->bytes + input->len);
    }
}

static void make_noise(struct input *input, uint64_t *state)
{
    input->len = 1 + random_next(state) % 64;
    for (size_t i = 0; i < input->len; i++)
        input->bytes[i] = (uint8_t)random_next(state);
}

typedef int read_function(const uint8_t *data, size_t len, value_emit *emit, void *arg);

static int read_input(read_function *reader, const struct input *input, struct caught *caught)
{
    *caught = (struct caught){0};
    int count = reader(guard_place(input->bytes, input->len), input->len, catch_tick, caught);
    if (caught->count != (count < 0 ? 0 : count) || count <= -VALUE_ERROR_COUNT)
        fail_input(input, "returned and emitted differ");
    return count;
}

/* Where jansson is narrower than JSON: numbers that don't fit its types, lone surrogates, NUL in
 * keys. */
static bool jansson_is_narrower(const json_error_t *error)
{
    return json_error_code(error) == json_error_numeric_overflow ||
           json_error_code(error) == json_error_null_byte_in_key ||
           json_error_code(error) == json_error_null_character ||
           strstr(error->text, "invalid Unicode '\\") != NULL;
}

static void check_json_symbol(const struct input *input, json_t *root, const struct caught *caught)
{
    json_t *first = json_is_array(root) ? json_array_get(root, 0) : root;
    const char *symbol = json_string_value(json_object_get(first, "s"));
    if (!symbol || strcmp(symbol, caught->ticks[0].symbol) != 0)
        fail_input(input, "jansson reads another symbol");
}

static void check_json(const struct input *input)
{
    struct caught caught;
    json_error_t error;
    int count = read_input(tick_json_read, input, &caught);
    /* jansson 2.14 passes over a zero byte after a number, which JSON doesn't. */
    if (input->len == 0 || memchr(input->bytes, 0, input->len))
        return;
    json_t *root = json_loadb((const char *)input->bytes, input->len,
                              JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (count >= 0 && !root && !jansson_is_narrower(&error))
        fail_input(input, error.text);
    if (count == VALUE_SYNTAX && root)
        fail_input(input, "jansson takes what is called no JSON");
    if (count > 0 && root)
        check_json_symbol(input, root, &caught);
    json_decref(root);
}

static void check_msgpack(const struct input *input)
{
    struct caught caught;
    int count = read_input(tick_msgpack_read, input, &caught);
    /* msgpack-c allocates what a header of 32 bits promises: gigabytes. */
    if (input->len == 0 || memchr(input->bytes, 0xdd, input->len) ||
        memchr(input->bytes, 0xdf, input->len))
        return;
    msgpack_unpacked unpacked;
    size_t off = 0;
    msgpack_unpacked_init(&unpacked);
    bool good = msgpack_unpack_next(&unpacked, (const char *)input->bytes, input->len, &off) ==
                    MSGPACK_UNPACK_SUCCESS &&
                off == input->len;
    msgpack_unpacked_destroy(&unpacked);
    if (count >= 0 && !good)
        fail_input(input, "msgpack-c refuses what was read");
    if (count == VALUE_SYNTAX && good)
        fail_input(input, "msgpack-c takes what is called no msgpack");
}

typedef void make_function(struct input *input, uint64_t *state);
typedef void check_function(const struct input *input);

static void fuzz(make_function *make, check_function *check, uint64_t rounds)
{
    rounds = setting("TAPEHEAD_FUZZ_ROUNDS", rounds);
    uint64_t state = setting("TAPEHEAD_FUZZ_SEED", 0x7a9e4ead);
    print_message("seed %" PRIu64 ", %" PRIu64 " rounds\n", state, rounds);
    for (uint64_t i = 0; i < rounds; i++) {
        static struct input input;
        fuzz_seed = state;
        make(&input, &state);
        for (uint64_t changes = random_next(&state) % 4; changes > 0; changes--)
            mutate(&input, &state);
        check(&input);
    }
}

static void mutated_json_is_read_as_jansson_reads_it(void **state)
{
    (void)state;
    fuzz(make_json, check_json, 100000);
}

static void mutated_msgpack_is_read_as_msgpack_c_reads_it(void **state)
{
    (void)state;
    fuzz(make_msgpack, check_msgpack, 100000);
}

static void noise_emits_nothing_that_is_no_tick(void **state)
{
    (void)state;
    fuzz(make_noise, check_json, 50000);
    fuzz(make_noise, check_msgpack, 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutated_json_is_read_as_jansson_reads_it),
        cmocka_unit_test(mutated_msgpack_is_read_as_msgpack_c_reads_it),
        cmocka_unit_test(noise_emits_nothing_that_is_no_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
