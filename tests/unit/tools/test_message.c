/* SPDX-License-Identifier: MIT */
/*
 * A server's messages in both formats, cut anywhere and with every byte changed, against a guard
 * page.
 */
#include "schemas/tick_json.h"
#include "schemas/tick_msgpack.h"
#include "tests/unit/tools/guard.h"
#include "tests/unit/tools/unit.h"
#include "tools/message.h"

static struct message message;
static const char *problem;

static int read_bytes(enum wire_format format, const void *data, size_t len)
{
    return message_read(&message, format, guard_copy(data, len), len, &problem);
}

static int read_json(const char *text)
{
    return read_bytes(WIRE_JSON, text, strlen(text));
}

static const struct tick sample = {
    .price = 6168599000000,
    .price_exp = -8,
    .size = -5,
    .size_exp = 3,
    .ts_ns = 1723161255342001000,
    .rts_ns = 1723161254087896000,
    .id = UINT64_MAX,
    .has_id = 1,
    .seq = 918,
    .side = TICK_SIDE_SELL,
    .pos = (uint64_t)3 << 48 | 70000,
    .index = 2,
};

static size_t write_tick(enum wire_format format, const struct tick *tick, enum wire_tick_type type,
                         uint8_t *out)
{
    return format == WIRE_JSON ? tick_json_write(tick, "BTC-USD", 7, type, out)
                               : tick_msgpack_write(tick, "BTC-USD", 7, type, out);
}

static void check_sample(const struct tick *wanted, enum wire_tick_type type)
{
    assert_int_equal(message.kind, type == WIRE_TRADE ? MESSAGE_TRADE : MESSAGE_SNAPSHOT);
    assert_string_equal(message.symbol, "BTC-USD");
    assert_int_equal(message.tick.price, wanted->price);
    assert_int_equal(message.tick.price_exp, wanted->price_exp);
    assert_int_equal(message.tick.ts_ns, wanted->ts_ns);
    assert_int_equal(message.tick.rts_ns, wanted->rts_ns);
    assert_int_equal(message.tick.has_id, wanted->has_id);
    if (wanted->has_id)
        assert_true(message.tick.id == wanted->id);
    assert_int_equal(message.tick.seq, wanted->seq);
    assert_int_equal(message.tick.side, wanted->side);
    assert_int_equal(message.tick.pos, wanted->pos);
    assert_int_equal(message.tick.index, wanted->index);
}

static void what_the_server_writes_reads_back(void **state)
{
    (void)state;
    for (int format = WIRE_JSON; format <= WIRE_MSGPACK; format++)
        for (int type = WIRE_TRADE; type <= WIRE_SNAPSHOT; type++)
            for (int variant = 0; variant < 3; variant++) {
                uint8_t out[WIRE_TICK_MAX];
                struct tick tick = sample;
                tick.has_id = variant != 1;
                tick.index = variant == 2 ? 0 : 2;
                tick.side = (unsigned)variant;
                size_t len = write_tick(format, &tick, type, out);
                assert_int_equal(read_bytes(format, out, len), 0);
                check_sample(&tick, type);
            }
}

static void a_gap_reads_back(void **state)
{
    (void)state;
    struct wire_gap gap = {.from = 920, .to = 951, .reason = GAP_SLOW_CLIENT};
    for (int format = WIRE_JSON; format <= WIRE_MSGPACK; format++) {
        uint8_t out[WIRE_TICK_MAX];
        size_t len = format == WIRE_JSON ? tick_json_write_gap(&gap, "A", 1, out)
                                         : tick_msgpack_write_gap(&gap, "A", 1, out);
        assert_int_equal(read_bytes(format, out, len), 0);
        assert_int_equal(message.kind, MESSAGE_GAP);
        assert_int_equal(message.from, 920);
        assert_int_equal(message.to, 951);
        assert_int_equal(message.count, 32);
        assert_string_equal(message.reason, "slow_client");
    }
}

static void a_message_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (int format = WIRE_JSON; format <= WIRE_MSGPACK; format++) {
        uint8_t out[WIRE_TICK_MAX];
        size_t len = write_tick(format, &sample, WIRE_TRADE, out);
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(read_bytes(format, out, cut), -EINVAL);
        out[len] = format == WIRE_JSON ? 'x' : 0;
        assert_int_equal(read_bytes(format, out, len + 1), -EINVAL);
    }
}

static void every_byte_may_be_wrong(void **state)
{
    (void)state;
    for (int format = WIRE_JSON; format <= WIRE_MSGPACK; format++) {
        uint8_t out[WIRE_TICK_MAX];
        size_t len = write_tick(format, &sample, WIRE_TRADE, out);
        /* Whether it is taken doesn't matter; that it stays within its input does. */
        for (size_t at = 0; at < len; at++)
            for (int byte = 0; byte < 256; byte++) {
                uint8_t *copy = guard_copy(out, len);
                copy[at] = (uint8_t)byte;
                (void)message_read(&message, (enum wire_format)format, copy, len, &problem);
            }
    }
}

