/* SPDX-License-Identifier: MIT */
/* tls: see tls.h. */
#include "server/io/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/io/tls_warm.h"

enum {
    TICKET_KEYS = 80, /* OpenSSL 3: name, HMAC and AES keys */
    LINE = 64,        /* bytes of a cache line */
};

struct tls_keys {
    struct tls_config config;
    BIO_METHOD *pipe; /* between SSL and struct tls */
    pthread_mutex_t lock;
    SSL_CTX *context; /* under the lock; each connection keeps its own reference */
};

enum tls_state { TLS_OPEN, TLS_FAILED, TLS_CLOSED };

struct tls {
    SSL *ssl;
    enum tls_state state;
    bool ready; /* the handshake is over */
    struct warm warm;
    const char *problem;

    /* From the peer, while it is read. */
    const uint8_t *in;
    size_t in_len;
    size_t hello_len; /* of all that came before the handshake was over */

    /* To the peer: where the record that is being sealed goes, if one is; else to the rest. */
    uint8_t *area;
    uint32_t area_len;
    uint8_t *rest;
    uint32_t rest_head, rest_len, rest_size;
    bool overfull; /* the rest found no room */

    /* What the socket is offered. */
    const uint8_t *out;
    uint32_t out_len;
    bool out_sealed;
};

/* ---- the pipe ---- */

/* To the rest; bounded, since a peer that reads nothing may still ask for answers. */
static bool keep(struct tls *tls, const void *data, size_t len)
{
    if (tls->rest_head + tls->rest_len + len > tls->rest_size) {
        uint32_t size = tls->rest_len + (uint32_t)len;
        uint8_t *rest = size > TLS_REST_MAX ? NULL : malloc(size);
        tls->overfull = !rest;
        if (!rest)
            return false;
        if (tls->rest_len)
            memcpy(rest, tls->rest + tls->rest_head, tls->rest_len);
        free(tls->rest);
        tls->rest = rest;
        tls->rest_head = 0;
        tls->rest_size = size;
    }
    memcpy(tls->rest + tls->rest_head + tls->rest_len, data, len);
    tls->rest_len += (uint32_t)len;
    return true;
}

static int pipe_write(BIO *bio, const char *data, size_t len, size_t *written)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->area && tls->area_len + len <= TLS_RECORD_MAX) {
        memcpy(tls->area + tls->area_len, data, len);
        tls->area_len += (uint32_t)len;
    } else if (!keep(tls, data, len)) {
        return 0;
    }
    *written = len;
    return 1;
}

static int pipe_read(BIO *bio, char *out, size_t size, size_t *got)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!tls->in_len) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *got = size < tls->in_len ? size : tls->in_len;
    memcpy(out, tls->in, *got);
    tls->in += *got;
    tls->in_len -= *got;
    return 1;
}

