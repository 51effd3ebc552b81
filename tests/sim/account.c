/* SPDX-License-Identifier: MIT */
/* account: see account.h. Ticks and gaps are here, answers in account_answers.c, what subscriptions
 * mean in account_terms.c. */
#include "tests/sim/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/account_answers.h"
#include "tests/sim/account_terms.h"
#include "tests/sim/world.h"

struct ask *account_ask(struct account *account)
{
    if (account->asks_count == ASKS_MAX)
        return NULL;
    struct ask *ask = &account->asks[(account->asks_first + account->asks_count++) % ASKS_MAX];
    *ask = (struct ask){0};
    return ask;
}

void account_heard(struct account *account, uint64_t bytes)
{
    truth_follow(account->truth, account->worker); /* it may have read on in this very turn */
    for (uint32_t i = 0; i < account->asks_count; i++) {
        struct ask *ask = &account->asks[(account->asks_first + i) % ASKS_MAX];
        if (ask->heard || ask->end > bytes)
            continue;
        ask->heard = true;
        ask->view = account->truth->views[account->worker];
    }
}

/* ---- a tick's fields ---- */

/* mantissa * 10^exponent with every digit; exponent is 0 or less. */
static void print_decimal(char *out, size_t size, int64_t mantissa, int exponent)
{
    char digits[64];
    int places = -exponent;
    int len = snprintf(digits, sizeof digits, "%0*" PRId64, places + 1, mantissa);
    snprintf(out, size, "%.*s%s%s", len - places, digits, places ? "." : "", digits + len - places);
}

static void check_text(const struct value *message, const char *key, const char *expected)
{
    const struct value *value = value_get(message, key);
    REQUIRE(value_is(value, expected), "a tick's \"%s\" is %.*s, not %s", key,
            value ? (int)value->len : 0, value ? value->text : "", expected);
}

static void check_json(const struct value *message, const struct tick *tick)
{
    static const char *const sides[] = {"none", "buy", "sell"};
    char text[128];
    int len = snprintf(text, sizeof text, "%u:%" PRIu64, tick_partition(tick), tick_offset(tick));
    if (tick->index)
        snprintf(text + len, sizeof text - (size_t)len, ":%u", tick->index);
    check_text(message, "pos", text);
    print_decimal(text, sizeof text, tick->price, tick->price_exp);
    check_text(message, "price", text);
    print_decimal(text, sizeof text, tick->size, tick->size_exp);
    check_text(message, "size", text);
    check_text(message, "side", sides[tick->side]);
    snprintf(text, sizeof text, "%" PRIu64, tick->id);
    if (tick->has_id)
        check_text(message, "id", text);
    else
        REQUIRE(!value_get(message, "id"), "an id where there is none");
    REQUIRE(value_number(message, "ts") == (uint64_t)tick->ts_ns / 1000 &&
                value_number(message, "rts") == (uint64_t)tick->rts_ns / 1000,
            "a tick's times differ");
}

static void check_packed(const struct value *message, const struct tick *tick)
{
    const int64_t expected[] = {tick_partition(tick), (int64_t)tick_offset(tick),
                                tick->price,          tick->price_exp,
                                tick->size,           tick->size_exp,
                                tick->side,           (int64_t)tick->id,
                                tick->ts_ns,          tick->rts_ns,
                                tick->index};
    REQUIRE(message->number == (tick->index ? 14 : 13), "a tick of %u elements",
            (unsigned)message->number);
    for (uint32_t i = 3; i < message->number; i++) {
        const struct value *value = value_at(message, i);
        if (i == 10 && !tick->has_id) {
            REQUIRE(value->kind == V_NULL, "an id where there is none");
            continue;
        }
        int64_t number = (int64_t)(value->negative ? -value->number : value->number);
        REQUIRE(value->kind == V_INTEGER && number == expected[i - 3],
                "a tick's element %u is %" PRId64 ", not %" PRId64, i, number, expected[i - 3]);
    }
}

/* ---- a symbol's account ---- */

static uint32_t symbol_of(const struct account *account, const struct value *name)
{
    uint32_t symbol =
        name && name->kind == V_TEXT ? truth_find(name->text, name->len) : (uint32_t)TRUTH_SYMBOLS;
    REQUIRE(symbol < TRUTH_SYMBOLS, "a message of an unknown symbol");
    REQUIRE(account->symbols[symbol].holders, "%s arrives without a subscription",
            truth_name(symbol));
    return symbol;
}

