/* The ring over several hosts: each host's ranks together, in the host's own order, entered and left near its network cards. */
#include "topo/hosts.h"

#include "core/error.h"
#include "core/text.h"
#include "tests/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MACHINES "tests/topologies/"
enum { RANKS_MAX = 16 };

/* Ranks dealt out to the hosts one after the other (by slot), or a block each. */
struct placing {
    int nnodes;
    bool dealt;
    const struct topology *topology;
    int order[RANKS_MAX]; /* what rank 0 found */
};

static void place(struct job *job, const struct placing *p)
{
    const int each = job->nranks / p->nnodes;
    job->nnodes = p->nnodes;
    job->nlocal = each;
    job->node = p->dealt ? job->rank % p->nnodes : job->rank / each;
    job->local_rank = p->dealt ? job->rank / p->nnodes : job->rank % each;
}

static int find_ring(struct job *job, void *context)
{
    struct placing *p = context;
    int order[RANKS_MAX];
    place(job, p);
    if (hosts_ring(p->topology, job, order) != RB_OK)
        return 1;
    if (job->rank == 0)
        memcpy(p->order, order, sizeof p->order);
    if (job_barrier(job) != RB_OK)
        return 2;
    return memcmp(p->order, order, (size_t)job->nranks * sizeof *order) == 0 ? 0 : 3;
}

static int node_of(const struct placing *p, int rank, int nranks)
{
    return p->dealt ? rank % p->nnodes : rank / (nranks / p->nnodes);
}

static void test_one_hop_into_each_host(void **state)
{
    (void)state;
    struct topology *t = NULL;
    assert_int_equal(topology_load(&t, MACHINES "two_sockets.xml"), RB_OK);
    for (int nnodes = 1; nnodes <= 4; nnodes++)
        for (int dealt = 0; dealt < 2; dealt++) {
            const int n = 12;
            struct placing p = { .nnodes = nnodes, .dealt = dealt == 1, .topology = t };
            bool seen[RANKS_MAX] = { false };
            int crossings = 0;
            assert_int_equal(ranks_as_threads(n, find_ring, &p), 0);
            for (int k = 0; k < n; k++) {
                assert_false(seen[p.order[k]]);
                seen[p.order[k]] = true;
                crossings += node_of(&p, p.order[k], n) != node_of(&p, p.order[(k + 1) % n], n);
            }
            assert_int_equal(crossings, nnodes > 1 ? nnodes : 0);
        }
    topology_free(t);
}

static void test_inside_a_host_its_own_order(void **state)
{
    (void)state;
    struct topology *t = NULL;
    int local[RANKS_MAX];
    assert_int_equal(topology_load(&t, MACHINES "eight_gpus.xml"), RB_OK);
    struct placing p = { .nnodes = 2, .dealt = true, .topology = t };
    assert_int_equal(ranks_as_threads(8, find_ring, &p), 0);
    topology_entry_ranks(t, 4, local);
    for (int k = 0; k < 4; k++) {
        assert_int_equal(p.order[k], 2 * local[k]);
        assert_int_equal(p.order[4 + k], 2 * local[k] + 1);
    }
    topology_free(t);
}

/* The nearest class of path from a GPU to any card. */
static enum path_class way_out(const struct topology *t, int gpu)
{
    enum path_class best = PATH_UNKNOWN;
    for (int i = 0; i < (int)topology_count(t, TOPO_NIC); i++) {
        const enum path_class class = topology_path(t, topology_find(t, TOPO_GPU, gpu), topology_find(t, TOPO_NIC, i)).class;
        best = class < best ? class : best;
    }
    return best;
}

static enum path_class worse(enum path_class a, enum path_class b)
{
    return a > b ? a : b;
}

/* The same cycle, opened where the worse of the two ends has a card as near as at any other place. */
static void test_opened_near_the_cards(void **state)
{
    (void)state;
    struct topology *t = NULL;
    int cycle[RANKS_MAX], opened[RANKS_MAX], at = 0;
    assert_int_equal(topology_load(&t, MACHINES "smi_a800_four_nics.txt"), RB_OK);
    topology_ring_ranks(t, 8, cycle);
    topology_entry_ranks(t, 8, opened);
    while (cycle[at] != opened[0])
        at++;
    const enum path_class ends = worse(way_out(t, opened[0]), way_out(t, opened[7]));
    for (int k = 0; k < 8; k++) {
        assert_int_equal(opened[k], cycle[(at + k) % 8]);
        assert_true(worse(way_out(t, cycle[k]), way_out(t, cycle[(k + 1) % 8])) >= ends);
    }
    assert_true(way_out(t, 0) > PATH_PIX && way_out(t, 1) == PATH_PIX);
    topology_free(t);
}

/* Rank i of a host is at its GPU (i + 3) % 8; none: the rank that has none. */
struct by_device {
    struct placing placing;
    int none, order[RANKS_MAX];
};

static int find_ring_of_gpus(struct job *job, void *context)
{
    struct by_device *d = context;
    int order[RANKS_MAX];
    place(job, &d->placing);
    const int gpu = topology_find(d->placing.topology, TOPO_GPU, (job->local_rank + 3) % 8);
    if (hosts_ring_devices(d->placing.topology, job, job->rank == d->none ? -1 : gpu, order) != RB_OK)
        return 1;
    if (job->rank == 0)
        memcpy(d->order, order, sizeof d->order);
    if (job_barrier(job) != RB_OK)
        return 2;
    return memcmp(d->order, order, (size_t)job->nranks * sizeof *order) == 0 ? 0 : 3;
}

static void test_gpus_of_two_hosts(void **state)
{
    (void)state;
    struct topology *t = NULL;
    int devices[8], local[8];
    assert_int_equal(topology_load(&t, MACHINES "smi_a800_four_nics.txt"), RB_OK);
    for (int i = 0; i < 8; i++)
        devices[i] = topology_find(t, TOPO_GPU, (i + 3) % 8);
    topology_entry_devices(t, devices, 8, local);
    struct by_device d = { .placing = { .nnodes = 2, .dealt = true, .topology = t }, .none = -1 };
    assert_int_equal(ranks_as_threads(16, find_ring_of_gpus, &d), 0);
    for (int k = 0; k < 8; k++) {
        assert_int_equal(d.order[k], 2 * local[k]);
        assert_int_equal(d.order[8 + k], 2 * local[k] + 1);
    }
    struct placing without = d.placing;
    d.none = 5;
    assert_int_equal(ranks_as_threads(16, find_ring_of_gpus, &d), 0);
    assert_int_equal(ranks_as_threads(16, find_ring, &without), 0);
    assert_memory_equal(d.order, without.order, sizeof without.order);
    topology_free(t);
}

static int count_here(struct job *job, void *context)
{
    struct placing *p = context;
    int count = 0;
    place(job, p);
    return hosts_ranks_here(job, &count) == RB_OK && count == job->nranks ? 0 : 1;
}

/* Hosts that are names only: all of these ranks are under this kernel. */
static void test_hosts_of_one_machine(void **state)
{
    (void)state;
    struct placing p = { .nnodes = 3 };
    if (hosts_machine() == 0)
        skip();
    assert_int_equal(hosts_machine(), hosts_machine());
    assert_int_equal(ranks_as_processes(6, count_here, &p), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_hop_into_each_host),
        cmocka_unit_test(test_inside_a_host_its_own_order),
        cmocka_unit_test(test_opened_near_the_cards),
        cmocka_unit_test(test_gpus_of_two_hosts),
        cmocka_unit_test(test_hosts_of_one_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
