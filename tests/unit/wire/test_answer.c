/* SPDX-License-Identifier: MIT */
#include "bridge.h"
#include "server/wire/answer.h"
#include "server/wire/utf8.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const struct command_id number = {.kind = ID_INTEGER, .integer = 7};

/* The payload of the one frame in `out`, as JSON whichever format it was; `out` is emptied. */
static json_t *read_frame(struct bytes *out, enum wire_format format)
{
    assert_false(out->failed);
    const uint8_t *frame = out->data;
    assert_true(out->len >= 2);
    assert_int_equal(frame[0], format == WIRE_JSON ? 0x81 : 0x82);
    size_t header_len = frame[1] < 126 ? 2 : frame[1] == 126 ? 4 : 10;
    uint64_t len = frame[1] & 127;
    for (size_t i = 2; i < header_len; i++)
        len = (i == 2 ? 0 : len << 8) | frame[i];
    assert_int_equal(header_len + len, out->len);
    assert_true(header_len == 2 || len >= (header_len == 4 ? 126 : 65536));
    const uint8_t *payload = guard_place(frame + header_len, len);
    struct utf8 utf8 = {0};
    if (format == WIRE_JSON)
        assert_true(utf8_feed(&utf8, payload, len) && utf8_complete(&utf8));
    json_t *value =
        format == WIRE_JSON ? bridge_from_json(payload, len) : bridge_from_msgpack(payload, len);
    bytes_finish(out);
    return value;
}

static void assert_frame(struct bytes *out, enum wire_format format, const char *expected)
{
    json_t *heard = read_frame(out, format);
    json_t *wanted = json_loads(expected, JSON_ALLOW_NUL, NULL);
    assert_non_null(wanted);
    if (!json_equal(heard, wanted))
        fail_msg("%s instead of %s", json_dumps(heard, 0), expected);
    json_decref(heard);
    json_decref(wanted);
}

/* Writes in both formats by `call`, which uses `out` and `format`, and expects the same. */
#define assert_answers(expected, call)                                                             \
    for (enum wire_format format = 0; format < WIRE_FORMAT_COUNT; format++) {                      \
        struct bytes out = {0};                                                                    \
        call;                                                                                      \
        assert_frame(&out, format, expected);                                                      \
    }

static void welcome_is_written(void **state)
{
    (void)state;
    static const struct answer_limits limits = {1024, 65536, 50, 4096};
    assert_answers("{\"type\":\"welcome\",\"server\":\"tapehead/1.0.0\",\"epoch\":\"k3f9\","
                   "\"heartbeat_ms\":1000,\"limits\":{\"subscriptions\":1024,"
                   "\"message_bytes\":65536,\"commands_per_second\":50,\"queue_frames\":4096}}",
                   answer_welcome(&out, format, "tapehead/1.0.0", "k3f9", 1000, &limits));
}

static void subscribed_always_carries_rejected(void **state)
{
    (void)state;
    static const struct answer_symbol good[] = {{"BTC-USD", 7, NULL}, {"ETH-*", 5, NULL}};
    assert_answers("{\"type\":\"subscribed\",\"id\":7,\"symbols\":[\"BTC-USD\",\"ETH-*\"],"
                   "\"rejected\":[]}",
                   answer_subscribed(&out, format, &number, good, 2));
    static const struct answer_symbol mixed[] = {{"X Y", 3, "bad_symbol"}, {"A", 1, NULL}};
    assert_answers("{\"type\":\"subscribed\",\"id\":7,\"symbols\":[\"A\"],"
                   "\"rejected\":[{\"symbol\":\"X Y\",\"code\":\"bad_symbol\"}]}",
                   answer_subscribed(&out, format, &number, mixed, 2));
    assert_answers("{\"type\":\"subscribed\",\"id\":7,\"symbols\":[],\"rejected\":[]}",
                   answer_subscribed(&out, format, &number, NULL, 0));
}

