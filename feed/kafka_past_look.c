/* SPDX-License-Identifier: MIT */
#include "feed/kafka_past_look.h"

#include <librdkafka/rdkafka.h>
#include <string.h>

enum { ASK_MS = 400 }; /* how long a broker may take to answer: bounds kafka_past_look_finish() */

static bool stopping(struct kafka_past_look *look)
{
    pthread_mutex_lock(&look->lock);
    bool stop = look->stop;
    pthread_mutex_unlock(&look->lock);
    return stop;
}

/* Asks all leaders at once. Kafka's ListOffsets takes -2 and -1 in a time's place for the first and
 * the next offset, and librdkafka passes them through. Returns the answers or NULL. */
static rd_kafka_topic_partition_list_t *ask(struct kafka_past_look *look, int64_t time)
{
    if (stopping(look))
        return NULL;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)look->count);
    for (uint32_t i = 0; i < look->count; i++)
        rd_kafka_topic_partition_list_add(list, look->questions[i].topic,
                                          look->questions[i].partition)
            ->offset = time;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(look->rk, list, ASK_MS);
    if (!err)
        return list;
    look->failure = rd_kafka_err2name(err);
    rd_kafka_topic_partition_list_destroy(list);
    return NULL;
}

static bool answer(struct kafka_past_look *look, rd_kafka_topic_partition_list_t *answers,
                   const struct kafka_past_question *q, int64_t *offset)
{
    const rd_kafka_topic_partition_t *a =
        rd_kafka_topic_partition_list_find(answers, q->topic, q->partition);
    if (!a || a->err) {
        look->failure = rd_kafka_err2name(a ? a->err : RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
        return false;
    }
    *offset = a->offset;
    return true;
}

static void *run(void *arg)
{
    struct kafka_past_look *look = arg;
    rd_kafka_topic_partition_list_t *low = ask(look, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_topic_partition_list_t *end = low ? ask(look, RD_KAFKA_OFFSET_END) : NULL;
    rd_kafka_topic_partition_list_t *time = end && look->from ? ask(look, look->from_ms) : NULL;
    for (uint32_t i = 0; end && (time || !look->from) && i < look->count; i++) {
        struct kafka_past_question *q = &look->questions[i];
        q->answered = answer(look, low, q, &q->low) && answer(look, end, q, &q->end) &&
                      (!look->from || answer(look, time, q, &q->by_time));
    }
    if (low)
        rd_kafka_topic_partition_list_destroy(low);
    if (end)
        rd_kafka_topic_partition_list_destroy(end);
    if (time)
        rd_kafka_topic_partition_list_destroy(time);
    pthread_mutex_lock(&look->lock);
    look->done = true;
    pthread_mutex_unlock(&look->lock);
    return NULL;
}

void kafka_past_look_init(struct kafka_past_look *look)
{
    pthread_mutex_init(&look->lock, NULL);
}

int kafka_past_look_begin(struct kafka_past_look *look)
{
    look->done = false;
    look->failure = NULL;
    for (uint32_t i = 0; i < look->count; i++)
        look->questions[i].answered = false;
    int result = -pthread_create(&look->thread, NULL, run, look);
    look->running = result == 0;
    return result;
}

bool kafka_past_look_done(struct kafka_past_look *look)
{
    pthread_mutex_lock(&look->lock);
    bool done = look->running && look->done;
    pthread_mutex_unlock(&look->lock);
    if (!done)
        return false;
    pthread_join(look->thread, NULL);
    look->running = false;
    return true;
}

void kafka_past_look_finish(struct kafka_past_look *look)
{
    pthread_mutex_lock(&look->lock);
    look->stop = true;
    pthread_mutex_unlock(&look->lock);
    if (look->running)
        pthread_join(look->thread, NULL);
    look->running = false;
    pthread_mutex_destroy(&look->lock);
}
