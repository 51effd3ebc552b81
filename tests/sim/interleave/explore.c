/* SPDX-License-Identifier: MIT */
/* explore: see explore.h. */
#include "tests/sim/interleave/explore.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "tests/sim/fiber.h"

enum { BUFFER_MAX = 8, DEPTH_MAX = 4096, SEEN_BITS = 24 };

struct store {
    void *at;
    uint64_t value;
    bool is_bool;
};

struct thread {
    struct fiber fiber;
    struct store buffer[BUFFER_MAX]; /* not in memory yet, the oldest first */
    uint32_t buffered;
    uint64_t read; /* hash of all it has read */
    uint64_t stops;
    bool (*ready)(uint32_t thread); /* what it waits for, if anything */
};

/* One decision of a run: thread t goes on, or (t + THREADS_MAX) its oldest store reaches memory. */
struct choice {
    uint8_t options[2 * EXPLORE_THREADS_MAX];
    uint8_t count;
    uint8_t taken;
};

static struct {
    const struct explore_model *model;
    struct thread threads[EXPLORE_THREADS_MAX];
    uint32_t current;
    struct choice path[DEPTH_MAX];
    uint32_t depth;   /* of this run */
    uint32_t planned; /* choices that the search has made already */
    uint64_t *seen;   /* open addressing; 0 is free */
    struct explore_count count;
} search;

uint64_t explore_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

void explore_milestone(uint64_t state)
{
    search.threads[search.current].read = explore_mix(0, state);
    search.threads[search.current].stops = 0;
}

