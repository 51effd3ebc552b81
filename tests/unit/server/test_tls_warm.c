/* SPDX-License-Identifier: MIT */
/* Tests of server/io/tls_warm.c: what it notes of OpenSSL's memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "server/io/tls_warm.h"

static const char ours[] = "../providers/implementations/ciphers/cipher_x.c";

static int noted(const struct warm *warm)
{
    int n = 0;
    for (int i = 0; i < WARM_BLOCKS; i++)
        n += warm->blocks[i].at != NULL;
    return n;
}

static void notes_a_real_cipher_until_it_is_freed(void **state)
{
    struct warm warm = {0};
    unsigned char key[32] = {0}, nonce[12] = {0};
    (void)state;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    warm_watch(&warm);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex2(context, cipher, key, nonce, NULL), 1);
    assert_int_equal(noted(&warm), 2);
    assert_ptr_equal(warm.blocks[0].at, context);
    EVP_CIPHER_CTX_free(context);
    assert_int_equal(noted(&warm), 0);
    warm_watch(NULL);
    EVP_CIPHER_free(cipher);
}

static void notes_only_what_is_watched_large_and_of_ciphers(void **state)
{
    struct warm warm = {0};
    (void)state;
    OPENSSL_free(CRYPTO_malloc(200, ours, 1));
    void *before = CRYPTO_malloc(200, ours, 1);
    warm_watch(&warm);
    void *other = CRYPTO_malloc(200, "../ssl/ssl_lib.c", 1);
    void *nameless = CRYPTO_malloc(200, NULL, 1);
    void *small = CRYPTO_malloc(100, ours, 1);
    assert_int_equal(noted(&warm), 0);
    OPENSSL_free(before);
    OPENSSL_free(small);
    OPENSSL_free(other);
    OPENSSL_free(nameless);
    assert_int_equal(noted(&warm), 0);
    warm_watch(NULL);
}

static void takes_freed_places_again_and_never_more_than_it_has(void **state)
{
    struct warm warm = {0};
    void *blocks[WARM_BLOCKS + 1];
    (void)state;
    warm_watch(&warm);
    for (int i = 0; i <= WARM_BLOCKS; i++)
        blocks[i] = CRYPTO_malloc(128 << i, ours, 1);
    assert_int_equal(noted(&warm), WARM_BLOCKS);
    OPENSSL_free(blocks[1]);
    assert_null(warm.blocks[1].at);
    blocks[1] = CRYPTO_malloc(100000, ours, 1);
    assert_ptr_equal(warm.blocks[1].at, blocks[1]);
    assert_true(warm.blocks[1].len < 1024);
    warm_fetch(&warm, blocks[0]);
    for (int i = 0; i <= WARM_BLOCKS; i++)
        OPENSSL_free(blocks[i]);
    assert_int_equal(noted(&warm), 0);
    warm_watch(NULL);
}

static void allocates_as_openssl_does(void **state)
{
    (void)state;
    assert_null(CRYPTO_malloc(0, ours, 1));
    char *block = CRYPTO_realloc(NULL, 4, ours, 1);
    assert_non_null(block);
    memcpy(block, "abc", 4);
    block = CRYPTO_realloc(block, 4000, ours, 1);
    assert_string_equal(block, "abc");
    assert_null(CRYPTO_realloc(block, 0, ours, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_a_real_cipher_until_it_is_freed),
        cmocka_unit_test(notes_only_what_is_watched_large_and_of_ciphers),
        cmocka_unit_test(takes_freed_places_again_and_never_more_than_it_has),
        cmocka_unit_test(allocates_as_openssl_does),
    };
    if (!warm_init())
        return 1;
    return cmocka_run_group_tests_name("tls_warm", tests, NULL, NULL);
}