static void replaying_is_written_as_subscribed_is(void **state)
{
    (void)state;
    static const struct answer_symbol mixed[] = {{"X Y", 3, "bad_symbol"}, {"A-*", 3, NULL}};
    assert_answers("{\"type\":\"replaying\",\"id\":7,\"symbols\":[\"A-*\"],"
                   "\"rejected\":[{\"symbol\":\"X Y\",\"code\":\"bad_symbol\"}]}",
                   answer_replaying(&out, format, &number, mixed, 2));
    assert_answers("{\"type\":\"replaying\",\"symbols\":[],\"rejected\":[]}",
                   answer_replaying(&out, format, NULL, NULL, 0));
}

static void how_a_replay_stands_is_written(void **state)
{
    (void)state;
    struct answer_replay replay = {"playing", true, 1723161255342000, 10, 1234};
    assert_answers("{\"type\":\"replay\",\"id\":7,\"state\":\"playing\",\"at\":1723161255342000,"
                   "\"speed\":10,\"ticks\":1234}",
                   answer_replay(&out, format, &number, &replay));
    replay = (struct answer_replay){"paused", true, -1, 0.5, INT64_MAX};
    assert_answers("{\"type\":\"replay\",\"state\":\"paused\",\"at\":-1,\"speed\":0.5,"
                   "\"ticks\":9223372036854775807}",
                   answer_replay(&out, format, NULL, &replay));
    replay = (struct answer_replay){"ended", false, 99, 0, 0};
    assert_answers(
        "{\"type\":\"replay\",\"id\":7,\"state\":\"ended\",\"speed\":\"max\",\"ticks\":0}",
        answer_replay(&out, format, &number, &replay));
}

static void unsubscribed_and_subscriptions_are_written(void **state)
{
    (void)state;
    static const struct answer_symbol symbols[] = {{"A", 1, NULL}, {"?", 1, "bad_symbol"}};
    assert_answers("{\"type\":\"unsubscribed\",\"id\":7,\"symbols\":[\"A\"]}",
                   answer_unsubscribed(&out, format, &number, symbols, 2));
    assert_answers("{\"type\":\"subscriptions\",\"id\":7,\"symbols\":[\"A\"],\"max_delay_ms\":20}",
                   answer_subscriptions(&out, format, &number, symbols, 1, 20));
}

static void pong_configured_error_and_shutdown_are_written(void **state)
{
    (void)state;
    assert_answers("{\"type\":\"pong\",\"id\":7,\"ts\":1717000000000000}",
                   answer_pong(&out, format, &number, 1717000000000000));
    assert_answers("{\"type\":\"configured\",\"id\":7,\"max_delay_ms\":60000}",
                   answer_configured(&out, format, &number, 60000));
    assert_answers(
        "{\"type\":\"error\",\"id\":7,\"code\":\"bad_json\",\"message\":\"A \\\"b\\\"\"}",
        answer_error(&out, format, &number, "bad_json", "A \"b\""));
    assert_answers("{\"type\":\"shutdown\",\"reconnect_ms\":[0,15000]}",
                   answer_shutdown(&out, format, 0, 15000));
}

static void heartbeat_is_written(void **state)
{
    (void)state;
    static const struct answer_heartbeat beat = {-5, 2, 3, 4, INT64_MAX, 5, 6, 1, "live"};
    assert_answers(
        "{\"type\":\"heartbeat\",\"ts\":-5,\"sent_ts\":2,\"queued\":3,\"queued_bytes\":4,"
        "\"dropped\":9223372036854775807,\"overload\":5,\"stalls\":6,"
        "\"source_lag_ms\":1,\"source\":\"live\"}",
        answer_heartbeat(&out, format, &beat));
}

static void an_absent_id_is_left_out(void **state)
{
    (void)state;
    static const struct command_id absent = {.kind = ID_ABSENT};
    assert_answers("{\"type\":\"pong\",\"ts\":0}", answer_pong(&out, format, &absent, 0));
    assert_answers("{\"type\":\"pong\",\"ts\":0}", answer_pong(&out, format, NULL, 0));
}

