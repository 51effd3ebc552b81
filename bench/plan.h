/* SPDX-License-Identifier: MIT */
/*
 * plan: what a run is to do, from the command line. A scenario's name sets several options at once;
 * those given beside it win.
 */
#ifndef TAPEHEAD_BENCH_PLAN_H
#define TAPEHEAD_BENCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

enum { PLAN_RATES_MAX = 32, PLAN_OPTIONS_MAX = 64 };

enum scenario_kind {
    SCENARIO_STEADY,          /* all connect, stay and read */
    SCENARIO_BURST,           /* the same, with ticks that come in clusters */
    SCENARIO_SLOW_READERS,    /* some never read, some read a trickle */
    SCENARIO_RECONNECT_STORM, /* every 5 s all are cut at once, and come back at once */
    SCENARIO_FLOOD,           /* connections that end as soon as they stand, as many as can be */
    SCENARIO_IDLE,            /* connections without a subscription */
};

enum slow_kind {
    SLOW_NEVER,   /* subscribes, and reads nothing more */
    SLOW_TRICKLE, /* slow_rate bytes a second */
    SLOW_PAUSE,   /* reads for a second, rests for two */
    SLOW_STALL, /* in the measured time rests for slow_rate seconds, reads for as long, and so on */
};

/* How a server is spoken to; its messages are always Tapehead's trades in JSON, or msgpack. */
enum protocol_kind {
    PROTOCOL_TAPEHEAD,   /* ?symbols= in the request, a message a frame; whoever does likewise */
    PROTOCOL_NATS,       /* CONNECT and SUB, then MSG */
    PROTOCOL_CENTRIFUGO, /* the unidirectional WebSocket */
};

struct plan {
    enum scenario_kind scenario;
    const char *url; /* a server that runs already; NULL: `server` is started */
    bool secure;     /* wss:// */
    char host[256];
    char port[6];
    char target[1024];
    int server_pid; /* 0: unknown, nothing is told about its CPU */

    const char *server; /* a program */
    const char *tape;   /* what it is fed; NULL: the simulator */
    const char *server_options[PLAN_OPTIONS_MAX];
    int server_options_count;
    int server_cpu; /* -1: not pinned */
    int load_cpu;
    uint32_t processes; /* of load; the cores from load_cpu on are theirs */

    double rates[PLAN_RATES_MAX]; /* ticks a second; each a trial of its own */
    uint32_t rates_count;
    double burst;
    uint64_t seed;

    uint32_t clients;
    uint32_t symbols_each;
    uint32_t symbols_all;
    uint32_t sources; /* source addresses */
    uint32_t opening; /* connections being opened at a time */
    uint32_t receive_buffer;
    int64_t warmup_ns;
    int64_t duration_ns;
    int64_t grace_ns; /* after it, for what was planned in it to arrive */
    enum protocol_kind protocol;
    bool msgpack;
    bool deflate;
    uint32_t max_delay_ms;
    uint32_t slow_clients;
    enum slow_kind slow;
    uint32_t slow_rate;
    double churn; /* clients a second that leave, and come back at once; in the measured time */

    const char *ready_file; /* made once all connections stand; NULL: none */
    double find_quantile;   /* 0: no search */
    int64_t find_below_ns;
    const char *json;
    const char *html;
    bool quiet;
    int argc;
    char **argv; /* for the report */
};

const char *scenario_name(enum scenario_kind scenario);
const char *slow_name(enum slow_kind slow);

enum plan_action { PLAN_RUN, PLAN_HELP, PLAN_BAD };

/* Fills `plan`. Says on standard error what is wrong with a bad command line. */
enum plan_action plan_read(struct plan *plan, int argc, char **argv);

void plan_help(void);

#endif
