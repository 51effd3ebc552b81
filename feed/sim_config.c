/* SPDX-License-Identifier: MIT */
/* sim_config: the settings of the simulator, from their text. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/base.h"
#include "feed/sim.h"

static const double rate_max = 10e6, burst_max = 10;

/* One "key=value" of the text. */
struct setting {
    const char *key, *value;
    int key_len, value_len;
};

static int refuse(const struct setting *s, const char *expected, char *error, size_t error_size)
{
    snprintf(error, error_size, "sim: %.*s=%.*s: %s", s->key_len, s->key, s->value_len, s->value,
             expected);
    return -EINVAL;
}

static bool is(const struct setting *s, const char *key)
{
    return (size_t)s->key_len == strlen(key) && memcmp(s->key, key, (size_t)s->key_len) == 0;
}

static bool read_integer(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || text[0] < '0' || text[0] > '9' || *end || value > max)
        return false;
    *out = value;
    return true;
}

static bool read_number(const char *text, double min, double max, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < min || value > max)
        return false;
    *out = value;
    return true;
}

static int apply(const struct setting *s, struct sim_config *config, char *error, size_t error_size)
{
    char text[32] = "";
    uint64_t integer;
    if ((size_t)s->value_len < sizeof text) /* longer ones stay "", which no reader takes */
        memcpy(text, s->value, (size_t)s->value_len);
    if (is(s, "seed")) {
        if (!read_integer(text, UINT64_MAX, &config->seed))
            return refuse(s, "must be a whole number", error, error_size);
    } else if (is(s, "rate")) {
        if (!read_number(text, 0.001, rate_max, &config->rate))
            return refuse(s, "must be ticks a second, 0.001 to 10000000", error, error_size);
    } else if (is(s, "symbols")) {
        if (!read_integer(text, 1000000, &integer) || integer == 0)
            return refuse(s, "must be 1 to 1000000", error, error_size);
        config->symbols = (uint32_t)integer;
    } else if (is(s, "burst")) {
        if (!read_number(text, 0, burst_max, &config->burst))
            return refuse(s, "must be 0 (even) to 10", error, error_size);
    } else {
        return refuse(s, "unknown; there are seed, rate, symbols and burst", error, error_size);
    }
    return 0;
}

int sim_config_parse(const char *text, struct sim_config *config, char *error, size_t error_size)
{
    struct sim_config parsed = {.seed = 1, .rate = 5000, .symbols = 50, .burst = 1};
    while (*text) {
        size_t len = strcspn(text, ",");
        const char *equals = memchr(text, '=', len);
        struct setting s = {.key = text, .key_len = (int)len, .value = "", .value_len = 0};
        if (equals) {
            s.key_len = (int)(equals - text);
            s.value = equals + 1;
            s.value_len = (int)(len - (size_t)s.key_len - 1);
        }
        int result = apply(&s, &parsed, error, error_size);
        if (result < 0)
            return result;
        text += len + (text[len] == ',');
    }
    *config = parsed;
    return 0;
}
