/* SPDX-License-Identifier: MIT */
#include "bridge.h"
#include "reading.h"

#include <stdlib.h>
#include <string.h>

static void subscribe_is_read(void **state)
{
    (void)state;
    for_both("{\"op\":\"subscribe\",\"id\":1,\"symbols\":[\"BTC-USD\",\"ETH-*\",\"*\"],"
             "\"mode\":\"all\",\"snapshot\":false}")
    {
        assert_good(&command, COMMAND_SUBSCRIBE);
        assert_int_equal(command.id.kind, ID_INTEGER);
        assert_int_equal(command.id.integer, 1);
        assert_true(command.symbols_given);
        assert_int_equal(command.symbols_count, 3);
        assert_symbol(&command, 0, "BTC-USD");
        assert_symbol(&command, 1, "ETH-*");
        assert_symbol(&command, 2, "*");
        assert_int_equal(command.mode, MODE_ALL);
        assert_false(command.snapshot);
    }
}

static void a_snapshot_is_sent_unless_declined(void **state)
{
    (void)state;
    for_both("{\"op\":\"subscribe\",\"symbols\":[]}")
    {
        assert_good(&command, COMMAND_SUBSCRIBE);
        assert_true(command.snapshot);
        assert_true(command.symbols_given);
        assert_int_equal(command.symbols_count, 0);
    }
    assert_refused("{\"op\":\"subscribe\",\"symbols\":[],\"snapshot\":1}", "bad_command",
                   "\"snapshot\"");
}

static void symbols_are_handed_on_unjudged(void **state)
{
    (void)state;
    for_both("{\"op\":\"subscribe\",\"symbols\":[\"\",\"X Y\",\"a\\u0000b\",\"\xc3\xa9\"]}")
    {
        assert_good(&command, COMMAND_SUBSCRIBE);
        assert_symbol(&command, 0, "");
        assert_symbol(&command, 1, "X Y");
        assert_int_equal(command.symbols[2].len, 3);
        assert_memory_equal(command.symbols[2].text, "a\0b", 3);
        assert_symbol(&command, 3, "\xc3\xa9");
    }
}

static void unsubscribe_tells_no_list_from_an_empty_one(void **state)
{
    (void)state;
    for_both("{\"op\":\"unsubscribe\",\"id\":2}")
    {
        assert_good(&command, COMMAND_UNSUBSCRIBE);
        assert_false(command.symbols_given);
    }
    for_both("{\"op\":\"unsubscribe\",\"symbols\":[]}")
    {
        assert_good(&command, COMMAND_UNSUBSCRIBE);
        assert_true(command.symbols_given);
        assert_int_equal(command.symbols_count, 0);
    }
    /* A client's bug must not read as "all". */
    assert_refused("{\"op\":\"unsubscribe\",\"symbols\":null}", "bad_command", "\"symbols\"");
}

static void list_and_ping_are_read(void **state)
{
    (void)state;
    for_both("{\"op\":\"list\",\"id\":3}") assert_good(&command, COMMAND_LIST);
    for_both("{\"op\":\"ping\"}")
    {
        assert_good(&command, COMMAND_PING);
        assert_int_equal(command.id.kind, ID_ABSENT);
    }
}

static void configure_takes_a_delay_within_bounds(void **state)
{
    (void)state;
    for_both("{\"op\":\"configure\",\"max_delay_ms\":60000}")
    {
        assert_good(&command, COMMAND_CONFIGURE);
        assert_int_equal(command.max_delay_ms, 60000);
    }
    for_both("{\"op\":\"configure\",\"max_delay_ms\":0}") assert_good(&command, COMMAND_CONFIGURE);
    assert_refused("{\"op\":\"configure\"}", "bad_command", "\"max_delay_ms\"");
    assert_refused("{\"op\":\"configure\",\"max_delay_ms\":-1}", "bad_field", "\"max_delay_ms\"");
    assert_refused("{\"op\":\"configure\",\"max_delay_ms\":60001}", "bad_field", "60000");
    assert_refused("{\"op\":\"configure\",\"max_delay_ms\":20.0}", "bad_command", "integer");
    assert_refused("{\"op\":\"configure\",\"max_delay_ms\":\"20\"}", "bad_command", "integer");
}

