/* SPDX-License-Identifier: MIT */
/*
 * watch: `tapectl watch`, a server's ticks on the terminal, or as lines. Main thread.
 *
 *     connecting --ok--> session --cut--> pause (backoff) --> connecting …
 *         |fail                |close code that says don't, --once, --count, --duration, Ctrl-C
 *         v                    v
 *       pause                 end
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/clock.h"
#include "tools/backoff.h"
#include "tools/options.h"
#include "tools/report.h"
#include "tools/stop.h"
#include "tools/subcommands.h"
#include "tools/url.h"
#include "tools/wsclient.h"

enum {
    WATCH_BATCH = 512,           /* messages between looks at the clock */
    WATCH_HEARTBEATS_MISSED = 5, /* then the connection counts as dead */
    WATCH_SILENCE_MS_MIN = 5000,
    WATCH_SILENCE_MS =
        60000, /* while no heartbeat interval is known; the server pings after 20 s */
    WATCH_HELD_NS = 1000000000, /* a connection that held so long starts the backoff anew */
    WATCH_REQUEST_MAX = 60000,  /* the server takes 64 KiB */
};

struct watch {
    int format; /* enum wire_format */
    int64_t count;
    double duration;
    bool plain;
    bool once;
    const char *url;
    const char *const *symbols;
    size_t symbols_count;

    struct report report;
    struct board board;
    struct backoff backoff;
    struct wsclient *client;
    struct message message;
    const char *authorities; /* wss: a file of whom to trust */
    int64_t ends_ns;         /* by --duration; INT64_MAX without */
    int64_t connected_ns;    /* since when */
    int64_t heard_ns;        /* any message */
    uint64_t heartbeat_ms;   /* as the server told; 0 before */
    uint64_t away_ms[2];     /* how long to stay away, as a shutdown told */
    bool told_away;
    bool connected_ever;
    bool ended; /* there is nothing more to be done */
    bool failed;
    char state[128];
    char epoch[32];
    char source[16];
    char server[64];
    uint64_t lag_ms;
    uint64_t dropped;
    uint8_t request[WATCH_REQUEST_MAX];
};

/* Takes URL and symbols. Returns 0 or the status to end with. */
static int check_operands(struct watch *watch, const struct options *options, char **operands,
                          size_t count)
{
    struct url url;
    char error[512];
    if (count == 0)
        return options_refuse(options, "a URL is missing, such as ws://127.0.0.1:8080/ws");
    watch->url = operands[0];
    watch->symbols = (const char *const *)operands + 1;
    watch->symbols_count = count - 1;
    if (url_parse(watch->url, &url, error, sizeof error) < 0)
        return options_refuse(options, "%s", error);
    for (size_t i = 0; i < watch->symbols_count; i++)
        if (spec_classify(watch->symbols[i], strlen(watch->symbols[i])) == SPEC_BAD)
            return options_refuse(options, "\"%s\" is neither a symbol nor a pattern",
                                  watch->symbols[i]);
    return 0;
}

static int watch_options(struct watch *watch, int argc, char **argv, int *status)
{
    static const char *const formats[] = {"json", "msgpack", NULL};
    const struct option_spec specs[] = {
        {.name = "format",
         .kind = OPTION_CHOICE,
         .to.choice = &watch->format,
         .choices = formats,
         .value = "F",
         .help = "the subprotocol: json (the default) or msgpack"},
        {.name = "count",
         .kind = OPTION_INT,
         .to.integer = &watch->count,
         .min = 1,
         .max = INT64_MAX,
         .value = "N",
         .help = "end after so many ticks"},
        {.name = "duration",
         .kind = OPTION_NUMBER,
         .to.number = &watch->duration,
         .max = 1000000000,
         .value = "S",
         .help = "end after so many seconds"},
        {.name = "plain",
         .kind = OPTION_FLAG,
         .to.flag = &watch->plain,
         .help = "lines, also where standard output is a terminal"},
        {.name = "authorities",
         .kind = OPTION_STRING,
         .to.string = &watch->authorities,
         .value = "FILE",
         .help = "wss: trust these (PEM), not the system's; any: trust anyone"},
        {.name = "once",
         .kind = OPTION_FLAG,
         .to.flag = &watch->once,
         .help = "don't connect again"},
    };
    const struct options options = {
        .program = "tapectl watch",
        .operands = "URL [SYMBOL...]",
        .summary = "Shows the ticks of a Tapehead server, ws://host:port/ws. SYMBOL may be a "
                   "pattern such as\n"
                   "'BTC-*'; without one it is '*', or what the URL's ?symbols= says. q or Ctrl-C "
                   "ends it.",
        .specs = specs,
        .count = ARRAY_LEN(specs),
        .notes = "Where standard output isn't a terminal: a line a tick, \"SYMBOL seq price size "
                 "side ts\" with\n"
                 "ts in microseconds, and lines that begin with # for snapshots, gaps and holes.\n"
                 "Ends with status 1 when it never connected, was sent away for good, or when "
                 "--duration\n"
                 "was over before --count ticks had come.",
    };
    int operands = options_start(&options, argc, argv, status);
    if (operands < 0)
        return -1;
    *status = check_operands(watch, &options, argv + 1, (size_t)operands);
    return *status == 0 ? 0 : -1;
}

