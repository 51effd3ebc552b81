/* SPDX-License-Identifier: MIT */
/* names: see names.h. */
#include "server/fanout/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/fanout/fanout.h"
#include "server/fanout/reserve.h"

int names_init(struct names *names, uint32_t max)
{
    *names = (struct names){.by_name = reserve(max * sizeof *names->by_name),
                            .fresh = reserve(max * sizeof *names->fresh)};
    if (names->by_name && names->fresh)
        return 0;
    names_finish(names, max);
    return -ENOMEM;
}

void names_finish(struct names *names, uint32_t max)
{
    unreserve(names->by_name, max * sizeof *names->by_name);
    unreserve(names->fresh, max * sizeof *names->fresh);
    *names = (struct names){0};
}

void names_add(struct names *names, uint32_t symbol)
{
    names->by_name[names->count++] = symbol;
}

int names_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_symbols(const void *a, const void *b, void *arg)
{
    const struct fanout_symbol *symbols = arg;
    const struct fanout_symbol *first = &symbols[*(const uint32_t *)a];
    const struct fanout_symbol *second = &symbols[*(const uint32_t *)b];
    return names_compare(first->name, first->len, second->name, second->len);
}

/* The first of `count` in order that isn't before `text`. */
static uint32_t lower_bound(const struct fanout *fanout, uint32_t count, const char *text,
                            size_t len)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct fanout_symbol *symbol = &fanout->symbols[fanout->names.by_name[middle]];
        if (names_compare(symbol->name, symbol->len, text, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The new ones are sorted, and put between the others from the last on, so that each of those moves
 * at most once. */
static void put_in_order(struct fanout *fanout)
{
    struct names *names = &fanout->names;
    uint32_t *by_name = names->by_name;
    uint32_t fresh = names->count - names->in_order, high = names->in_order;
    if (!fresh)
        return;
    memcpy(names->fresh, by_name + names->in_order, fresh * sizeof *by_name);
    qsort_r(names->fresh, fresh, sizeof *by_name, compare_symbols, fanout->symbols);
    while (fresh-- > 0) {
        const struct fanout_symbol *symbol = &fanout->symbols[names->fresh[fresh]];
        uint32_t place = lower_bound(fanout, high, symbol->name, symbol->len);
        memmove(by_name + place + fresh + 1, by_name + place, (high - place) * sizeof *by_name);
        by_name[place + fresh] = names->fresh[fresh];
        high = place;
    }
    names->in_order = names->count;
}

struct name_range names_matching(struct fanout *fanout, const char *text, size_t len)
{
    struct topic topic = {.len = (uint8_t)len};
    memcpy(topic.text, text, len);
    put_in_order(fanout);
    uint32_t first = lower_bound(fanout, fanout->names.count, text, len - topic_is_pattern(&topic));
    uint32_t end = first;
    for (; end < fanout->names.count; end++) {
        const struct fanout_symbol *symbol = &fanout->symbols[fanout->names.by_name[end]];
        if (!topic_matches(&topic, symbol->name, symbol->len))
            break;
    }
    return (struct name_range){.symbols = fanout->names.by_name + first, .count = end - first};
}
