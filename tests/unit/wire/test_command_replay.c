/* SPDX-License-Identifier: MIT */
#include "bridge.h"
#include "reading.h"

#include <stdio.h>
#include <string.h>

/* {"op":"replay","symbols":[],FIELDS} */
static const char *replay_of(const char *fields)
{
    static char json[512];
    assert_true(strlen(fields) < sizeof json - 64);
    sprintf(json, "{\"op\":\"replay\",\"symbols\":[],%s}", fields);
    return json;
}

static void everything_of_a_replay_is_read(void **state)
{
    (void)state;
    for_both("{\"op\":\"replay\",\"id\":5,\"symbols\":[\"BTC-USD\",\"ETH-*\",\"b a d\"],"
             "\"from\":1723161255342000,\"to\":\"2024-08-09T00:05:00.123456789Z\","
             "\"clock\":\"receive\",\"speed\":10,\"max_gap_ms\":1000,\"then\":\"end\","
             "\"group\":\"Desk_1.a-b\"}")
    {
        const struct command_replay *replay = &command.replay;
        assert_good(&command, COMMAND_REPLAY);
        assert_int_equal(command.id.integer, 5);
        assert_int_equal(command.symbols_count, 3);
        assert_symbol(&command, 0, "BTC-USD");
        assert_symbol(&command, 1, "ETH-*");
        assert_symbol(&command, 2, "b a d"); /* the caller judges it */
        assert_true(replay->from_given && replay->until_given);
        assert_true(replay->from_ns == 1723161255342000000);
        assert_true(replay->until_ns == 1723161900123456789);
        assert_true(replay->by_receive);
        assert_true(replay->speed == 10);
        assert_int_equal(replay->max_gap_ms, 1000);
        assert_false(replay->then_live);
        assert_string_equal(replay->group, "Desk_1.a-b");
    }
}

static void a_replay_of_symbols_alone_has_the_defaults(void **state)
{
    (void)state;
    for_both("{\"op\":\"replay\",\"symbols\":[\"A\"]}")
    {
        const struct command_replay *replay = &command.replay;
        assert_good(&command, COMMAND_REPLAY);
        assert_int_equal(command.id.kind, ID_ABSENT);
        assert_false(replay->from_given || replay->until_given);
        assert_false(replay->by_receive);
        assert_true(replay->speed == 1);
        assert_int_equal(replay->max_gap_ms, 0);
        assert_false(replay->then_live);
        assert_string_equal(replay->group, "");
    }
}

static void a_replay_needs_symbols(void **state)
{
    (void)state;
    assert_refused("{\"op\":\"replay\"}", "bad_command", "\"symbols\" is missing");
    assert_refused("{\"op\":\"replay\",\"symbols\":\"A\"}", "bad_command", "\"symbols\"");
    assert_refused("{\"op\":\"replay\",\"symbols\":null}", "bad_command", "\"symbols\"");
    assert_refused("{\"op\":\"replay\",\"symbols\":[1]}", "bad_command", "\"symbols\"");
    for_both("{\"op\":\"replay\",\"symbols\":[]}") assert_good(&command, COMMAND_REPLAY);
}

static void assert_from(const char *from, int64_t ns)
{
    char fields[128];
    snprintf(fields, sizeof fields, "\"from\":%s", from);
    for_both(replay_of(fields))
    {
        assert_good(&command, COMMAND_REPLAY);
        assert_true(command.replay.from_given && !command.replay.until_given);
        if (command.replay.from_ns != ns)
            fail_msg("%s is read as %lld", from, (long long)command.replay.from_ns);
    }
}

static void a_time_is_microseconds_or_rfc_3339(void **state)
{
    (void)state;
    assert_from("0", 0);
    assert_from("1", 1000);
    assert_from("-1", -1000);
    assert_from("9223372036854775", 9223372036854775000);
    assert_from("-9223372036854775", -9223372036854775000);
    assert_from("\"1970-01-01T00:00:00Z\"", 0);
    assert_from("\"1970-01-01 00:00:00.000000001Z\"", 1);
    assert_from("\"2024-08-09T01:05:00.5+01:00\"", 1723161900500000000);
}

