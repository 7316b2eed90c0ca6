/* scale/cluster_file.h - a cluster file, line by line. Private to cluster*.c. */
#ifndef RB_SCALE_CLUSTER_FILE_H
#define RB_SCALE_CLUSTER_FILE_H

#include "scale/cluster.h"

int cluster_read_file(struct cluster *c, const char *path, const struct catalogue *catalogue);
/* True when the setting was said. */
bool cluster_given(const struct cluster *c, const char *key);
/* fabric = links: joins every node to every other exactly one way, or says where not. */
int cluster_check_cables(const struct cluster *c, const char *where);
/* The place of an end: nodes 0 .. nodes-1, then switches in order of appearance; switches_p: how many there are. */
int cluster_ends(const struct cluster *c, int (*ends)[2], int *nswitches_p);

#endif
