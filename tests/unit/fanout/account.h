/* SPDX-License-Identifier: MIT */
/*
 * account: what one client must be told of one symbol, naively: the next seq, or a snapshot, and
 * whatever was skipped named by a gap.
 */
#ifndef TAPEHEAD_TESTS_UNIT_FANOUT_ACCOUNT_H
#define TAPEHEAD_TESTS_UNIT_FANOUT_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "server/fanout/topics.h"
#include "stream.h"

struct account {
    uint64_t next; /* the seq that must come next, in a tick or a gap; latest: the least that may */
    uint64_t least;       /* snapshot: as of when it was asked for */
    uint64_t strict_from; /* strict: what was lost before is told */
    uint64_t ahead;       /* resumed at this seq, the last there was */
    uint8_t mode;         /* enum terms_mode */
    bool open;
    bool snapshot; /* one is due, and nothing before it */
    bool resumed;  /* gaps of reason history are in order */
    bool renewed;  /* the snapshot stands for all that went before */
};

/* What was heard since the account was opened. */
struct account_sums {
    uint64_t slow; /* seqs that gaps of reason slow_client named */
    uint64_t overload;
    uint64_t ticks; /* snapshots included */
};

/* Returns NULL, or what is wrong with this message as the account's next. */
const char *account_take(struct account *account, const struct stream_message *message,
                         struct account_sums *sums);

/* Returns NULL, or why the account is not complete where the symbol's last seq is `last`. */
const char *account_complete(const struct account *account, uint64_t last);

#endif