static void assert_no_time(const char *op, const char *field, const char *value, const char *code)
{
    char json[256], quoted[32];
    snprintf(json, sizeof json, "{\"op\":\"%s\",\"symbols\":[],\"%s\":%s}", op, field, value);
    snprintf(quoted, sizeof quoted, "\"%s\"", field);
    assert_refused(json, code, quoted);
}

static void what_is_no_time_is_refused_with_its_field(void **state)
{
    (void)state;
    static const char *const places[][2] = {{"replay", "from"}, {"replay", "to"}, {"seek", "from"}};
    static const char *const bad_types[] = {"null", "true", "1.0", "1723161255342000.5",
                                            "[0]",  "{}"};
    static const char *const bad_values[] = {
        "9223372036854776",
        "-9223372036854776",
        "9223372036854775807",
        "-9223372036854775808",
        "\"\"",
        "\"now\"",
        "\"1723161255342000\"",
        "\"2024-08-09\"",
        "\"2024-08-09T00:05:00\"",
        "\"2024-08-09T00:05:00.1234567890Z\"",
        "\"2024-02-30T00:00:00Z\"",
        "\"1969-12-31T23:59:59Z\"",
        "\"2263-01-01T00:00:00Z\"",
        "\"2024-08-09T00:05:00Z\\u0000\"",
        "\"2024-08-09T00:05:00Z                                          \""};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        for (size_t j = 0; j < sizeof bad_types / sizeof bad_types[0]; j++)
            assert_no_time(places[i][0], places[i][1], bad_types[j], "bad_command");
        for (size_t j = 0; j < sizeof bad_values / sizeof bad_values[0]; j++)
            assert_no_time(places[i][0], places[i][1], bad_values[j], "bad_field");
    }
}

static void a_span_may_be_empty_but_not_backwards(void **state)
{
    (void)state;
    for_both(replay_of("\"from\":7,\"to\":7"))
    {
        assert_good(&command, COMMAND_REPLAY);
        assert_true(command.replay.from_ns == 7000 && command.replay.until_ns == 7000);
    }
    for_both(replay_of("\"to\":\"1970-01-01T00:00:01Z\""))
    {
        assert_good(&command, COMMAND_REPLAY);
        assert_true(!command.replay.from_given && command.replay.until_given);
        assert_true(command.replay.until_ns == 1000000000);
    }
    /* Without a beginning none can be before it. */
    for_both(replay_of("\"to\":-5")) assert_good(&command, COMMAND_REPLAY);
    assert_refused(replay_of("\"from\":7,\"to\":6"), "bad_field", "\"to\" is before \"from\"");
    assert_refused(replay_of("\"from\":\"1970-01-01T00:00:00.000007001Z\",\"to\":7"), "bad_field",
                   "\"to\" is before \"from\"");
}

static void the_clock_is_one_of_two(void **state)
{
    (void)state;
    for_both(replay_of("\"clock\":\"event\"")) assert_false(command.replay.by_receive);
    for_both(replay_of("\"clock\":\"receive\"")) assert_true(command.replay.by_receive);
    assert_refused(replay_of("\"clock\":\"Event\""), "bad_field", "\"clock\"");
    assert_refused(replay_of("\"clock\":\"receive\\u0000\""), "bad_field", "\"clock\"");
    assert_refused(replay_of("\"clock\":\"\""), "bad_field", "\"clock\"");
    assert_refused(replay_of("\"clock\":1"), "bad_command", "\"clock\"");
    assert_refused(replay_of("\"clock\":null"), "bad_command", "\"clock\"");
}