static void the_control_messages_are_read(void **state)
{
    (void)state;
    assert_int_equal(
        read_json("{\"type\":\"welcome\",\"server\":\"tapehead/1.0.0\",\"epoch\":\"k3f9\","
                  "\"heartbeat_ms\":1000,\"limits\":{\"subscriptions\":1024,\"x\":[1,{}]}}"),
        0);
    assert_int_equal(message.kind, MESSAGE_WELCOME);
    assert_string_equal(message.epoch, "k3f9");
    assert_int_equal(message.heartbeat_ms, 1000);
    assert_int_equal(
        read_json("{\"type\":\"heartbeat\",\"ts\":5,\"sent_ts\":6,\"queued\":1,\"dropped\":32,"
                  "\"source_lag_ms\":7,\"source\":\"live\"}"),
        0);
    assert_int_equal(message.kind, MESSAGE_HEARTBEAT);
    assert_string_equal(message.source, "live");
    assert_int_equal(message.dropped, 32);
    assert_int_equal(message.source_lag_ms, 7);
    assert_int_equal(message.sent_ts_ns, 6000);
    assert_int_equal(
        read_json("{\"type\":\"subscribed\",\"id\":1,\"symbols\":[\"A\"],\"rejected\":"
                  "[{\"symbol\":\"X Y\",\"code\":\"bad_symbol\"},{\"code\":\"other\"}]}"),
        0);
    assert_int_equal(message.rejected, 2);
    assert_string_equal(message.text, "X Y");
    assert_string_equal(message.code, "bad_symbol");
    assert_int_equal(read_json("{\"type\":\"error\",\"id\":null,\"code\":\"bad_json\",\"message\":"
                               "\"a\\u001bb\\u00e9\"}"),
                     0);
    assert_string_equal(message.text, "a?b?");
    assert_int_equal(read_json("{\"type\":\"shutdown\",\"reconnect_ms\":[0,15000]}"), 0);
    assert_int_equal(message.reconnect_ms[1], 15000);
    assert_int_equal(read_json("{\"type\":\"pong\",\"id\":\"x\",\"ts\":1}"), 0);
    assert_int_equal(read_json(" {\"new\":[],\"type\":\"news\"} "), 0);
    assert_int_equal(message.kind, MESSAGE_OTHER);
}

static void a_wrong_message_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "[]",
        "7",
        "{",
        "{}}",
        "{\"type\":7}",
        "{\"type\":\"trade\"}",
        "{\"type\":\"gap\",\"symbol\":\"A\",\"from\":1,\"to\":2,\"count\":2}",
        "{\"type\":\"gap\",\"symbol\":\"A B\",\"from\":1,\"to\":2,\"count\":2,\"reason\":\"x\"}",
        "{\"type\":\"gap\",\"symbol\":\"A\",\"from\":-1,\"to\":2,\"count\":2,\"reason\":\"x\"}",
        "{\"type\":\"gap\",\"symbol\":\"A\",\"from\":1.5,\"to\":2,\"count\":2,\"reason\":\"x\"}",
        "{\"type\":\"shutdown\",\"reconnect_ms\":[0,1,2]}",
        "{\"type\":\"shutdown\",\"reconnect_ms\":7}",
        "{\"type\":\"subscribed\",\"rejected\":[7]}",
        "{\"type\":\"x\",\"pos\":\"1\"}",
        "{\"type\":\"x\",\"pos\":\"1:2:3:4\"}",
        "{\"type\":\"x\",\"pos\":\"65536:0\"}",
        "{\"type\":\"x\",\"price\":1.5}",
        "{\"type\":\"x\",\"side\":\"up\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (read_json(wrong[i]) != -EINVAL)
            fail_msg("%s was taken", wrong[i]);
}

static void the_servers_parser_takes_a_subscription(void **state)
{
    (void)state;
    static const char *const symbols[] = {"BTC-USD", "ETH-*", "A.LONG/NAME:OF@32_BYTES-ABCDEFGHI"};
    for (int format = WIRE_JSON; format <= WIRE_MSGPACK; format++) {
        uint8_t out[256];
        struct command command;
        size_t len =
            message_write_subscribe((enum wire_format)format, 7, symbols, 3, out, sizeof out);
        assert_true(len > 0);
        command_read(&command, (enum wire_format)format, out, len);
        assert_null(command.error_code);
        assert_int_equal(command.op, COMMAND_SUBSCRIBE);
        assert_int_equal(command.id.integer, 7);
        assert_int_equal(command.symbols_count, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(command.symbols[i].len, strlen(symbols[i]));
            assert_memory_equal(command.symbols[i].text, symbols[i], command.symbols[i].len);
        }
        command_finish(&command);
        assert_int_equal(message_write_subscribe((enum wire_format)format, 7, symbols, 3, out, len),
                         len);
        assert_int_equal(
            message_write_subscribe((enum wire_format)format, 7, symbols, 3, out, len - 1), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_server_writes_reads_back),
        cmocka_unit_test(a_gap_reads_back),
        cmocka_unit_test(a_message_cut_anywhere_is_refused),
        cmocka_unit_test(every_byte_may_be_wrong),
        cmocka_unit_test(the_control_messages_are_read),
        cmocka_unit_test(a_wrong_message_is_refused),
        cmocka_unit_test(the_servers_parser_takes_a_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