static void an_id_comes_back_as_it_was(void **state)
{
    (void)state;
    static const struct command_id text = {
        .kind = ID_STRING, .text = "a\"\\\n\xc3\xa9", .text_len = 6};
    assert_answers("{\"type\":\"pong\",\"id\":\"a\\\"\\\\\\n\xc3\xa9\",\"ts\":0}",
                   answer_pong(&out, format, &text, 0));
    static const struct command_id lowest = {.kind = ID_INTEGER, .integer = INT64_MIN};
    assert_answers("{\"type\":\"pong\",\"id\":-9223372036854775808,\"ts\":0}",
                   answer_pong(&out, format, &lowest, 0));
}

static void integers_of_every_width_come_back(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 63; bits++) {
        for (int64_t off = -2; off <= 2; off++) {
            int64_t values[2] = {((int64_t)1 << bits) + off, -((int64_t)1 << bits) + off};
            for (size_t i = 0; i < 2; i++) {
                char expected[80];
                snprintf(expected, sizeof expected, "{\"type\":\"pong\",\"ts\":%lld}",
                         (long long)values[i]);
                assert_answers(expected, answer_pong(&out, format, NULL, values[i]));
            }
        }
    }
}

static void bytes_that_are_not_utf8_become_u_fffd(void **state)
{
    (void)state;
    /* A lone tail, a cut lead at the end, and a surrogate, each by its maximal subparts. */
    static const struct answer_symbol symbols[] = {{"a\x80z", 3, "bad_symbol"},
                                                   {"\xf0\x9f\x98", 3, "bad_symbol"},
                                                   {"\xed\xa0\x80", 3, "bad_symbol"},
                                                   {"\xe2\x82(\xc3\xa9", 5, "bad_symbol"},
                                                   {"\0\x1f\x7f", 3, "bad_symbol"}};
#define REJECTED(symbol) "{\"symbol\":\"" symbol "\",\"code\":\"bad_symbol\"}"
    assert_answers(
        "{\"type\":\"subscribed\",\"id\":7,\"symbols\":[],\"rejected\":[" REJECTED("a\\ufffdz") "," REJECTED(
            "\\ufffd") "," REJECTED("\\ufffd\\ufffd\\ufffd") "," REJECTED("\\ufffd(\xc3\xa9") "," REJECTED("\\u0000\\u001f"
                                                                                                           "\\u007f") "]}",
        answer_subscribed(&out, format, &number, symbols, 5));
#undef REJECTED
}

static void assert_long_error(enum wire_format format, size_t len)
{
    static char text[70000];
    struct bytes out = {0};
    memset(text, 'm', len);
    text[len] = '\0';
    answer_error(&out, format, NULL, "c", text);
    json_t *heard = read_frame(&out, format);
    assert_string_equal(json_string_value(json_object_get(heard, "message")), text);
    json_decref(heard);
}

static void frames_of_every_header_length_are_whole(void **state)
{
    (void)state;
    for (enum wire_format format = 0; format < WIRE_FORMAT_COUNT; format++) {
        for (size_t len = 0; len < 300; len++)
            assert_long_error(format, len);
        for (size_t len = 65480; len < 65560; len++)
            assert_long_error(format, len);
    }
}

static void long_lists_are_counted_right(void **state)
{
    (void)state;
    static struct answer_symbol symbols[70000];
    static const size_t counts[] = {15, 16, 17, 65535, 65536, 70000};
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        symbols[i] = (struct answer_symbol){"S", 1, NULL};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct bytes out = {0};
        answer_unsubscribed(&out, WIRE_MSGPACK, NULL, symbols, counts[i]);
        json_t *heard = read_frame(&out, WIRE_MSGPACK);
        assert_int_equal(json_array_size(json_object_get(heard, "symbols")), counts[i]);
        json_decref(heard);
    }
}