/* A warm-up tick after `at`: it isn't fanned out, a snapshot of what it led to is. */
static bool has_quiet(const struct account *account, uint32_t symbol, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++)
        if (truth_tick(account->truth, symbol, seq)->tick.quiet)
            return true;
    return false;
}

/* A snapshot, when one is due, precedes everything else. */
static void take_snapshot(struct account *account, uint32_t symbol, uint64_t seq)
{
    struct account_symbol *entry = &account->symbols[symbol];
    REQUIRE(entry->snapshot_due || has_quiet(account, symbol, entry->at + 1, seq),
            "%s: a snapshot that isn't due", truth_name(symbol));
    REQUIRE(seq >= entry->at && seq <= account->truth->views[account->worker].seq[symbol],
            "%s: a snapshot of seq %" PRIu64 ", after %" PRIu64, truth_name(symbol), seq,
            entry->at);
    entry->snapshot_due = entry->ahead = false;
    entry->at = seq;
}

/* Ticks that the client had before it came are passed over in silence. */
static void pass_over(const struct account *account, uint32_t symbol, struct account_symbol *entry)
{
    if (!entry->ahead)
        return;
    uint64_t seen = account->truth->views[account->worker].seq[symbol];
    for (uint64_t seq = entry->at + 1; seq <= seen; seq++) {
        const struct truth_tick *tick = truth_tick(account->truth, symbol, seq);
        if (!tick->merged && !account_has(&tick->tick, &entry->mark))
            return;
        if (!tick->merged)
            entry->at = seq;
    }
}

/* Invariant 6: nothing is skipped, but by mode latest, and nothing comes twice. */
static void take_trade(struct account *account, uint32_t symbol, uint64_t seq)
{
    struct account_symbol *entry = &account->symbols[symbol];
    REQUIRE(!entry->snapshot_due, "%s: seq %" PRIu64 " precedes its snapshot", truth_name(symbol),
            seq);
    pass_over(account, symbol, entry);
    REQUIRE(entry->mode == LATEST ? seq > entry->at : seq == entry->at + 1,
            "%s: seq %" PRIu64 " follows %" PRIu64, truth_name(symbol), seq, entry->at);
    entry->at = seq;
    entry->ahead = false;
}

static void take_tick(struct account *account, const struct value *message, bool snapshot,
                      const struct value *name, uint64_t seq)
{
    uint32_t symbol = symbol_of(account, name);
    const struct truth_tick *known = truth_tick(account->truth, symbol, seq);
    TRACE("    %u reads %s %s seq %" PRIu64, account->number, snapshot ? "snapshot" : "trade",
          truth_name(symbol), seq);
    REQUIRE(known && !known->merged, "%s: seq %" PRIu64 " was never sent on", truth_name(symbol),
            seq);
    if (account->msgpack)
        check_packed(message, &known->tick);
    else
        check_json(message, &known->tick);
    account->ticks++;
    if (snapshot) {
        take_snapshot(account, symbol, seq);
        return;
    }
    REQUIRE(!known->tick.quiet || account->symbols[symbol].resumed,
            "%s: seq %" PRIu64 " is a warm-up tick", truth_name(symbol), seq);
    take_trade(account, symbol, seq);
}

/* ---- gaps ---- */

/* What the feed merged is told of as exactly that. */
static void check_overload(const struct account *account, uint32_t symbol, uint64_t from,
                           uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++) {
        const struct truth_tick *tick = truth_tick(account->truth, symbol, seq);
        REQUIRE(tick && tick->merged, "%s: an overload gap names seq %" PRIu64, truth_name(symbol),
                seq);
    }
    const struct truth_tick *next = truth_tick(account->truth, symbol, to + 1);
    REQUIRE(next && !next->merged, "%s: an overload gap ends early, at %" PRIu64,
            truth_name(symbol), to);
}