void explore_fail(const char *what)
{
    fprintf(stderr, "interleave: %s\nschedule:", what);
    for (uint32_t i = 0; i < search.depth; i++) {
        uint8_t option = search.path[i].options[search.path[i].taken];
        fprintf(stderr, " %s%u", option >= EXPLORE_THREADS_MAX ? "mem" : "",
                option % EXPLORE_THREADS_MAX);
    }
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

/* ---- what threads do ---- */

void explore_point(void)
{
    search.threads[search.current].stops++;
    fiber_yield();
}

void explore_wait(bool (*ready)(uint32_t thread))
{
    search.threads[search.current].ready = ready;
    explore_point();
}

static void write_memory(struct store store)
{
    if (store.is_bool)
        atomic_store((_Atomic bool *)store.at, store.value);
    else
        atomic_store((_Atomic uint64_t *)store.at, store.value);
}

static void reach_memory(struct thread *thread)
{
    struct store store = thread->buffer[0];
    memmove(thread->buffer, thread->buffer + 1, --thread->buffered * sizeof store);
    write_memory(store);
}

static void put(struct store store)
{
    if (!fiber_is_running()) { /* set up, before there are threads */
        write_memory(store);
        return;
    }
    explore_point();
    struct thread *thread = &search.threads[search.current];
    CHECK(thread->buffered < BUFFER_MAX);
    thread->buffer[thread->buffered++] = store;
}

/* A thread sees its own stores at once. */
static uint64_t get(void *at, uint64_t in_memory)
{
    struct thread *thread = &search.threads[search.current];
    for (uint32_t i = 0; i < thread->buffered; i++)
        if (thread->buffer[i].at == at)
            in_memory = thread->buffer[i].value;
    thread->read = explore_mix(thread->read, in_memory);
    return in_memory;
}

uint64_t explore_load(_Atomic uint64_t *at);
void explore_store_u64(_Atomic uint64_t *at, uint64_t value);
void explore_store_bool(_Atomic bool *at, bool value);
bool explore_load_bool(_Atomic bool *at);
bool explore_exchange(_Atomic bool *at, bool value);

uint64_t explore_load(_Atomic uint64_t *at)
{
    if (!search.model->is_own(search.current, at))
        explore_point();
    return get(at, atomic_load(at));
}

bool explore_load_bool(_Atomic bool *at)
{
    explore_point();
    return get(at, atomic_load(at));
}

void explore_store_u64(_Atomic uint64_t *at, uint64_t value)
{
    put((struct store){.at = at, .value = value});
}

void explore_store_bool(_Atomic bool *at, bool value)
{
    put((struct store){.at = at, .value = value, .is_bool = true});
}

bool explore_exchange(_Atomic bool *at, bool value)
{
    explore_point();
    struct thread *thread = &search.threads[search.current];
    while (thread->buffered)
        reach_memory(thread);
    bool was = atomic_exchange(at, value);
    thread->read = explore_mix(thread->read, was);
    return was;
}

/* ---- the search ---- */

static void *live(void *arg)
{
    search.model->run((uint32_t)(uintptr_t)arg);
    return NULL;
}

static bool may_run(uint32_t i)
{
    struct thread *thread = &search.threads[i];
    if (thread->fiber.done)
        return false;
    return !thread->ready || (!thread->buffered && thread->ready(i));
}

static void find_options(struct choice *choice)
{
    *choice = (struct choice){0};
    for (uint32_t i = 0; i < search.model->threads; i++)
        if (may_run(i))
            choice->options[choice->count++] = (uint8_t)i;
    for (uint32_t i = 0; i < search.model->threads; i++)
        if (search.threads[i].buffered)
            choice->options[choice->count++] = (uint8_t)(i + EXPLORE_THREADS_MAX);
}

static uint64_t hash_state(void)
{
    uint64_t hash = search.model->hash();
    for (uint32_t i = 0; i < search.model->threads; i++) {
        const struct thread *thread = &search.threads[i];
        hash = explore_mix(explore_mix(hash, thread->read), thread->stops);
        for (uint32_t k = 0; k < thread->buffered; k++)
            hash = explore_mix(explore_mix(hash, (uintptr_t)thread->buffer[k].at),
                               thread->buffer[k].value + 1);
        hash = explore_mix(hash, thread->buffered);
    }
    return hash | 1;
}

/* Whether this state is met for the first time. */
static bool is_new(void)
{
    uint64_t hash = hash_state(), mask = (UINT64_C(1) << SEEN_BITS) - 1;
    for (uint64_t i = hash >> 8 & mask;; i = (i + 1) & mask) {
        if (search.seen[i] == hash)
            return false;
        if (search.seen[i])
            continue;
        search.seen[i] = hash;
        CHECK(++search.count.states < mask / 2);
        return true;
    }
}

static void step(uint8_t option)
{
    search.count.steps++;
    if (option >= EXPLORE_THREADS_MAX) {
        reach_memory(&search.threads[option - EXPLORE_THREADS_MAX]);
        return;
    }
    search.current = option;
    search.threads[option].ready = NULL;
    fiber_resume(&search.threads[option].fiber);
}

static bool all_done(void)
{
    for (uint32_t i = 0; i < search.model->threads; i++)
        if (!search.threads[i].fiber.done)
            return false;
    return true;
}

/* From the start along the planned choices, and on until the end or a state that was met before. */
static void run_once(void)
{
    search.model->reset();
    for (uint32_t i = 0; i < search.model->threads; i++) {
        search.threads[i] = (struct thread){0};
        fiber_start(&search.threads[i].fiber, live, (void *)(uintptr_t)i);
    }
    for (search.depth = 0;; search.depth++) {
        CHECK(search.depth < DEPTH_MAX);
        struct choice *choice = &search.path[search.depth];
        if (search.depth >= search.planned) {
            if (!is_new())
                break;
            find_options(choice);
            if (!choice->count && !all_done())
                explore_fail("a lost wake-up: all wait, and nothing will end it");
            if (!choice->count)
                search.model->ended();
        }
        if (!choice->count)
            break;
        step(choice->options[choice->taken]);
    }
    for (uint32_t i = 0; i < search.model->threads; i++)
        fiber_finish(&search.threads[i].fiber);
    search.count.runs++;
    if (search.depth > search.count.depth_max)
        search.count.depth_max = search.depth;
}

/* The deepest choice that has another option takes it. Returns false when there is none. */
static bool turn_back(void)
{
    while (search.depth > 0) {
        struct choice *choice = &search.path[--search.depth];
        if (++choice->taken < choice->count) {
            search.planned = search.depth + 1;
            return true;
        }
    }
    return false;
}

struct explore_count explore(const struct explore_model *model)
{
    search.model = model;
    search.planned = 0;
    search.count = (struct explore_count){0};
    search.seen = calloc(UINT64_C(1) << SEEN_BITS, sizeof *search.seen);
    CHECK(search.seen);
    do
        run_once();
    while (turn_back());
    free(search.seen);
    return search.count;
}
