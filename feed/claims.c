/* SPDX-License-Identifier: MIT */
#include "feed/claims.h"

#include "feed/base.h"

void claims_add(struct claims *claims, const char *what, uint64_t bytes)
{
    CHECK(claims->count < CLAIMS_MAX);
    claims->list[claims->count++] = (struct claim){.what = what, .bytes = bytes};
}

uint64_t claims_sum(const struct claims *claims)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < claims->count; i++)
        sum += claims->list[i].bytes;
    return sum;
}
