/* scale/draw.h - a cluster as text, Graphviz dot, JSON: `ringbench topo --cluster C`, `ringbench simulate --draw`. */
#ifndef RB_SCALE_DRAW_H
#define RB_SCALE_DRAW_H

#include "scale/cluster.h"

#include <stdio.h>

extern const char *const draw_formats[]; /* "table", "dot", "json", NULL */

int draw_cluster(const struct cluster *c, const char *format, FILE *out);
/* One line: what it is made of. */
void draw_line(const struct cluster *c, FILE *out);
/* `ringbench topo`: with --cluster the cluster, else the machine (topo/topo_command.h). */
int draw_topo_command(int argc, char **argv);

#endif
