/* SPDX-License-Identifier: MIT */
/* topics: see topics.h. */
#include "server/fanout/topics.h"

#include <errno.h>
#include <string.h>

#include "feed/base.h"
#include "server/fanout/reserve.h"

int topics_init(struct topics *topics, uint32_t max)
{
    memset(topics, 0, sizeof *topics);
    uint32_t buckets = 1024;
    while (buckets < max)
        buckets *= 2;
    topics->max = max;
    topics->buckets_mask = buckets - 1;
    topics->topics = reserve((size_t)max * sizeof *topics->topics);
    topics->holds = reserve((size_t)max * sizeof *topics->holds);
    topics->buckets = reserve(buckets * sizeof *topics->buckets);
    topics->hold_buckets = reserve(buckets * sizeof *topics->hold_buckets);
    topics->topics_free = topics->holds_free = TOPIC_NONE;
    if (!topics->topics || !topics->holds || !topics->buckets || !topics->hold_buckets) {
        topics_finish(topics);
        return -ENOMEM;
    }
    return 0;
}

void topics_finish(struct topics *topics)
{
    unreserve(topics->topics, (size_t)topics->max * sizeof *topics->topics);
    unreserve(topics->holds, (size_t)topics->max * sizeof *topics->holds);
    unreserve(topics->buckets, (topics->buckets_mask + 1ull) * sizeof *topics->buckets);
    unreserve(topics->hold_buckets, (topics->buckets_mask + 1ull) * sizeof *topics->hold_buckets);
    memset(topics, 0, sizeof *topics);
}

/* FNV-1a: short texts, asked for rarely. */
static uint32_t hash_text(const char *text, size_t len, bool pattern)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return pattern ? (hash ^ '*') * 16777619u : hash;
}

static bool text_is(const struct topic *topic, const char *text, size_t len, bool pattern)
{
    return topic->len == len + pattern && memcmp(topic->text, text, len) == 0 &&
           (!pattern || topic->text[len] == '*');
}

/* Buckets hold index + 1, so that zeroed pages are empty ones. `text` is without the pattern's
 * star. */
static uint32_t find_topic(const struct topics *topics, const char *text, size_t len, bool pattern)
{
    uint32_t i = topics->buckets[hash_text(text, len, pattern) & topics->buckets_mask];
    while (i && !text_is(&topics->topics[i - 1], text, len, pattern))
        i = topics->topics[i - 1].bucket_next;
    return i - 1; /* 0 - 1 is TOPIC_NONE */
}

static uint32_t make_topic(struct topics *topics, const char *text, size_t len, bool pattern)
{
    uint32_t index = topics->topics_free;
    if (index != TOPIC_NONE)
        topics->topics_free = topics->topics[index].bucket_next;
    else
        index = topics->topics_used++; /* never more topics than holds */
    struct topic *topic = &topics->topics[index];
    memcpy(topic->text, text, len);
    if (pattern)
        topic->text[len] = '*';
    topic->len = (uint8_t)(len + pattern);
    topic->holds = TOPIC_NONE;
    uint32_t *bucket = &topics->buckets[hash_text(text, len, pattern) & topics->buckets_mask];
    topic->bucket_next = *bucket;
    *bucket = index + 1;
    return index;
}

static void unmake_topic(struct topics *topics, uint32_t index)
{
    struct topic *topic = &topics->topics[index];
    bool pattern = topic_is_pattern(topic);
    uint32_t *link = &topics->buckets[hash_text(topic->text, topic->len - pattern, pattern) &
                                      topics->buckets_mask];
    while (*link != index + 1)
        link = &topics->topics[*link - 1].bucket_next;
    *link = topic->bucket_next;
    topic->bucket_next = topics->topics_free;
    topics->topics_free = index;
}

static uint32_t *hold_bucket(const struct topics *topics, uint32_t topic, uint32_t subscriber)
{
    uint64_t key = (uint64_t)topic << 32 | subscriber;
    return &topics->hold_buckets[(key * 0x9e3779b97f4a7c15u) >> 32 & topics->buckets_mask];
}