static void ids_are_integers_or_strings(void **state)
{
    (void)state;
    for_both("{\"op\":\"ping\",\"id\":-9223372036854775808}")
    {
        assert_int_equal(command.id.kind, ID_INTEGER);
        assert_true(command.id.integer == INT64_MIN);
    }
    for_both("{\"op\":\"ping\",\"id\":\"\xe2\x82\xac\\u0000\"}")
    {
        assert_int_equal(command.id.kind, ID_STRING);
        assert_int_equal(command.id.text_len, 4);
        assert_memory_equal(command.id.text, "\xe2\x82\xac\0", 4);
    }
    for_both("{\"op\":\"ping\",\"id\":null}") assert_int_equal(command.id.kind, ID_ABSENT);
    assert_refused("{\"op\":\"ping\",\"id\":1.5}", "bad_command", "\"id\"");
    assert_refused("{\"op\":\"ping\",\"id\":true}", "bad_command", "\"id\"");
    assert_refused("{\"op\":\"ping\",\"id\":[1]}", "bad_command", "\"id\"");
}

static void an_id_of_64_bytes_fits_and_no_longer_one(void **state)
{
    (void)state;
    char json[128];
    for (size_t len = 64; len <= 65; len++) {
        memset(json, 'i', sizeof json);
        memcpy(json, "{\"op\":\"ping\",\"id\":\"", 19);
        strcpy(json + 19 + len, "\"}");
        for_both(json)
        {
            assert_int_equal(command.error_code == NULL, len == 64);
            assert_int_equal(command.id.kind, len == 64 ? ID_STRING : ID_ABSENT);
        }
    }
}

static void an_id_beyond_int64_is_out_of_range(void **state)
{
    (void)state;
    static const char json[] = "{\"op\":\"ping\",\"id\":9223372036854775808}";
    struct command command = reading_bytes(WIRE_JSON, json, sizeof json - 1);
    assert_string_equal(command.error_code, "bad_field");
    command_finish(&command);
    static const char packed[] = "\x82\xa2op\xa4ping\xa2id\xcf\x80\0\0\0\0\0\0\0";
    command = reading_bytes(WIRE_MSGPACK, packed, sizeof packed - 1);
    assert_string_equal(command.error_code, "bad_field");
    command_finish(&command);
}

static void the_id_is_kept_when_the_rest_is_refused(void **state)
{
    (void)state;
    for_both("{\"symbols\":7,\"op\":\"subscribe\",\"id\":42}")
    {
        assert_string_equal(command.error_code, "bad_command");
        assert_int_equal(command.id.integer, 42);
    }
    for_both("{\"id\":\"x\"}")
    {
        assert_string_equal(command.error_code, "bad_command");
        assert_int_equal(command.id.kind, ID_STRING);
    }
}

static void an_unknown_op_is_named(void **state)
{
    (void)state;
    assert_refused("{\"op\":\"subscrbe\"}", "unknown_op", "\"subscrbe\"");
    assert_refused("{\"op\":\"\"}", "unknown_op", "\"\"");
    assert_refused("{\"op\":\"a\\\"\\n\\u0000\xc3\xa9\"}", "unknown_op", "\"a?????\"");
    assert_refused("{\"op\":\"0123456789012345678901234567890123456789\"}", "unknown_op",
                   "\"01234567890123456789012345678901...\"");
    assert_refused("{}", "bad_command", "\"op\" is missing");
    assert_refused("{\"op\":1}", "bad_command", "\"op\"");
    assert_refused("{\"op\":null}", "bad_command", "\"op\"");
    assert_refused("{\"OP\":\"ping\"}", "bad_command", "\"op\" is missing");
}

static void what_is_known_but_not_served_is_named(void **state)
{
    (void)state;
    assert_refused("{\"op\":\"auth\",\"token\":\"x\"}", "not_supported", "\"auth\"");
}

static struct command read_json(const char *json)
{
    struct command command;
    command_read(&command, WIRE_JSON, (const uint8_t *)json, strlen(json));
    return command;
}

