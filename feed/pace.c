/* SPDX-License-Identifier: MIT */
/* pace: see pace.h. */
#include "feed/pace.h"

void pace_begin(struct pace *pace, double speed, int64_t max_gap_ns)
{
    *pace = (struct pace){.speed = speed, .max_gap_ns = max_gap_ns};
}

/* How far the tape's time has run by now; never past the tick that comes next. */
static int64_t run_by(const struct pace *pace, int64_t now_ns)
{
    if (pace->paused)
        return pace->from_run_ns;
    if (pace->speed <= 0)
        return pace->run_ns;
    double run = (double)(now_ns - pace->from_ns) * pace->speed;
    int64_t left = pace->run_ns - pace->from_run_ns;
    return run < (double)left ? pace->from_run_ns + (int64_t)run : pace->run_ns;
}

static void anchor(struct pace *pace, int64_t now_ns)
{
    pace->from_run_ns = run_by(pace, now_ns);
    pace->from_ns = now_ns;
}

int64_t pace_next(struct pace *pace, int64_t tape_ns, int64_t now_ns)
{
    if (!pace->begun) {
        pace->begun = true;
        pace->tape_ns = tape_ns;
        pace->from_ns = now_ns;
    }
    int64_t gap = tape_ns - pace->tape_ns;
    if (gap > 0) {
        pace->tape_ns = tape_ns;
        pace->run_ns += pace->max_gap_ns && gap > pace->max_gap_ns ? pace->max_gap_ns : gap;
    }
    return pace_due(pace);
}

int64_t pace_due(const struct pace *pace)
{
    if (pace->paused)
        return PACE_NEVER;
    if (pace->speed <= 0)
        return pace->from_ns;
    return pace->from_ns + (int64_t)((double)(pace->run_ns - pace->from_run_ns) / pace->speed);
}

void pace_pause(struct pace *pace, int64_t now_ns)
{
    if (pace->paused)
        return;
    anchor(pace, now_ns);
    pace->paused = true;
}

void pace_resume(struct pace *pace, int64_t now_ns)
{
    if (!pace->paused)
        return;
    anchor(pace, now_ns);
    pace->paused = false;
}

void pace_skip(struct pace *pace, int64_t now_ns)
{
    pace->from_run_ns = pace->run_ns;
    pace->from_ns = now_ns;
}

void pace_set_speed(struct pace *pace, double speed, int64_t now_ns)
{
    anchor(pace, now_ns);
    pace->speed = speed;
}
