/* SPDX-License-Identifier: MIT */
/* What only msgpack can say; test_command.c says the rest in both formats. */
#include "server/wire/command.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static struct command read_packed(const void *data, size_t len)
{
    struct command command;
    command_read(&command, WIRE_MSGPACK, guard_place(data, len), len);
    return command;
}

static void assert_hostile(const char *hex)
{
    uint8_t input[4096];
    long len = hex_parse(hex, input, sizeof input);
    assert_true(len >= 0);
    struct command command = read_packed(input, (size_t)len);
    assert_string_equal(command.error_code, "bad_msgpack");
    command_finish(&command);
}

static void hostile_msgpack_is_refused_before_it_allocates(void **state)
{
    (void)state;
    assert_hostile("dd ffffffff");
    assert_hostile("df ffffffff 00*100");
    assert_hostile("df 80000000");
    assert_hostile("dc ffff 00*2000");
    assert_hostile("db ffffffff 61");
    assert_hostile("c6 ffffffff");
    assert_hostile("c9 ffffffff 00");
    assert_hostile("91*3000 00");
    assert_hostile("81*3000 00");
    assert_hostile("dd 00000400 dd*1000");
    assert_hostile("c1");
    assert_hostile("80 00"); /* something follows the message */
    assert_hostile("00 00");
}

static void every_msgpack_type_may_stand_in_an_unknown_field(void **state)
{
    (void)state;
    static const char *const values[] = {"00",
                                         "7f",
                                         "ff",
                                         "80",
                                         "90",
                                         "a0",
                                         "c0",
                                         "c2",
                                         "c3",
                                         "c4 01 00",
                                         "c5 0001 00",
                                         "c6 00000001 00",
                                         "c7 01 05 00",
                                         "c7 00 05",
                                         "c8 0001 05 00",
                                         "c9 00000001 05 00",
                                         "ca 00*4",
                                         "cb 00*8",
                                         "cc 00",
                                         "cd 00*2",
                                         "ce 00*4",
                                         "cf ff*8",
                                         "d0 00",
                                         "d1 00*2",
                                         "d2 00*4",
                                         "d3 00*8",
                                         "d4 00*2",
                                         "d5 00*3",
                                         "d6 00*5",
                                         "d7 00*9",
                                         "d8 00*17",
                                         "d9 01 61",
                                         "da 0001 61",
                                         "db 00000001 61",
                                         "dc 0001 00",
                                         "dd 00000001 00",
                                         "de 0001 00 00",
                                         "df 00000001 00 00",
                                         "81 00 91 00",
                                         "a1 ff"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t input[64];
        char hex[128];
        snprintf(hex, sizeof hex, "83 %s %s a178 %s a26f70 a470696e67", "05", "00", values[i]);
        long len = hex_parse(hex, input, sizeof input);
        struct command command = read_packed(input, (size_t)len);
        assert_null(command.error_code);
        assert_int_equal(command.op, COMMAND_PING);
        command_finish(&command);
    }
}

static void msgpack_text_need_not_be_utf8_but_an_id_must(void **state)
{
    (void)state;
    static const char symbol[] = "\x82\xa2op\xa9subscribe\xa7symbols\x91\xa1\xff";
    struct command command = read_packed(symbol, sizeof symbol - 1);
    assert_null(command.error_code);
    assert_int_equal(command.symbols_count, 1);
    assert_int_equal(command.symbols[0].len, 1);
    assert_memory_equal(command.symbols[0].text, "\xff", 1);
    command_finish(&command);
    static const char id[] = "\x82\xa2op\xa4ping\xa2id\xa1\xff";
    command = read_packed(id, sizeof id - 1);
    assert_string_equal(command.error_code, "bad_field");
    command_finish(&command);
}

/* A speed of nine bytes or five, as `hex`. */
static struct command read_speed(const char *hex)
{
    uint8_t input[64];
    char text[128];
    snprintf(text, sizeof text, "82 a26f70 a57370656564 a57370656564 %s", hex);
    return read_packed(input, (size_t)hex_parse(text, input, sizeof input));
}

static void a_speed_is_a_float_of_either_width(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        double speed;
    } good[] = {
        {"ca 3f000000", 0.5},         {"cb 3fe0000000000000", 0.5},
        {"cb 412e848000000000", 1e6}, {"cb 0000000000000001", 5e-324},
        {"ca 41200000", 10},          {"cf 000000000000000a", 10},
        {"d3 000000000000000a", 10},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct command command = read_speed(good[i].hex);
        assert_null(command.error_code);
        assert_int_equal(command.op, COMMAND_SPEED);
        assert_true(command.replay.speed == good[i].speed);
        command_finish(&command);
    }
}

static void a_speed_that_is_infinite_or_no_number_is_out_of_range(void **state)
{
    (void)state;
    static const char *const bad[] = {"ca 7f800000",         "ca ff800000",
                                      "ca 7fc00000",         "cb 7ff0000000000000",
                                      "cb fff0000000000000", "cb 7ff8000000000000",
                                      "cb 7ff0000000000001", "cb 412e848000000001",
                                      "cb 8000000000000000", "cf ff*8"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct command command = read_speed(bad[i]);
        assert_string_equal(command.error_code, "bad_field");
        assert_non_null(strstr(command.error_message, "\"speed\""));
        command_finish(&command);
    }
}

/* The field, "from" or "count", as `hex`. */
static void assert_bad(const char *op_and_field, const char *hex, const char *code,
                       const char *part)
{
    uint8_t input[128];
    char text[256];
    snprintf(text, sizeof text, "82 a26f70 %s %s", op_and_field, hex);
    struct command command = read_packed(input, (size_t)hex_parse(text, input, sizeof input));
    assert_string_equal(command.error_code, code);
    assert_non_null(strstr(command.error_message, part));
    command_finish(&command);
}

static void no_float_no_bin_and_no_timestamp_stands_for_an_integer_or_a_time(void **state)
{
    (void)state;
    static const char *const fields[][2] = {
        {"a47365656b a466726f6d", "\"from\""},
        {"a473746570 a5636f756e74", "\"count\""},
        {"a9636f6e666967757265 ac6d61785f64656c61795f6d73", "\"max_delay_ms\""},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        assert_bad(fields[i][0], "ca 3f800000", "bad_command", fields[i][1]);
        assert_bad(fields[i][0], "cb 3ff0000000000000", "bad_command", fields[i][1]);
        assert_bad(fields[i][0], "cb 7ff8000000000000", "bad_command", fields[i][1]);
        assert_bad(fields[i][0], "c4 01 31", "bad_command", fields[i][1]);
        assert_bad(fields[i][0], "d6 ff 00000001", "bad_command", fields[i][1]);
        assert_bad(fields[i][0], "cf ff*8", "bad_field", fields[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_msgpack_is_refused_before_it_allocates),
        cmocka_unit_test(every_msgpack_type_may_stand_in_an_unknown_field),
        cmocka_unit_test(msgpack_text_need_not_be_utf8_but_an_id_must),
        cmocka_unit_test(a_speed_is_a_float_of_either_width),
        cmocka_unit_test(a_speed_that_is_infinite_or_no_number_is_out_of_range),
        cmocka_unit_test(no_float_no_bin_and_no_timestamp_stands_for_an_integer_or_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