/* As the field of a replay and as the command. */
static void assert_speed(const char *text, double speed)
{
    char json[128];
    snprintf(json, sizeof json, "\"speed\":%s", text);
    for_both(replay_of(json))
    {
        assert_good(&command, COMMAND_REPLAY);
        assert_true(command.replay.speed == speed);
    }
    snprintf(json, sizeof json, "{\"op\":\"speed\",\"id\":10,\"speed\":%s}", text);
    for_both(json)
    {
        assert_good(&command, COMMAND_SPEED);
        assert_int_equal(command.id.integer, 10);
        assert_true(command.replay.speed == speed);
    }
}

static void assert_no_speed(const char *text, const char *code)
{
    char json[128];
    snprintf(json, sizeof json, "\"speed\":%s", text);
    assert_refused(replay_of(json), code, "\"speed\"");
    snprintf(json, sizeof json, "{\"op\":\"speed\",\"speed\":%s}", text);
    assert_refused(json, code, "\"speed\"");
}

static void a_speed_is_a_number_above_0_or_max(void **state)
{
    (void)state;
    assert_speed("1", 1);
    assert_speed("10.0", 10);
    assert_speed("0.5", 0.5);
    assert_speed("1e-3", 0.001);
    assert_speed("1000000", 1000000);
    assert_speed("1e6", 1000000);
    assert_speed("\"max\"", 0);
    assert_no_speed("0", "bad_field");
    assert_no_speed("0.0", "bad_field");
    assert_no_speed("-0.0", "bad_field");
    assert_no_speed("-1", "bad_field");
    assert_no_speed("-0.5", "bad_field");
    assert_no_speed("1000001", "bad_field");
    assert_no_speed("1000000.0001", "bad_field");
    assert_no_speed("1e300", "bad_field");
    assert_no_speed("9223372036854775807", "bad_field");
    assert_no_speed("-9223372036854775808", "bad_field");
    assert_no_speed("\"MAX\"", "bad_field");
    assert_no_speed("\"max\\u0000\"", "bad_field");
    assert_no_speed("\"\"", "bad_field");
    assert_no_speed("\"10\"", "bad_field");
    assert_no_speed("true", "bad_command");
    assert_no_speed("null", "bad_command");
    assert_no_speed("[1]", "bad_command");
    assert_no_speed("{}", "bad_command");
    assert_refused("{\"op\":\"speed\"}", "bad_command", "\"speed\" is missing");
}

static void max_gap_ms_goes_up_to_a_day(void **state)
{
    (void)state;
    for_both(replay_of("\"max_gap_ms\":0"))
    {
        assert_good(&command, COMMAND_REPLAY);
        assert_int_equal(command.replay.max_gap_ms, 0);
    }
    for_both(replay_of("\"max_gap_ms\":86400000"))
    {
        assert_good(&command, COMMAND_REPLAY);
        assert_int_equal(command.replay.max_gap_ms, 86400000);
    }
    assert_refused(replay_of("\"max_gap_ms\":86400001"), "bad_field", "\"max_gap_ms\"");
    assert_refused(replay_of("\"max_gap_ms\":-1"), "bad_field", "\"max_gap_ms\"");
    assert_refused(replay_of("\"max_gap_ms\":4294967296"), "bad_field", "\"max_gap_ms\"");
    assert_refused(replay_of("\"max_gap_ms\":1000.0"), "bad_command", "\"max_gap_ms\"");
    assert_refused(replay_of("\"max_gap_ms\":\"1000\""), "bad_command", "\"max_gap_ms\"");
    assert_refused(replay_of("\"max_gap_ms\":null"), "bad_command", "\"max_gap_ms\"");
}

