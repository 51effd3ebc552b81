/* SPDX-License-Identifier: MIT */
#include "server/wire/answer.h"

#include "server/wire/writer.h"

/* Opens the frame and a map of "type", "id" where the client gave one, and `pairs` that the caller
 * adds. */
static void open_answer(struct writer *writer, struct bytes *out, enum wire_format format,
                        const char *type, const struct command_id *id, uint32_t pairs)
{
    bool has_id = id && id->kind != ID_ABSENT;
    writer_open(writer, out, format);
    writer_map(writer, 1 + has_id + pairs);
    writer_key(writer, "type");
    writer_word(writer, type);
    if (!has_id)
        return;
    writer_key(writer, "id");
    if (id->kind == ID_INTEGER)
        writer_integer(writer, id->integer);
    else
        writer_text(writer, id->text, id->text_len);
}

static void close_answer(struct writer *writer)
{
    writer_end(writer);
    writer_close(writer);
}

static void write_word(struct writer *writer, const char *key, const char *word)
{
    writer_key(writer, key);
    writer_word(writer, word);
}

static void write_integer(struct writer *writer, const char *key, int64_t value)
{
    writer_key(writer, key);
    writer_integer(writer, value);
}

static void write_unsigned(struct writer *writer, const char *key, uint64_t value)
{
    writer_key(writer, key);
    writer_unsigned(writer, value);
}

static uint32_t count_rejected(const struct answer_symbol *symbols, size_t count)
{
    uint32_t rejected = 0;
    for (size_t i = 0; i < count; i++)
        rejected += symbols[i].rejected != NULL;
    return rejected;
}

static void write_accepted(struct writer *writer, const struct answer_symbol *symbols, size_t count)
{
    writer_key(writer, "symbols");
    writer_list(writer, (uint32_t)count - count_rejected(symbols, count));
    for (size_t i = 0; i < count; i++)
        if (!symbols[i].rejected)
            writer_text(writer, symbols[i].text, symbols[i].len);
    writer_end(writer);
}

static void write_rejected(struct writer *writer, const struct answer_symbol *symbols, size_t count)
{
    writer_key(writer, "rejected");
    writer_list(writer, count_rejected(symbols, count));
    for (size_t i = 0; i < count; i++) {
        if (!symbols[i].rejected)
            continue;
        writer_map(writer, 2);
        writer_key(writer, "symbol");
        writer_text(writer, symbols[i].text, symbols[i].len);
        write_word(writer, "code", symbols[i].rejected);
        writer_end(writer);
    }
    writer_end(writer);
}

void answer_welcome(struct bytes *out, enum wire_format format, const char *server,
                    const char *epoch, uint32_t heartbeat_ms, const struct answer_limits *limits)
{
    struct writer writer;
    open_answer(&writer, out, format, "welcome", NULL, 4);
    write_word(&writer, "server", server);
    write_word(&writer, "epoch", epoch);
    write_unsigned(&writer, "heartbeat_ms", heartbeat_ms);
    writer_key(&writer, "limits");
    writer_map(&writer, 4);
    write_unsigned(&writer, "subscriptions", limits->subscriptions);
    write_unsigned(&writer, "message_bytes", limits->message_bytes);
    write_unsigned(&writer, "commands_per_second", limits->commands_per_second);
    write_unsigned(&writer, "queue_frames", limits->queue_frames);
    writer_end(&writer);
    close_answer(&writer);
}

static void answer_accepted(struct bytes *out, enum wire_format format, const char *type,
                            const struct command_id *id, const struct answer_symbol *symbols,
                            size_t count)
{
    struct writer writer;
    open_answer(&writer, out, format, type, id, 2);
    write_accepted(&writer, symbols, count);
    write_rejected(&writer, symbols, count);
    close_answer(&writer);
}

void answer_subscribed(struct bytes *out, enum wire_format format, const struct command_id *id,
                       const struct answer_symbol *symbols, size_t count)
{
    answer_accepted(out, format, "subscribed", id, symbols, count);
}