static bool is_over(const struct watch *watch)
{
    return watch->ended || stop_requested() ||
           (watch->count > 0 && watch->board.ticks >= (uint64_t)watch->count) ||
           clock_mono_ns() >= watch->ends_ns;
}

static void set_state(struct watch *watch, const char *state)
{
    snprintf(watch->state, sizeof watch->state, "%s", state);
}

static void refresh(struct watch *watch)
{
    int64_t now = clock_mono_ns();
    char state[256];
    int64_t held_s = (now - watch->connected_ns) / 1000000000;
    if (watch->client)
        snprintf(state, sizeof state, "connected for %" PRId64 " s", held_s);
    else
        snprintf(state, sizeof state, "%s", watch->state);
    struct view_head head = {
        .url = watch->url,
        .server = watch->server,
        .state = state,
        .source = watch->client ? watch->source : "",
        .connected = watch->client != NULL,
        .lag_ms = watch->lag_ms,
        .dropped = watch->dropped,
    };
    report_refresh(&watch->report, &head, &watch->board, now);
    if (report_quit(&watch->report))
        watch->ended = true;
}

static int subscribe(struct watch *watch)
{
    static const char *const everything[] = {"*"};
    const char *const *symbols = watch->symbols;
    size_t count = watch->symbols_count;
    if (count == 0 && strstr(watch->url, "symbols="))
        return 0;
    if (count == 0) {
        symbols = everything;
        count = 1;
    }
    size_t len = message_write_subscribe((enum wire_format)watch->format, 1, symbols, count,
                                         watch->request, sizeof watch->request);
    if (len == 0)
        return -E2BIG;
    return wsclient_send(watch->client, watch->format == WIRE_JSON ? WS_TEXT : WS_BINARY,
                         watch->request, len);
}

static void connected(struct watch *watch)
{
    if (watch->connected_ever)
        report_notice(&watch->report, "connected again");
    watch->connected_ever = true;
    watch->connected_ns = watch->heard_ns = clock_mono_ns();
    watch->heartbeat_ms = 0;
    watch->told_away = false;
    int result = subscribe(watch);
    if (result < 0) {
        report_notice(&watch->report, "subscribing failed: %s", strerror(-result));
        wsclient_destroy(watch->client);
        watch->client = NULL;
    }
}

/* As tls_trust_load() takes it. */
static const char *whom_to_trust(const struct watch *watch)
{
    if (!watch->authorities)
        return "";
    return strcmp(watch->authorities, "any") == 0 ? NULL : watch->authorities;
}

