/* SPDX-License-Identifier: MIT */
#include "feed/sim.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"

/* How a real instrument trades: where its price starts, its tick size, how many ticks a trade may
 * move it, and its lot. Mantissas of the exponent beside them. */
struct listing {
    const char *name;
    int64_t price, tick_size, move;
    int64_t lot;
    int8_t price_exp, size_exp;
};

/* The most traded first. */
static const struct listing listings[] = {
    {"BTC-USD", 6168599, 1, 400, 100000, -2, -8},
    {"ETH-USD", 341250, 1, 60, 1000000, -2, -8},
    {"SOL-USD", 14873, 1, 4, 1000000, -2, -8},
    {"AAPL", 22850, 1, 3, 100, -2, 0},
    {"NVDA", 14115, 1, 3, 100, -2, 0},
    {"TSLA", 35256, 1, 6, 100, -2, 0},
    {"XRP-USD", 10972, 1, 6, 10000000, -4, -6},
    {"DOGE-USD", 38214, 1, 30, 100000000, -5, -6},
    {"SPY", 59351, 1, 4, 100, -2, 0},
    {"AMZN", 19712, 1, 3, 100, -2, 0},
    {"MSFT", 41757, 1, 4, 100, -2, 0},
    {"ADA-USD", 7834, 1, 6, 10000000, -4, -6},
    {"QQQ", 50417, 1, 4, 100, -2, 0},
    {"AMD", 13810, 1, 3, 100, -2, 0},
    {"META", 55908, 1, 6, 100, -2, 0},
    {"LINK-USD", 14872, 1, 9, 10000, -3, -4},
    {"AVAX-USD", 3561, 1, 2, 10000, -2, -4},
    {"GOOGL", 16463, 1, 3, 100, -2, 0},
    {"LTC-USD", 8877, 1, 4, 10000, -2, -4},
    {"ETH-BTC", 3244, 1, 2, 10000, -5, -4},
    {"PLTR", 6435, 1, 2, 100, -2, 0},
    {"INTC", 2449, 1, 1, 100, -2, 0},
    {"DOT-USD", 5921, 1, 4, 10000, -3, -4},
    {"BCH-USD", 48730, 5, 5, 10000, -2, -4},
    {"UNI-USD", 8934, 1, 6, 10000, -3, -4},
    {"JPM", 24855, 1, 3, 100, -2, 0},
    {"NFLX", 89767, 1, 12, 100, -2, 0},
    {"COIN", 30464, 1, 6, 100, -2, 0},
    {"ATOM-USD", 6118, 1, 4, 10000, -3, -4},
    {"BRK.B", 47603, 1, 5, 100, -2, 0},
    {"BAC", 4701, 1, 1, 100, -2, 0},
    {"XOM", 12161, 1, 2, 100, -2, 0},
    {"ETC-USD", 2691, 1, 2, 10000, -2, -4},
    {"DIS", 11465, 1, 2, 100, -2, 0},
    {"BABA", 8310, 1, 2, 100, -2, 0},
    {"SHIB-USD", 24510, 10, 2, 100000, -9, 0},
    {"XLM-USD", 28910, 1, 20, 10000000, -5, -6},
    {"V", 31165, 1, 3, 100, -2, 0},
    {"WMT", 9044, 1, 2, 100, -2, 0},
    {"IWM", 23890, 1, 3, 100, -2, 0},
    {"BTC-EUR", 5921430, 1, 400, 100000, -2, -8},
    {"ETH-EUR", 327410, 1, 60, 1000000, -2, -8},
    {"NEAR-USD", 5573, 1, 4, 10000, -3, -4},
    {"UBER", 7149, 1, 2, 100, -2, 0},
    {"PFE", 2559, 1, 1, 100, -2, 0},
    {"BA", 14929, 1, 3, 100, -2, 0},
    {"AAVE-USD", 16572, 1, 9, 1000, -2, -3},
    {"KO", 6384, 1, 1, 100, -2, 0},
    {"GLD", 25067, 1, 2, 100, -2, 0},
    {"FIL-USD", 4521, 1, 3, 10000, -3, -4},
};

struct market {
    char name[SYMBOL_LEN_MAX + 1];
    const struct listing *listing;
    int64_t start_price, price;
    uint64_t trade_id;
    double popularity_until; /* cumulative, over all symbols 1 */
};

struct sim {
    uint64_t random[4];
    double now_ns, gap_ns; /* the planned instant, the mean time between ticks */
    double short_share;    /* of the gaps are short: ticks of one cluster */
    double short_mean, long_mean;
    double evenness; /* 1: no chance in arrivals at all */
    uint64_t offset;
    struct market
        *run_market; /* an order that sweeps the book: the cluster goes on in one symbol, one way */
    uint32_t run_side;
    uint32_t markets_count;
    struct market markets[];
};

/* ---- chance ---- */

