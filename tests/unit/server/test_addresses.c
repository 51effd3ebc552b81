/* SPDX-License-Identifier: MIT */
/* Tests of server/addresses.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/addresses.h"

enum { SECOND = 1000000000 };

static struct io_peer ipv4(uint32_t address)
{
    struct io_peer peer = {.address = {[10] = 0xff, [11] = 0xff}};
    for (int i = 0; i < 4; i++)
        peer.address[12 + i] = (uint8_t)(address >> (24 - 8 * i));
    return peer;
}

static struct io_peer ipv6(uint8_t network, uint8_t host)
{
    return (struct io_peer){.address = {0x20, 0x01, 0x0d, 0xb8, [7] = network, [15] = host}};
}

static void an_address_has_so_many_connections_and_others_theirs(void **state)
{
    (void)state;
    struct addresses *addresses;
    struct io_peer one = ipv4(0x0a000001), two = ipv4(0x0a000002);
    assert_int_equal(addresses_create(&addresses, 100, 2, 0), 0);
    assert_int_equal(addresses_enter(addresses, &one, 1), ADDRESSES_OK);
    assert_int_equal(addresses_enter(addresses, &one, 1), ADDRESSES_OK);
    assert_int_equal(addresses_enter(addresses, &one, 1), ADDRESSES_FULL);
    assert_int_equal(addresses_enter(addresses, &two, 1), ADDRESSES_OK);
    addresses_leave(addresses, &one); /* the one that was told it is full */
    assert_int_equal(addresses_enter(addresses, &one, 1), ADDRESSES_FULL);
    addresses_leave(addresses, &one);
    addresses_leave(addresses, &one);
    assert_int_equal(addresses_enter(addresses, &one, 1), ADDRESSES_OK);
    addresses_destroy(addresses);
}

static void an_ipv6_network_counts_as_one(void **state)
{
    (void)state;
    struct addresses *addresses;
    assert_int_equal(addresses_create(&addresses, 100, 1, 0), 0);
    struct io_peer here = ipv6(1, 1), beside = ipv6(1, 2), elsewhere = ipv6(2, 1);
    assert_int_equal(addresses_enter(addresses, &here, 1), ADDRESSES_OK);
    assert_int_equal(addresses_enter(addresses, &beside, 1), ADDRESSES_FULL);
    assert_int_equal(addresses_enter(addresses, &elsewhere, 1), ADDRESSES_OK);
    addresses_destroy(addresses);
}

static void openings_have_a_pace_that_leaving_does_not_reset(void **state)
{
    (void)state;
    struct addresses *addresses;
    struct io_peer peer = ipv4(0x0a000001);
    int taken = 0;
    assert_int_equal(addresses_create(&addresses, 100, 0, 10), 0);
    for (int i = 0; i < 50; i++)
        if (addresses_enter(addresses, &peer, SECOND) == ADDRESSES_OK) {
            taken++;
            addresses_leave(addresses, &peer);
        }
    assert_int_equal(taken, 10);
    assert_int_equal(addresses_enter(addresses, &peer, SECOND + SECOND / 20), ADDRESSES_TOO_FAST);
    assert_int_equal(addresses_enter(addresses, &peer, SECOND + SECOND / 10), ADDRESSES_OK);
    assert_int_equal(addresses_enter(addresses, &peer, SECOND + SECOND / 10), ADDRESSES_TOO_FAST);
    addresses_destroy(addresses);
}

static void as_many_addresses_as_there_are_connections_are_told_apart(void **state)
{
    (void)state;
    struct addresses *addresses;
    int full = 0;
    assert_int_equal(addresses_create(&addresses, 10000, 1, 0), 0);
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 10000; i++) {
            struct io_peer peer = ipv4(i * 7919);
            full += addresses_enter(addresses, &peer, 1) == ADDRESSES_FULL;
        }
    /* But for the few that find their places taken. */
    assert_in_range(full, 9950, 10000);
    addresses_destroy(addresses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_so_many_connections_and_others_theirs),
        cmocka_unit_test(an_ipv6_network_counts_as_one),
        cmocka_unit_test(openings_have_a_pace_that_leaving_does_not_reset),
        cmocka_unit_test(as_many_addresses_as_there_are_connections_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