static void answers_follow_each_other_in_one_buffer(void **state)
{
    (void)state;
    struct bytes out = {0}, first = {0}, second = {0};
    answer_pong(&out, WIRE_JSON, NULL, 1);
    answer_shutdown(&out, WIRE_JSON, 1, 2);
    answer_pong(&first, WIRE_JSON, NULL, 1);
    answer_shutdown(&second, WIRE_JSON, 1, 2);
    assert_int_equal(out.len, first.len + second.len);
    assert_memory_equal(out.data, first.data, first.len);
    assert_memory_equal(out.data + first.len, second.data, second.len);
    bytes_finish(&out);
    bytes_finish(&first);
    bytes_finish(&second);
}

static void a_failed_buffer_takes_no_part_of_an_answer(void **state)
{
    (void)state;
    struct bytes out = {0};
    answer_pong(&out, WIRE_JSON, NULL, 1);
    size_t len = out.len;
    out.failed = true;
    answer_pong(&out, WIRE_JSON, NULL, 2);
    bytes_printf(&out, "%d", 5);
    assert_int_equal(out.len, len);
    assert_true(out.failed);
    bytes_finish(&out);
    assert_false(out.failed);
}

static void bytes_grow_as_they_are_written(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    for (int i = 0; i < 1000; i++)
        bytes_printf(&bytes, "%03d,", i);
    assert_int_equal(bytes.len, 4000);
    assert_memory_equal(bytes.data, "000,001,", 8);
    assert_memory_equal(bytes.data + 3992, "998,999,", 8);
    bytes_append(&bytes, NULL, 0);
    assert_int_equal(bytes.len, 4000);
    bytes_finish(&bytes);
    bytes_finish(&bytes);
}

static void random_text_is_always_sound(void **state)
{
    (void)state;
    uint64_t seed = fuzz_seed(31337);
    for (uint64_t round = fuzz_rounds(20000); round > 0; round--) {
        uint64_t start = seed;
        char text[40];
        json_t *heard[WIRE_FORMAT_COUNT];
        uint32_t len = (uint32_t)random_below(&seed, sizeof text + 1);
        uint64_t range = random_below(&seed, 2) ? 256 : 0xf8 - 0x70;
        for (uint32_t i = 0; i < len; i++)
            text[i] = (char)(255 - random_below(&seed, range));
        struct answer_symbol symbol = {text, len, NULL};
        for (enum wire_format format = 0; format < WIRE_FORMAT_COUNT; format++) {
            struct bytes out = {0};
            answer_unsubscribed(&out, format, NULL, &symbol, 1);
            heard[format] = read_frame(&out, format);
        }
        fuzz_assert(json_equal(heard[WIRE_JSON], heard[WIRE_MSGPACK]), "test_answer", start);
        json_decref(heard[WIRE_JSON]);
        json_decref(heard[WIRE_MSGPACK]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(welcome_is_written),
        cmocka_unit_test(subscribed_always_carries_rejected),
        cmocka_unit_test(replaying_is_written_as_subscribed_is),
        cmocka_unit_test(how_a_replay_stands_is_written),
        cmocka_unit_test(unsubscribed_and_subscriptions_are_written),
        cmocka_unit_test(pong_configured_error_and_shutdown_are_written),
        cmocka_unit_test(heartbeat_is_written),
        cmocka_unit_test(an_absent_id_is_left_out),
        cmocka_unit_test(an_id_comes_back_as_it_was),
        cmocka_unit_test(integers_of_every_width_come_back),
        cmocka_unit_test(bytes_that_are_not_utf8_become_u_fffd),
        cmocka_unit_test(frames_of_every_header_length_are_whole),
        cmocka_unit_test(long_lists_are_counted_right),
        cmocka_unit_test(answers_follow_each_other_in_one_buffer),
        cmocka_unit_test(a_failed_buffer_takes_no_part_of_an_answer),
        cmocka_unit_test(bytes_grow_as_they_are_written),
        cmocka_unit_test(random_text_is_always_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
