/* SPDX-License-Identifier: MIT */
#include "server/decks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void decks_init(struct decks *decks, const struct config *config,
                const struct feed_config *feed_config, const struct feed *feed)
{
    bool kafka = strcmp(feed_config->source, "kafka") == 0;
    uint64_t threads =
        config->replay_threads < config->replays ? config->replay_threads : config->replays;
    if (!kafka && !config->archive[0])
        threads = 0;
    decks->count = (uint32_t)threads;
    decks->config = (struct deck_config){
        .stock = {.archive = config->archive,
                  .brokers = kafka ? feed_config->brokers : "",
                  .topics = kafka ? feed_config->topics : "",
                  .properties = feed_config->properties,
                  .properties_count = feed_config->properties_count,
                  .timeless = config->demo,
                  .partitions_max = (uint32_t)config->replay_partitions,
                  .feed = feed},
        .players = (uint32_t)(threads ? (config->replays + threads - 1) / threads : 0),
        .spool_bytes = (uint32_t)config->replay_buffer,
        .symbols_max = (uint32_t)config->symbols_max,
        .rate = config->replay_rate,
    };
}

void decks_claims(const struct decks *decks, struct claims *claims)
{
    struct deck_config all = decks->config;
    all.players = decks_players(decks);
    if (decks->count)
        deck_claims(&all, claims);
}

/* A folder that isn't there is better told now than by the first replay. */
static int check_archive(const char *path, char *error, size_t error_size)
{
    DIR *folder = path[0] ? opendir(path) : NULL;
    if (path[0] && !folder) {
        snprintf(error, error_size, "setting 'archive': %s: %s", path, strerror(errno));
        return errno == ENOMEM ? -ENOMEM : -EINVAL;
    }
    if (folder)
        closedir(folder);
    return 0;
}

int decks_start(struct decks *decks, char *error, size_t error_size)
{
    int rc = check_archive(decks->config.stock.archive, error, error_size);
    for (uint32_t i = 0; i < decks->count && rc == 0; i++)
        rc = deck_create(&decks->list[i], &decks->config, error, error_size);
    return rc;
}

void decks_stop(struct decks *decks)
{
    for (uint32_t i = 0; i < decks->count; i++)
        deck_destroy(decks->list[i]);
}

uint32_t decks_players(const struct decks *decks)
{
    return decks->count * decks->config.players;
}

struct deck *decks_choose(const struct decks *decks, const char *group, uint32_t nth)
{
    uint32_t hash = group[0] ? 0 : nth;
    for (const char *at = group; *at; at++)
        hash = hash * 31 + (uint8_t)*at;
    return decks->list[hash % decks->count];
}
