/* SPDX-License-Identifier: MIT */
/*
 * What a load client says first, to the server and to its peers.
 */
#include "bench/request.h"
#include "tests/unit/tools/unit.h"

static const uint32_t hand[] = {1, 0};

static struct catalog two_symbols(void)
{
    struct catalog catalog;
    assert_int_equal(catalog_init(&catalog, 3), 0);
    catalog_add(&catalog, "BTC-USD", 7);
    catalog_add(&catalog, "A2345678901234567890123456789012", 32); /* as long as can be */
    return catalog;
}

static void the_symbols_stand_in_the_request(void **state)
{
    (void)state;
    struct catalog catalog = two_symbols();
    struct plan plan = {.symbols_each = 1, .target = "/ws", .host = "h", .port = "1"};
    char text[REQUEST_MAX];
    assert_in_range(request_write(text, &plan, &catalog, hand + 1), 1, REQUEST_MAX);
    assert_contains(text, "GET /ws?symbols=BTC-USD HTTP/1.1\r\n");
    catalog_finish(&catalog);
}

static void assert_greeting(enum protocol_kind protocol, uint8_t first, const char *text)
{
    struct catalog catalog = two_symbols();
    struct plan plan = {.symbols_each = 2, .protocol = protocol};
    uint8_t frame[GREETING_MAX];
    int len = greeting_write(frame, &plan, &catalog, hand);
    assert_int_equal(len, 8 + strlen(text));
    assert_int_equal(frame[0], first);
    assert_int_equal(frame[1], 0x80 | 126);
    assert_int_equal(frame[2] << 8 | frame[3], strlen(text));
    assert_memory_equal(frame + 8, text, strlen(text));
    catalog_finish(&catalog);
}

static void peers_are_greeted_in_their_own_words(void **state)
{
    (void)state;
    assert_greeting(PROTOCOL_NATS, 0x82,
                    "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"
                    "SUB A2345678901234567890123456789012 0\r\nSUB BTC-USD 1\r\n");
    assert_greeting(PROTOCOL_CENTRIFUGO, 0x81,
                    "{\"subs\":{\"A2345678901234567890123456789012\":{},\"BTC-USD\":{}}}");
}

static void a_greeting_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct catalog catalog = two_symbols();
    static uint32_t many[1000];
    struct plan plan = {.symbols_each = 1000, .protocol = PROTOCOL_NATS};
    uint8_t frame[GREETING_MAX];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = 1;
    assert_int_equal(greeting_write(frame, &plan, &catalog, many), -1);
    plan.protocol = PROTOCOL_TAPEHEAD;
    assert_int_equal(greeting_write(frame, &plan, &catalog, many), 0);
    catalog_finish(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_symbols_stand_in_the_request),
        cmocka_unit_test(peers_are_greeted_in_their_own_words),
        cmocka_unit_test(a_greeting_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
