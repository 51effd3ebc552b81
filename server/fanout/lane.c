/* SPDX-License-Identifier: MIT */
/* lane: see lane.h. */
#include "server/fanout/lane.h"

#include <stdlib.h>
#include <string.h>

#include "feed/base.h"

enum { LANE_CAP_MIN = 512 };

static bool grow(struct lane *lane, struct lane_budget *budget, uint32_t need)
{
    uint32_t cap = lane->cap ? lane->cap : LANE_CAP_MIN;
    while (cap < need)
        cap *= 2;
    if (budget->used + cap - lane->cap > budget->max)
        return false;
    uint8_t *data = realloc(lane->data, cap);
    if (!data)
        return false;
    budget->used += cap - lane->cap;
    lane->data = data;
    lane->cap = cap;
    return true;
}

bool lane_append(struct lane *lane, struct lane_budget *budget, const void *data, uint32_t len,
                 uint32_t bound)
{
    if (len > bound || lane->len > bound - len)
        return false;
    if (lane->head && lane->head + lane->len + len > lane->cap) {
        memmove(lane->data, lane->data + lane->head, lane->len);
        lane->head = 0;
    }
    if (lane->len + len > lane->cap && !grow(lane, budget, lane->len + len))
        return false;
    memcpy(lane->data + lane->head + lane->len, data, len);
    lane->len += len;
    return true;
}

void lane_consume(struct lane *lane, struct lane_budget *budget, uint32_t len)
{
    CHECK(len <= lane->len);
    lane->head += len;
    lane->len -= len;
    if (lane->len == 0)
        lane_finish(lane, budget);
}

void lane_finish(struct lane *lane, struct lane_budget *budget)
{
    budget->used -= lane->cap;
    free(lane->data);
    *lane = (struct lane){0};
}
