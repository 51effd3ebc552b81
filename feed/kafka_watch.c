/* SPDX-License-Identifier: MIT */
#include "feed/kafka_watch.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <string.h>
#include <time.h>

#include "feed/clock.h"
#include "feed/log.h"

enum {
    ASK_MS = 500,   /* how long a broker may take to answer: bounds kafka_watch_stop() */
    RETRY_MS = 250, /* between looks while something is amiss */
    NUDGE_MS = 50,  /* patience with an answer that doesn't matter */
};

/* ---- which partitions there are ---- */

static struct kafka_found *find(struct kafka_watch *watch, uint32_t topic, int32_t partition)
{
    for (uint32_t i = 0; i < watch->count; i++)
        if (watch->found[i].topic == topic && watch->found[i].partition == partition)
            return &watch->found[i];
    return NULL;
}

/* The offset that was asked for, negative where none was. */
static int64_t position_of(const struct kafka_watch *watch, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < watch->positions_count; i++) {
        const struct feed_position *p = &watch->positions[i];
        if (p->partition == partition && strcmp(p->topic, topic) == 0)
            return p->offset;
    }
    return -1;
}

static void add(struct kafka_watch *watch, uint32_t topic, int32_t partition)
{
    const char *name = rd_kafka_topic_name(watch->topics[topic]);
    if (watch->count == FEED_PARTITIONS_MAX || partition >= KAFKA_TOPIC_PARTITIONS_MAX) {
        if (!watch->too_many_logged)
            LOG_ERROR("kafka.too_many_partitions", "topic=%s partition=%d max=%d", name, partition,
                      FEED_PARTITIONS_MAX);
        watch->too_many_logged = true;
        return;
    }
    struct kafka_found *found = &watch->found[watch->count++];
    *found = (struct kafka_found){
        .topic = topic,
        .partition = partition,
        .leader = -1,
        .resumes = position_of(watch, name, partition),
        .added = watch->looked_at[topic],
        .waits = true,
    };
    LOG_INFO("kafka.partition_found", "topic=%s partition=%d added=%s", name, partition,
             found->added ? "yes" : "no");
}

static void note_partition(struct kafka_watch *watch, uint32_t topic,
                           const rd_kafka_metadata_partition_t *p)
{
    if (!find(watch, topic, p->id))
        add(watch, topic, p->id);
    struct kafka_found *found = find(watch, topic, p->id);
    if (found)
        found->leader = p->leader;
}

/* What the topic's metadata says, under the lock. Returns whether all is well with it. */
static bool note_topic(struct kafka_watch *watch, uint32_t topic,
                       const rd_kafka_metadata_topic_t *t)
{
    bool unknown = t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (t->err && !watch->missing_logged[topic])
        LOG_WARN("kafka.topic_unavailable", "topic=%s reason=%s", t->topic,
                 rd_kafka_err2name(t->err));
    watch->missing_logged[topic] = t->err != 0;
    for (int i = 0; i < t->partition_cnt; i++)
        note_partition(watch, topic, &t->partitions[i]);
    bool listed = t->err == 0 && t->partition_cnt > 0;
    /* Nothing can be missed of a topic that doesn't exist yet: when it comes, it is read from its
     * beginning. */
    if (listed || unknown)
        watch->looked_at[topic] = true;
    bool led = true;
    for (int i = 0; i < t->partition_cnt; i++)
        led = led && t->partitions[i].leader >= 0;
    return listed && led;
}

static bool look_at_topic(struct kafka_watch *watch, uint32_t topic, bool *exists)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err =
        rd_kafka_metadata(watch->rk, 0, watch->topics[topic], &metadata, ASK_MS);
    if (err || metadata->topic_cnt < 1) {
        if (!err)
            rd_kafka_metadata_destroy(metadata);
        *exists = false;
        return false;
    }
    pthread_mutex_lock(&watch->lock);
    bool well = note_topic(watch, topic, &metadata->topics[0]);
    *exists = metadata->topics[0].partition_cnt > 0;
    pthread_mutex_unlock(&watch->lock);
    rd_kafka_metadata_destroy(metadata);
    return well;
}

static bool stopping(struct kafka_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    bool stop = watch->stop;
    pthread_mutex_unlock(&watch->lock);
    return stop;
}

static bool look_at_topics(struct kafka_watch *watch)
{
    bool well = true, complete = true;
    for (uint32_t i = 0; i < watch->topics_count && !stopping(watch); i++) {
        bool exists = false;
        well = look_at_topic(watch, i, &exists) && well;
        complete = complete && exists;
    }
    pthread_mutex_lock(&watch->lock);
    watch->complete = watch->complete || complete;
    watch->changed = true;
    pthread_mutex_unlock(&watch->lock);
    return well;
}

/* ---- where reading begins ---- */

