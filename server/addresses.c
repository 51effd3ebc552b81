/* SPDX-License-Identifier: MIT */
/* addresses: see addresses.h. */
#include "server/addresses.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { PLACES = 8, SPARE = 4 /* places for each connection that there can be */ };

struct place {
    uint64_t network[2];
    uint64_t connections;
    int64_t even_ns; /* when its openings so far would be no faster than the rate */
};

struct addresses {
    pthread_mutex_t lock;
    uint64_t seed;
    uint64_t mask; /* of the hashes */
    uint64_t connections;
    int64_t every_ns; /* between openings; 0 for no limit */
    struct place places[];
};

static uint64_t hashes_for(uint64_t connections_max)
{
    uint64_t hashes = 1;
    while (hashes * PLACES < connections_max * SPARE)
        hashes *= 2;
    return hashes;
}

uint64_t addresses_memory(uint64_t connections_max)
{
    return sizeof(struct addresses) + hashes_for(connections_max) * PLACES * sizeof(struct place);
}

int addresses_create(struct addresses **out, uint64_t connections_max, uint64_t connections,
                     uint64_t rate)
{
    struct addresses *self = calloc(1, addresses_memory(connections_max));
    if (!self)
        return -ENOMEM;
    pthread_mutex_init(&self->lock, NULL);
    self->mask = hashes_for(connections_max) - 1;
    self->connections = connections;
    self->every_ns = rate ? (int64_t)(1000000000 / rate) : 0;
    /* Secret, so that nobody can choose addresses that share their places. */
    if (getrandom(&self->seed, sizeof self->seed, 0) != sizeof self->seed)
        self->seed = (uint64_t)(uintptr_t)self;
    *out = self;
    return 0;
}

void addresses_destroy(struct addresses *self)
{
    if (!self)
        return;
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static void network_of(const struct io_peer *peer, uint64_t network[2])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* an IPv4 address follows */
    memcpy(network, peer->address, 16);
    if (memcmp(peer->address, mapped, sizeof mapped) != 0)
        network[1] = 0;
}

/* The mixer of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t n)
{
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
    n = (n ^ n >> 27) * 0x94d049bb133111eb;
    return n ^ n >> 31;
}

/* The address's place; with `now_ns` also one that is free, made its own. NULL when there is none.
 */
static struct place *find(struct addresses *self, const struct io_peer *peer, int64_t now_ns)
{
    uint64_t network[2];
    network_of(peer, network);
    uint64_t hash = mix(mix(network[0] ^ self->seed) ^ network[1]) & self->mask;
    struct place *places = &self->places[hash * PLACES], *free_place = NULL;
    for (int i = 0; i < PLACES; i++) {
        if (memcmp(places[i].network, network, sizeof network) == 0)
            return &places[i];
        if (!places[i].connections && places[i].even_ns <= now_ns)
            free_place = &places[i];
    }
    if (free_place && now_ns) {
        *free_place = (struct place){.even_ns = now_ns};
        memcpy(free_place->network, network, sizeof network);
    }
    return now_ns ? free_place : NULL;
}

static enum addresses_answer judge(const struct addresses *self, struct place *place,
                                   int64_t now_ns)
{
    if (self->every_ns) {
        int64_t even_ns = place->even_ns > now_ns ? place->even_ns : now_ns;
        if (even_ns + self->every_ns > now_ns + 1000000000)
            return ADDRESSES_TOO_FAST;
        place->even_ns = even_ns + self->every_ns;
    }
    place->connections++;
    return self->connections && place->connections > self->connections ? ADDRESSES_FULL
                                                                       : ADDRESSES_OK;
}

enum addresses_answer addresses_enter(struct addresses *self, const struct io_peer *peer,
                                      int64_t now_ns)
{
    pthread_mutex_lock(&self->lock);
    struct place *place = find(self, peer, now_ns);
    enum addresses_answer answer = place ? judge(self, place, now_ns) : ADDRESSES_OK;
    pthread_mutex_unlock(&self->lock);
    return answer;
}

void addresses_leave(struct addresses *self, const struct io_peer *peer)
{
    pthread_mutex_lock(&self->lock);
    struct place *place = find(self, peer, 0);
    if (place && place->connections)
        place->connections--;
    pthread_mutex_unlock(&self->lock);
}
