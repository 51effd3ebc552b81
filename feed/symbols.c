/* SPDX-License-Identifier: MIT */
#include "feed/symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"

_Static_assert(SYMBOL_LEN_MAX == 32, "names are hashed as four words");

/* At least twice as many buckets as symbols: a free one ends every search. */
static uint64_t buckets_for(uint32_t max)
{
    uint64_t buckets = 4;
    while (buckets < (uint64_t)max * 2)
        buckets <<= 1;
    return buckets;
}

uint64_t symbols_memory(uint32_t max)
{
    return max * (uint64_t)sizeof(struct symbol) + buckets_for(max) * sizeof(struct symbols_bucket);
}

int symbols_init(struct symbols *symbols, uint32_t max, uint64_t seed)
{
    memset(symbols, 0, sizeof *symbols);
    if (max == 0 || max > UINT32_C(1) << TICK_ID_BITS)
        return -EINVAL;
    uint64_t buckets = buckets_for(max);
    symbols->table = calloc(max, sizeof *symbols->table);
    symbols->buckets = calloc(buckets, sizeof *symbols->buckets);
    if (!symbols->table || !symbols->buckets) {
        symbols_finish(symbols);
        return -ENOMEM;
    }
    symbols->seed = seed;
    symbols->mask = (uint32_t)(buckets - 1);
    symbols->max = max;
    symbols->waiting_first = symbols->waiting_last = SYMBOL_NONE;
    return 0;
}

void symbols_finish(struct symbols *symbols)
{
    free(symbols->table);
    free(symbols->buckets);
    symbols->table = NULL;
    symbols->buckets = NULL;
}

/* Folds the 128-bit product: every bit of either factor reaches every bit of the result (as wyhash
 * does). */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash_of(const char padded[SYMBOL_LEN_MAX], uint64_t seed)
{
    uint64_t words[4];
    memcpy(words, padded, sizeof words);
    uint64_t low = mix(words[0] ^ UINT64_C(0xa0761d6478bd642f), words[1] ^ seed);
    uint64_t high = mix(words[2] ^ UINT64_C(0xe7037ed1a0b428db), words[3] ^ seed);
    return (uint32_t)mix(low ^ UINT64_C(0x8ebc6af09c88c6e3), high ^ seed);
}

/* The bucket that holds `padded`, or the free one where it would go. Names are padded with zero
 * bytes, which no valid name contains, so comparing all 32 bytes compares lengths too. */
static struct symbols_bucket *search(const struct symbols *symbols,
                                     const char padded[SYMBOL_LEN_MAX], uint32_t hash)
{
    uint32_t i = hash & symbols->mask;
    for (;; i = (i + 1) & symbols->mask) {
        struct symbols_bucket *bucket = &symbols->buckets[i];
        if (bucket->id_plus_one == 0)
            return bucket;
        if (bucket->hash == hash &&
            memcmp(symbols->table[bucket->id_plus_one - 1].name, padded, SYMBOL_LEN_MAX) == 0)
            return bucket;
    }
}

uint32_t symbols_intern(struct symbols *symbols, const char *name, size_t len)
{
    CHECK(len > 0 && len <= SYMBOL_LEN_MAX);
    char padded[SYMBOL_LEN_MAX] = {0};
    memcpy(padded, name, len);
    uint32_t hash = hash_of(padded, symbols->seed);
    struct symbols_bucket *bucket = search(symbols, padded, hash);
    if (bucket->id_plus_one != 0)
        return bucket->id_plus_one - 1;
    if (symbols->count == symbols->max)
        return SYMBOL_NONE;
    uint32_t id = symbols->count++;
    struct symbol *symbol = &symbols->table[id];
    memcpy(symbol->name, padded, SYMBOL_LEN_MAX);
    symbol->len = (uint8_t)len;
    symbol->waiting_next = SYMBOL_NONE;
    *bucket = (struct symbols_bucket){.hash = hash, .id_plus_one = id + 1};
    return id;
}

uint32_t symbols_find(const struct symbols *symbols, const char *name, size_t len)
{
    if (len == 0 || len > SYMBOL_LEN_MAX)
        return SYMBOL_NONE;
    char padded[SYMBOL_LEN_MAX] = {0};
    memcpy(padded, name, len);
    uint32_t id_plus_one = search(symbols, padded, hash_of(padded, symbols->seed))->id_plus_one;
    return id_plus_one == 0 ? SYMBOL_NONE : id_plus_one - 1;
}

bool symbols_wait(struct symbols *symbols, const struct tick *tick)
{
    uint32_t id = tick->symbol;
    struct symbol *symbol = &symbols->table[id];
    symbol->newest = *tick;
    if (symbol->waiting)
        return true;
    symbol->waiting = true;
    symbol->waiting_next = SYMBOL_NONE;
    if (symbols->waiting_count == 0)
        symbols->waiting_first = id;
    else
        symbols->table[symbols->waiting_last].waiting_next = id;
    symbols->waiting_last = id;
    symbols->waiting_count++;
    return false;
}

struct symbol *symbols_waiting(const struct symbols *symbols)
{
    return symbols->waiting_count == 0 ? NULL : &symbols->table[symbols->waiting_first];
}

void symbols_waiting_pop(struct symbols *symbols)
{
    CHECK(symbols->waiting_count > 0);
    struct symbol *symbol = &symbols->table[symbols->waiting_first];
    symbol->waiting = false;
    symbols->waiting_first = symbol->waiting_next;
    symbols->waiting_count--;
}
