/* SPDX-License-Identifier: MIT */
/* Tests of server/io/tls.c: a server's and a client's side in one thread, joined by whatever the
 * test lets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/io/tls.h"

/* A certificate in the name of localhost that vouches for itself. */
struct pair {
    char cert[64];
    char key[64];
};

static void write_file(char *path, void (*write)(FILE *, void *), void *what)
{
    strcpy(path, "/tmp/tapehead-test-XXXXXX");
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    write(file, what);
    fclose(file);
}

static void write_cert(FILE *file, void *cert)
{
    assert_int_equal(PEM_write_X509(file, cert), 1);
}

static void write_key(FILE *file, void *key)
{
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
}

static void make_pair(struct pair *pair)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(cert, names, -1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    write_file(pair->cert, write_cert, cert);
    write_file(pair->key, write_key, key);
    X509_EXTENSION_free(names);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void drop_pair(const struct pair *pair)
{
    unlink(pair->cert);
    unlink(pair->key);
}

struct ends {
    struct pair pair;
    struct tls_keys *keys, *trust;
    struct tls *server, *client;
};

/* What waits at `from` reaches `to`, at most `step` bytes at a time. Returns what `to` read, put
 * into `out`, or -errno. */
static int carry(struct tls *from, struct tls *to, uint32_t step, uint8_t *out, size_t size)
{
    uint32_t len;
    int total = 0;
    for (const uint8_t *data; data = tls_rest(from, &len), len > 0;) {
        uint8_t piece[1 << 16];
        uint32_t taken = len < step ? len : step;
        memcpy(piece, data, taken);
        tls_sent(from, taken);
        tls_feed(to, piece, taken);
        int got;
        while ((got = tls_read(to, out + total, size - (size_t)total)) > 0)
            total += got;
        if (got < 0)
            return total ? total : got;
    }
    return total;
}

static void begin(struct ends *ends, const char *min, const char *authorities, const char *host)
{
    char error[256];
    make_pair(&ends->pair);
    struct tls_config config = {.cert = ends->pair.cert, .key = ends->pair.key, .min = min};
    assert_int_equal(tls_keys_load(&ends->keys, &config, error, sizeof error), 0);
    if (authorities && !authorities[0])
        authorities = ends->pair.cert;
    assert_int_equal(tls_trust_load(&ends->trust, authorities, error, sizeof error), 0);
    ends->server = tls_open(ends->keys);
    ends->client = tls_call(ends->trust, host);
    assert_non_null(ends->server);
    assert_non_null(ends->client);
}

static int shake_hands(struct ends *ends, uint32_t step)
{
    uint8_t nothing[64];
    int rc = 0;
    for (int i = 0; i < 4 && rc >= 0; i++) {
        rc = carry(ends->client, ends->server, step, nothing, sizeof nothing);
        if (rc >= 0)
            rc = carry(ends->server, ends->client, step, nothing, sizeof nothing);
    }
    return rc;
}

static void end(struct ends *ends)
{
    tls_free(ends->server);
    tls_free(ends->client);
    tls_keys_free(ends->keys);
    tls_keys_free(ends->trust);
    drop_pair(&ends->pair);
}

static void a_handshake_comes_about_however_it_is_cut(void **state)
{
    (void)state;
    for (uint32_t step = 1; step < 10000; step = step * 3 + 1) {
        struct ends ends;
        begin(&ends, "1.2", "", "localhost");
        assert_int_equal(shake_hands(&ends, step), 0);
        assert_true(tls_is_open(ends.server));
        assert_true(tls_is_open(ends.client));
        end(&ends);
    }
}

static void a_record_that_left_in_part_is_finished_before_anything_else(void **state)
{
    (void)state;
    struct ends ends;
    uint8_t plain[TLS_PLAIN_MAX], area[TLS_RECORD_MAX], got[TLS_PLAIN_MAX + 1];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 31);
    begin(&ends, "1.3", NULL, "127.0.0.1");
    assert_int_equal(shake_hands(&ends, 10000), 0);
    int len = tls_seal(ends.server, plain, sizeof plain, area);
    assert_in_range(len, TLS_PLAIN_MAX, TLS_RECORD_MAX);
    assert_int_equal(tls_sent(ends.server, 1000), 0);
    tls_feed(ends.client, area, 1000);
    assert_int_equal(tls_read(ends.client, got, sizeof got), 0);
    assert_true(tls_close(ends.server)); /* behind the rest of the record */
    assert_false(tls_close(ends.server));
    int total = carry(ends.server, ends.client, 777, got, sizeof got);
    assert_int_equal(total, sizeof plain);
    assert_memory_equal(got, plain, sizeof plain);
    assert_int_equal(tls_read(ends.client, got, sizeof got), -ECONNRESET);
    end(&ends);
}

static void a_client_trusts_only_whom_it_was_told_to_and_in_that_name(void **state)
{
    (void)state;
    struct ends ends;
    begin(&ends, "1.2", "/etc/ssl/certs/ca-certificates.crt", "localhost");
    assert_int_equal(shake_hands(&ends, 10000), -EPROTO);
    assert_non_null(strstr(tls_problem(ends.client), "self-signed"));
    end(&ends);
    begin(&ends, "1.2", "", "example.com");
    assert_int_equal(shake_hands(&ends, 10000), -EPROTO);
    assert_non_null(strstr(tls_problem(ends.client), "mismatch"));
    end(&ends);
}

static void who_speaks_http_is_answered_in_http(void **state)
{
    (void)state;
    struct ends ends;
    static const uint8_t request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    uint8_t out[16];
    uint32_t len;
    begin(&ends, "1.2", NULL, "localhost");
    tls_feed(ends.server, request, sizeof request - 1);
    assert_int_equal(tls_read(ends.server, out, sizeof out), -EPROTO);
    assert_false(tls_is_open(ends.server));
    const uint8_t *answer = tls_rest(ends.server, &len);
    assert_true(len > 12);
    assert_memory_equal(answer, "HTTP/1.1 400", 12);
    end(&ends);
}

static void what_cannot_be_loaded_is_named_and_the_old_keys_stay(void **state)
{
    (void)state;
    struct ends ends;
    char error[256] = "";
    begin(&ends, "1.2", "", "localhost");
    struct tls_keys *none = NULL;
    struct tls_config config = {.cert = "/nowhere.pem", .key = ends.pair.key, .min = "1.2"};
    assert_int_equal(tls_keys_load(&none, &config, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "'tls-cert': /nowhere.pem"));
    config = (struct tls_config){.cert = ends.pair.cert, .key = ends.pair.cert, .min = "1.2"};
    assert_int_equal(tls_keys_load(&none, &config, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "'tls-key'"));
    config = (struct tls_config){.cert = ends.pair.cert, .key = ends.pair.key, .min = "1.1"};
    assert_int_equal(tls_keys_load(&none, &config, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "'tls-min'"));
    assert_int_equal(truncate(ends.pair.cert, 10), 0);
    assert_int_equal(tls_keys_reload(ends.keys, error, sizeof error), -EINVAL);
    assert_int_equal(shake_hands(&ends, 10000), 0);
    assert_true(tls_is_open(ends.server));
    end(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_comes_about_however_it_is_cut),
        cmocka_unit_test(a_record_that_left_in_part_is_finished_before_anything_else),
        cmocka_unit_test(a_client_trusts_only_whom_it_was_told_to_and_in_that_name),
        cmocka_unit_test(who_speaks_http_is_answered_in_http),
        cmocka_unit_test(what_cannot_be_loaded_is_named_and_the_old_keys_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
