/* SPDX-License-Identifier: MIT */
/*
 * tls_warm: where OpenSSL keeps what a record's sealing touches, so that it can be fetched into the
 * cache beforehand.
 *
 * A record of 150 bytes costs OpenSSL 0.6 µs when its state lies in the cache, and three times that
 * when a thousand other connections were served since the last: some forty lines, scattered and
 * found one through the other. Those of an SSL were measured, on OpenSSL 3.0. Those of its ciphers
 * are blocks of their own, and noted as OpenSSL allocates them. They are hints, never followed:
 * where they are wrong, a record costs what it did.
 *
 *     SSL ─► EVP_CIPHER_CTX ─► keys and tables, for each direction
 */
#ifndef TAPEHEAD_SERVER_IO_TLS_WARM_H
#define TAPEHEAD_SERVER_IO_TLS_WARM_H

#include <stdbool.h>
#include <stdint.h>

enum { WARM_BLOCKS = 4 /* a context and its keys, for each direction */ };

/* One connection's; zeroed, nothing is known. */
struct warm {
    struct warm_block {
        const void *at; /* NULL when there is none */
        uint32_t len;
    } blocks[WARM_BLOCKS];
};

/* Puts itself between OpenSSL and malloc, for the whole process: before anything in it uses
 * OpenSSL. Returns whether it was in time; else nothing will ever be noted. */
bool warm_init(void);

/* From here on what OpenSSL allocates in this thread is that connection's; NULL for nobody's. */
void warm_watch(struct warm *warm);

/* `ssl` is the SSL itself. */
void warm_fetch(const struct warm *warm, const void *ssl);

#endif
