/* SPDX-License-Identifier: MIT */
/* peer: see peer.h. */
#include "tests/sim/peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "feed/base.h"
#include "tests/sim/world.h"

enum { ASKS_UNANSWERED_MAX = 4, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static void on_delivered(void *owner)
{
    struct peer *peer = owner;
    account_heard(&peer->account, peer->link.delivered);
}

void peer_init(struct peer *peer, uint32_t number, enum peer_habit habit, bool msgpack,
               const struct account *account)
{
    static const uint32_t rooms[] = {1, 40, 300, 2000, 20000, 200000};
    *peer = (struct peer){.habit = habit, .number = number, .account = *account};
    peer->account.number = number;
    peer->account.msgpack = peer->speaker.msgpack = msgpack;
    peer->speaker.fragments = chance(30) ? 40 : 0;
    peer->talk = chance(50) ? roll(1, 10) : roll(10, 60);
    peer->link.down_max = rooms[roll(habit == PEER_STEADY ? 2 : 0, ARRAY_LEN(rooms) - 1)];
    peer->link.on_delivered = on_delivered;
    peer->link.owner = peer;
    if (habit == PEER_MORTAL || habit == PEER_HALF || habit == PEER_VANDAL || chance(20))
        peer->doom = roll(1, 150);
}

void peer_finish(struct peer *peer)
{
    link_finish(&peer->link);
    reader_finish(&peer->reader);
    pipe_finish(&peer->speaker.out);
}

static void end(struct peer *peer, const char *how)
{
    TRACE("  peer %u: ends, %s", peer->number, how);
    peer->state = PEER_ENDED;
    peer->link.up_ended = true;
}

/* ---- speaking ---- */

static void choose_specs(struct ask *ask)
{
    ask->specs_count = roll(0, 4) ? roll(1, 3) : roll(0, ASK_SPECS_MAX);
    for (uint32_t i = 0; i < ask->specs_count; i++)
        ask->specs[i] = (uint8_t)roll(0, specs_count() - (chance(95) ? 5 : 1));
}

static void dial_websocket(struct peer *peer)
{
    char query[256] = "";
    struct ask *ask = NULL;
    if (chance(60)) {
        ask = account_ask(&peer->account);
        ask->kind = ASK_SUBSCRIBE;
        ask->snapshot = true;
        size_t len = (size_t)snprintf(query, sizeof query, "?symbols=");
        ask->specs_count = roll(1, 3);
        for (uint32_t i = 0; i < ask->specs_count; i++) {
            ask->specs[i] = (uint8_t)roll(0, specs_count() - 5);
            len += (size_t)snprintf(query + len, sizeof query - len, "%s%s", i ? "," : "",
                                    spec_text(ask->specs[i]));
        }
    }
    speak_upgrade(&peer->speaker, query);
    if (ask)
        ask->end = peer->speaker.said;
}

static void browse(struct peer *peer)
{
    static const char *const paths[] = {
        "/healthz", "/readyz",  "/v1/symbols", "/v1/last?symbols=A*",
        "/v1/last", "/metrics", "/nowhere",    "/"};
    const char *path = paths[roll(0, ARRAY_LEN(paths) - 1)];
    speak_request(&peer->speaker, path, chance(80));
    peer->requests++;
}

void peer_dial(struct peer *peer)
{
    peer->state = PEER_DIALLED;
    TRACE("  peer %u dials, habit %u, %s, room %u", peer->number, peer->habit,
          peer->speaker.msgpack ? "msgpack" : "JSON", peer->link.down_max);
    if (peer->habit == PEER_BROWSER)
        browse(peer);
    else if (peer->habit == PEER_MUTE)
        speak(&peer->speaker, "GET /ws HTTP/1.1\r\nHost", roll(0, 22));
    else
        dial_websocket(peer);
}

static enum ask_kind choose_kind(void)
{
    uint32_t n = roll(0, 99);
    return n < 45   ? ASK_SUBSCRIBE
           : n < 65 ? ASK_UNSUBSCRIBE
           : n < 71 ? ASK_UNSUBSCRIBE_ALL
           : n < 77 ? ASK_LIST
           : n < 85 ? ASK_PING
           : n < 97 ? ASK_CONFIGURE
                    : ASK_NONSENSE;
}

/* Somewhere in what has been, or a little beyond it, as from a server that is further. */
static void choose_since(const struct truth *truth, struct since *since)
{
    since->symbol = roll(0, truth->script.symbols - 1);
    const struct truth_symbol *symbol = &truth->symbols[since->symbol];
    since->pos = tick_pos(since->symbol % TRUTH_PARTITIONS, roll(0, 5));
    since->index = 0;
    if (!symbol->count)
        return;
    uint64_t back = chance(50) ? roll(0, 20) : roll(0, 1000);
    const struct tick *tick =
        &symbol->ticks[back < symbol->count ? symbol->count - 1 - back : 0].tick;
    since->pos = tick->pos + (chance(30) ? roll(0, 30) : 0);
    since->index = since->pos == tick->pos ? tick->index : 0;
}

static void choose_terms(const struct peer *peer, struct ask *ask)
{
    choose_specs(ask);
    ask->snapshot = chance(50);
    ask->mode = chance(60) ? ALL : chance(60) ? LATEST : STRICT;
    if (ask->mode == LATEST && chance(50))
        ask->interval_ms = roll(1, 60);
    if (chance(30))
        ask->since_count = roll(1, SINCE_MAX);
    for (uint32_t i = 0; i < ask->since_count; i++) {
        choose_since(peer->account.truth, &ask->since[i]);
        for (uint32_t k = 0; k < i; k++)
            if (ask->since[k].symbol == ask->since[i].symbol)
                ask->since_count = i; /* a key given twice is an error */
    }
}

static void trace_ask(const struct peer *peer, const struct ask *ask)
{
    static const char *const kinds[] = {"subscribe", "unsubscribe", "unsubscribe all", "list",
                                        "ping",      "configure",   "nonsense"};
    static const char *const modes[] = {"all", "latest", "strict"};
    TRACE("  peer %u: asks %s id %u, mode %s, snapshot %d", peer->number, kinds[ask->kind], ask->id,
          modes[ask->mode], ask->snapshot);
    for (uint32_t i = 0; i < ask->specs_count; i++)
        TRACE("           \"%s\"", spec_text(ask->specs[i]));
    for (uint32_t i = 0; i < ask->since_count; i++)
        TRACE("           %s since offset %u:%u", truth_name(ask->since[i].symbol),
              (unsigned)ask->since[i].pos, ask->since[i].index);
}

static void ask_for(struct peer *peer, enum ask_kind kind)
{
    struct ask *ask = account_ask(&peer->account);
    ask->kind = kind;
    ask->id = roll(0, 9);
    if (kind == ASK_SUBSCRIBE)
        choose_terms(peer, ask);
    else if (kind == ASK_UNSUBSCRIBE)
        choose_specs(ask);
    ask->max_delay_ms = chance(50) ? 0 : roll(1, 40);
    speak_ask(&peer->speaker, ask);
    trace_ask(peer, ask);
}

static void ask_something(struct peer *peer)
{
    if (peer->account.asks_count >= ASKS_UNANSWERED_MAX)
        return;
    ask_for(peer, choose_kind());
    if (!chance(20))
        return;
    /* All given up and something else asked for, in one breath: what was is used again at once. */
    ask_for(peer, chance(50) ? ASK_UNSUBSCRIBE_ALL : ASK_UNSUBSCRIBE);
    ask_for(peer, ASK_SUBSCRIBE);
}

static void say_goodbye(struct peer *peer)
{
    TRACE("  peer %u: says goodbye", peer->number);
    speak_close(&peer->speaker, 1000);
    peer->goodbye = true;
}

static void vandalise(struct peer *peer)
{
    static const uint8_t firsts[] = {0xf1, 0x83, 0x80, 0x09, 0x8b, 0x82, 0x81};
    uint8_t noise[32];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)roll(0, 255);
    TRACE("  peer %u: breaks the protocol", peer->number);
    peer->broke = true;
    speak_frame(&peer->speaker, firsts[roll(0, sizeof firsts - 1)], noise, sizeof noise);
}

