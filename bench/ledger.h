/* SPDX-License-Identifier: MIT */
/*
 * ledger: what one load process has seen, in memory that it shares with tapebench's own process.
 *
 * The load process writes it; the other reads the counters at any time, and the rest after the load
 * process has ended. `stage` is written by tapebench's process alone.
 */
#ifndef TAPEHEAD_BENCH_LEDGER_H
#define TAPEHEAD_BENCH_LEDGER_H

#include <stdint.h>

#include "bench/curve.h"
#include "feed/base.h"

enum { SLICES_MAX = 120, STORMS_MAX = 64 };

/* The measured time, in nanoseconds of CLOCK_REALTIME; 0 until it is known. */
struct stage {
    _Atomic int64_t from_ns;
    _Atomic int64_t to_ns;
};

/* A part of the measured time, by the instant of arrival. */
struct slice {
    counter arrived; /* ticks and snapshots */
    counter announced;
    struct curve latency; /* from the planned instant, of ticks planned within the measured time */
};

struct ledger {
    /* Progress */
    counter opened; /* connections that stand: upgraded and subscribed */
    counter ready;  /* 1: as many as asked for stand */
    counter failed; /* 1: it gave up before they stood */

    /* Over the whole run */
    counter refused;    /* answers other than 101, resets and refusals while connecting */
    counter lost;       /* connections that ended though nobody asked for it */
    counter close_code; /* the last close frame's */
    counter errors;     /* messages of type error */
    counter broken;     /* messages that can't be read */
    counter stray;      /* ticks of a symbol not subscribed to */
    counter duplicates;
    counter reordered;
    counter holes;  /* places where seq jumped without a gap */
    counter missed; /* ticks lost there */

    /* In the measured time */
    counter arrived; /* ticks and snapshots, whatever their planned instant */
    counter bytes;
    counter received;  /* ticks planned within it, until the drain's end */
    counter gaps;      /* gap messages */
    counter announced; /* ticks that those name */
    counter handshakes;
    counter churned; /* connections left by intent */

    /* At the end */
    counter expected; /* ticks planned within the measured time that its clients were to get */
    counter missing;  /* of those, behind the last that came, with no gap */
    counter offered;  /* ticks planned within the measured time, each counted once */
    counter cpu_ns;   /* of the measured time: this process ran */
    counter delay_ns; /* was ready to run, and another had its core */
    counter reads;
    counter slow_received; /* by the clients that read slowly, apart */
    counter slow_announced;
    counter slow_missed;
    counter slow_missing; /* of those that must have everything: behind the last that came, with no
                             gap */
    counter slow_lost;

    counter storms_count;
    uint64_t storms_ns[STORMS_MAX]; /* from the cut until all stood again */
    struct curve connect;           /* TCP */
    struct curve handshake;         /* from the request to 101 */
    struct curve snapshot;          /* from the request to the first snapshot */
    struct curve turn;              /* of the event loop, in the measured time */
    struct slice slices[SLICES_MAX];
};

/* Adds one process's figures to another's. */
void ledger_merge(struct ledger *into, const struct ledger *from);

/* All slices' latencies as one. */
void ledger_latency(const struct ledger *ledger, struct curve *curve);

#endif