static long pipe_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_pipe(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tapehead");
    if (method && BIO_meth_set_write_ex(method, pipe_write) &&
        BIO_meth_set_read_ex(method, pipe_read) && BIO_meth_set_ctrl(method, pipe_control))
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* ---- keys ---- */

/* The reason why OpenSSL refused last. */
static int refuse(char *error, size_t size, const char *setting, const char *path)
{
    char reason[160];
    unsigned long code = ERR_peek_last_error();
    /* A refusal without a reason: there was no memory for that either. */
    bool no_memory = !code || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    if (ERR_SYSTEM_ERROR(code))
        snprintf(reason, sizeof reason, "%s", strerror(ERR_GET_REASON(code)));
    else
        snprintf(reason, sizeof reason, "%s",
                 no_memory ? "out of memory" : ERR_reason_error_string(code));
    ERR_clear_error();
    snprintf(error, size, "setting '%s': %s: %s", setting, path, reason);
    return no_memory ? -ENOMEM : -EINVAL;
}

/* RFC 7301: a client that names protocols must name ours. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl, (void)arg;
    if (SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof ours - 1, offered,
                              offered_len) == OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_OK;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Instead of asking on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out, (void)size, (void)writing, (void)arg;
    return -1;
}

static int read_files(SSL_CTX *context, const struct tls_config *config, char *error, size_t size)
{
    if (SSL_CTX_use_certificate_chain_file(context, config->cert) != 1)
        return refuse(error, size, "tls-cert", config->cert);
    if (SSL_CTX_use_PrivateKey_file(context, config->key, SSL_FILETYPE_PEM) != 1)
        return refuse(error, size, "tls-key", config->key);
    if (SSL_CTX_check_private_key(context) != 1)
        return refuse(error, size, "tls-key", config->key);
    return 0;
}

static int make_context(SSL_CTX **out, const struct tls_config *config, char *error, size_t size)
{
    int min = strcmp(config->min, "1.3") == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_set_min_proto_version(context, min) != 1) {
        SSL_CTX_free(context);
        return refuse(error, size, "tls-min", config->min);
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    /* Sessions are resumed from tickets that the clients keep. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"tapehead", 8);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    int rc = read_files(context, config, error, size);
    if (rc == 0)
        *out = context;
    else
        SSL_CTX_free(context);
    return rc;
}

int tls_keys_load(struct tls_keys **out, const struct tls_config *config, char *error,
                  size_t error_size)
{
    if (strcmp(config->min, "1.2") != 0 && strcmp(config->min, "1.3") != 0) {
        snprintf(error, error_size, "setting 'tls-min': '%s' is neither 1.2 nor 1.3", config->min);
        return -EINVAL;
    }
    struct tls_keys *keys = calloc(1, sizeof *keys);
    if (keys)
        keys->pipe = make_pipe();
    if (!keys || !keys->pipe) {
        free(keys);
        snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    keys->config = *config;
    pthread_mutex_init(&keys->lock, NULL);
    int rc = make_context(&keys->context, config, error, error_size);
    if (rc == 0)
        *out = keys;
    else
        tls_keys_free(keys);
    return rc;
}

int tls_keys_reload(struct tls_keys *keys, char *error, size_t error_size)
{
    SSL_CTX *fresh;
    unsigned char tickets[TICKET_KEYS];
    int rc = make_context(&fresh, &keys->config, error, error_size);
    if (rc < 0)
        return rc;
    if (SSL_CTX_get_tlsext_ticket_keys(keys->context, tickets, sizeof tickets) == 1)
        SSL_CTX_set_tlsext_ticket_keys(fresh, tickets, sizeof tickets);
    OPENSSL_cleanse(tickets, sizeof tickets);
    pthread_mutex_lock(&keys->lock);
    SSL_CTX *old = keys->context;
    keys->context = fresh;
    pthread_mutex_unlock(&keys->lock);
    SSL_CTX_free(old);
    return 0;
}

static int trust(SSL_CTX *context, const char *authorities)
{
    static const unsigned char protocol[] = "\x08http/1.1";
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_set_alpn_protos(context, protocol, sizeof protocol - 1) != 0)
        return -1;
    if (!authorities)
        return 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    int rc = authorities[0] ? SSL_CTX_load_verify_file(context, authorities)
                            : SSL_CTX_set_default_verify_paths(context);
    return rc == 1 ? 0 : -1;
}

int tls_trust_load(struct tls_keys **out, const char *authorities, char *error, size_t error_size)
{
    ERR_clear_error();
    struct tls_keys *keys = calloc(1, sizeof *keys);
    if (!keys || !(keys->pipe = make_pipe()) ||
        !(keys->context = SSL_CTX_new(TLS_client_method()))) {
        if (keys)
            BIO_meth_free(keys->pipe);
        free(keys);
        snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    pthread_mutex_init(&keys->lock, NULL);
    if (trust(keys->context, authorities) == 0) {
        *out = keys;
        return 0;
    }
    tls_keys_free(keys);
    return refuse(error, error_size, "authorities", authorities ? authorities : "");
}

void tls_keys_free(struct tls_keys *keys)
{
    if (!keys)
        return;
    SSL_CTX_free(keys->context);
    BIO_meth_free(keys->pipe);
    pthread_mutex_destroy(&keys->lock);
    free(keys);
}

/* ---- a connection ---- */

static struct tls *make(struct tls_keys *keys)
{
    struct tls *tls = calloc(1, sizeof *tls);
    BIO *bio = tls ? BIO_new(keys->pipe) : NULL;
    pthread_mutex_lock(&keys->lock);
    SSL *ssl = bio ? SSL_new(keys->context) : NULL;
    pthread_mutex_unlock(&keys->lock);
    if (!ssl) {
        BIO_free(bio);
        free(tls);
        return NULL;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    tls->ssl = ssl;
    return tls;
}

struct tls *tls_open(struct tls_keys *keys)
{
    struct tls *tls = make(keys);
    if (tls)
        SSL_set_accept_state(tls->ssl);
    return tls;
}

struct tls *tls_call(struct tls_keys *trust, const char *host)
{
    struct tls *tls = make(trust);
    uint8_t none;
    if (!tls)
        return NULL;
    SSL_set_connect_state(tls->ssl);
    /* A number is a host too, but no server name (RFC 6066, 3). */
    bool number = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), host) == 1;
    if ((!number &&
         (SSL_set_tlsext_host_name(tls->ssl, host) != 1 || SSL_set1_host(tls->ssl, host) != 1)) ||
        tls_read(tls, &none, sizeof none) < 0) {
        tls_free(tls);
        return NULL;
    }
    return tls;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    free(tls->rest);
    free(tls);
}

void tls_feed(struct tls *tls, const uint8_t *data, size_t len)
{
    tls->in = data;
    tls->in_len = len;
    if (!tls->ready)
        tls->hello_len += len;
}

