/* SPDX-License-Identifier: MIT */
/* account: see account.h. */
#include "account.h"

#include <string.h>

static const char *take_snapshot(struct account *account, const struct stream_message *message)
{
    if (!account->snapshot)
        return "a snapshot that nobody asked for";
    if (message->seq < account->least)
        return "a snapshot that was old when it was asked for";
    account->snapshot = false;
    account->next = message->seq + 1;
    return NULL;
}

static const char *take_trade(struct account *account, const struct stream_message *message)
{
    if (account->snapshot)
        return "a trade before the snapshot";
    if (account->mode == TERMS_LATEST ? message->seq < account->next
                                      : message->seq != account->next)
        return message->seq < account->next ? "a tick twice" : "ticks missing without a gap";
    account->next = message->seq + 1;
    return NULL;
}

static const char *take_gap(struct account *account, const struct stream_message *message,
                            struct account_sums *sums)
{
    bool slow = strcmp(message->reason, "slow_client") == 0;
    bool history = strcmp(message->reason, "history") == 0;
    if (account->snapshot)
        return "a gap before the snapshot";
    if (account->mode == TERMS_LATEST)
        return "a gap in mode latest";
    /* A resume from before what is kept begins at the beginning. */
    bool anew = history && account->resumed && message->from == 1;
    if (message->from != account->next && !anew)
        return "a gap that begins elsewhere than where ticks are missing";
    if (message->to < message->from || message->count != message->to - message->from + 1)
        return "a gap with a wrong count";
    if (history && !account->resumed)
        return "a gap of history without a resume";
    if (!slow && !history && strcmp(message->reason, "overload") != 0)
        return "a gap of an unknown reason";
    *(slow ? &sums->slow : &sums->overload) += history ? 0 : message->count;
    account->next = message->to + 1;
    return NULL;
}

const char *account_take(struct account *account, const struct stream_message *message,
                         struct account_sums *sums)
{
    if (!account->open)
        return "nothing was subscribed";
    if (message->kind == STREAM_GAP)
        return take_gap(account, message, sums);
    sums->ticks++;
    return message->kind == STREAM_SNAPSHOT ? take_snapshot(account, message)
                                            : take_trade(account, message);
}

const char *account_complete(const struct account *account, uint64_t last)
{
    if (!account->open)
        return NULL;
    if (account->snapshot)
        return "a snapshot was never sent";
    return account->next == last + 1 ? NULL : "the end is missing";
}