/* Partitions that wait for a place and have a leader to ask. NULL where there are none. */
static rd_kafka_topic_partition_list_t *waiting(struct kafka_watch *watch)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    pthread_mutex_lock(&watch->lock);
    for (uint32_t i = 0; i < watch->count; i++) {
        const struct kafka_found *found = &watch->found[i];
        if (found->waits && found->leader >= 0)
            rd_kafka_topic_partition_list_add(
                list, rd_kafka_topic_name(watch->topics[found->topic]), found->partition)
                ->opaque = &watch->found[i];
    }
    pthread_mutex_unlock(&watch->lock);
    if (list->cnt > 0)
        return list;
    rd_kafka_topic_partition_list_destroy(list);
    return NULL;
}

/* The time to ask for: that of --from, or for a place that was lost just after the last message
 * read: a log that was made anew is then read from its beginning, one that lost its tail isn't read
 * twice. */
static int64_t time_wanted(const struct kafka_watch *watch, const struct kafka_found *found)
{
    if (found->was_lost)
        return found->newest_ms < 0 ? RD_KAFKA_OFFSET_END : found->newest_ms + 1;
    return watch->from.kind == FROM_TIME ? watch->from.time_ms : RD_KAFKA_OFFSET_END;
}

enum question { ASK_LOW, ASK_END, ASK_TIME };

/* Asks all leaders at once. Kafka's ListOffsets takes -2 and -1 in a time's place for the first and
 * the next offset, and librdkafka passes them through. Returns a copy of `list` with the answers,
 * or NULL. */
static rd_kafka_topic_partition_list_t *
ask(struct kafka_watch *watch, const rd_kafka_topic_partition_list_t *list, enum question question)
{
    rd_kafka_topic_partition_list_t *answers = rd_kafka_topic_partition_list_copy(list);
    for (int i = 0; i < list->cnt; i++) {
        const struct kafka_found *found = list->elems[i].opaque;
        answers->elems[i].offset = question == ASK_LOW   ? RD_KAFKA_OFFSET_BEGINNING
                                   : question == ASK_END ? RD_KAFKA_OFFSET_END
                                                         : time_wanted(watch, found);
    }
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(watch->rk, answers, ASK_MS);
    if (!err)
        return answers;
    LOG_DEBUG("kafka.offsets_unknown", "reason=%s", rd_kafka_err2name(err));
    rd_kafka_topic_partition_list_destroy(answers);
    return NULL;
}

static bool answer(const rd_kafka_topic_partition_list_t *answers,
                   const rd_kafka_topic_partition_t *of, int64_t *offset)
{
    for (int i = 0; i < answers->cnt; i++) {
        const rd_kafka_topic_partition_t *a = &answers->elems[i];
        if (a->partition == of->partition && strcmp(a->topic, of->topic) == 0) {
            *offset = a->offset;
            return a->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        }
    }
    return false;
}

/* Under the lock. Where a lost place is found again: at the oldest kept if retention has overtaken
 * us, where it was if the broker knows it after all, else after the newest message read. */
static struct kafka_span span_of(const struct kafka_watch *watch, const struct kafka_found *found,
                                 int64_t low, int64_t end, int64_t by_time)
{
    static const struct kafka_from earliest = {.kind = FROM_EARLIEST};
    if (found->was_lost) {
        int64_t at = found->position;
        if (at < low)
            at = low;
        else if (at > end)
            at = by_time < low || by_time > end ? end : by_time;
        return (struct kafka_span){.begin = at, .start = at};
    }
    if (found->resumes >= 0) {
        /* Beyond the end: the log was made anew, and nothing of it was read. */
        int64_t at = found->resumes > end ? low : found->resumes < low ? low : found->resumes;
        return (struct kafka_span){.begin = at, .start = at};
    }
    return kafka_from_span(found->added ? &earliest : &watch->from,
                           found->added ? 0 : watch->warmup, low, end, by_time);
}

static void place(struct kafka_watch *watch, struct kafka_found *found, const char *topic,
                  int64_t low, int64_t end, int64_t by_time)
{
    pthread_mutex_lock(&watch->lock);
    struct kafka_span span = span_of(watch, found, low, end, by_time);
    found->span = span;
    found->end = end;
    found->waits = false;
    found->placed++;
    watch->changed = true;
    pthread_mutex_unlock(&watch->lock);
    LOG_INFO("kafka.placed", "topic=%s partition=%d begin=%lld start=%lld low=%lld end=%lld", topic,
             found->partition, (long long)span.begin, (long long)span.start, (long long)low,
             (long long)end);
}

static bool place_waiting(struct kafka_watch *watch)
{
    rd_kafka_topic_partition_list_t *list = waiting(watch);
    if (!list)
        return true;
    rd_kafka_topic_partition_list_t *answers[3] = {NULL};
    bool all = true;
    for (enum question q = ASK_LOW; q <= ASK_TIME && all; q++)
        all = !stopping(watch) && (answers[q] = ask(watch, list, q)) != NULL;
    for (int i = 0; all && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        int64_t low, end, by_time;
        if (answer(answers[ASK_LOW], p, &low) && answer(answers[ASK_END], p, &end) &&
            answer(answers[ASK_TIME], p, &by_time))
            place(watch, p->opaque, p->topic, low, end, by_time);
        else
            all = false;
    }
    for (int q = 0; q < 3; q++)
        if (answers[q])
            rd_kafka_topic_partition_list_destroy(answers[q]);
    rd_kafka_topic_partition_list_destroy(list);
    return all;
}