/* Whoever speaks HTTP to this port is told so in HTTP. */
static void answer_clear_text(struct tls *tls)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                                 "Content-Length: 26\r\nConnection: close\r\n\r\n"
                                 "This port speaks TLS only\n";
    tls->rest_len = 0;
    keep(tls, answer, sizeof answer - 1);
}

static int fail(struct tls *tls)
{
    int reason = ERR_GET_REASON(ERR_peek_error());
    long verdict = SSL_get_verify_result(tls->ssl);
    const char *text = ERR_reason_error_string(ERR_peek_error());
    tls->problem = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                   : text               ? text
                                        : "the connection broke off";
    if (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST)
        answer_clear_text(tls);
    ERR_clear_error();
    tls->state = TLS_FAILED;
    return -EPROTO;
}

int tls_read(struct tls *tls, uint8_t *out, size_t size)
{
    size_t got;
    if (tls->state != TLS_OPEN)
        return tls->state == TLS_CLOSED ? -ECONNRESET : -EPROTO;
    ERR_clear_error();
    /* OpenSSL keeps an unfinished hello of up to 128 KiB. */
    if (!tls->ready && tls->hello_len > TLS_HELLO_MAX)
        return fail(tls);
    warm_watch(&tls->warm);
    int rc = SSL_read_ex(tls->ssl, out, size, &got);
    warm_watch(NULL);
    tls->ready = tls->ready || SSL_is_init_finished(tls->ssl);
    if (rc == 1)
        return (int)got;
    switch (SSL_get_error(tls->ssl, 0)) {
    case SSL_ERROR_WANT_READ: return tls->overfull ? fail(tls) : 0;
    case SSL_ERROR_ZERO_RETURN: tls->state = TLS_CLOSED; return -ECONNRESET;
    default: return fail(tls);
    }
}

const char *tls_problem(const struct tls *tls)
{
    return tls->problem;
}

bool tls_is_open(const struct tls *tls)
{
    return tls->state == TLS_OPEN && tls->ready;
}

int tls_seal(struct tls *tls, const uint8_t *data, uint32_t len, uint8_t *area)
{
    size_t written = 0;
    tls->area = area;
    tls->area_len = 0;
    ERR_clear_error();
    int rc = SSL_write_ex(tls->ssl, data, len, &written);
    tls->area = NULL;
    if (rc != 1 || written != len || tls->rest_len)
        return fail(tls);
    tls->out = area;
    tls->out_len = tls->area_len;
    tls->out_sealed = true;
    return (int)tls->area_len;
}

void tls_fetch(const struct tls *tls)
{
    for (size_t i = 0; tls && i < sizeof *tls; i += LINE)
        __builtin_prefetch((const char *)tls + i, 1);
}

void tls_fetch_state(const struct tls *tls)
{
    if (tls && tls->ready)
        warm_fetch(&tls->warm, tls->ssl);
}

bool tls_waits(const struct tls *tls)
{
    return tls->rest_len > 0;
}

const uint8_t *tls_rest(struct tls *tls, uint32_t *len)
{
    tls->out = tls->rest + tls->rest_head;
    tls->out_len = *len = tls->rest_len;
    tls->out_sealed = false;
    return tls->out;
}

/* A record that left in part: its end goes before whatever TLS has said since. */
static int keep_first(struct tls *tls, const uint8_t *data, uint32_t len)
{
    uint32_t size = len + tls->rest_len;
    uint8_t *rest = malloc(size);
    if (!rest)
        return -ENOMEM;
    memcpy(rest, data, len);
    if (tls->rest_len)
        memcpy(rest + len, tls->rest + tls->rest_head, tls->rest_len);
    free(tls->rest);
    tls->rest = rest;
    tls->rest_head = 0;
    tls->rest_len = tls->rest_size = size;
    return 0;
}

int tls_sent(struct tls *tls, uint32_t taken)
{
    uint32_t left = tls->out_len - taken;
    if (tls->out_sealed) {
        int rc = left ? keep_first(tls, tls->out + taken, left) : 0;
        return rc < 0 ? rc : left == 0;
    }
    tls->rest_head += taken;
    tls->rest_len -= taken;
    if (!tls->rest_len) {
        free(tls->rest);
        tls->rest = NULL;
        tls->rest_head = tls->rest_size = 0;
    }
    return left == 0;
}

bool tls_was_sealed(const struct tls *tls)
{
    return tls->out_sealed;
}

bool tls_close(struct tls *tls)
{
    uint32_t before = tls->rest_len;
    if (tls_is_open(tls)) {
        ERR_clear_error();
        SSL_shutdown(tls->ssl);
    }
    if (tls->state == TLS_OPEN)
        tls->state = TLS_CLOSED;
    return tls->rest_len > before;
}
