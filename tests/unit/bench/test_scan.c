/* SPDX-License-Identifier: MIT */
/*
 * What the load tool reads of a message, plain and in another server's wrapping.
 */
#include "bench/scan.h"
#include "tests/unit/tools/unit.h"

#define TRADE(symbol, seq)                                                                         \
    "{\"type\":\"trade\",\"symbol\":\"" symbol "\",\"seq\":" seq                                   \
    ",\"pos\":\"0:1\",\"price\":\"1.0\",\"size\":\"2\",\"side\":\"buy\","                          \
    "\"ts\":1723161255342000,\"rts\":1723161255342001}"

static void assert_trade(const struct message *message, const char *symbol, uint64_t seq)
{
    assert_int_equal(message->kind, MESSAGE_TRADE);
    assert_int_equal(message->symbol_len, strlen(symbol));
    assert_memory_equal(message->symbol, symbol, strlen(symbol));
    assert_int_equal(message->seq, seq);
    assert_int_equal(message->ts_ns, INT64_C(1723161255342000000));
}

/* Walks as caller.c does. Returns how many trades there were, with seq 1, 2, … */
static uint64_t walk(const char *text, const char *const *symbols)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t left = strlen(text);
    uint64_t found = 0;
    while (left) {
        struct message message;
        size_t taken = scan_line(at, left, &message);
        assert_in_range(taken, 1, left);
        if (message.kind != MESSAGE_OTHER) {
            assert_trade(&message, symbols[found], found + 1);
            found++;
        }
        at += taken;
        left -= taken;
    }
    return found;
}

static void a_plain_trade_is_read(void **state)
{
    (void)state;
    static const char text[] = TRADE("BTC-USD", "12345");
    struct message message;
    scan_json((const uint8_t *)text, strlen(text), &message);
    assert_trade(&message, "BTC-USD", 12345);
}

static void every_message_of_nats_in_a_frame_is_found(void **state)
{
    (void)state;
    static const char *const symbols[] = {"A", "B", "C"};
    assert_int_equal(walk("INFO {\"server_id\":\"x\"}\r\nPING\r\n", symbols), 0);
    assert_int_equal(walk("MSG A 0 120\r\n" TRADE("A", "1") "\r\nMSG B 1 120\r\n" TRADE(
                              "B", "2") "\r\nMSG C 2 120\r\n" TRADE("C", "3") "\r\n",
                          symbols),
                     3);
}

static void every_publication_of_centrifugo_in_a_frame_is_found(void **state)
{
    (void)state;
    static const char *const symbols[] = {"A", "B"};
    assert_int_equal(walk("{\"connect\":{\"client\":\"x\"}}\n{}", symbols), 0);
    assert_int_equal(
        walk("{\"channel\":\"A\",\"pub\":{\"data\":" TRADE(
                 "A", "1") "}}\n{\"channel\":\"B\",\"pub\":{\"data\":" TRADE("B", "2") "}}",
             symbols),
        2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_trade_is_read),
        cmocka_unit_test(every_message_of_nats_in_a_frame_is_found),
        cmocka_unit_test(every_publication_of_centrifugo_in_a_frame_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
