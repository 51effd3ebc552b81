/* SPDX-License-Identifier: MIT */
/* account_answers: see account_answers.h. */
#include "tests/sim/account_answers.h"

#include <inttypes.h>

#include "tests/sim/account_terms.h"
#include "tests/sim/world.h"

/* ---- answers ---- */

static struct ask take_ask(struct account *account)
{
    REQUIRE(account->asks_count, "an answer to no command");
    struct ask ask = account->asks[account->asks_first];
    REQUIRE(ask.heard, "an answer before the command was heard");
    account->asks_first = (account->asks_first + 1) % ASKS_MAX;
    account->asks_count--;
    return ask;
}

static void check_id(const struct ask *ask, const struct value *message)
{
    const struct value *id = value_get(message, "id");
    REQUIRE(ask->id ? id && id->kind == V_INTEGER && id->number == ask->id : !id,
            "an answer with another id than its command's %u", ask->id);
}

/* The list's text at `*at`, which moves on, must be that of `spec`. */
static void expect_text(const struct value **at, uint32_t spec, const char *list)
{
    REQUIRE(value_is(*at, spec_text(spec)), "\"%s\" is missing from \"%s\"", spec_text(spec), list);
    *at = (*at)->next;
}

static void check_rejection(const struct account *account, const struct value *rejected,
                            uint32_t spec, bool full)
{
    REQUIRE(rejected && value_is(value_get(rejected, "symbol"), spec_text(spec)),
            "\"%s\" is missing from \"rejected\"", spec_text(spec));
    const struct value *code = value_get(rejected, "code");
    if (spec_is_bad(spec))
        REQUIRE(value_is(code, "bad_symbol"), "\"%s\" is no bad symbol", spec_text(spec));
    else if (full)
        REQUIRE(value_is(code, "too_many_subscriptions"), "the limit isn't told");
    else
        REQUIRE(value_is(code, "server_full") && account->limits.pools_are_tight,
                "\"%s\" was rejected", spec_text(spec));
}

/* Each symbol of the command is in one list or the other, in order. */
static void take_subscribed(struct account *account, const struct value *message)
{
    struct ask ask = take_ask(account);
    REQUIRE(ask.kind == ASK_SUBSCRIBE, "\"subscribed\" answers another command");
    check_id(&ask, message);
    const struct value *good = value_get(message, "symbols")->first;
    const struct value *bad = value_get(message, "rejected")->first;
    for (uint32_t i = 0; i < ask.specs_count; i++) {
        uint32_t spec = ask.specs[i];
        bool full = account->held_count >= account->limits.subscriptions &&
                    account_find_held(account, spec) == account->held_count;
        if (spec_is_bad(spec) || full ||
            (bad && value_is(value_get(bad, "symbol"), spec_text(spec)))) {
            check_rejection(account, bad, spec, full);
            bad = bad->next;
        } else {
            expect_text(&good, spec, "symbols");
            account_hold(account, &ask, spec);
        }
    }
    REQUIRE(!good && !bad, "\"subscribed\" lists more than was asked for");
}

static void take_unsubscribed(struct account *account, const struct value *message)
{
    struct ask ask = take_ask(account);
    REQUIRE(ask.kind == ASK_UNSUBSCRIBE || ask.kind == ASK_UNSUBSCRIBE_ALL,
            "\"unsubscribed\" answers another command");
    check_id(&ask, message);
    const struct value *at = value_get(message, "symbols")->first;
    while (ask.kind == ASK_UNSUBSCRIBE_ALL && account->held_count) {
        expect_text(&at, account->held[0].spec, "symbols");
        account_release(account, &ask, 0);
    }
    for (uint32_t i = 0; i < ask.specs_count; i++) {
        uint32_t held = account_find_held(account, ask.specs[i]);
        if (held == account->held_count)
            continue;
        expect_text(&at, ask.specs[i], "symbols");
        account_release(account, &ask, held);
    }
    REQUIRE(!at, "\"unsubscribed\" lists more than was held");
}

static void take_subscriptions(struct account *account, const struct value *message)
{
    struct ask ask = take_ask(account);
    REQUIRE(ask.kind == ASK_LIST, "\"subscriptions\" answers another command");
    check_id(&ask, message);
    const struct value *at = value_get(message, "symbols")->first;
    for (uint32_t i = 0; i < account->held_count; i++)
        expect_text(&at, account->held[i].spec, "symbols");
    REQUIRE(!at, "\"subscriptions\" lists more than is held");
}

static void take_error(struct account *account, const struct value *message)
{
    struct ask ask = take_ask(account);
    const struct value *code = value_get(message, "code");
    REQUIRE(code && value_get(message, "message"), "an error without its code or message");
    bool hurried = value_is(code, "too_many_commands") && account->limits.commands_are_tight;
    REQUIRE(hurried || ask.kind == ASK_NONSENSE, "a good command is answered with %.*s",
            (int)code->len, code->text);
}

static void take_simple(struct account *account, const struct value *message, enum ask_kind kind)
{
    struct ask ask = take_ask(account);
    REQUIRE(ask.kind == kind, "an answer to another command");
    check_id(&ask, message);
    if (kind == ASK_CONFIGURE)
        REQUIRE(value_number(message, "max_delay_ms") == ask.max_delay_ms,
                "another delay than was asked for");
}

static void take_heartbeat(struct account *account, const struct value *message)
{
    uint64_t dropped = value_number(message, "dropped");
    REQUIRE(dropped >= account->dropped_told, "a heartbeat's \"dropped\" falls");
    account->dropped_told = dropped;
    REQUIRE(value_number(message, "queued") <= account->limits.queue_frames,
            "a heartbeat tells of a queue beyond its bound");
    REQUIRE(value_number(message, "sent_ts") >= value_number(message, "ts"),
            "a heartbeat sent before it was made");
}

void account_answer(struct account *account, const struct value *message, const struct value *type)
{
    TRACE("    %u reads %.*s", account->number, type ? (int)type->len : 0, type ? type->text : "");
    bool welcome = value_is(type, "welcome");
    REQUIRE(welcome != account->welcomed, "\"welcome\" isn't the first message, or comes twice");
    account->welcomed = true;
    if (welcome)
        return;
    if (value_is(type, "subscribed"))
        take_subscribed(account, message);
    else if (value_is(type, "unsubscribed"))
        take_unsubscribed(account, message);
    else if (value_is(type, "subscriptions"))
        take_subscriptions(account, message);
    else if (value_is(type, "pong"))
        take_simple(account, message, ASK_PING);
    else if (value_is(type, "configured"))
        take_simple(account, message, ASK_CONFIGURE);
    else if (value_is(type, "error"))
        take_error(account, message);
    else if (value_is(type, "heartbeat"))
        take_heartbeat(account, message);
    else if (value_is(type, "shutdown"))
        account->shutdown_told = true;
    else
        fail("a message of another type: %.*s", type ? (int)type->len : 0, type ? type->text : "");
}