uint32_t topics_hold(struct topics *topics, uint32_t *list, uint32_t subscriber, const char *text,
                     size_t len, struct terms terms)
{
    uint32_t index = topics->holds_free;
    if (index == TOPIC_NONE && topics->holds_used == topics->max)
        return TOPIC_NONE;
    if (index != TOPIC_NONE)
        topics->holds_free = topics->holds[index].next_of_topic;
    else
        index = topics->holds_used++;
    bool pattern = text[len - 1] == '*';
    uint32_t topic = find_topic(topics, text, len - pattern, pattern);
    if (topic == TOPIC_NONE)
        topic = make_topic(topics, text, len - pattern, pattern);
    struct hold *hold = &topics->holds[index];
    *hold = (struct hold){.topic = topic,
                          .subscriber = subscriber,
                          .next_of_topic = topics->topics[topic].holds,
                          .previous_of_topic = TOPIC_NONE,
                          .next_of_subscriber = *list,
                          .previous_of_subscriber = TOPIC_NONE,
                          .terms = terms};
    if (hold->next_of_topic != TOPIC_NONE)
        topics->holds[hold->next_of_topic].previous_of_topic = index;
    topics->topics[topic].holds = index;
    if (*list != TOPIC_NONE)
        topics->holds[*list].previous_of_subscriber = index;
    *list = index;
    uint32_t *bucket = hold_bucket(topics, topic, subscriber);
    hold->bucket_next = *bucket;
    *bucket = index + 1;
    topics->holds_live++;
    return index;
}

uint32_t topics_find(const struct topics *topics, uint32_t subscriber, const char *text, size_t len)
{
    bool pattern = len && text[len - 1] == '*';
    uint32_t topic = len ? find_topic(topics, text, len - pattern, pattern) : TOPIC_NONE;
    if (topic == TOPIC_NONE)
        return TOPIC_NONE;
    uint32_t i = *hold_bucket(topics, topic, subscriber);
    while (i &&
           (topics->holds[i - 1].topic != topic || topics->holds[i - 1].subscriber != subscriber))
        i = topics->holds[i - 1].bucket_next;
    return i - 1; /* 0 - 1 is TOPIC_NONE */
}

static void unlink_from_subscriber(struct topics *topics, uint32_t *list, const struct hold *hold)
{
    if (hold->next_of_subscriber != TOPIC_NONE)
        topics->holds[hold->next_of_subscriber].previous_of_subscriber =
            hold->previous_of_subscriber;
    if (hold->previous_of_subscriber != TOPIC_NONE)
        topics->holds[hold->previous_of_subscriber].next_of_subscriber = hold->next_of_subscriber;
    else
        *list = hold->next_of_subscriber;
}

static void unlink_from_topic(struct topics *topics, const struct hold *hold)
{
    if (hold->next_of_topic != TOPIC_NONE)
        topics->holds[hold->next_of_topic].previous_of_topic = hold->previous_of_topic;
    if (hold->previous_of_topic != TOPIC_NONE)
        topics->holds[hold->previous_of_topic].next_of_topic = hold->next_of_topic;
    else
        topics->topics[hold->topic].holds = hold->next_of_topic;
    if (topics->topics[hold->topic].holds == TOPIC_NONE)
        unmake_topic(topics, hold->topic);
}

void topics_release(struct topics *topics, uint32_t *list, uint32_t index)
{
    struct hold *hold = &topics->holds[index];
    uint32_t *link = hold_bucket(topics, hold->topic, hold->subscriber);
    while (*link != index + 1)
        link = &topics->holds[*link - 1].bucket_next;
    *link = hold->bucket_next;
    unlink_from_subscriber(topics, list, hold);
    unlink_from_topic(topics, hold);
    hold->next_of_topic = topics->holds_free;
    topics->holds_free = index;
    topics->holds_live--;
}

bool topic_is_pattern(const struct topic *topic)
{
    return topic->text[topic->len - 1] == '*';
}

bool topic_matches(const struct topic *topic, const char *symbol, size_t len)
{
    if (!topic_is_pattern(topic))
        return topic->len == len && memcmp(topic->text, symbol, len) == 0;
    return topic->len - 1u <= len && memcmp(topic->text, symbol, topic->len - 1u) == 0;
}

static void take_holds(const struct topics *topics, uint32_t topic, topics_take *take, void *arg)
{
    if (topic == TOPIC_NONE)
        return;
    for (uint32_t i = topics->topics[topic].holds; i != TOPIC_NONE;
         i = topics->holds[i].next_of_topic)
        take(arg, &topics->holds[i]);
}

void topics_each_matching(const struct topics *topics, const char *symbol, size_t len,
                          topics_take *take, void *arg)
{
    for (size_t prefix = 0; prefix <= len; prefix++)
        take_holds(topics, find_topic(topics, symbol, prefix, true), take, arg);
    take_holds(topics, find_topic(topics, symbol, len, false), take, arg);
}