static void a_mode_and_its_interval_are_read(void **state)
{
    (void)state;
    struct command command =
        read_json("{\"op\":\"subscribe\",\"symbols\":[],\"mode\":\"latest\",\"interval_ms\":250}");
    assert_null(command.error_code);
    assert_int_equal(command.mode, MODE_LATEST);
    assert_int_equal(command.interval_ms, 250);
    command_finish(&command);
    command = read_json("{\"op\":\"subscribe\",\"symbols\":[],\"mode\":\"strict\"}");
    assert_null(command.error_code);
    assert_int_equal(command.mode, MODE_STRICT);
    command_finish(&command);
    assert_refused("{\"op\":\"subscribe\",\"symbols\":[],\"interval_ms\":5}", "bad_field",
                   "\"interval_ms\"");
    assert_refused("{\"op\":\"subscribe\",\"symbols\":[],\"mode\":\"latest\",\"interval_ms\":-1}",
                   "bad_field", "\"interval_ms\"");
}

static void positions_in_since_are_read_exactly(void **state)
{
    (void)state;
    struct command command = read_json("{\"op\":\"subscribe\",\"symbols\":[\"A\"],\"since\":"
                                       "{\"A\":\"7:918\",\"B\":\"65535:281474976710655:3\"}}");
    assert_null(command.error_code);
    assert_int_equal(command.since_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct command_since *since = &command.since[i];
        bool is_a = since->text[0] == 'A';
        assert_int_equal(since->len, 1);
        assert_int_equal(since->partition, is_a ? 7 : 65535);
        assert_true(since->offset == (is_a ? 918 : 281474976710655));
        assert_int_equal(since->index, is_a ? 0 : 3);
    }
    command_finish(&command);
}

static void a_position_that_is_none_is_refused_with_its_symbol(void **state)
{
    (void)state;
    static const char *const bad[] = {"",         ":",    "0",       "0:",
                                      ":1",       "0:1:", "0:1:2:3", "-1:2",
                                      "0:x",      "0:1 ", "65536:1", "0:281474976710656",
                                      "0:1:65536"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char json[160];
        snprintf(json, sizeof json,
                 "{\"op\":\"subscribe\",\"symbols\":[],\"since\":{\"XYZ\":\"%s\"}}", bad[i]);
        assert_refused(json, "bad_field", "XYZ");
    }
    assert_refused("{\"op\":\"subscribe\",\"symbols\":[],\"since\":{\"XYZ\":1}}", "bad_field",
                   "XYZ");
    assert_refused("{\"op\":\"subscribe\",\"symbols\":[],\"since\":[]}", "bad_command",
                   "\"since\"");
}

static void an_unknown_mode_is_a_bad_field(void **state)
{
    (void)state;
    assert_refused("{\"op\":\"subscribe\",\"symbols\":[],\"mode\":\"some\"}", "bad_field",
                   "\"mode\"");
    assert_refused("{\"op\":\"subscribe\",\"symbols\":[],\"mode\":1}", "bad_command", "\"mode\"");
}

static void symbols_must_be_a_list_of_strings(void **state)
{
    (void)state;
    assert_refused("{\"op\":\"subscribe\"}", "bad_command", "\"symbols\" is missing");
    assert_refused("{\"op\":\"subscribe\",\"symbols\":\"A\"}", "bad_command", "\"symbols\"");
    assert_refused("{\"op\":\"subscribe\",\"symbols\":{}}", "bad_command", "\"symbols\"");
    assert_refused("{\"op\":\"subscribe\",\"symbols\":[\"A\",1]}", "bad_command", "at 1");
}

static void up_to_4096_symbols_are_taken(void **state)
{
    (void)state;
    static char json[32 * 1024];
    for (unsigned count = COMMAND_SYMBOLS_MAX; count <= COMMAND_SYMBOLS_MAX + 1; count++) {
        char *at = json + sprintf(json, "{\"op\":\"subscribe\",\"symbols\":[\"s\"");
        for (unsigned i = 1; i < count; i++)
            at = stpcpy(at, ",\"s\"");
        strcpy(at, "]}");
        for_both(json)
        {
            if (count > COMMAND_SYMBOLS_MAX) {
                assert_string_equal(command.error_code, "too_many_symbols");
            } else {
                assert_good(&command, COMMAND_SUBSCRIBE);
                assert_int_equal(command.symbols_count, count);
                assert_symbol(&command, count - 1, "s");
            }
        }
    }
}