static void do_mischief(struct peer *peer)
{
    switch (peer->habit) {
    case PEER_MORTAL:
        peer->link.reset = true;
        end(peer, "torn");
        break;
    case PEER_HALF: peer->link.up_ended = true; break;
    case PEER_VANDAL: vandalise(peer); break;
    default:
        if (peer->state == PEER_UPGRADED && !peer->goodbye)
            say_goodbye(peer);
        break;
    }
}

static void speak_up(struct peer *peer)
{
    if (peer->doom && --peer->doom == 0)
        do_mischief(peer);
    if (peer->state != PEER_UPGRADED || peer->goodbye || peer->close_code || !chance(peer->talk))
        return;
    if (chance(15))
        speak_ping(&peer->speaker);
    else
        ask_something(peer);
}

static void write_up(struct peer *peer, bool at_once)
{
    struct pipe *out = &peer->speaker.out;
    if (!out->len || peer->link.up_ended || peer->link.closed || peer->state == PEER_ENDED ||
        (!at_once && chance(30)))
        return;
    uint32_t len = at_once && chance(50) ? out->len : dice_length(&world.dice, out->len);
    pipe_put(&peer->link.up, pipe_bytes(out), len);
    pipe_take(out, len);
}

/* ---- reading ---- */

static void take_control(struct peer *peer, const struct item *item)
{
    uint32_t number;
    switch (item->opcode) {
    case PING: speak_frame(&peer->speaker, 0x80 | PONG, item->data, item->len); break;
    case PONG:
        REQUIRE(item->len == sizeof number, "a pong of another length");
        memcpy(&number, item->data, sizeof number);
        REQUIRE(number == peer->pongs && number < peer->speaker.pings, "pong %u answers ping %u",
                number, peer->pongs);
        peer->pongs++;
        break;
    default:
        REQUIRE(item->len >= 2, "a close frame without a code");
        peer->close_code = (uint16_t)(item->data[0] << 8 | item->data[1]);
        TRACE("    %u reads close %u", peer->number, peer->close_code);
        if (!peer->goodbye)
            speak_close(&peer->speaker, peer->close_code);
    }
}

