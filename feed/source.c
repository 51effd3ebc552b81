/* SPDX-License-Identifier: MIT */
#include "feed/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What follows "sim:", "" for a plain "sim", NULL for another source. */
static const char *sim_settings(const char *source)
{
    if (strcmp(source, "sim") == 0)
        return "";
    return strncmp(source, "sim:", 4) == 0 ? source + 4 : NULL;
}

int source_create(struct source **out, const struct feed_config *config, char *error,
                  size_t error_size)
{
    const char *name = config->source ? config->source : "kafka";
    if (strcmp(name, "kafka") == 0)
        return kafka_create(out, config, error, error_size);
    const char *settings = sim_settings(name);
    if (settings)
        return sim_source_create(out, settings, error, error_size);
    if (strncmp(name, "file:", 5) == 0)
        return file_source_create(out, name + 5, error, error_size);
    snprintf(error, error_size, "source=%s: expected kafka, sim:seed=1,rate=5000 or file:PATH",
             name);
    return -EINVAL;
}

uint64_t source_memory_max(const struct feed_config *config)
{
    const char *name = config->source ? config->source : "kafka";
    if (strncmp(name, "file:", 5) == 0)
        return file_source_memory_max(name + 5);
    return strcmp(name, "kafka") == 0 ? kafka_memory_max(config) : 0;
}
