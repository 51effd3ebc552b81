/* SPDX-License-Identifier: MIT */
/*
 * tls: TLS 1.2 and 1.3 by OpenSSL, between a worker's sockets and everything that it says over
 * them. It touches no socket: ciphertext in, plaintext out, and the other way round.
 *
 *     IO_RECEIVE ─► tls_feed ─► tls_read… ─► the parser
 *     gather ─► tls_seal: one record, into the worker's area ─► io_send ─► tls_sent
 *                                    what the socket didn't take, and what TLS itself has to say
 *                                    (handshake, alerts), waits in tls_rest() and goes first
 *
 * A struct tls belongs to one worker. struct tls_keys is shared by all threads, and may be reloaded
 * meanwhile: connections that stand keep what they began with.
 */
#ifndef TAPEHEAD_SERVER_IO_TLS_H
#define TAPEHEAD_SERVER_IO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_keys;
struct tls;

enum {
    TLS_PLAIN_MAX = 16384,                /* bytes that one record carries (RFC 8446, 5.1) */
    TLS_RECORD_MAX = TLS_PLAIN_MAX + 256, /* and with header, nonce, padding and tag, at worst */
    TLS_HELLO_MAX = 16384,                /* bytes from the peer until the handshake is over */
    TLS_REST_MAX = 2 * TLS_RECORD_MAX,    /* a record that left in part, and what TLS has to say */
    TLS_CONNECTION_BYTES =
        48 * 1024, /* what OpenSSL keeps of one at most, measured; without rest */
};

/* Paths of PEM files: a certificate with its chain, and its key; `min` is "1.2" or "1.3". */
struct tls_config {
    const char *cert;
    const char *key;
    const char *min;
};

/* Returns 0, or -EINVAL with a sentence that names the setting and the file. */
int tls_keys_load(struct tls_keys **out, const struct tls_config *config, char *error,
                  size_t error_size);

/* Reads the files again. Where that fails the old ones stay in force. Tickets of sessions that were
 * given out stay valid. */
int tls_keys_reload(struct tls_keys *keys, char *error, size_t error_size);
void tls_keys_free(struct tls_keys *keys);

/* For clients: whom to trust, by a PEM file of authorities, "" for the system's, NULL for anyone.
 * Returns 0, or -EINVAL with a sentence that names the file. */
int tls_trust_load(struct tls_keys **out, const char *authorities, char *error, size_t error_size);

/* For a connection that was accepted. NULL when out of memory. */
struct tls *tls_open(struct tls_keys *keys);

/* For one to `host`, whose certificate must be in that name unless anyone is trusted; the first
 * words wait in tls_rest(). NULL when out of memory. */
struct tls *tls_call(struct tls_keys *trust, const char *host);

/* After -EPROTO: why. */
const char *tls_problem(const struct tls *tls);
void tls_free(struct tls *tls);

/* Ciphertext from the peer; must be read out by tls_read() before it goes away. */
void tls_feed(struct tls *tls, const uint8_t *data, size_t len);

/* Returns the bytes of plaintext put into `out`, 0 when there is no more for now, -ECONNRESET when
 * the peer has said goodbye, or -EPROTO when it broke the protocol: what is still to be said to it
 * then waits in tls_rest(). */
int tls_read(struct tls *tls, uint8_t *out, size_t size);

/* Whether the handshake is over and nothing has failed. */
bool tls_is_open(const struct tls *tls);

/* Seals up to TLS_PLAIN_MAX bytes as one record into `area`, which holds TLS_RECORD_MAX. Only with
 * nothing in tls_rest(). Returns its length, or -EPROTO. */
int tls_seal(struct tls *tls, const uint8_t *data, uint32_t len, uint8_t *area);

/* Hints to fetch into the cache what the next tls_seal() will touch: first of struct tls, then of
 * OpenSSL's state, which is found through it. NULL is nobody. */
void tls_fetch(const struct tls *tls);
void tls_fetch_state(const struct tls *tls);

/* Whether something must be sent before anything else. */
bool tls_waits(const struct tls *tls);

/* Takes that up to be sent: `*len` bytes, 0 when there is nothing; they stay until the next submit
 * has returned, as io_send() asks. */
const uint8_t *tls_rest(struct tls *tls, uint32_t *len);

/* What tls_seal() or tls_rest() gave last was handed to the socket, which took `taken` of it.
 * Returns whether that was all, or -ENOMEM when the others couldn't be kept. */
int tls_sent(struct tls *tls, uint32_t taken);

/* Whether what was handed over last was a record of tls_seal(). */
bool tls_was_sealed(const struct tls *tls);

/* Says goodbye: close_notify, to the rest. Returns whether there is one to be sent: not the second
 * time, nor when the handshake isn't over. */
bool tls_close(struct tls *tls);

#endif