static void unknown_fields_are_ignored(void **state)
{
    (void)state;
    for_both("{\"x\":{\"op\":[1.5,null]},\"op\":\"ping\",\"mode\":7,\"symbols\":1}")
        assert_good(&command, COMMAND_PING);
}

static void nothing_of_these_takes_a_real(void **state)
{
    (void)state;
    assert_refused("{\"op\":1.5}", "bad_command", "\"op\"");
    assert_refused("{\"op\":\"unsubscribe\",\"symbols\":1.5}", "bad_command", "\"symbols\"");
    assert_refused("{\"op\":\"unsubscribe\",\"symbols\":[1.5]}", "bad_command", "\"symbols\"");
    assert_refused("{\"op\":\"configure\",\"max_delay_ms\":1.5}", "bad_command", "integer");
    static const char *const fields[] = {"mode", "snapshot", "since", "interval_ms"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char json[80];
        snprintf(json, sizeof json, "{\"op\":\"subscribe\",\"symbols\":[],\"%s\":1.0}", fields[i]);
        assert_refused(json, "bad_command", fields[i]);
    }
    assert_refused("{\"op\":\"subscribe\",\"symbols\":[],\"since\":{\"A\":1.5}}", "bad_field",
                   "\"since\"");
}

static void what_is_no_object_is_a_bad_command(void **state)
{
    (void)state;
    assert_refused("[]", "bad_command", "object");
    assert_refused("\"op\"", "bad_command", "object");
    assert_refused("5", "bad_command", "object");
    assert_refused("null", "bad_command", "object");
}

static void nesting_and_field_count_are_bounded(void **state)
{
    (void)state;
    for_both("{\"op\":\"ping\",\"x\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}")
        assert_good(&command, COMMAND_PING);
    static const char too_deep[] = "{\"op\":\"ping\",\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}";
    for_both(too_deep)
        assert_string_equal(command.error_code, format == WIRE_JSON ? "bad_json" : "bad_msgpack");
    for_both("{\"op\":\"ping\",\"x\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[\"}")
        assert_good(&command, COMMAND_PING);
    char json[1024] = "{\"op\":\"ping\"", *at = strchr(json, '\0');
    for (int i = 1; i < 64; i++)
        at += sprintf(at, ",\"f%d\":0", i);
    strcpy(at, "}");
    for_both(json) assert_good(&command, COMMAND_PING);
    strcpy(at, ",\"last\":0}");
    assert_refused(json, "bad_command", "64");
}

static void a_field_given_twice_is_refused(void **state)
{
    (void)state;
    static const char json[] = "{\"op\":\"ping\",\"op\":\"list\"}";
    struct command command = reading_bytes(WIRE_JSON, json, sizeof json - 1);
    assert_string_equal(command.error_code, "bad_command");
    command_finish(&command);
    static const char packed[] = "\x82\xa2op\xa4ping\xd9\x02op\xa4list";
    command = reading_bytes(WIRE_MSGPACK, packed, sizeof packed - 1);
    assert_string_equal(command.error_code, "bad_command");
    command_finish(&command);
}

static void every_start_of_a_message_is_unreadable(void **state)
{
    (void)state;
    static const char json[] = "{\"op\":\"subscribe\",\"id\":300,\"symbols\":[\"A\",\"B\"],"
                               "\"x\":[-1,1.5,null,true]}";
    uint8_t packed[256];
    size_t packed_len = bridge_to_msgpack(json, packed, sizeof packed);
    for (size_t len = 0; len < sizeof json - 1; len++) {
        struct command command = reading_bytes(WIRE_JSON, json, len);
        assert_string_equal(command.error_code, "bad_json");
        command_finish(&command);
    }
    for (size_t len = 0; len < packed_len; len++) {
        struct command command = reading_bytes(WIRE_MSGPACK, packed, len);
        assert_string_equal(command.error_code, "bad_msgpack");
        command_finish(&command);
    }
}