static void live_comes_after_everything_and_not_after_a_part(void **state)
{
    (void)state;
    for_both(replay_of("\"then\":\"live\",\"from\":7"))
    {
        assert_good(&command, COMMAND_REPLAY);
        assert_true(command.replay.then_live);
    }
    for_both(replay_of("\"then\":\"end\",\"to\":7"))
    {
        assert_good(&command, COMMAND_REPLAY);
        assert_false(command.replay.then_live);
    }
    assert_refused(replay_of("\"then\":\"live\",\"to\":7"), "bad_field", "\"then\": \"live\"");
    assert_refused(replay_of("\"then\":\"live\",\"to\":7"), "bad_field", "\"to\"");
    assert_refused(replay_of("\"then\":\"live\",\"to\":7"), "bad_field", "hole.");
    assert_refused(replay_of("\"then\":\"loop\""), "bad_field", "\"then\"");
    assert_refused(replay_of("\"then\":\"\""), "bad_field", "\"then\"");
    assert_refused(replay_of("\"then\":true"), "bad_command", "\"then\"");
    assert_refused(replay_of("\"then\":null"), "bad_command", "\"then\"");
}

static void a_group_has_a_name_of_32_plain_letters_at_most(void **state)
{
    (void)state;
    char fields[128];
    for (int len = 1; len <= COMMAND_GROUP_MAX + 1; len++) {
        snprintf(fields, sizeof fields, "\"group\":\"%.*s\"", len,
                 "ABCXYZabcxyz0189._-ABCXYZabcxyz01");
        for_both(replay_of(fields))
        {
            assert_int_equal(command.error_code == NULL, len <= COMMAND_GROUP_MAX);
            assert_int_equal(strlen(command.replay.group), len <= COMMAND_GROUP_MAX ? len : 0);
        }
    }
    assert_refused(replay_of(fields), "bad_field", "\"group\"");
    static const char *const bad[] = {"",   " ",        "a b", "a/b",      "a:b", "@",
                                      "[`", "a\\u0000", "*",   "\xc3\xa9", "{"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(fields, sizeof fields, "\"group\":\"%s\"", bad[i]);
        assert_refused(replay_of(fields), "bad_field", "\"group\"");
    }
    assert_refused(replay_of("\"group\":5"), "bad_command", "\"group\"");
    assert_refused(replay_of("\"group\":null"), "bad_command", "\"group\"");
    assert_refused(replay_of("\"group\":[]"), "bad_command", "\"group\"");
}

static void pause_and_resume_are_read(void **state)
{
    (void)state;
    for_both("{\"op\":\"pause\",\"id\":6}")
    {
        assert_good(&command, COMMAND_PAUSE);
        assert_int_equal(command.id.integer, 6);
    }
    for_both("{\"op\":\"resume\",\"id\":\"r\"}")
    {
        assert_good(&command, COMMAND_RESUME);
        assert_int_equal(command.id.kind, ID_STRING);
    }
}

static void assert_step(const char *json, uint32_t count)
{
    for_both(json)
    {
        assert_good(&command, COMMAND_STEP);
        assert_int_equal(command.replay.count, count);
    }
}

static void a_step_is_one_tick_or_up_to_a_million(void **state)
{
    (void)state;
    assert_step("{\"op\":\"step\"}", 1);
    assert_step("{\"op\":\"step\",\"count\":1}", 1);
    assert_step("{\"op\":\"step\",\"count\":1000000}", 1000000);
    assert_refused("{\"op\":\"step\",\"count\":0}", "bad_field", "\"count\" is not in 1..1000000");
    assert_refused("{\"op\":\"step\",\"count\":1000001}", "bad_field", "\"count\"");
    assert_refused("{\"op\":\"step\",\"count\":-1}", "bad_field", "\"count\"");
    assert_refused("{\"op\":\"step\",\"count\":4294967297}", "bad_field", "\"count\"");
    assert_refused("{\"op\":\"step\",\"count\":1.0}", "bad_command", "\"count\"");
    assert_refused("{\"op\":\"step\",\"count\":\"1\"}", "bad_command", "\"count\"");
    assert_refused("{\"op\":\"step\",\"count\":null}", "bad_command", "\"count\"");
}

