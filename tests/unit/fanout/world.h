/* SPDX-License-Identifier: MIT */
/*
 * world: a fan-out, its symbols, and listeners who read what they are sent byte by byte and keep a
 * naive account of each symbol. Whatever is done goes to both; whatever is heard is checked at
 * once: it is a whole frame, byte for byte what the codec writes of the tick that the world made,
 * and the next that its account allows.
 */
#ifndef TAPEHEAD_TESTS_UNIT_FANOUT_WORLD_H
#define TAPEHEAD_TESTS_UNIT_FANOUT_WORLD_H

#include "account.h"
#include "server/fanout/gather.h"
#include "support.h"

enum {
    WORLD_LISTENERS = 12,
    WORLD_SYMBOLS = 24,
    WORLD_SEQS = 8192, /* a symbol */
    WORLD_TOPICS = 16, /* a listener */
    WORLD_PAIRS = 1024,
    WORLD_BYTES = 256 * 1024, /* a listener's unread */
};

struct world_symbol {
    char name[SYMBOL_LEN_MAX + 1];
    uint64_t last;
    struct tick *ticks; /* by seq; seq 0 where the feed merged it */
};

struct world_topic {
    char text[TOPIC_TEXT_MAX + 1];
    struct terms terms;
};

/* One that began before a change of the account may end after it. */
struct world_account {
    struct account now, before;
    uint64_t changed; /* when now followed before */
    bool kept;        /* and it was no more than a change of terms */
    struct account_sums sums;
};

struct listener {
    bool joined, blocked;
    int format;
    uint8_t *unread;
    size_t len;
    uint64_t begun; /* when the first unread byte came */
    struct world_topic topics[WORLD_TOPICS];
    int topics_count;
    struct world_account accounts[WORLD_SYMBOLS];
    struct account_sums sums;
    uint32_t controls_said, controls_heard;
};

struct world {
    struct fanout fanout;
    struct batch batch;
    struct histogram *latency;
    uint64_t seed, random;
    uint64_t clock;  /* counts changes of subscriptions */
    uint64_t offset; /* of the last tick in its source */
    struct world_symbol symbols[WORLD_SYMBOLS];
    uint32_t symbols_count;
    struct listener listeners[WORLD_LISTENERS];
    int64_t rests[WORLD_PAIRS]; /* when a pair is to be woken; 0 for never */
    struct account_sums sums;   /* of all who have left and all who are there */
    bool lossy;                 /* somebody left, unsubscribed or changed terms */
};

#define world_assert(world, condition) model_assert(condition, (world)->seed)

/* Room for everything, unless the caller makes it less. */
struct fanout_config world_config(void);
struct world *world_create(const struct fanout_config *config, uint64_t seed);

/* Everybody leaves, and every pool must be as it was. */
void world_destroy(struct world *world);

uint32_t world_symbol(struct world *world, const char *name);

/* The next tick of the symbol, after `merged` that the feed merged. */
void world_tick(struct world *world, uint32_t symbol, uint32_t merged);

void world_join(struct world *world, uint32_t listener, int format);
void world_leave(struct world *world, uint32_t listener);

extern const struct terms world_all, world_all_new, world_latest, world_strict;

enum fanout_answer world_subscribe(struct world *world, uint32_t listener, const char *text,
                                   struct terms terms);

/* Goes on after tick `seq` of the symbol. */
enum fanout_answer world_resume(struct world *world, uint32_t listener, uint32_t symbol,
                                uint64_t seq, struct terms terms);
enum fanout_answer world_unsubscribe(struct world *world, uint32_t listener, const char *text);
void world_silence(struct world *world, uint32_t listener);
bool world_control(struct world *world, uint32_t listener, uint32_t len);

/* The listener's next send, or NULL; and the first bytes of one, as they come out of the socket. */
const struct send *world_gather(struct world *world, uint32_t listener);
void world_hear(struct world *world, const struct send *send, uint32_t taken);

/* What has gone is buried, and the batch is empty. */
void world_turn(struct world *world);

/* A turn in which a listener's next send is taken up to `taken` bytes. Returns its length. */
uint32_t world_send(struct world *world, uint32_t listener, uint32_t taken);

/* Everybody reads until nothing waits; then every account must be complete. */
void world_settle(struct world *world);

/* The next with something to send. */
bool world_take(struct world *world, uint32_t *listener);

#endif