/* Returns how long to wait before the next attempt, 0 when connected. */
static uint32_t try_connect(struct watch *watch)
{
    struct wsclient_config config = {
        .url = watch->url,
        .protocol = watch->format == WIRE_JSON ? HTTP_PROTOCOL_JSON : HTTP_PROTOCOL_MSGPACK,
        .buffer_size = 1 << 16,
        .authorities = whom_to_trust(watch),
    };
    struct wsclient_refusal refusal;
    set_state(watch, "connecting");
    refresh(watch);
    int result = wsclient_connect(&watch->client, &config, &refusal);
    if (result == 0) {
        connected(watch);
        if (watch->client)
            return 0;
        return backoff_next_ms(&watch->backoff);
    }
    watch->client = NULL;
    if (result == -EINTR && stop_requested())
        return 1;
    report_notice(&watch->report, "%s", refusal.problem);
    /* What a server says of the request itself it will say again: only "too many" and "not now"
     * pass. */
    bool passes = refusal.status == 0 || refusal.status == 408 || refusal.status == 429 ||
                  refusal.status >= 500;
    if (!passes || result == -EINVAL || (result == -EPROTO && refusal.status == 0)) {
        watch->ended = watch->failed = true;
        return 1;
    }
    uint32_t wait = backoff_next_ms(&watch->backoff);
    uint32_t asked = refusal.retry_after_s > 0 ? (uint32_t)refusal.retry_after_s * 1000 : 0;
    return asked > wait ? asked + wait / 4 : wait;
}

static void take_welcome(struct watch *watch)
{
    const struct message *message = &watch->message;
    watch->heartbeat_ms = message->heartbeat_ms;
    memcpy(watch->server, message->server, sizeof watch->server);
    if (*watch->epoch && strcmp(watch->epoch, message->epoch) != 0) {
        report_notice(&watch->report, "the server has a new epoch: its numbers start anew");
        board_set_epoch(&watch->board);
    }
    memcpy(watch->epoch, message->epoch, sizeof watch->epoch);
}

static void take_message(struct watch *watch, int64_t now)
{
    const struct message *message = &watch->message;
    switch (message->kind) {
    case MESSAGE_TRADE:
    case MESSAGE_SNAPSHOT:
    case MESSAGE_GAP:
        report_message(&watch->report, message, board_take(&watch->board, message, now));
        break;
    case MESSAGE_WELCOME: take_welcome(watch); break;
    case MESSAGE_HEARTBEAT:
        memcpy(watch->source, message->source, sizeof watch->source);
        watch->lag_ms = message->source_lag_ms;
        watch->dropped = message->dropped;
        break;
    case MESSAGE_SUBSCRIBED:
        if (message->rejected > 0)
            report_notice(&watch->report, "%" PRIu64 " symbols rejected, first \"%s\": %s",
                          message->rejected, message->text, message->code);
        break;
    case MESSAGE_ERROR:
        report_notice(&watch->report, "the server says %s: %s", message->code, message->text);
        break;
    case MESSAGE_SHUTDOWN:
        memcpy(watch->away_ms, message->reconnect_ms, sizeof watch->away_ms);
        watch->told_away = true;
        report_notice(&watch->report, "the server shuts down");
        break;
    default: break;
    }
}

/* Whether this close code says to come back (the protocol's list). */
static bool may_return(uint16_t code)
{
    return code != WS_CLOSE_PROTOCOL && code != WS_CLOSE_UNSUPPORTED && code != WS_CLOSE_BAD_DATA &&
           code != WS_CLOSE_TOO_BIG && code != 4001 && code != 4003;
}

static void take_end(struct watch *watch, const struct wsclient_event *event)
{
    if (event->kind == WSCLIENT_CLOSED) {
        bool clean = event->code == WS_CLOSE_NORMAL || event->code == WS_CLOSE_GOING_AWAY;
        report_notice(&watch->report, "closed by the server: %u%s%s", event->code,
                      *event->reason ? " " : "", event->reason);
        if (!may_return(event->code))
            watch->ended = watch->failed = true;
        watch->failed |= watch->once && !clean;
    } else {
        report_notice(&watch->report, "connection lost: %s", event->reason);
        watch->failed |= watch->once;
    }
}

/* Takes what has arrived, up to a batch. Returns false when the connection is over. */
static bool take_batch(struct watch *watch, int wait_ms)
{
    enum wire_format format = (enum wire_format)watch->format;
    int64_t now = clock_mono_ns();
    for (int i = 0; i < WATCH_BATCH; i++) {
        struct wsclient_event event;
        wsclient_next(watch->client, i == 0 ? wait_ms : 0, &event);
        if (event.kind == WSCLIENT_NONE)
            return true;
        if (event.kind == WSCLIENT_CLOSED || event.kind == WSCLIENT_LOST) {
            take_end(watch, &event);
            return false;
        }
        if (i == 0)
            now = clock_mono_ns();
        watch->heard_ns = now;
        if (event.kind != WSCLIENT_MESSAGE)
            continue;
        const char *problem;
        if (message_read(&watch->message, format, event.data, event.len, &problem) < 0)
            report_notice(&watch->report, "%s", problem);
        else
            take_message(watch, now);
        if (watch->count > 0 && watch->board.ticks >= (uint64_t)watch->count)
            return true;
    }
    return true;
}

