/* SPDX-License-Identifier: MIT */
#include "feed/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

/* The process's one log level: written before threads start, read by all of them after. */
static enum log_level log_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_set_level(enum log_level level)
{
    log_level = level;
}

/* What snprintf() would have written, clipped to what it did write. */
static int clip(int wanted, int room)
{
    if (wanted < 0)
        return 0;
    return wanted < room ? wanted : room - 1;
}

static int print_time(char *out, int size)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    int len = (int)strftime(out, (size_t)size, "%Y-%m-%dT%H:%M:%S", &utc);
    return len + clip(snprintf(out + len, (size_t)(size - len), ".%06ldZ", now.tv_nsec / 1000),
                      size - len);
}

void log_event(enum log_level level, const char *event, const char *keys, ...)
{
    if (level < log_level)
        return;
    char line[LINE_MAX_BYTES];
    const int size = LINE_MAX_BYTES;
    int len = print_time(line, size);
    len += clip(snprintf(line + len, (size_t)(size - len), " %s %s%s", level_names[level], event,
                         keys[0] ? " " : ""),
                size - len);
    va_list args;
    va_start(args, keys);
    len += clip(vsnprintf(line + len, (size_t)(size - len), keys, args), size - len);
    va_end(args);
    line[len++] = '\n'; /* in the terminator's place */
    /* One write, so that lines of several threads don't mix. Nothing can be done where it fails. */
    (void)!write(STDERR_FILENO, line, (size_t)len);
}

/* Writes the escaped form of `c` to `out`, at most 4 bytes; returns the length. */
static uint32_t escape(unsigned char c, char *out)
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = (char)c;
        return 2;
    }
    if (c >= 0x20 && c < 0x7f) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = hex[c >> 4];
    out[3] = hex[c & 15];
    return 4;
}

const char *log_quote(const char *text, uint32_t len, char *out, uint32_t size)
{
    if (size < 3) {
        if (size > 0)
            out[0] = '\0';
        return out;
    }
    uint32_t used = 0;
    out[used++] = '"';
    for (uint32_t i = 0; i < len; i++) {
        char piece[4];
        uint32_t piece_len = escape((unsigned char)text[i], piece);
        if (used + piece_len + 2 > size) /* the closing quote and the terminator */
            break;
        for (uint32_t k = 0; k < piece_len; k++)
            out[used++] = piece[k];
    }
    out[used++] = '"';
    out[used] = '\0';
    return out;
}

bool log_rate_allows(struct log_rate *rate, int64_t mono_ns)
{
    int64_t second = mono_ns / 1000000000;
    if (second != rate->second) {
        rate->second = second;
        rate->used = 0;
    }
    if (rate->used >= rate->burst) {
        rate->suppressed++;
        return false;
    }
    rate->used++;
    return true;
}