static void seek_needs_a_time_to_go_to(void **state)
{
    (void)state;
    for_both("{\"op\":\"seek\",\"id\":9,\"from\":1723161255342000}")
    {
        assert_good(&command, COMMAND_SEEK);
        assert_true(command.replay.from_given);
        assert_true(command.replay.from_ns == 1723161255342000000);
    }
    for_both("{\"op\":\"seek\",\"from\":\"1970-01-01T00:00:00.000000009Z\",\"to\":true}")
    {
        assert_good(&command, COMMAND_SEEK);
        assert_true(command.replay.from_ns == 9 && !command.replay.until_given);
    }
    assert_refused("{\"op\":\"seek\"}", "bad_command", "\"from\" is missing");
}

static void what_a_command_does_not_know_it_ignores(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        enum command_op op;
    } commands[] = {
        {"\"op\":\"ping\"", COMMAND_PING},
        {"\"op\":\"list\"", COMMAND_LIST},
        {"\"op\":\"subscribe\",\"symbols\":[\"A\"]", COMMAND_SUBSCRIBE},
        {"\"op\":\"unsubscribe\"", COMMAND_UNSUBSCRIBE},
        {"\"op\":\"configure\",\"max_delay_ms\":1", COMMAND_CONFIGURE},
        {"\"op\":\"pause\",\"symbols\":1.5", COMMAND_PAUSE},
        {"\"op\":\"resume\",\"mode\":0", COMMAND_RESUME},
    };
    static const char *const values[] = {
        "null", "true",  "-1",      "1e300",     "9223372036854775807",
        "0.5",  "\"?\"", "[[1.5]]", "{\"a\":{}}"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            const char *v = values[j];
            char json[512];
            snprintf(json, sizeof json,
                     "{\"from\":%s,\"to\":%s,\"clock\":%s,\"speed\":%s,\"max_gap_ms\":%s,"
                     "\"then\":%s,\"group\":%s,\"count\":%s,%s}",
                     v, v, v, v, v, v, v, v, commands[i].fields);
            for_both(json) assert_good(&command, commands[i].op);
        }
    }
    for_both("{\"op\":\"replay\",\"symbols\":[],\"count\":1.5,\"mode\":7,\"since\":0,"
             "\"snapshot\":\"\",\"interval_ms\":-1,\"max_delay_ms\":-1}")
        assert_good(&command, COMMAND_REPLAY);
    for_both("{\"op\":\"step\",\"speed\":[],\"from\":{},\"group\":0}")
        assert_good(&command, COMMAND_STEP);
    for_both("{\"op\":\"speed\",\"speed\":2,\"from\":{},\"count\":0}")
        assert_good(&command, COMMAND_SPEED);
}

static void every_start_of_a_replay_is_unreadable(void **state)
{
    (void)state;
    static const char json[] =
        "{\"op\":\"replay\",\"symbols\":[\"A\"],\"from\":\"1970-01-01T00:00:00Z\","
        "\"speed\":0.5,\"group\":\"g\"}";
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_of_a_replay_is_read),
        cmocka_unit_test(a_replay_of_symbols_alone_has_the_defaults),
        cmocka_unit_test(a_replay_needs_symbols),
        cmocka_unit_test(a_time_is_microseconds_or_rfc_3339),
        cmocka_unit_test(what_is_no_time_is_refused_with_its_field),
        cmocka_unit_test(a_span_may_be_empty_but_not_backwards),
        cmocka_unit_test(the_clock_is_one_of_two),
        cmocka_unit_test(a_speed_is_a_number_above_0_or_max),
        cmocka_unit_test(max_gap_ms_goes_up_to_a_day),
        cmocka_unit_test(live_comes_after_everything_and_not_after_a_part),
        cmocka_unit_test(a_group_has_a_name_of_32_plain_letters_at_most),
        cmocka_unit_test(pause_and_resume_are_read),
        cmocka_unit_test(a_step_is_one_tick_or_up_to_a_million),
        cmocka_unit_test(seek_needs_a_time_to_go_to),
        cmocka_unit_test(what_a_command_does_not_know_it_ignores),
        cmocka_unit_test(every_start_of_a_replay_is_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