static uint64_t rotate(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

/* xoshiro256**, Blackman and Vigna 2018. */
static uint64_t draw(struct sim *sim)
{
    uint64_t *s = sim->random;
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* splitmix64, which its authors name for seeding the above. */
static void seed_random(struct sim *sim, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        sim->random[i] = z ^ z >> 31;
    }
}

/* Uniform in [0, bound); the bias of a 64-bit remainder is beyond what a market shows. */
static uint64_t draw_below(struct sim *sim, uint64_t bound)
{
    return draw(sim) % bound;
}

/* Uniform in [0, 1). */
static double draw_unit(struct sim *sim)
{
    return (double)(draw(sim) >> 11) * 0x1p-53;
}

/* ---- when ---- */

/* Gaps between ticks have mean 1: even ones, or by chance short ones (a cluster) and long ones
 * between clusters. */
static void plan_arrivals(struct sim *sim, const struct sim_config *config)
{
    double burst = config->burst;
    sim->gap_ns = 1e9 / config->rate;
    sim->evenness = burst < 1 ? 1 - burst : 0;
    sim->short_share = burst > 1 ? 1 - 0.25 / burst : 0.75;
    sim->short_mean = 0.05;
    sim->long_mean = (1 - sim->short_share * sim->short_mean) / (1 - sim->short_share);
}

/* Moves on to the next instant; returns whether the tick there belongs to the last one's cluster.
 */
static bool next_instant(struct sim *sim)
{
    bool clustered = draw_unit(sim) < sim->short_share;
    double mean = clustered ? sim->short_mean : sim->long_mean;
    double chance = -log1p(-draw_unit(sim)) * mean; /* exponential */
    sim->now_ns += sim->gap_ns * (sim->evenness + (1 - sim->evenness) * chance);
    return clustered;
}

/* ---- what ---- */

static void list_markets(struct sim *sim)
{
    double total = 0;
    for (uint32_t i = 0; i < sim->markets_count; i++) {
        struct market *m = &sim->markets[i];
        m->listing = &listings[i % ARRAY_LEN(listings)];
        if (i < ARRAY_LEN(listings))
            snprintf(m->name, sizeof m->name, "%s", m->listing->name);
        else
            snprintf(m->name, sizeof m->name, "SIM%u-USD", i);
        m->start_price = m->price = m->listing->price;
        m->trade_id = 1000000 + draw_below(sim, 900000000);
        total += 1 / pow(i + 1, 0.9); /* Zipf, a little flattened */
        m->popularity_until = total;
    }
    for (uint32_t i = 0; i < sim->markets_count; i++)
        sim->markets[i].popularity_until /= total;
}

static struct market *pick_market(struct sim *sim)
{
    double at = draw_unit(sim);
    uint32_t low = 0, high = sim->markets_count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sim->markets[middle].popularity_until > at)
            high = middle;
        else
            low = middle + 1;
    }
    return &sim->markets[low];
}

/* The further a price has strayed from its start, the likelier a trade that brings it back: no walk
 * ends at zero. */
static uint32_t pick_side(struct sim *sim, const struct market *m)
{
    const int64_t scale = 1 << 20;
    int64_t strayed = (m->price - m->start_price) * scale / m->start_price;
    return (int64_t)draw_below(sim, (uint64_t)scale) < scale / 2 - 4 * strayed ? TICK_SIDE_BUY
                                                                               : TICK_SIDE_SELL;
}

/* A buyer lifts the price by some ticks or none, a seller lowers it. */
static void move_price(struct sim *sim, struct market *m, uint32_t side)
{
    int64_t ticks = (int64_t)draw_below(sim, (uint64_t)m->listing->move + 1);
    int64_t step = ticks * m->listing->tick_size;
    m->price += side == TICK_SIDE_BUY ? step : -step;
    if (m->price < m->listing->tick_size)
        m->price = m->listing->tick_size;
}

/* Mostly a few lots, at times many, now and then an odd lot. */
static int64_t pick_size(struct sim *sim, const struct listing *l)
{
    static const int64_t lots[] = {1, 1, 1, 1, 2, 2, 3, 5, 5, 10, 10, 20, 50, 100};
    if (l->lot >= 10 && draw_below(sim, 8) == 0)
        return 1 + (int64_t)draw_below(sim, (uint64_t)l->lot);
    return l->lot * lots[draw_below(sim, ARRAY_LEN(lots))];
}

void sim_next(struct sim *sim, struct tick *tick, const char **symbol)
{
    bool clustered = next_instant(sim);
    if (!clustered || !sim->run_market || draw_below(sim, 10) >= 7) {
        sim->run_market = pick_market(sim);
        sim->run_side = pick_side(sim, sim->run_market);
    }
    struct market *m = sim->run_market;
    move_price(sim, m, sim->run_side);
    *tick = (struct tick){
        .price = m->price,
        .price_exp = m->listing->price_exp,
        .size = pick_size(sim, m->listing),
        .size_exp = m->listing->size_exp,
        .side = sim->run_side,
        .has_id = 1,
        .id = m->trade_id++,
        .ts_ns = (int64_t)sim->now_ns,
        .pos = tick_pos(0, sim->offset++),
    };
    *symbol = m->name;
}

struct sim *sim_create(const struct sim_config *config)
{
    struct sim *sim = calloc(1, sizeof *sim + config->symbols * sizeof *sim->markets);
    if (!sim)
        return NULL;
    sim->markets_count = config->symbols;
    seed_random(sim, config->seed);
    plan_arrivals(sim, config);
    list_markets(sim);
    return sim;
}

void sim_destroy(struct sim *sim)
{
    free(sim);
}