/* What the history no longer holds, or never held. */
static void check_history(const struct account *account, uint32_t symbol, uint64_t from,
                          uint64_t to)
{
    REQUIRE(account->symbols[symbol].resumed, "%s: a history gap without a resume",
            truth_name(symbol));
    for (uint64_t seq = from; seq <= to; seq++)
        REQUIRE(
            !account_is_kept(account, symbol, seq, account->truth->views[account->worker].ticks),
            "%s: a history gap names seq %" PRIu64 ", which is kept", truth_name(symbol), seq);
}

static void check_reason(struct account *account, const struct value *reason, uint32_t symbol,
                         uint64_t from, uint64_t to)
{
    const struct account_symbol *entry = &account->symbols[symbol];
    REQUIRE(entry->mode != LATEST, "%s: a gap in mode latest", truth_name(symbol));
    if (value_is(reason, "history")) {
        check_history(account, symbol, from, to);
        return;
    }
    account->strict_lost |= entry->mode == STRICT && to > entry->strict_from;
    if (value_is(reason, "overload"))
        check_overload(account, symbol, from, to);
    else if (value_is(reason, "slow_client"))
        REQUIRE(*account->drops, "%s: %" PRIu64 "–%" PRIu64 " are missed, yet none was dropped",
                truth_name(symbol), from, to);
    else
        fail("%s: a gap of another reason", truth_name(symbol));
}

static void take_gap(struct account *account, const struct value *message)
{
    uint32_t symbol = symbol_of(account, value_get(message, "symbol"));
    struct account_symbol *entry = &account->symbols[symbol];
    uint64_t from = value_number(message, "from"), to = value_number(message, "to");
    const struct value *reason = value_get(message, "reason");
    TRACE("    %u reads gap %s %" PRIu64 "-%" PRIu64 " %.*s", account->number, truth_name(symbol),
          from, to, reason ? (int)reason->len : 0, reason ? reason->text : "");
    REQUIRE(!entry->snapshot_due, "%s: a gap precedes its snapshot", truth_name(symbol));
    pass_over(account, symbol, entry);
    REQUIRE(from == entry->at + 1 && to >= from && value_number(message, "count") == to - from + 1,
            "%s: a gap of %" PRIu64 "–%" PRIu64 " follows %" PRIu64, truth_name(symbol), from, to,
            entry->at);
    REQUIRE(to <= account->truth->views[account->worker].seq[symbol],
            "%s: a gap up to %" PRIu64 ", which the worker hasn't seen", truth_name(symbol), to);
    check_reason(account, reason, symbol, from, to);
    entry->at = to;
    entry->ahead = false;
    account->gaps++;
}

void account_message(struct account *account, const struct value *message)
{
    if (message->kind == V_LIST) { /* msgpack: a tick is an array */
        const struct value *type = value_at(message, 0), *seq = value_at(message, 2);
        REQUIRE(type->kind == V_INTEGER && (type->number == 1 || type->number == 2) &&
                    seq->kind == V_INTEGER,
                "an array that is no tick");
        take_tick(account, message, type->number == 2, value_at(message, 1), seq->number);
        return;
    }
    const struct value *type = value_get(message, "type");
    if (value_is(type, "trade") || value_is(type, "snapshot"))
        take_tick(account, message, value_is(type, "snapshot"), value_get(message, "symbol"),
                  value_number(message, "seq"));
    else if (value_is(type, "gap"))
        take_gap(account, message);
    else
        account_answer(account, message, type);
}

void account_check_complete(const struct account *account, bool at_rest)
{
    const uint64_t *seen = account->truth->views[account->worker].seq;
    REQUIRE(!at_rest || !account->strict_lost,
            "a tick was lost in mode strict, and the connection stays");
    for (uint32_t i = 0; i < TRUTH_SYMBOLS; i++) {
        struct account_symbol entry = account->symbols[i];
        if (!entry.holders || (!at_rest && entry.mode == LATEST))
            continue;
        pass_over(account, i, &entry);
        REQUIRE(!entry.snapshot_due, "%s: the snapshot never came", truth_name(i));
        REQUIRE(entry.at == seen[i],
                "%s: the client knows of %" PRIu64 " ticks, its worker has seen %" PRIu64,
                truth_name(i), entry.at, seen[i]);
    }
}

void account_check_answered(const struct account *account)
{
    for (uint32_t i = 0; i < account->asks_count; i++)
        REQUIRE(!account->asks[(account->asks_first + i) % ASKS_MAX].heard,
                "a command was never answered");
}
