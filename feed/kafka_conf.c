/* SPDX-License-Identifier: MIT */
#include "feed/kafka_conf.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "feed/base.h"
#include "feed/log.h"

void kafka_conf_defaults(rd_kafka_conf_t *conf, const struct kafka_default *defaults, size_t count)
{
    char error[256];
    for (size_t i = 0; i < count; i++)
        CHECK(rd_kafka_conf_set(conf, defaults[i].key, defaults[i].value, error, sizeof error) ==
              RD_KAFKA_CONF_OK);
}

static int apply(rd_kafka_conf_t *conf, const char *property, char *error, size_t error_size)
{
    char key[128], reason[256];
    const char *equals = strchr(property, '=');
    size_t key_len = equals ? (size_t)(equals - property) : 0;
    if (key_len == 0 || key_len >= sizeof key) {
        snprintf(error, error_size, "kafka property %s: expected key=value", property);
        return -EINVAL;
    }
    memcpy(key, property, key_len);
    key[key_len] = '\0';
    if (rd_kafka_conf_set(conf, key, equals + 1, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return 0;
    /* The value stays out of the sentence: it may be a password. */
    snprintf(error, error_size, "kafka property %s: %s", key, reason);
    return -EINVAL;
}

int kafka_conf_properties(rd_kafka_conf_t *conf, const char *const *properties, size_t count,
                          char *error, size_t error_size)
{
    for (size_t i = 0; i < count; i++) {
        int result = apply(conf, properties[i], error, error_size);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Any of librdkafka's threads. */
static void log_line(const rd_kafka_t *rk, int syslog_level, const char *facility, const char *text)
{
    char quoted[768];
    (void)rk;
    enum log_level level = syslog_level <= 3   ? LOG_LEVEL_ERROR
                           : syslog_level <= 4 ? LOG_LEVEL_WARN
                           : syslog_level <= 6 ? LOG_LEVEL_INFO
                                               : LOG_LEVEL_DEBUG;
    /* Said at each look at an old or embedded broker, about a feature that isn't used. */
    if (strcmp(facility, "AUTOCREATE") == 0)
        level = LOG_LEVEL_DEBUG;
    log_event(level, "kafka.log", "facility=%s text=%s", facility,
              log_quote(text, (uint32_t)strlen(text), quoted, sizeof quoted));
}

void kafka_conf_log(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_log_cb(conf, log_line);
}