static void a_message_over_64_kib_is_refused_unread(void **state)
{
    (void)state;
    static char json[65537];
    memset(json, ' ', sizeof json);
    memcpy(json, "{\"op\":\"ping\"}", 13);
    struct command command = reading_bytes(WIRE_JSON, json, 65536);
    assert_good(&command, COMMAND_PING);
    command_finish(&command);
    command = reading_bytes(WIRE_JSON, json, 65537);
    assert_string_equal(command.error_code, "bad_command");
    command_finish(&command);
}

static void finish_takes_a_zeroed_command(void **state)
{
    (void)state;
    struct command command = {0};
    command_finish(&command);
    command_finish(&command);
}

static void mutated_commands_never_break_the_reader(void **state)
{
    (void)state;
    static const char json[] = "{\"op\":\"subscribe\",\"id\":\"a\",\"symbols\":[\"BTC-USD\",\"*\"],"
                               "\"mode\":\"all\",\"snapshot\":true,\"x\":[1,{\"y\":-7}]}";
    uint8_t models[WIRE_FORMAT_COUNT][256];
    size_t lens[WIRE_FORMAT_COUNT] = {sizeof json - 1};
    memcpy(models[WIRE_JSON], json, sizeof json - 1);
    lens[WIRE_MSGPACK] = bridge_to_msgpack(json, models[WIRE_MSGPACK], 256);
    uint64_t seed = fuzz_seed(808);
    for (uint64_t round = fuzz_rounds(200000); round > 0; round--) {
        uint64_t start = seed;
        uint8_t input[256];
        enum wire_format format = (enum wire_format)random_below(&seed, WIRE_FORMAT_COUNT);
        size_t len = random_below(&seed, 4) ? lens[format] : random_below(&seed, lens[format]);
        memcpy(input, models[format], len);
        for (uint64_t i = random_below(&seed, 5); i > 0 && len > 0; i--)
            input[random_below(&seed, len)] = (uint8_t)random_next(&seed);
        struct command command = reading_bytes(format, input, len);
        fuzz_assert(command.symbols_count == 0 || command.symbols, "test_command", start);
        fuzz_assert(command.id.text_len <= COMMAND_ID_MAX, "test_command", start);
        command_finish(&command);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscribe_is_read),
        cmocka_unit_test(a_snapshot_is_sent_unless_declined),
        cmocka_unit_test(symbols_are_handed_on_unjudged),
        cmocka_unit_test(unsubscribe_tells_no_list_from_an_empty_one),
        cmocka_unit_test(list_and_ping_are_read),
        cmocka_unit_test(configure_takes_a_delay_within_bounds),
        cmocka_unit_test(ids_are_integers_or_strings),
        cmocka_unit_test(an_id_of_64_bytes_fits_and_no_longer_one),
        cmocka_unit_test(an_id_beyond_int64_is_out_of_range),
        cmocka_unit_test(the_id_is_kept_when_the_rest_is_refused),
        cmocka_unit_test(an_unknown_op_is_named),
        cmocka_unit_test(what_is_known_but_not_served_is_named),
        cmocka_unit_test(a_mode_and_its_interval_are_read),
        cmocka_unit_test(positions_in_since_are_read_exactly),
        cmocka_unit_test(a_position_that_is_none_is_refused_with_its_symbol),
        cmocka_unit_test(an_unknown_mode_is_a_bad_field),
        cmocka_unit_test(symbols_must_be_a_list_of_strings),
        cmocka_unit_test(up_to_4096_symbols_are_taken),
        cmocka_unit_test(unknown_fields_are_ignored),
        cmocka_unit_test(nothing_of_these_takes_a_real),
        cmocka_unit_test(what_is_no_object_is_a_bad_command),
        cmocka_unit_test(nesting_and_field_count_are_bounded),
        cmocka_unit_test(a_field_given_twice_is_refused),
        cmocka_unit_test(every_start_of_a_message_is_unreadable),
        cmocka_unit_test(a_message_over_64_kib_is_refused_unread),
        cmocka_unit_test(finish_takes_a_zeroed_command),
        cmocka_unit_test(mutated_commands_never_break_the_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