/* ---- the thread ---- */

/* One partition of each leader. */
static rd_kafka_topic_partition_list_t *one_of_each_leader(struct kafka_watch *watch)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    bool taken[KAFKA_HEARD] = {false};
    pthread_mutex_lock(&watch->lock);
    for (uint32_t i = 0; i < watch->count; i++) {
        const struct kafka_found *found = &watch->found[i];
        if (found->leader < 0 || taken[found->leader % KAFKA_HEARD])
            continue;
        taken[found->leader % KAFKA_HEARD] = true;
        const char *topic = rd_kafka_topic_name(watch->topics[found->topic]);
        rd_kafka_topic_partition_list_add(list, topic, found->partition)->offset =
            RD_KAFKA_OFFSET_END;
    }
    pthread_mutex_unlock(&watch->lock);
    return list;
}

/* The answer doesn't matter, only that the brokers' threads wake to send the question. */
static void wake_fetchers(struct kafka_watch *watch)
{
    rd_kafka_topic_partition_list_t *list = one_of_each_leader(watch);
    if (list->cnt > 0)
        rd_kafka_offsets_for_times(watch->rk, list, NUDGE_MS);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Sleeps until it is time to look again or someone asks for it; false when it is time to end. */
static bool rest(struct kafka_watch *watch, bool well)
{
    int64_t until = clock_mono_ns() + (int64_t)(well ? watch->refresh_ms : RETRY_MS) * 1000000;
    const struct timespec t = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    pthread_mutex_lock(&watch->lock);
    while (!watch->stop && !watch->hurry && clock_mono_ns() < until) {
        if (!watch->nudge) {
            pthread_cond_timedwait(&watch->wake, &watch->lock, &t);
            continue;
        }
        watch->nudge = false;
        pthread_mutex_unlock(&watch->lock);
        wake_fetchers(watch);
        pthread_mutex_lock(&watch->lock);
    }
    watch->hurry = false;
    bool stop = watch->stop;
    pthread_mutex_unlock(&watch->lock);
    return !stop;
}

static void *run(void *arg)
{
    struct kafka_watch *watch = arg;
    bool well;
    do {
        well = look_at_topics(watch);
        well = place_waiting(watch) && well;
    } while (rest(watch, well));
    return NULL;
}

int kafka_watch_start(struct kafka_watch *watch)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&watch->lock, NULL);
    pthread_cond_init(&watch->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    int result = -pthread_create(&watch->thread, NULL, run, watch);
    watch->running = result == 0;
    return result;
}

void kafka_watch_stop(struct kafka_watch *watch)
{
    if (!watch->running)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->stop = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
    watch->running = false;
}

/* ---- for F ---- */

bool kafka_watch_take(struct kafka_watch *watch, struct kafka_found *found, uint32_t *count,
                      bool *complete)
{
    pthread_mutex_lock(&watch->lock);
    bool changed = watch->changed;
    if (changed) {
        memcpy(found, watch->found, watch->count * sizeof *found);
        *count = watch->count;
        *complete = watch->complete;
        watch->changed = false;
    }
    pthread_mutex_unlock(&watch->lock);
    return changed;
}

void kafka_watch_lost(struct kafka_watch *watch, uint32_t i, int64_t position, int64_t newest_ms)
{
    pthread_mutex_lock(&watch->lock);
    struct kafka_found *found = &watch->found[i];
    found->was_lost = true;
    found->waits = true;
    found->position = position;
    found->newest_ms = newest_ms;
    watch->hurry = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
}

void kafka_watch_hurry(struct kafka_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->hurry = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
}

void kafka_watch_nudge(struct kafka_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->nudge = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
}

void kafka_watch_heard(struct kafka_watch *watch, int32_t broker)
{
    /* Relaxed: the instant orders nothing. Bootstrap brokers are -1 and share the last place. */
    atomic_store_explicit(&watch->heard_ns[(uint32_t)broker % KAFKA_HEARD], clock_mono_ns(),
                          memory_order_relaxed);
}

int64_t kafka_watch_heard_ns(struct kafka_watch *watch, int32_t broker)
{
    /* Relaxed: as above. */
    return atomic_load_explicit(&watch->heard_ns[(uint32_t)broker % KAFKA_HEARD],
                                memory_order_relaxed);
}

int64_t kafka_watch_heard_any_ns(struct kafka_watch *watch)
{
    int64_t newest = 0;
    for (int32_t i = 0; i < KAFKA_HEARD; i++) {
        int64_t heard = kafka_watch_heard_ns(watch, i);
        newest = heard > newest ? heard : newest;
    }
    return newest;
}
