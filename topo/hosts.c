#include "topo/hosts.h"

#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>

/* Made anew at every start of the kernel, and not namespaced: random(4). */
static const char boot_id_file[] = "/proc/sys/kernel/random/boot_id";

uint64_t hosts_machine(void)
{
    FILE *f = fopen(boot_id_file, "re");
    if (f == NULL)
        return 0;
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (int c; (c = fgetc(f)) != EOF;)
        h = (h ^ (uint64_t)(unsigned char)c) * 1099511628211u;
    fclose(f);
    return h;
}

struct seat {
    uint64_t machine;
    int32_t node, position; /* in the host's own order */
    int32_t device;
};

static int gather(struct job *job, const struct seat *mine, struct seat **all_p)
{
    struct seat *all = rb_calloc((size_t)job->nranks, sizeof *all);
    const int rc = job_allgather(job, mine, all, sizeof *mine);
    if (rc != RB_OK) {
        free(all);
        return rc;
    }
    *all_p = all;
    return RB_OK;
}

int hosts_ranks_here(struct job *job, int *count_p)
{
    const struct seat mine = { .machine = hosts_machine(), .node = job->node };
    struct seat *all;
    RB_TRY(gather(job, &mine, &all));
    *count_p = 0;
    for (int r = 0; r < job->nranks; r++)
        *count_p += all[r].node == mine.node || (mine.machine != 0 && all[r].machine == mine.machine);
    free(all);
    return RB_OK;
}

static bool is_before(const struct seat *all, int a, int b)
{
    if (all[a].node != all[b].node)
        return all[a].node < all[b].node;
    return all[a].position != all[b].position ? all[a].position < all[b].position : a < b;
}

static int position_here(const struct topology *t, const struct job *job)
{
    int *order = rb_malloc((size_t)job->nlocal * sizeof *order), position = 0;
    topology_entry_ranks(t, job->nlocal, order);
    while (order[position] != job->local_rank)
        position++;
    free(order);
    return position;
}

static int order_hosts(struct job *job, int position, int *order)
{
    const struct seat mine = { .node = job->node, .position = position };
    struct seat *all;
    RB_TRY(gather(job, &mine, &all));
    for (int r = 0; r < job->nranks; r++) {
        int at = 0;
        for (int k = 0; k < job->nranks; k++)
            at += k != r && is_before(all, k, r);
        order[at] = r;
    }
    free(all);
    return RB_OK;
}

int hosts_ring(const struct topology *t, struct job *job, int *order)
{
    if (job->nnodes > 1)
        return order_hosts(job, position_here(t, job), order);
    topology_ring_ranks(t, job->nranks, order);
    return RB_OK;
}

/* Those of this host's ranks, in their order; false: a rank of the job has none. */
static bool devices_here(const struct seat *all, const struct job *job, int *devices)
{
    bool known = true;
    for (int r = 0, n = 0; r < job->nranks; r++) {
        known = known && all[r].device >= 0;
        if (all[r].node == job->node)
            devices[n++] = all[r].device;
    }
    return known;
}

int hosts_ring_devices(const struct topology *t, struct job *job, int device, int *order)
{
    const struct seat mine = { .node = job->node, .device = device };
    struct seat *all;
    RB_TRY(gather(job, &mine, &all));
    int *devices = rb_malloc((size_t)job->nlocal * sizeof *devices), *here = rb_malloc((size_t)job->nlocal * sizeof *here), position = 0, rc = RB_OK;
    if (!devices_here(all, job, devices)) {
        rc = hosts_ring(t, job, order);
    } else if (job->nnodes == 1) {
        topology_ring_devices(t, devices, job->nranks, order);
    } else {
        topology_entry_devices(t, devices, job->nlocal, here);
        while (here[position] != job->local_rank)
            position++;
        rc = order_hosts(job, position, order);
    }
    free(all);
    free(devices);
    free(here);
    return rc;
}