void answer_replaying(struct bytes *out, enum wire_format format, const struct command_id *id,
                      const struct answer_symbol *symbols, size_t count)
{
    answer_accepted(out, format, "replaying", id, symbols, count);
}

void answer_unsubscribed(struct bytes *out, enum wire_format format, const struct command_id *id,
                         const struct answer_symbol *symbols, size_t count)
{
    struct writer writer;
    open_answer(&writer, out, format, "unsubscribed", id, 1);
    write_accepted(&writer, symbols, count);
    close_answer(&writer);
}

void answer_subscriptions(struct bytes *out, enum wire_format format, const struct command_id *id,
                          const struct answer_symbol *symbols, size_t count, uint32_t max_delay_ms)
{
    struct writer writer;
    open_answer(&writer, out, format, "subscriptions", id, 2);
    write_accepted(&writer, symbols, count);
    write_unsigned(&writer, "max_delay_ms", max_delay_ms);
    close_answer(&writer);
}

void answer_replay(struct bytes *out, enum wire_format format, const struct command_id *id,
                   const struct answer_replay *replay)
{
    struct writer writer;
    open_answer(&writer, out, format, "replay", id, 3 + replay->at_given);
    write_word(&writer, "state", replay->state);
    if (replay->at_given)
        write_integer(&writer, "at", replay->at_us);
    writer_key(&writer, "speed");
    if (replay->speed > 0)
        writer_number(&writer, replay->speed);
    else
        writer_word(&writer, "max");
    write_unsigned(&writer, "ticks", replay->ticks);
    close_answer(&writer);
}

void answer_pong(struct bytes *out, enum wire_format format, const struct command_id *id,
                 int64_t ts_us)
{
    struct writer writer;
    open_answer(&writer, out, format, "pong", id, 1);
    write_integer(&writer, "ts", ts_us);
    close_answer(&writer);
}

void answer_configured(struct bytes *out, enum wire_format format, const struct command_id *id,
                       uint32_t max_delay_ms)
{
    struct writer writer;
    open_answer(&writer, out, format, "configured", id, 1);
    write_unsigned(&writer, "max_delay_ms", max_delay_ms);
    close_answer(&writer);
}

void answer_heartbeat(struct bytes *out, enum wire_format format,
                      const struct answer_heartbeat *beat)
{
    struct writer writer;
    open_answer(&writer, out, format, "heartbeat", NULL, 9);
    write_integer(&writer, "ts", beat->ts_us);
    write_integer(&writer, "sent_ts", beat->sent_ts_us);
    write_unsigned(&writer, "queued", beat->queued);
    write_unsigned(&writer, "queued_bytes", beat->queued_bytes);
    write_unsigned(&writer, "dropped", beat->dropped);
    write_unsigned(&writer, "overload", beat->overload);
    write_unsigned(&writer, "stalls", beat->stalls);
    write_unsigned(&writer, "source_lag_ms", beat->source_lag_ms);
    write_word(&writer, "source", beat->source);
    close_answer(&writer);
}

void answer_error(struct bytes *out, enum wire_format format, const struct command_id *id,
                  const char *code, const char *message)
{
    struct writer writer;
    open_answer(&writer, out, format, "error", id, 2);
    write_word(&writer, "code", code);
    write_word(&writer, "message", message);
    close_answer(&writer);
}

void answer_shutdown(struct bytes *out, enum wire_format format, uint32_t reconnect_min_ms,
                     uint32_t reconnect_max_ms)
{
    struct writer writer;
    open_answer(&writer, out, format, "shutdown", NULL, 1);
    writer_key(&writer, "reconnect_ms");
    writer_list(&writer, 2);
    writer_unsigned(&writer, reconnect_min_ms);
    writer_unsigned(&writer, reconnect_max_ms);
    writer_end(&writer);
    close_answer(&writer);
}
