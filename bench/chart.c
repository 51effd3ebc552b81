/* SPDX-License-Identifier: MIT */
#include "bench/chart.h"

#include <math.h>

enum {
    WIDTH = 860,
    HEIGHT = 320,
    LEFT = 72,
    RIGHT = 16,
    TOP = 40,
    BOTTOM = 44,
    COLOURS = 6,
    LEGEND_WIDTH = 150,
};

static double clamp(double share)
{
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

static double share_of(const struct axis *axis, double value)
{
    if (!axis->logarithmic)
        return clamp((value - axis->low) / (axis->high - axis->low));
    return value <= axis->low ? 0 : clamp(log(value / axis->low) / log(axis->high / axis->low));
}

static double x_of(const struct chart *chart, double value)
{
    return LEFT + share_of(&chart->x, value) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct chart *chart, double value)
{
    return HEIGHT - BOTTOM - share_of(&chart->y, value) * (HEIGHT - TOP - BOTTOM);
}

double chart_round_up(double value)
{
    double power = pow(10, floor(log10(value > 0 ? value : 1)));
    double lead = value / power;
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

/* 1500000 as 1.5M. */
static void put_number(FILE *out, double value)
{
    if (value >= 1e6)
        fprintf(out, "%gM", value / 1e6);
    else if (value >= 1e3)
        fprintf(out, "%gk", value / 1e3);
    else
        fprintf(out, "%g", value);
}

static void put_row(struct chart *chart, double value)
{
    double y = y_of(chart, value);
    fprintf(chart->out,
            "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f /><text class=end x=%d y=%.1f>", LEFT,
            WIDTH - RIGHT, y, y, LEFT - 8, y + 4);
    put_number(chart->out, value);
    fprintf(chart->out, "</text>");
}

static void put_column(struct chart *chart, double value, const char *text)
{
    double x = x_of(chart, value);
    fprintf(chart->out,
            "<line class=grid x1=%.1f x2=%.1f y1=%d y2=%d /><text class=mid x=%.1f y=%d>", x, x,
            TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 16);
    if (text)
        fprintf(chart->out, "%s", text);
    else
        put_number(chart->out, value);
    fprintf(chart->out, "</text>");
}

/* Every power of ten, or five steps. */
static void put_rows(struct chart *chart)
{
    const struct axis *y = &chart->y;
    if (y->logarithmic)
        for (double value = y->low; value <= y->high * 1.001; value *= 10)
            put_row(chart, value);
    else
        for (int i = 0; i <= 5; i++)
            put_row(chart, y->low + (y->high - y->low) * i / 5);
}

static void put_columns(struct chart *chart)
{
    const struct axis *x = &chart->x;
    for (int i = 0; i <= 10; i++)
        put_column(chart, x->low + (x->high - x->low) * i / 10, NULL);
}

void chart_begin(struct chart *chart, FILE *out, const char *title, struct axis x, struct axis y,
                 const struct chart_label *labels, uint32_t labels_count)
{
    *chart = (struct chart){.out = out, .x = x, .y = y};
    fprintf(out, "<figure><figcaption>%s</figcaption><svg viewBox=\"0 0 %d %d\" role=img>", title,
            WIDTH, HEIGHT);
    put_rows(chart);
    if (labels)
        for (uint32_t i = 0; i < labels_count; i++)
            put_column(chart, labels[i].at, labels[i].text);
    else
        put_columns(chart);
    fprintf(out, "<text class=mid x=%d y=%d>%s</text><text x=4 y=%d>%s</text>",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x.title, TOP - 10, y.title);
}

void chart_line(struct chart *chart, const char *name, const struct point *points, uint32_t count)
{
    uint32_t colour = chart->lines % COLOURS;
    double at = WIDTH - RIGHT - LEGEND_WIDTH * (double)(4 - chart->lines % 4);
    double down = TOP - 26 + 14 * (double)(chart->lines / 4);
    fprintf(chart->out, "<g class=c%u><polyline points=\"", colour);
    for (uint32_t i = 0; i < count; i++)
        fprintf(chart->out, "%.1f,%.1f ", x_of(chart, points[i].x), y_of(chart, points[i].y));
    fprintf(chart->out, "\"/>");
    for (uint32_t i = 0; i < count; i++)
        fprintf(chart->out, "<circle cx=%.1f cy=%.1f r=5><title>%s: %.6g at %.6g</title></circle>",
                x_of(chart, points[i].x), y_of(chart, points[i].y), name, points[i].y, points[i].x);
    fprintf(chart->out,
            "<line x1=%.0f x2=%.0f y1=%.0f y2=%.0f /><text x=%.0f y=%.0f>%s</text></g>\n", at,
            at + 18, down - 4, down - 4, at + 24, down, name);
    chart->lines++;
}

void chart_end(struct chart *chart)
{
    fprintf(chart->out, "</svg></figure>\n");
}