static bool is_silent(const struct watch *watch)
{
    uint64_t limit = WATCH_SILENCE_MS;
    if (watch->heartbeat_ms > 0 && watch->heartbeat_ms < WATCH_SILENCE_MS)
        limit = watch->heartbeat_ms * WATCH_HEARTBEATS_MISSED;
    if (limit < WATCH_SILENCE_MS_MIN)
        limit = WATCH_SILENCE_MS_MIN;
    return clock_mono_ns() - watch->heard_ns > (int64_t)limit * 1000000;
}

static void run_session(struct watch *watch)
{
    bool open = true;
    while (open && !is_over(watch)) {
        int wait_ms = report_wait_ms(&watch->report, clock_mono_ns());
        /* Lines are flushed as soon as there is nothing more to read. */
        open = take_batch(watch, watch->report.view ? wait_ms : 0);
        if (open && !watch->report.view && !is_over(watch)) {
            fflush(stdout);
            open = take_batch(watch, wait_ms > 0 ? wait_ms : 1);
        }
        if (report_wait_ms(&watch->report, clock_mono_ns()) == 0)
            refresh(watch);
        if (open && is_silent(watch)) {
            report_notice(&watch->report, "connection lost: the server is silent");
            watch->failed |= watch->once;
            open = false;
        }
    }
    if (clock_mono_ns() - watch->connected_ns > WATCH_HELD_NS)
        backoff_reset(&watch->backoff);
    if (open)
        wsclient_close(watch->client, WS_CLOSE_NORMAL, 1000);
    else
        wsclient_destroy(watch->client);
    watch->client = NULL;
    board_set_away(&watch->board);
}

/* Stays away for a while, with the screen alive. */
static void pause_for(struct watch *watch, uint32_t ms)
{
    int64_t until = clock_mono_ns() + (int64_t)ms * 1000000;
    if (!watch->report.view) /* the screen counts it down */
        report_notice(&watch->report, "next attempt in %.1f s", ms / 1000.0);
    while (!is_over(watch)) {
        int64_t left = (until - clock_mono_ns()) / 1000000;
        if (left <= 0)
            return;
        snprintf(watch->state, sizeof watch->state, "not connected, next attempt in %.1f s",
                 (double)left / 1000.0);
        refresh(watch);
        poll(NULL, 0, left < 200 ? (int)left : 200);
    }
}

static int watch_run(struct watch *watch)
{
    watch->ends_ns = INT64_MAX;
    if (watch->duration > 0)
        watch->ends_ns = clock_mono_ns() + (int64_t)(watch->duration * 1e9);
    while (!is_over(watch)) {
        uint32_t wait = try_connect(watch);
        if (watch->client) {
            run_session(watch);
            wait = watch->told_away
                       ? backoff_within_ms(&watch->backoff, watch->away_ms[0], watch->away_ms[1])
                       : backoff_next_ms(&watch->backoff);
        }
        if (watch->once || is_over(watch))
            break;
        pause_for(watch, wait);
    }
    bool short_of = watch->count > 0 && watch->board.ticks < (uint64_t)watch->count &&
                    !stop_requested() && !watch->ended;
    return watch->failed || !watch->connected_ever || short_of ? EXIT_FAILURE : EXIT_SUCCESS;
}

int watch_main(int argc, char **argv)
{
    int status = EXIT_FAILURE;
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        fprintf(stderr, "tapectl watch: %s\n", strerror(ENOMEM));
        return status;
    }
    if (watch_options(watch, argc, argv, &status) < 0)
        goto done;
    stop_on_signals();
    backoff_init(&watch->backoff, (uint64_t)clock_wall_ns());
    if (report_init(&watch->report, watch->plain) == 0)
        status = watch_run(watch);
    report_finish(&watch->report);
    board_finish(&watch->board);
done:
    free(watch);
    return status;
}
