/* SPDX-License-Identifier: MIT */
/* endpoints: see endpoints.h. */
#include "server/endpoints.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/tick_json.h"
#include "server/web/page.h"
#include "server/wire/command.h"
#include "server/worker.h"

enum { QUERY_MAX = 4096 };

static const char json_type[] = "application/json";
static const char text_type[] = "text/plain; charset=utf-8";

/* A body is written behind room for its head, whose length depends on the body's. */
struct answer {
    int status;
    const char *type;
    const char *extra;
};

static void finish(struct worker *worker, const struct http_request *request, struct answer answer,
                   const struct bytes *body)
{
    char head[HTTP_ANSWER_HEAD_MAX];
    size_t len = http_write_head(head, answer.status, answer.type, body->len, request->keep_alive,
                                 answer.extra);
    bytes_append(&worker->answer, head, len);
    if (!request->head)
        bytes_append(&worker->answer, body->data, body->len);
    if (body->failed)
        worker->answer.failed = true;
}

/* {"error":"…"} with a sentence of our own, which needs no escaping. */
static struct answer problem(struct bytes *body, int status, const char *sentence)
{
    bytes_printf(body, "{\"error\":\"%s\"}\n", sentence);
    return (struct answer){.status = status, .type = json_type};
}

static struct answer health(struct worker *worker, struct bytes *body)
{
    (void)worker;
    bytes_printf(body, "ok\n");
    return (struct answer){.status = 200, .type = text_type};
}

/* Fed and caught up, and not on its way down. */
static struct answer readiness(struct worker *worker, struct bytes *body)
{
    const struct feed_metrics *feed = feed_metrics(worker->cluster->feed);
    enum feed_state state = (enum feed_state)counter_get(&feed->state);
    bool ready = counter_get(&feed->ready) && (state == FEED_LIVE || state == FEED_REPLAY) &&
                 !worker->drain_until_ms;
    bytes_printf(body, "%s source=%s\n",
                 ready                    ? "ready"
                 : worker->drain_until_ms ? "draining"
                                          : "not ready",
                 feed_state_name(state));
    return (struct answer){.status = ready ? 200 : 503, .type = text_type};
}

static struct answer symbols(struct worker *worker, struct bytes *body)
{
    bytes_printf(body, "{\"epoch\":\"%s\",\"symbols\":[", worker->cluster->epoch);
    for (uint32_t i = 0; i < worker->fanout.symbols_count; i++) {
        const struct fanout_symbol *symbol = &worker->fanout.symbols[i];
        bytes_printf(body, "%s\"%.*s\"", i ? "," : "", (int)symbol->len, symbol->name);
    }
    bytes_printf(body, "]}\n");
    return (struct answer){.status = 200, .type = json_type};
}

/* By symbol, whether one of "A,B-*" asks for it; the caller frees. NULL when out of memory. */
static bool *find_wanted(struct fanout *fanout, const char *specs)
{
    bool *wanted = calloc(fanout->symbols_count + 1ull, sizeof *wanted);
    for (const char *spec = wanted ? specs : NULL; spec;) {
        const char *comma = strchr(spec, ',');
        size_t len = comma ? (size_t)(comma - spec) : strlen(spec);
        struct name_range range = names_matching(fanout, spec, len);
        for (uint32_t i = 0; i < range.count; i++)
            wanted[range.symbols[i]] = true;
        spec = comma ? comma + 1 : NULL;
    }
    return wanted;
}

/* The bad one among "A,B-*", or NULL. */
static const char *find_bad_spec(const char *specs, size_t *bad_len)
{
    for (const char *spec = specs; spec;) {
        const char *comma = strchr(spec, ',');
        *bad_len = comma ? (size_t)(comma - spec) : strlen(spec);
        if (spec_classify(spec, *bad_len) == SPEC_BAD)
            return spec;
        spec = comma ? comma + 1 : NULL;
    }
    return NULL;
}

static struct answer last(struct worker *worker, const struct http_request *request,
                          struct bytes *body)
{
    char specs[QUERY_MAX + 1];
    int len = http_query_value(request->query, "symbols", specs, QUERY_MAX);
    if (len == -2)
        return problem(body, 400, "the query's symbols are malformed or too long");
    if (len == -1)
        len = (int)strlen(strcpy(specs, "*"));
    specs[len] = 0;
    size_t bad_len;
    if (find_bad_spec(specs, &bad_len))
        return problem(body, 400,
                       "the query's symbols hold one that is neither a symbol nor a pattern");
    bool first = true;
    bool *wanted = find_wanted(&worker->fanout, specs);
    if (!wanted)
        return problem(body, 503, "out of memory");
    bytes_printf(body, "{\"epoch\":\"%s\",\"last\":[", worker->cluster->epoch);
    for (uint32_t i = 0; i < worker->fanout.symbols_count; i++) {
        const struct fanout_symbol *symbol = &worker->fanout.symbols[i];
        if (!symbol->last.seq || !wanted[i])
            continue;
        uint8_t tick[WIRE_TICK_MAX];
        size_t tick_len =
            tick_json_write(&symbol->last, symbol->name, symbol->len, WIRE_SNAPSHOT, tick);
        bytes_append(body, first ? "\n" : ",\n", first ? 1 : 2);
        bytes_append(body, tick, tick_len);
        first = false;
    }
    free(wanted);
    bytes_printf(body, "]}\n");
    return (struct answer){.status = 200, .type = json_type};
}

static struct answer metrics(struct worker *worker, struct bytes *body)
{
    metrics_print(body, worker->cluster->feed, worker->cluster->metrics,
                  worker->cluster->workers_count);
    return (struct answer){.status = 200, .type = "text/plain; version=0.0.4; charset=utf-8"};
}

static struct answer page(struct bytes *body)
{
    bytes_append(body, page_html, page_html_len);
    return (struct answer){.status = 200, .type = "text/html; charset=utf-8"};
}

static struct answer websocket_only(struct bytes *body)
{
    struct answer answer = problem(body, 426, "this is a WebSocket endpoint");
    answer.extra = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    return answer;
}

static struct answer route(struct worker *worker, const struct http_request *request,
                           struct bytes *body)
{
    if (http_path_is(request, "/"))
        return page(body);
    if (http_path_is(request, "/ws"))
        return websocket_only(body);
    if (http_path_is(request, "/healthz"))
        return health(worker, body);
    if (http_path_is(request, "/readyz"))
        return readiness(worker, body);
    if (http_path_is(request, "/v1/symbols"))
        return symbols(worker, body);
    if (http_path_is(request, "/v1/last"))
        return last(worker, request, body);
    if (http_path_is(request, "/metrics"))
        return metrics(worker, body);
    if (http_path_is(request, "/sse") || http_path_is(request, "/poll"))
        return problem(body, 404, "not served yet: take the ticks at /ws");
    return problem(body, 404, "no such path");
}

void endpoints_answer(struct worker *worker, const struct http_request *request)
{
    struct bytes body = {0};
    struct answer answer = route(worker, request, &body);
    finish(worker, request, answer, &body);
    bytes_finish(&body);
}

void endpoints_refuse(struct worker *worker, int status, const char *sentence, const char *extra)
{
    struct bytes body = {0};
    struct http_request request = {.keep_alive = false};
    struct answer answer = problem(&body, status, sentence);
    answer.extra = extra;
    finish(worker, &request, answer, &body);
    bytes_finish(&body);
}
