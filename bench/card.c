#include "bench/card.h"

#include "topo/nic_rate.h"

#include <stdio.h>
#include <string.h>

/* "mlx5_0 / eth2": the RDMA name comes first; "" when the NIC has none, or no port of it is up. */
static void rdma_name(const struct topology *t, const char *sysfs, int nic, char name[CARD_NAME])
{
    snprintf(name, CARD_NAME, "%.*s", (int)strcspn(topology_device(t, (size_t)nic)->detail, " /"), topology_device(t, (size_t)nic)->detail);
    if (!(nic_rate_rdma(sysfs, name) > 0))
        name[0] = '\0';
}

/* How many cards are at the shortest distance; name: the one of number `turn` among them. */
static int nearest(const struct session *s, int place, const char *sysfs, int turn, char name[CARD_NAME])
{
    const struct topology *t = s->topology;
    enum path_class best = PATH_CLASSES;
    int equal = 0;
    for (size_t i = 0; i < topology_count(t, TOPO_NIC); i++) {
        const int nic = topology_find(t, TOPO_NIC, (int)i);
        char own[CARD_NAME];
        rdma_name(t, sysfs, nic, own);
        const enum path_class class = topology_path(t, place, nic).class;
        if (own[0] == '\0' || class > best)
            continue;
        equal = class < best ? 1 : equal + 1;
        best = class;
        if (equal - 1 == turn || equal == 1)
            snprintf(name, CARD_NAME, "%s", own);
    }
    return equal;
}

const char *card_near(const struct session *s, int place, const char *sysfs, char name[CARD_NAME])
{
    name[0] = '\0';
    if (place < 0)
        return NULL;
    const int equal = nearest(s, place, sysfs, 0, name);
    if (equal == 0)
        return NULL;
    nearest(s, place, sysfs, s->job->local_rank % equal, name);
    return name;
}
