/* SPDX-License-Identifier: MIT */
#include "tools/excerpt.h"

#include <errno.h>

#include "schemas/instant.h"
#include "schemas/tick_value.h"

const char *const excerpt_clocks[] = {"event", "receive", NULL};

static bool wants(void *arg, const char *symbol, size_t len)
{
    const struct option_list *symbols = arg;
    return symbol_matches_any(symbols->items, symbols->count, symbol, len);
}

int excerpt_init(struct excerpt *e, const struct excerpt_settings *settings,
                 const struct options *options)
{
    *e = (struct excerpt){.program = options->program, .symbols = settings->symbols};
    e->filter.clock = (enum tape_clock)settings->clock;
    e->filter.from = settings->from != NULL;
    e->filter.until = settings->to != NULL;
    if (settings->from && instant_parse(settings->from, &e->filter.from_ns) < 0)
        return options_refuse(options, "--from %s: is no RFC 3339 time", settings->from);
    if (settings->to && instant_parse(settings->to, &e->filter.until_ns) < 0)
        return options_refuse(options, "--to %s: is no RFC 3339 time", settings->to);
    if (e->symbols.count > 0) {
        e->filter.wants = wants;
        e->filter.arg = &e->symbols;
    }
    return 0;
}

static void tell(void *arg, const char *sentence)
{
    struct excerpt *e = arg;
    e->notices++;
    fprintf(stderr, "%s: %s\n", e->program, sentence);
}

struct tape_reader *excerpt_open(struct excerpt *e, const char *path)
{
    const struct tape_reader_config config = {.path = path, .notice = tell, .arg = e};
    struct tape_reader *reader;
    char error[4608];
    if (tape_reader_open(&reader, &config, error, sizeof error) < 0) {
        fprintf(stderr, "%s: %s\n", e->program, error);
        return NULL;
    }
    tape_reader_filter(reader, &e->filter);
    return reader;
}

int excerpt_next(struct excerpt *e, struct tape_reader *reader, struct tape_item *item)
{
    int result;
    while ((result = tape_reader_next(reader, item)) < 0) {
        fprintf(stderr, "%s: %s\n", e->program, tape_reader_error(reader));
        if (result != -EBADMSG)
            break;
        e->damages++;
        e->lost += tape_reader_damage(reader)->ticks;
    }
    return result;
}
