/* SPDX-License-Identifier: MIT */
#include "server/wire/sha1.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static void assert_digest(const void *data, size_t len, const char *hex)
{
    uint8_t expected[SHA1_LEN], digest[SHA1_LEN];
    assert_int_equal(hex_parse(hex, expected, sizeof expected), SHA1_LEN);
    sha1(data, len, digest);
    assert_memory_equal(digest, expected, SHA1_LEN);
}

static void rfc_3174_7_3_vectors_hash_as_printed(void **state)
{
    (void)state;
    assert_digest("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                  "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    char *text = malloc(1000000);
    assert_non_null(text);
    memset(text, 'a', 1000000);
    assert_digest(text, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    for (size_t i = 0; i < 640; i++)
        text[i] = (char)('0' + i % 8);
    assert_digest(text, 640, "dea356a2cddd90c7a7ecedc5ebb563934f460452");
    free(text);
}

static void the_empty_string_has_its_known_hash(void **state)
{
    (void)state;
    assert_digest("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

static void lengths_around_the_padding_s_edge_hash_right(void **state)
{
    (void)state;
    char text[65];
    memset(text, 'x', sizeof text);
    assert_digest(guard_place(text, 55), 55, "cef734ba81a024479e09eb5a75b6ddae62e6abf1");
    assert_digest(guard_place(text, 56), 56, "901305367c259952f4e7af8323f480d59f81335b");
    assert_digest(guard_place(text, 63), 63, "0ddc4e0cccd9a12850deb5abb0853a4425559fec");
    assert_digest(guard_place(text, 64), 64, "bb2fa3ee7afb9f54c6dfb5d021f14b1ffe40c163");
    assert_digest(guard_place(text, 65), 65, "78c741ddc482e4cdf8c474a0876347a0905b6233");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_3174_7_3_vectors_hash_as_printed),
        cmocka_unit_test(the_empty_string_has_its_known_hash),
        cmocka_unit_test(lengths_around_the_padding_s_edge_hash_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
