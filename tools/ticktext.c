/* SPDX-License-Identifier: MIT */
#include "tools/ticktext.h"

#include <string.h>

#include "schemas/decimal.h"
#include "schemas/digits.h"
#include "schemas/instant.h"
#include "schemas/tick_json.h"

enum { TOPIC_PARTITIONS = 4096 };

/* The put_ functions write at `at` and return the byte after. */
static char *put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

static char *put_text(char *at, const char *text)
{
    return put(at, text, strlen(text));
}

static char *put_number(char *at, int64_t value)
{
    if (value < 0)
        *at++ = '-';
    return at + digits_print(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, at);
}

static char *put_instant(char *at, int64_t ns)
{
    char text[INSTANT_TEXT_MAX];
    if (ns < 0) /* before 1970: RFC 3339 isn't asked for */
        return put_number(at, ns);
    instant_write(ns, text);
    return put_text(at, text);
}

static const char *side_of(const struct tick *tick)
{
    return tick->side == TICK_SIDE_BUY ? "buy" : tick->side == TICK_SIDE_SELL ? "sell" : "none";
}

static uint32_t partition_of(const struct tick *tick)
{
    return tick_partition(tick) % TOPIC_PARTITIONS;
}

size_t ticktext_line(const struct tape_item *item, const char *topic, char *out)
{
    const struct tick *tick = &item->tick;
    char *at = put_instant(out, tick->rts_ns);
    *at++ = ' ';
    at = put_instant(at, tick->ts_ns);
    *at++ = ' ';
    at = put(at, item->symbol, item->symbol_len);
    *at++ = ' ';
    at += decimal_print(tick->price, tick->price_exp, at);
    *at++ = ' ';
    at += decimal_print(tick->size, tick->size_exp, at);
    *at++ = ' ';
    at = put_text(at, side_of(tick));
    *at++ = ' ';
    if (tick->has_id)
        at += digits_print(tick->id, at);
    else
        *at++ = '-';
    *at++ = ' ';
    at = put_text(at, topic);
    *at++ = '/';
    at += digits_print(partition_of(tick), at);
    *at++ = '@';
    at += digits_print(tick_offset(tick), at);
    if (tick->index > 0) {
        *at++ = ':';
        at += digits_print(tick->index, at);
    }
    *at++ = '\n';
    return (size_t)(at - out);
}

const char ticktext_csv_header[] = "receive_ns,t,s,p,q,side,id,topic,partition,offset,index\n";

/* No field needs quotes: symbols and topics have neither comma nor quote. */
size_t ticktext_csv(const struct tape_item *item, const char *topic, char *out)
{
    const struct tick *tick = &item->tick;
    char *at = put_number(out, tick->rts_ns);
    *at++ = ',';
    at = put_number(at, tick->ts_ns);
    *at++ = ',';
    at = put(at, item->symbol, item->symbol_len);
    *at++ = ',';
    at += decimal_print(tick->price, tick->price_exp, at);
    *at++ = ',';
    at += decimal_print(tick->size, tick->size_exp, at);
    *at++ = ',';
    at = put_text(at, side_of(tick));
    *at++ = ',';
    if (tick->has_id)
        at += digits_print(tick->id, at);
    *at++ = ',';
    at = put_text(at, topic);
    *at++ = ',';
    at += digits_print(partition_of(tick), at);
    *at++ = ',';
    at += digits_print(tick_offset(tick), at);
    *at++ = ',';
    at += digits_print(tick->index, at);
    *at++ = '\n';
    return (size_t)(at - out);
}

size_t ticktext_json(const struct tape_item *item, const char *topic, char *out)
{
    const struct tick *tick = &item->tick;
    size_t len = tick_json_write_value(tick, item->symbol, item->symbol_len, (uint8_t *)out);
    char *at = put_text(out + len - 1, ",\"r\":"); /* over the closing brace */
    at = put_number(at, tick->rts_ns);
    at = put_text(at, ",\"pos\":[\"");
    at = put_text(at, topic);
    at = put_text(at, "\",");
    at += digits_print(partition_of(tick), at);
    *at++ = ',';
    at += digits_print(tick_offset(tick), at);
    if (tick->index > 0) {
        *at++ = ',';
        at += digits_print(tick->index, at);
    }
    at = put_text(at, "]}\n");
    return (size_t)(at - out);
}
