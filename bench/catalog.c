/* SPDX-License-Identifier: MIT */
#include "bench/catalog.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "feed/clock.h"

enum { ANSWER_MAX = 8 << 20, SIM_DRAWS_MAX = 20000000 };

int catalog_init(struct catalog *catalog, uint32_t max)
{
    uint32_t buckets = 64;
    while (buckets < max * 4)
        buckets *= 2;
    *catalog = (struct catalog){.buckets_mask = buckets - 1};
    catalog->names = calloc(max ? max : 1, sizeof *catalog->names);
    catalog->buckets = calloc(buckets, sizeof *catalog->buckets);
    if (catalog->names && catalog->buckets)
        return 0;
    catalog_finish(catalog);
    return -ENOMEM;
}

void catalog_finish(struct catalog *catalog)
{
    free(catalog->names);
    free(catalog->buckets);
    memset(catalog, 0, sizeof *catalog);
}

/* ---- names ---- */

/* The first and the last eight bytes, which overlap in most names. */
static uint32_t hash(const uint8_t *name, uint32_t len)
{
    uint64_t first = 0, last = 0;
    if (len >= 8) {
        memcpy(&first, name, 8);
        memcpy(&last, name + len - 8, 8);
    } else {
        for (uint32_t i = 0; i < len; i++)
            first = first << 8 | name[i];
    }
    uint64_t mixed = (first ^ (last << 29 | last >> 35)) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 32) ^ len;
}

uint32_t catalog_find(const struct catalog *catalog, const uint8_t *name, uint32_t len)
{
    uint32_t at = hash(name, len);
    for (uint32_t tries = 0; tries <= catalog->buckets_mask; tries++, at++) {
        uint32_t number = catalog->buckets[at & catalog->buckets_mask];
        if (!number)
            return CATALOG_NONE;
        const struct catalog_name *known = &catalog->names[number - 1];
        if (known->len == len && memcmp(known->text, name, len) == 0)
            return number - 1;
    }
    return CATALOG_NONE;
}

void catalog_add(struct catalog *catalog, const char *name, size_t len)
{
    if (len == 0 || len > SYMBOL_LEN_MAX)
        return;
    if (catalog_find(catalog, (const uint8_t *)name, (uint32_t)len) != CATALOG_NONE)
        return;
    uint32_t at = hash((const uint8_t *)name, (uint32_t)len);
    while (catalog->buckets[at & catalog->buckets_mask])
        at++;
    struct catalog_name *entry = &catalog->names[catalog->count];
    entry->len = (uint32_t)len;
    memcpy(entry->text, name, len);
    catalog->buckets[at & catalog->buckets_mask] = ++catalog->count;
}

int catalog_from_sim(struct catalog *catalog, const struct sim_config *config, uint32_t count)
{
    struct sim *sim = sim_create(config);
    if (!sim)
        return -ENOMEM;
    for (uint32_t i = 0; i < SIM_DRAWS_MAX && catalog->count < count; i++) {
        struct tick tick;
        const char *symbol;
        sim_next(sim, &tick, &symbol);
        catalog_add(catalog, symbol, strlen(symbol));
    }
    sim_destroy(sim);
    return catalog->count < count ? -ENOENT : 0;
}

/* ---- from a server ---- */

int catalog_dial(const char *host, const char *port)
{
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET};
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -EHOSTUNREACH;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int rc = connect(fd, found->ai_addr, found->ai_addrlen) < 0 ? -errno : fd;
    if (rc < 0)
        close(fd);
    freeaddrinfo(found);
    return rc;
}

/* The whole answer, terminated; NULL when there is none. */
static char *get(const char *host, const char *port, const char *path)
{
    char request[512];
    int fd = catalog_dial(host, port);
    if (fd < 0)
        return NULL;
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host);
    char *answer = send(fd, request, (size_t)len, MSG_NOSIGNAL) == len ? malloc(ANSWER_MAX) : NULL;
    size_t used = 0;
    while (answer && used < ANSWER_MAX - 1) {
        ssize_t n = recv(fd, answer + used, ANSWER_MAX - 1 - used, 0);
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    if (answer)
        answer[used] = 0;
    close(fd);
    return answer;
}

/* Takes the names of …"symbols":["A","B"]…, which hold nothing that needs an escape. */
static void take_names(struct catalog *catalog, const char *answer, uint32_t count)
{
    const char *at = strstr(answer, "\"symbols\":[");
    if (!at)
        return;
    at += strlen("\"symbols\":[");
    while (*at == '"' && catalog->count < count) {
        const char *end = strchr(at + 1, '"');
        if (!end)
            return;
        catalog_add(catalog, at + 1, (size_t)(end - at - 1));
        at = end[1] == ',' ? end + 2 : end + 1;
    }
}

int catalog_from_server(struct catalog *catalog, const char *host, const char *port, uint32_t count,
                        int timeout_ms)
{
    int64_t until = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
    while (catalog->count < count && clock_mono_ns() < until) {
        char *answer = get(host, port, "/v1/symbols");
        if (answer)
            take_names(catalog, answer, count);
        free(answer);
        if (catalog->count < count)
            nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
    return catalog->count < count ? -ENOENT : 0;
}

/* ---- dealing ---- */

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void shuffle(uint32_t *deck, uint32_t count, uint64_t *chance)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = (uint32_t)(draw(chance) % i);
        uint32_t swapped = deck[i - 1];
        deck[i - 1] = deck[j];
        deck[j] = swapped;
    }
}

int catalog_deal(const struct catalog *catalog, uint32_t clients, uint32_t each, uint64_t seed,
                 uint32_t *hands)
{
    uint32_t *deck = calloc(catalog->count ? catalog->count : 1, sizeof *deck);
    if (!deck || each > catalog->count) {
        free(deck);
        return deck ? -EINVAL : -ENOMEM;
    }
    for (uint32_t i = 0; i < catalog->count; i++)
        deck[i] = i;
    uint32_t left = 0; /* where a hand would need cards of two decks, the rest is laid aside */
    for (uint32_t i = 0; i < clients; i++) {
        if (left < each) {
            shuffle(deck, catalog->count, &seed);
            left = catalog->count;
        }
        left -= each;
        memcpy(hands + (size_t)i * each, deck + left, each * sizeof *deck);
    }
    free(deck);
    return 0;
}
