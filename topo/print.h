/* topo/print.h - a topology as a table, as JSON, as a Graphviz graph. */
#ifndef RB_TOPO_PRINT_H
#define RB_TOPO_PRINT_H

#include "topo/topology.h"

#include <stdio.h>

struct topology_format {
    const char *name; /* value of --format */
    /* nranks: for how many ranks the binding is shown; 0: none. */
    int (*print)(const struct topology *t, int nranks, FILE *out);
};

/* The GPU driver's answers, or why there are none. */
void print_nvml(const struct topology *t, FILE *out);

extern const struct topology_format format_table, format_json, format_dot;

#endif