static void take_frame(struct peer *peer, const struct item *item)
{
    static struct values values; /* large, and used by one call at a time */
    if (item->opcode >= CLOSE) {
        take_control(peer, item);
        return;
    }
    REQUIRE(item->opcode == (peer->speaker.msgpack ? BINARY : TEXT), "a message of opcode %u",
            item->opcode);
    const struct value *message = peer->speaker.msgpack
                                      ? value_read_msgpack(&values, item->data, item->len)
                                      : value_read_json(&values, item->data, item->len);
    if (!peer->broke) /* noise may have been a message, and be answered */
        account_message(&peer->account, message);
}

static void take_answer(struct peer *peer, const struct item *item)
{
    peer->status = item->status;
    TRACE("    %u reads status %d, %u bytes", peer->number, item->status, item->len);
    if (item->status == 101) {
        REQUIRE(strstr(item->head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
                "another Sec-WebSocket-Accept");
        REQUIRE(!strstr(item->head, "tapehead.msgpack") == !peer->speaker.msgpack,
                "another subprotocol than was offered");
        peer->state = PEER_UPGRADED;
    } else if (peer->habit == PEER_BROWSER && strstr(item->head, "keep-alive") && chance(70)) {
        browse(peer);
    }
}

static uint32_t appetite(struct peer *peer, bool calm)
{
    uint32_t waiting = peer->link.down.len;
    if (!waiting || calm)
        return waiting;
    switch (peer->habit) {
    case PEER_STEADY: return chance(90) ? waiting : 0;
    case PEER_SLOW: return chance(20) ? dice_length(&world.dice, waiting < 500 ? waiting : 500) : 0;
    case PEER_STALLER:
        if ((uint64_t)world.now_ns < peer->stalled_until_ns)
            return 0;
        if (chance(10))
            peer->stalled_until_ns = (uint64_t)world.now_ns + roll(1, 100) * 1000000ull;
        return waiting;
    default: return chance(60) ? dice_length(&world.dice, waiting) : 0;
    }
}

static void read_down(struct peer *peer, uint32_t len)
{
    if (len) {
        TRACE("  peer %u: reads %u of %u bytes", peer->number, len, peer->link.down.len);
        reader_put(&peer->reader, pipe_bytes(&peer->link.down), len);
        pipe_take(&peer->link.down, len);
        struct item item;
        while ((item = reader_next(&peer->reader)).kind != ITEM_NONE) {
            if (item.kind == ITEM_ANSWER)
                take_answer(peer, &item);
            else
                take_frame(peer, &item);
        }
    }
    if (peer->link.down_ended && !peer->link.down.len && !peer->link.reset) {
        /* Invariant 4: a frame once begun is finished. Only a connection that is given up breaks
         * off within one. */
        REQUIRE(!peer->close_code || !reader_is_within(&peer->reader),
                "the stream ends within a frame after its close");
        end(peer, "at the end of the stream");
    }
}

void peer_act(struct peer *peer, bool calm)
{
    if (peer->state == PEER_WAITING || peer->state == PEER_ENDED)
        return;
    if (peer->link.reset) {
        end(peer, "reset");
        return;
    }
    read_down(peer, appetite(peer, calm));
    if (peer->state == PEER_ENDED)
        return;
    if (!calm)
        speak_up(peer);
    write_up(peer, calm || peer->habit == PEER_STEADY);
}

bool peer_is_quiet(const struct peer *peer)
{
    if (peer->state == PEER_WAITING || peer->state == PEER_ENDED)
        return true;
    bool wrote = !peer->speaker.out.len || peer->link.up_ended || peer->link.closed;
    return wrote && !peer->link.up.len && !peer->link.down.len;
}

bool peer_is_whole(const struct peer *peer)
{
    return peer->state == PEER_UPGRADED && !peer->goodbye && !peer->close_code &&
           !peer->link.up_ended && !peer->link.reset && !peer->link.closed && !peer->broke;
}
