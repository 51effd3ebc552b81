/* SPDX-License-Identifier: MIT */
/*
 * command_replay: the fields of `replay` and of its controls, judged into command->replay. Pure.
 */
#include <string.h>

#include "schemas/instant.h"
#include "server/wire/command_judge.h"

enum { SPEED_MAX = 1000000, GAP_MS_MAX = 86400000, COUNT_MAX = 1000000, NS_PER_US = 1000 };

static bool judge_micros(struct judge *judge, enum field field, int64_t us, int64_t *ns)
{
    if (us > INT64_MAX / NS_PER_US || us < INT64_MIN / NS_PER_US)
        return judge_refuse(judge, "bad_field", "\"%s\" is out of range: it counts microseconds.",
                            field_names[field]);
    *ns = us * NS_PER_US;
    return true;
}

/* The text isn't terminated, and may hold a NUL of its own. */
static bool judge_instant_text(struct judge *judge, enum field field, int64_t *ns)
{
    const struct node *node = &judge->tree.fields[field];
    char text[INSTANT_TEXT_MAX] = {0};
    bool fits = node->len < sizeof text;
    if (fits && node->len > 0)
        memcpy(text, node->text, node->len);
    if (!fits || strlen(text) != node->len || instant_parse(text, ns) < 0)
        return judge_refuse(judge, "bad_field",
                            "\"%s\" is no time as \"2024-08-09T00:05:00.123456789Z\".",
                            field_names[field]);
    return true;
}

/* An optional time: microseconds or RFC 3339. */
static bool judge_instant(struct judge *judge, enum field field, bool *given, int64_t *ns)
{
    const struct node *node = &judge->tree.fields[field];
    *given = node->kind != NODE_ABSENT;
    switch (node->kind) {
    case NODE_ABSENT: return true;
    case NODE_INTEGER: return judge_micros(judge, field, node->integer, ns);
    case NODE_BIG: return judge_micros(judge, field, INT64_MAX, ns);
    case NODE_TEXT: return judge_instant_text(judge, field, ns);
    default:
        return judge_refuse(judge, "bad_command",
                            "\"%s\" is neither an integer of microseconds nor a string.",
                            field_names[field]);
    }
}

static bool judge_span(struct judge *judge)
{
    struct command_replay *replay = &judge->command->replay;
    if (!judge_instant(judge, FIELD_FROM, &replay->from_given, &replay->from_ns) ||
        !judge_instant(judge, FIELD_TO, &replay->until_given, &replay->until_ns))
        return false;
    if (replay->from_given && replay->until_given && replay->until_ns < replay->from_ns)
        return judge_refuse(judge, "bad_field", "\"to\" is before \"from\".");
    return true;
}

/* An optional field of two words; `out` says whether it is the second. */
static bool judge_either(struct judge *judge, enum field field, const char *first,
                         const char *second, bool *out)
{
    const struct node *node = &judge->tree.fields[field];
    const char *name = field_names[field];
    if (node->kind == NODE_ABSENT)
        return true;
    if (node->kind != NODE_TEXT)
        return judge_refuse(judge, "bad_command", "\"%s\" is not a string.", name);
    *out = node_is(node, second);
    if (!*out && !node_is(node, first))
        return judge_refuse(judge, "bad_field", "\"%s\" is neither \"%s\" nor \"%s\".", name, first,
                            second);
    return true;
}

static bool judge_then(struct judge *judge)
{
    struct command_replay *replay = &judge->command->replay;
    if (!judge_either(judge, FIELD_THEN, "end", "live", &replay->then_live))
        return false;
    if (replay->then_live && replay->until_given)
        return judge_refuse(judge, "bad_field",
                            "\"then\": \"live\" doesn't go with \"to\": from there to now there "
                            "would be a hole.");
    return true;
}

/* msgpack has floats that are no numbers: such a one isn't above 0 either. */
static bool judge_speed_number(struct judge *judge, double speed)
{
    if (!(speed > 0 && speed <= SPEED_MAX))
        return judge_refuse(judge, "bad_field", "\"speed\" is not above 0 and up to %d.",
                            SPEED_MAX);
    judge->command->replay.speed = speed;
    return true;
}

/* An optional speed. */
static bool judge_pace(struct judge *judge)
{
    const struct node *node = &judge->tree.fields[FIELD_SPEED];
    switch (node->kind) {
    case NODE_ABSENT: return true;
    case NODE_INTEGER: return judge_speed_number(judge, (double)node->integer);
    case NODE_REAL: return judge_speed_number(judge, node->real);
    case NODE_BIG: return judge_speed_number(judge, (double)INT64_MAX);
    case NODE_TEXT:
        if (!node_is(node, "max"))
            return judge_refuse(judge, "bad_field", "\"speed\" is no number and not \"max\".");
        judge->command->replay.speed = 0;
        return true;
    default:
        return judge_refuse(judge, "bad_command", "\"speed\" is neither a number nor \"max\".");
    }
}

static bool is_group(const struct node *node)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";
    if (node->len < 1 || node->len > COMMAND_GROUP_MAX)
        return false;
    for (size_t i = 0; i < node->len; i++)
        if (!memchr(letters, node->text[i], sizeof letters - 1))
            return false;
    return true;
}

static bool judge_group(struct judge *judge)
{
    const struct node *node = &judge->tree.fields[FIELD_GROUP];
    if (node->kind == NODE_ABSENT)
        return true;
    if (node->kind != NODE_TEXT)
        return judge_refuse(judge, "bad_command", "\"group\" is not a string.");
    if (!is_group(node))
        return judge_refuse(judge, "bad_field", "\"group\" is not 1 to %d of A-Z a-z 0-9 . _ -",
                            COMMAND_GROUP_MAX);
    memcpy(judge->command->replay.group, node->text, node->len);
    return true;
}

bool judge_replay(struct judge *judge)
{
    struct command_replay *replay = &judge->command->replay;
    replay->speed = 1;
    return judge_span(judge) &&
           judge_either(judge, FIELD_CLOCK, "event", "receive", &replay->by_receive) &&
           judge_pace(judge) &&
           judge_uint32(judge, FIELD_MAX_GAP_MS, 0, GAP_MS_MAX, &replay->max_gap_ms) &&
           judge_then(judge) && judge_group(judge) && judge_symbols(judge, true);
}

bool judge_step(struct judge *judge)
{
    struct command_replay *replay = &judge->command->replay;
    replay->count = 1;
    return judge_uint32(judge, FIELD_COUNT, 1, COUNT_MAX, &replay->count);
}

bool judge_seek(struct judge *judge)
{
    struct command_replay *replay = &judge->command->replay;
    if (!judge_instant(judge, FIELD_FROM, &replay->from_given, &replay->from_ns))
        return false;
    return replay->from_given || judge_refuse(judge, "bad_command", "\"from\" is missing.");
}

bool judge_speed(struct judge *judge)
{
    if (judge->tree.fields[FIELD_SPEED].kind == NODE_ABSENT)
        return judge_refuse(judge, "bad_command", "\"speed\" is missing.");
    return judge_pace(judge);
}
