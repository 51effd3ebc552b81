/* SPDX-License-Identifier: MIT */
#include "server/replay/group.h"

#include <stdio.h>

/* A century. */
static const double RUN_NS_MAX = 3e18;

/* A tape may hold any time, and its time runs fast: the ends of the scale are where it stops. */
static int64_t sum(int64_t a, int64_t b)
{
    int64_t out;
    return !__builtin_add_overflow(a, b, &out) ? out : b < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t difference(int64_t a, int64_t b)
{
    int64_t out;
    return !__builtin_sub_overflow(a, b, &out) ? out : b > 0 ? INT64_MIN : INT64_MAX;
}

void group_init(struct group *group, const char *name, enum tape_clock clock, double speed,
                int64_t max_gap_ns)
{
    *group = (struct group){.clock = clock, .speed = speed, .max_gap_ns = max_gap_ns};
    snprintf(group->name, sizeof group->name, "%s", name);
}

void group_begin(struct group *group, int64_t tape_ns, int64_t now_ns)
{
    group->begun = group->positioned = true;
    group->tape_ns = tape_ns;
    group->at_ns = now_ns;
}

int64_t group_tape_ns(const struct group *group, int64_t now_ns)
{
    if (!group->begun || group->paused || group->speed <= 0)
        return group->tape_ns;
    double run_ns = (double)(now_ns - group->at_ns) * group->speed;
    return sum(group->tape_ns, (int64_t)(run_ns < RUN_NS_MAX ? run_ns : RUN_NS_MAX));
}

int64_t group_due(const struct group *group, int64_t tape_ns)
{
    if (group->paused)
        return GROUP_NEVER;
    if (group->speed <= 0 || tape_ns <= group->tape_ns)
        return group->at_ns;
    double wait_ns = (double)difference(tape_ns, group->tape_ns) / group->speed;
    return sum(group->at_ns, (int64_t)(wait_ns < RUN_NS_MAX ? wait_ns : RUN_NS_MAX));
}

/* From here on `now_ns` counts. */
static void anchor(struct group *group, int64_t now_ns)
{
    if (!group->begun)
        return;
    group->tape_ns = group_tape_ns(group, now_ns);
    group->at_ns = now_ns;
}

void group_leap(struct group *group, int64_t next_ns, int64_t now_ns)
{
    if (!group->max_gap_ns || group->paused || group->speed <= 0 ||
        difference(next_ns, group_tape_ns(group, now_ns)) <= group->max_gap_ns)
        return;
    group->tape_ns = next_ns - group->max_gap_ns;
    group->at_ns = now_ns;
}

void group_pause(struct group *group, int64_t now_ns)
{
    anchor(group, now_ns);
    group->paused = true;
    group->steps = 0;
    group->stepping = false;
}

void group_resume(struct group *group, int64_t now_ns)
{
    if (group->paused)
        group->at_ns = now_ns;
    group->paused = false;
    group->steps = 0;
    group->stepping = false;
}

void group_set_speed(struct group *group, double speed, int64_t now_ns)
{
    anchor(group, now_ns);
    group->speed = speed;
}

void group_played(struct group *group, int64_t tape_ns)
{
    if (group->speed <= 0 && !group->paused && tape_ns > group->tape_ns)
        group->tape_ns = tape_ns;
}

void group_step(struct group *group, int64_t tape_ns)
{
    group->steps--;
    group->tape_ns = tape_ns;
}

void group_seek(struct group *group, int64_t tape_ns)
{
    group->begun = false;
    group->positioned = true;
    group->tape_ns = tape_ns;
    group->steps = 0;
}
