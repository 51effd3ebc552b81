/* SPDX-License-Identifier: MIT */
#include "bench/account.h"

#include <string.h>

#define SYMBOL_NONE UINT32_MAX

uint32_t pairs_size(uint32_t symbols)
{
    uint32_t size = 4;
    while (size < symbols * 2)
        size *= 2;
    return size;
}

void pairs_clear(struct pairs *pairs)
{
    for (uint32_t i = 0; i <= pairs->mask; i++)
        pairs->table[i] = (struct pair){.symbol = SYMBOL_NONE};
}

static uint32_t place(uint32_t symbol)
{
    return symbol * UINT32_C(0x9e3779b9) >> 7;
}

static struct pair *find(const struct pairs *pairs, uint32_t symbol)
{
    for (uint32_t at = place(symbol);; at++) {
        struct pair *pair = &pairs->table[at & pairs->mask];
        if (pair->symbol == symbol || pair->symbol == SYMBOL_NONE)
            return pair;
    }
}

void pairs_add(struct pairs *pairs, uint32_t symbol)
{
    *find(pairs, symbol) = (struct pair){.symbol = symbol};
}

/* ---- messages ---- */

static void note_hole(struct account *account, const struct pairs *pairs, uint64_t ticks)
{
    if (pairs->slow) {
        counter_add(&account->ledger->slow_missed, ticks);
        return;
    }
    counter_add(&account->ledger->holes, 1);
    counter_add(&account->ledger->missed, ticks);
}

/* Lower than expected: sent twice, or out of order. */
static void note_late(struct account *account, const struct pair *pair, uint64_t seq)
{
    counter_add(seq + 1 == pair->next ? &account->ledger->duplicates : &account->ledger->reordered,
                1);
}

static void measure(struct account *account, const struct message *message, uint32_t symbol,
                    int64_t now_ns)
{
    struct range *range = &account->ranges[symbol];
    counter_add(&account->ledger->received, 1);
    if (message->seq > range->high)
        range->high = message->seq;
    if (message->seq < range->low || range->low == 0)
        range->low = message->seq;
    if (account->slice)
        curve_add(&account->slice->latency, now_ns - message->ts_ns);
}

static void take_tick(struct account *account, struct pairs *pairs, struct pair *pair,
                      const struct message *message, int64_t now_ns)
{
    if (pair->next == 0)
        pair->base = message->seq;
    else if (message->seq > pair->next)
        note_hole(account, pairs, message->seq - pair->next);
    else if (message->seq < pair->next) {
        note_late(account, pair, message->seq);
        return;
    }
    pair->next = message->seq + 1;
    if (message->ts_ns > account->newest_ns)
        account->newest_ns = message->ts_ns;
    if (pairs->slow)
        counter_add(&account->ledger->slow_received, 1);
    else if (message->ts_ns >= account->from_ns && message->ts_ns < account->to_ns)
        measure(account, message, pair->symbol, now_ns);
}

static void take_snapshot(struct pair *pair, const struct message *message)
{
    if (pair->next == 0)
        pair->base = pair->next = message->seq + 1;
}

/* A gap counts with what of it lies in the measured time, as far as that is known: exactly within
 * it, to a few ticks at its ends. */
static void measure_gap(struct account *account, const struct message *message, uint32_t symbol)
{
    const struct range *range = &account->ranges[symbol];
    uint64_t from = message->seq > range->low ? message->seq : range->low;
    uint64_t to = message->to;
    if (!account->slice)
        return;
    if (account->newest_ns >= account->to_ns && to > range->high)
        to = range->high;
    if (to < from)
        return;
    counter_add(&account->ledger->gaps, 1);
    counter_add(&account->ledger->announced, to - from + 1);
    counter_add(&account->slice->announced, to - from + 1);
}

static void take_gap(struct account *account, struct pairs *pairs, struct pair *pair,
                     const struct message *message)
{
    if (pair->next == 0)
        pair->base = message->seq;
    else if (message->seq > pair->next)
        note_hole(account, pairs, message->seq - pair->next);
    else if (message->seq < pair->next)
        note_late(account, pair, message->seq);
    pair->next = message->to + 1;
    if (pairs->slow)
        counter_add(&account->ledger->slow_announced, message->to - message->seq + 1);
    else
        measure_gap(account, message, pair->symbol);
}

void account_message(struct account *account, struct pairs *pairs, const struct message *message,
                     uint32_t symbol, int64_t now_ns)
{
    struct pair *pair = find(pairs, symbol);
    if (pair->symbol != symbol) {
        counter_add(&account->ledger->stray, 1);
        return;
    }
    switch (message->kind) {
    case MESSAGE_TRADE: take_tick(account, pairs, pair, message, now_ns); break;
    case MESSAGE_SNAPSHOT: take_snapshot(pair, message); break;
    case MESSAGE_GAP: take_gap(account, pairs, pair, message); break;
    default: break;
    }
}

/* ---- the balance ---- */

static uint64_t at_least(uint64_t value, uint64_t least)
{
    return value > least ? value : least;
}

void account_leave(struct account *account, const struct pairs *pairs)
{
    for (uint32_t i = 0; !pairs->slow && i <= pairs->mask; i++) {
        const struct pair *pair = &pairs->table[i];
        if (pair->symbol == SYMBOL_NONE || !pair->next || !account->ranges[pair->symbol].low)
            continue;
        uint64_t from = at_least(pair->base, account->ranges[pair->symbol].low);
        account->unlisted += pair->next > from ? pair->next - from : 0;
    }
}

bool account_is_complete(const struct account *account, const struct pairs *pairs)
{
    for (uint32_t i = 0; pairs->whole && i <= pairs->mask; i++) {
        const struct pair *pair = &pairs->table[i];
        if (pair->symbol != SYMBOL_NONE && pair->next <= account->ranges[pair->symbol].high)
            return false;
    }
    return true;
}

void account_settle(struct account *account, const struct pairs *pairs)
{
    struct ledger *ledger = account->ledger;
    for (uint32_t i = 0; pairs->whole && i <= pairs->mask; i++) {
        const struct pair *pair = &pairs->table[i];
        if (pair->symbol == SYMBOL_NONE || !account->ranges[pair->symbol].low)
            continue;
        const struct range *range = &account->ranges[pair->symbol];
        uint64_t from = at_least(pair->base, range->low);
        uint64_t next = at_least(pair->next, from);
        uint64_t missing = at_least(range->high + 1, next) - next;
        counter_add(pairs->slow ? &ledger->slow_missing : &ledger->missing, missing);
        if (!pairs->slow)
            counter_add(&ledger->expected, at_least(range->high + 1, from) - from);
    }
}

void account_close(struct account *account)
{
    counter_add(&account->ledger->expected, account->unlisted);
    for (uint32_t i = 0; i < account->symbols; i++)
        if (account->ranges[i].low)
            counter_add(&account->ledger->offered,
                        account->ranges[i].high - account->ranges[i].low + 1);
}
