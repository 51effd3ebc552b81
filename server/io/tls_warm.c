/* SPDX-License-Identifier: MIT */
/* tls_warm: see tls_warm.h. */
#include "server/io/tls_warm.h"

#include <openssl/crypto.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE = 64,       /* bytes of a cache line */
    FETCH_MAX = 768, /* of a block; what AES-256-GCM uses of its 960 bytes, the most of any */
    NOTED_MIN = 128, /* no block of a cipher's is as small, and most of all others are */
};

/* Where sealing touches an SSL, a field a line: `valgrind --tool=lackey --trace-mem=yes`, OpenSSL
 * 3.0.22 on x86-64. */
static const uint16_t touched[] = {0x0,   0x38,  0x5c,   0xa9,   0x180,  0x1a4, 0x2e0, 0x4c0,
                                   0x868, 0x890, 0x918,  0x9e9,  0xa18,  0xa9c, 0xba4, 0xc70,
                                   0xca8, 0xcd0, 0x1cb8, 0x1cd8, 0x1d00, 0x1d60};

static _Thread_local struct warm *watched;

/* By the source file that asks for it, which OpenSSL tells. */
static bool is_of_cipher(const char *file)
{
    return file && (strstr(file, "/ciphers/") || strstr(file, "/evp_enc.c"));
}

static void swap_block(const void *old, const void *at, size_t len)
{
    for (int i = 0; i < WARM_BLOCKS; i++) {
        struct warm_block *block = &watched->blocks[i];
        if (block->at == old) {
            *block =
                (struct warm_block){.at = at, .len = len < FETCH_MAX ? (uint32_t)len : FETCH_MAX};
            return;
        }
    }
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)line;
    void *block = size ? malloc(size) : NULL; /* as OpenSSL's own would */
    if (watched && block && size >= NOTED_MIN && is_of_cipher(file))
        swap_block(NULL, block, size);
    return block;
}

static void release(void *block, const char *file, int line)
{
    (void)file, (void)line;
    if (watched && block)
        swap_block(block, NULL, 0);
    free(block);
}

static void *resize(void *block, size_t size, const char *file, int line)
{
    if (size)
        return realloc(block, size);
    release(block, file, line);
    return NULL;
}

bool warm_init(void)
{
    return CRYPTO_set_mem_functions(allocate, resize, release) == 1;
}

void warm_watch(struct warm *warm)
{
    watched = warm;
}

void warm_fetch(const struct warm *warm, const void *ssl)
{
    for (size_t i = 0; i < sizeof touched / sizeof *touched; i++)
        __builtin_prefetch((const char *)ssl + touched[i], 1);
    for (int i = 0; i < WARM_BLOCKS; i++) {
        for (uint32_t at = 0; at < warm->blocks[i].len; at += LINE)
            __builtin_prefetch((const char *)warm->blocks[i].at + at, 1);
    }
}
