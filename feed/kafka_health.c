/* SPDX-License-Identifier: MIT */
#include "feed/kafka_health.h"

/* How long ago there was a proof of life: of the partition, else of its leader, which answers a
 * fetch at least every fetch.wait.max.ms. */
static int64_t silence_ns(const struct kafka_health *health, const struct kafka_part *p,
                          int64_t now_ns)
{
    int64_t leader_ns = kafka_watch_heard_ns(health->watch, p->leader);
    return now_ns - (leader_ns > p->heard_ns ? leader_ns : p->heard_ns);
}

static bool flows(const struct kafka_health *health, const struct kafka_part *p, int64_t now_ns)
{
    if (p->placed == 0 || p->lost || p->leader < 0)
        return false;
    if (p->failed_ns > 0 && now_ns - p->failed_ns < health->silence_max_ns)
        return false;
    return silence_ns(health, p, now_ns) < health->silence_max_ns;
}

static enum feed_state state_of(const struct kafka_health *health, const struct kafka_part *parts,
                                uint32_t count, int64_t now_ns)
{
    int64_t heard_ns = kafka_watch_heard_any_ns(health->watch);
    int64_t since_ns = heard_ns > health->started_ns ? heard_ns : health->started_ns;
    if (health->down_ns > since_ns || now_ns - since_ns >= health->silence_max_ns)
        return FEED_LOST;
    bool live = health->complete && count > 0;
    for (uint32_t i = 0; i < count && live; i++)
        live = flows(health, &parts[i], now_ns);
    if (live)
        return FEED_LIVE;
    return health->state == FEED_STARTING ? FEED_STARTING : FEED_STALLED;
}

static bool all_reached(const struct kafka_health *health, const struct kafka_part *parts,
                        uint32_t count)
{
    if (!health->complete)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (parts[i].placed == 0 || !parts[i].reached)
            return false;
    return true;
}

void kafka_health_judge(struct kafka_health *health, const struct kafka_part *parts, uint32_t count,
                        int64_t now_ns)
{
    health->state = state_of(health, parts, count, now_ns);
    health->ready = health->ready || all_reached(health, parts, count);
}

/* A leader that has been silent for half the time allowed may no longer lead: look before it
 * counts. */
bool kafka_health_is_amiss(const struct kafka_health *health, const struct kafka_part *parts,
                           uint32_t count, int64_t now_ns)
{
    for (uint32_t i = 0; i < count; i++)
        if (silence_ns(health, &parts[i], now_ns) > health->silence_max_ns / 2)
            return true;
    return health->state != FEED_LIVE;
}
