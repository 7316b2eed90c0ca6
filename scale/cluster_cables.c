/* The fabric given cable by cable: a tree that joins all nodes. */
#include "scale/cluster_file.h"

#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* node17 -> 17, a switch -> -1, a node that is not there -> -2 */
static int node_number(const struct cluster *c, const char *name)
{
    int n, used = 0;
    if (sscanf(name, "node%d%n", &n, &used) != 1 || name[used] != '\0')
        return -1;
    return n >= 0 && n < c->nodes ? n : -2;
}

static int switch_number(char (*names)[CLUSTER_NAME], int *n, const char *name)
{
    int i = 0;
    while (i < *n && strcmp(names[i], name) != 0)
        i++;
    if (i == *n)
        snprintf(names[(*n)++], CLUSTER_NAME, "%s", name);
    return i;
}

int cluster_ends(const struct cluster *c, int (*ends)[2], int *nswitches_p)
{
    char(*names)[CLUSTER_NAME] = rb_calloc((size_t)(2 * c->ncables + 1), sizeof *names);
    int n = 0, bad = -1;
    for (int i = 0; i < c->ncables; i++)
        for (int k = 0; k < 2; k++) {
            const int node = node_number(c, c->cables[i].ends[k]);
            bad = node == -2 && bad < 0 ? i : bad;
            ends[i][k] = node >= 0 ? node : c->nodes + switch_number(names, &n, c->cables[i].ends[k]);
        }
    free(names);
    *nswitches_p = n;
    return bad;
}

static int root_of(int *parent, int i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

static int join(const struct cluster *c, const char *where, int (*ends)[2], int *parent)
{
    for (int i = 0; i < c->ncables; i++) {
        const int a = root_of(parent, ends[i][0]), b = root_of(parent, ends[i][1]);
        if (a == b)
            return rb_fail(RB_EUSAGE, "%s:%d: link %s - %s closes a loop; the links must form a tree", where, c->cables[i].line,
                           c->cables[i].ends[0], c->cables[i].ends[1]);
        parent[a] = b;
    }
    for (int n = 1; n < c->nodes; n++)
        if (root_of(parent, n) != root_of(parent, 0))
            return rb_fail(RB_EUSAGE, "%s: node%d cannot be reached from node0: a link is missing", where, n);
    return RB_OK;
}

int cluster_check_cables(const struct cluster *c, const char *where)
{
    int(*ends)[2] = rb_calloc((size_t)c->ncables + 1, sizeof *ends), nswitches;
    const int bad = cluster_ends(c, ends, &nswitches);
    int *parent = rb_calloc((size_t)(c->nodes + nswitches), sizeof *parent);
    for (int i = 0; i < c->nodes + nswitches; i++)
        parent[i] = i;
    const int rc = bad >= 0 ? rb_fail(RB_EUSAGE, "%s:%d: link %s - %s names a node that is not there; nodes are node0 to node%d", where,
                                      c->cables[bad].line, c->cables[bad].ends[0], c->cables[bad].ends[1], c->nodes - 1)
                            : join(c, where, ends, parent);
    free(parent);
    free(ends);
    return rc;
}
