/* SPDX-License-Identifier: MIT */
/*
 * log: events with keys, one line each, on standard error; never on the tick path. Any thread.
 *
 *     2026-11-22T02:03:04.567890Z info kafka.assigned topic=trades partition=3 offset=918
 */
#ifndef TAPEHEAD_FEED_LOG_H
#define TAPEHEAD_FEED_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Events below `level` are not written. Call before threads start. */
void log_set_level(enum log_level level);

/* Writes one line in one write(). `keys` is a printf format such as "topic=%s partition=%d"; a
 * value that may hold spaces, quotes or control bytes goes through log_quote(). Lines over 1 KiB
 * are cut. */
void log_event(enum log_level level, const char *event, const char *keys, ...)
    __attribute__((format(printf, 3, 4)));

#define LOG_DEBUG(...) log_event(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...)  log_event(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...)  log_event(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) log_event(LOG_LEVEL_ERROR, __VA_ARGS__)

/* Quotes outside text for a log value: "..." with \xNN for what isn't printable ASCII, cut to fit
 * `size`. Returns `out`, terminated. */
const char *log_quote(const char *text, uint32_t len, char *out, uint32_t size);

/* A bounded rate: at most `burst` events a second, one thread. Zeroed but for `burst` is a valid
 * start. */
struct log_rate {
    uint32_t burst;
    uint32_t used;
    uint64_t
        suppressed; /* since the last event that was let through; the caller prints and zeroes it */
    int64_t second;
};

/* Whether an event may be written now; counts it as suppressed otherwise. */
bool log_rate_allows(struct log_rate *rate, int64_t mono_ns);

#endif
