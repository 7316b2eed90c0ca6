/* bench/yardstick/gpu/gauge.h - a figure beside its ceiling and its goal: a line of the table and a line of results.jsonl. */
#ifndef RB_YARDSTICK_GAUGE_H
#define RB_YARDSTICK_GAUGE_H

#include <jansson.h>
#include <stdio.h>

struct gauge {
    const char *name, *unit;
    double value;
    double ceiling;           /* of the same run; 0: none */
    const char *ceiling_name;
    double goal;              /* share of the ceiling, or where there is none the value itself, at least; 0: none */
};

struct gauges {
    FILE *records; /* NULL: the table only */
    int missed;
};

void gauge_title(const char *title);
int gauge_put(struct gauges *all, const struct gauge *g); /* RB_* */

#endif
