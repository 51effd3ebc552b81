/* SPDX-License-Identifier: MIT */
/* account_terms: see account_terms.h. */
#include "tests/sim/account_terms.h"

#include <inttypes.h>
#include <string.h>

#include "feed/base.h"
#include "tests/sim/world.h"

static const char *const specs[] = {
    "A",
    "AB",
    "ABC",
    "B-1",
    "BTC-USD",
    "BTC-EUR",
    "ETH-USD",
    "ETH-EUR",
    "E",
    "x/y",
    "binance:BTCUSDT",
    "LONGEST-NAME.OF_THIRTY-TWO:BYTE@",
    "NEVER",
    "*",
    "A*",
    "AB*",
    "BTC-*",
    "ETH-*",
    "B*",
    "NEVER*",
    "LONGEST-NAME.OF_THIRTY-TWO:BYT*",
    "X Y",
    "",
    "A*B",
    "LONGER-THAN.A_NAME-OF:THIRTY-TWO@",
};

uint32_t specs_count(void)
{
    return ARRAY_LEN(specs);
}

const char *spec_text(uint32_t spec)
{
    return specs[spec];
}

bool spec_is_bad(uint32_t spec)
{
    return spec >= ARRAY_LEN(specs) - 4; /* the last of the list */
}

static bool matches(uint32_t spec, uint32_t symbol)
{
    const char *text = specs[spec], *name = truth_name(symbol);
    size_t len = strlen(text);
    if (len && text[len - 1] == '*')
        return strncmp(text, name, len - 1) == 0;
    return strcmp(text, name) == 0;
}

/* ---- resume ---- */

bool account_has(const struct tick *tick, const struct since *mark)
{
    if (tick_partition(tick) != mark->pos >> 48)
        return false;
    return tick->pos < mark->pos || (tick->pos == mark->pos && tick->index <= mark->index);
}

bool account_is_kept(const struct account *account, uint32_t symbol, uint64_t seq, uint64_t ticks)
{
    const struct truth_tick *tick = truth_tick(account->truth, symbol, seq);
    uint64_t order = tick->order[account->worker];
    return order && order <= ticks && ticks - order < account->limits.history_ticks;
}

static const struct since *find_since(const struct ask *ask, uint32_t symbol)
{
    for (uint32_t i = 0; i < ask->since_count; i++)
        if (ask->since[i].symbol == symbol)
            return &ask->since[i];
    return NULL;
}

/* After the last tick that it has, if what follows is kept; else after nothing, and the history
 * answers for the hole. */
static void resume(const struct account *account, struct account_symbol *entry, uint32_t symbol,
                   const struct ask *ask, const struct since *mark)
{
    uint64_t last = ask->view.seq[symbol];
    entry->resumed = true;
    entry->at = 0;
    if (account_has(&truth_tick(account->truth, symbol, last)->tick, mark)) {
        entry->ahead = true;
        entry->mark = *mark;
        entry->at = last;
        return;
    }
    for (uint64_t seq = last; seq > 0; seq--)
        if (account_is_kept(account, symbol, seq, ask->view.ticks) &&
            account_has(&truth_tick(account->truth, symbol, seq)->tick, mark)) {
            entry->at = seq;
            return;
        }
}

/* ---- modes ---- */

/* Whether nothing beyond the mark had come by then. */
static bool is_still_ahead(const struct account *account, const struct account_symbol *entry,
                           uint32_t symbol, const struct ask *ask)
{
    if (!entry->ahead)
        return false;
    for (uint64_t seq = entry->at + 1; seq <= ask->view.seq[symbol]; seq++) {
        const struct truth_tick *tick = truth_tick(account->truth, symbol, seq);
        if (!tick->merged && !account_has(&tick->tick, &entry->mark))
            return false;
    }
    return true;
}

/* To leave `latest` begins a new account, with a snapshot. */
static void change_mode(struct account *account, uint32_t symbol, const struct ask *ask)
{
    struct account_symbol *entry = &account->symbols[symbol];
    enum mode was = entry->mode;
    entry->mode = ask->mode;
    TRACE("    %u: %s mode %u to %u at %" PRIu64, account->number, truth_name(symbol), was,
          ask->mode, ask->view.seq[symbol]);
    if (ask->mode == was)
        return;
    if (ask->mode == STRICT)
        entry->strict_from = ask->view.seq[symbol];
    if (was == LATEST && ask->view.seq[symbol] && !is_still_ahead(account, entry, symbol, ask))
        entry->snapshot_due = true;
}

static void begin(struct account *account, uint32_t symbol, const struct ask *ask)
{
    struct account_symbol *entry = &account->symbols[symbol];
    uint64_t last = ask->view.seq[symbol];
    const struct since *since = last ? find_since(ask, symbol) : NULL;
    *entry =
        (struct account_symbol){.holders = 1, .at = last, .mode = ask->mode, .strict_from = last};
    TRACE("    %u: %s begins at %" PRIu64 ", mode %u%s", account->number, truth_name(symbol), last,
          ask->mode, since ? ", resumes" : "");
    if (since)
        resume(account, entry, symbol, ask, since);
    else
        entry->snapshot_due = ask->snapshot && last;
}

/* ---- what is held ---- */

uint32_t account_find_held(const struct account *account, uint32_t spec)
{
    uint32_t i = 0;
    while (i < account->held_count && account->held[i].spec != spec)
        i++;
    return i;
}

/* For a symbol that turns up later the most specific subscription decides. */
static enum mode coming_mode(const struct account *account, uint32_t symbol)
{
    const struct held *best = NULL;
    for (uint32_t i = 0; i < account->held_count; i++) {
        const struct held *held = &account->held[i];
        size_t len = strlen(specs[held->spec]);
        if (!matches(held->spec, symbol))
            continue;
        if (specs[held->spec][len - 1] != '*')
            return held->mode;
        if (!best || len > strlen(specs[best->spec]))
            best = held;
    }
    return best ? best->mode : ALL;
}

void account_hold(struct account *account, const struct ask *ask, uint32_t spec)
{
    uint32_t at = account_find_held(account, spec);
    bool again = at < account->held_count;
    account->held_count += !again;
    account->held[at] = (struct held){.spec = (uint8_t)spec, .mode = ask->mode};
    account->ever_strict |= ask->mode == STRICT;
    for (uint32_t i = 0; i < TRUTH_SYMBOLS; i++) {
        if (!matches(spec, i))
            continue;
        if (!account->symbols[i].holders) {
            begin(account, i, ask);
        } else {
            account->symbols[i].holders += !again;
            change_mode(account, i, ask);
        }
        if (!ask->view.named[i])
            account->symbols[i].mode = coming_mode(account, i);
    }
}

void account_release(struct account *account, const struct ask *ask, uint32_t at)
{
    uint32_t spec = account->held[at].spec;
    memmove(account->held + at, account->held + at + 1,
            (--account->held_count - at) * sizeof *account->held);
    for (uint32_t i = 0; i < TRUTH_SYMBOLS; i++) {
        account->symbols[i].holders -= matches(spec, i);
        if (matches(spec, i) && !ask->view.named[i])
            account->symbols[i].mode = coming_mode(account, i);
    }
}
