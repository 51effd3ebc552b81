/* SPDX-License-Identifier: MIT */
/*
 * dice: all chance in a simulated run, from one seed (SplitMix64: Steele, Lea, Flood 2014). The
 * same seed rolls the same on every machine.
 */
#ifndef TAPEHEAD_TESTS_SIM_DICE_H
#define TAPEHEAD_TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t z = dice->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 to n - 1. */
static inline uint32_t dice_below(struct dice *dice, uint32_t n)
{
    return (uint32_t)((dice_next(dice) >> 32) * n >> 32);
}

/* low to high, both included. */
static inline uint32_t dice_between(struct dice *dice, uint32_t low, uint32_t high)
{
    return low + dice_below(dice, high - low + 1);
}

static inline bool dice_percent(struct dice *dice, uint32_t percent)
{
    return dice_below(dice, 100) < percent;
}

/* 1 to max: the ends and the small more often than they would be by chance. */
static inline uint32_t dice_length(struct dice *dice, uint32_t max)
{
    switch (dice_below(dice, 8)) {
    case 0: return 1;
    case 1: return max;
    case 2: return dice_between(dice, 1, max < 16 ? max : 16);
    default: return dice_between(dice, 1, max);
    }
}

#endif
