/* SPDX-License-Identifier: MIT */
/*
 * chart: a line chart as inline SVG, written as it goes: chart_begin(), lines, chart_end(). Colours
 * are the page's, by CSS class.
 */
#ifndef TAPEHEAD_BENCH_CHART_H
#define TAPEHEAD_BENCH_CHART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct axis {
    const char *title;
    double low;
    double high;
    bool logarithmic;
};

struct chart {
    FILE *out;
    struct axis x;
    struct axis y;
    uint32_t lines;
};

struct point {
    double x;
    double y;
};

/* `ticks` are labelled places of the x axis; NULL lets it choose. */
struct chart_label {
    double at;
    const char *text;
};

void chart_begin(struct chart *chart, FILE *out, const char *title, struct axis x, struct axis y,
                 const struct chart_label *labels, uint32_t labels_count);

/* The next colour; named in the legend, and shown where the pointer rests on it. */
void chart_line(struct chart *chart, const char *name, const struct point *points, uint32_t count);
void chart_end(struct chart *chart);

/* A round number not below `value`: 1, 2 or 5 times a power of ten. */
double chart_round_up(double value);

#endif
