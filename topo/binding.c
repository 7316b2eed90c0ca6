/* Which rank runs on which CPUs. */
#include "topo/graph.h"
#include "topo/hosts.h"
#include "topo/load_hwloc.h"

#include "core/error.h"
#include "core/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cores, in the machine's order, of which at least one CPU is in `allowed`. Where hwloc knows no cores, CPUs. */
static size_t usable_cores(const struct topology *t, hwloc_const_bitmap_t allowed, hwloc_obj_t *cores)
{
    const hwloc_obj_type_t type = hwloc_get_nbobjs_by_type(t->hwloc, HWLOC_OBJ_CORE) > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
    size_t n = 0;
    for (hwloc_obj_t o = NULL; (o = hwloc_get_next_obj_by_type(t->hwloc, type, o)) != NULL;)
        if (hwloc_bitmap_intersects(o->cpuset, allowed)) {
            if (cores != NULL)
                cores[n] = o;
            n++;
        }
    return n;
}

/* Ranks a .. b-1 of nranks share core c of ncores; with as many cores as ranks or more, that is one. */
static int first_rank(size_t core, size_t ncores, int nranks)
{
    return (int)((core * (size_t)nranks + ncores - 1) / ncores);
}

static void describe(struct topology_binding *b, const struct topology *t, int ranks_here)
{
    const int number = b->core >= 0 ? t->devices[b->core].number : 0;
    int n = b->core >= 0 ? snprintf(b->text, sizeof b->text, "core %d (cpu %s)", number, b->cpus)
                         : snprintf(b->text, sizeof b->text, "cpu %s", b->cpus);
    if (n < 0 || (size_t)n >= sizeof b->text)
        return;
    if (b->shared)
        snprintf(b->text + n, sizeof b->text - (size_t)n, ", shared: more ranks than cores");
    else if (b->sibling)
        snprintf(b->text + n, sizeof b->text - (size_t)n, ", one thread: %d ranks on this core", ranks_here);
}

/* set gets the CPUs to bind to. */
static void choose(const struct topology *t, hwloc_const_bitmap_t allowed, int rank, int nranks, hwloc_bitmap_t set,
                   struct topology_binding *b)
{
    hwloc_obj_t *cores = rb_calloc(usable_cores(t, allowed, NULL), sizeof *cores);
    const size_t ncores = usable_cores(t, allowed, cores);
    const size_t core = (size_t)rank * ncores / (size_t)nranks;
    const int first = first_rank(core, ncores, nranks), here = first_rank(core + 1, ncores, nranks) - first;
    hwloc_bitmap_and(set, cores[core]->cpuset, allowed);
    const int threads = hwloc_bitmap_weight(set);
    *b = (struct topology_binding){ .core = load_device_of(cores[core]), .shared = here > threads, .sibling = here > 1 };
    if (here > 1) { /* one hardware thread each, as far as they go */
        int cpu = hwloc_bitmap_first(set);
        for (int k = 0; k < (rank - first) % threads; k++)
            cpu = hwloc_bitmap_next(set, cpu);
        hwloc_bitmap_only(set, (unsigned)cpu);
    }
    hwloc_bitmap_list_snprintf(b->cpus, sizeof b->cpus, set);
    describe(b, t, here);
    free(cores);
}

static int check(const struct topology *t, hwloc_const_bitmap_t allowed, int rank, int nranks)
{
    if (nranks < 1 || rank < 0 || rank >= nranks)
        return rb_fail(RB_EINTERNAL, "binding rank %d of %d: no such rank", rank, nranks);
    if (usable_cores(t, allowed, NULL) == 0)
        return rb_fail(RB_EUSAGE, "none of the CPUs that may be used is in the topology");
    return RB_OK;
}

static int no_cores(const struct topology *t)
{
    return rb_fail(RB_EUSAGE, "%s: tells no cores to bind ranks to; an hwloc XML file does", t->file);
}

int topology_binding(const struct topology *t, int rank, int nranks, struct topology_binding *binding_p)
{
    if (t->hwloc == NULL)
        return no_cores(t);
    hwloc_const_bitmap_t allowed = hwloc_topology_get_allowed_cpuset(t->hwloc);
    RB_TRY(check(t, allowed, rank, nranks));
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    choose(t, allowed, rank, nranks, set, binding_p);
    hwloc_bitmap_free(set);
    return RB_OK;
}

static int current_cpus(const struct topology *t, hwloc_bitmap_t allowed)
{
    if (!t->live)
        return rb_fail(RB_EUSAGE, "%s: is not the machine that this runs on; ranks cannot be bound by it", t->file != NULL ? t->file : "topology");
    hwloc_const_bitmap_t machine = hwloc_topology_get_allowed_cpuset(t->hwloc);
    if (hwloc_get_cpubind(t->hwloc, allowed, HWLOC_CPUBIND_THREAD) != 0)
        hwloc_bitmap_copy(allowed, machine); /* not told: nothing is forbidden */
    hwloc_bitmap_and(allowed, allowed, machine);
    return RB_OK;
}

/* A system that forbids binding is no reason to stop: the text says so. */
static void apply(const struct topology *t, hwloc_const_bitmap_t set, struct topology_binding *b)
{
    if (hwloc_set_cpubind(t->hwloc, set, HWLOC_CPUBIND_THREAD) == 0)
        return;
    snprintf(b->text, sizeof b->text, "not bound: %s", strerror(errno));
    b->core = -1;
}

int topology_bind_self(const struct topology *t, int rank, int nranks, struct topology_binding *binding_p)
{
    hwloc_bitmap_t allowed = hwloc_bitmap_alloc(), set = hwloc_bitmap_alloc();
    int rc = current_cpus(t, allowed);
    if (rc == RB_OK)
        rc = check(t, allowed, rank, nranks);
    if (rc == RB_OK) {
        choose(t, allowed, rank, nranks, set, binding_p);
        apply(t, set, binding_p);
    }
    hwloc_bitmap_free(set);
    hwloc_bitmap_free(allowed);
    return rc;
}

struct place {
    uint64_t machine;
    uint64_t cpus; /* hash of the CPUs that the rank may use */
};

/* FNV-1a. */
static uint64_t hash(const char *text)
{
    uint64_t h = 14695981039346656037u;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

/* Hosts that are one machine share its cores. */
static uint64_t machine_of(const struct job *job)
{
    const uint64_t id = hosts_machine();
    return id != 0 ? id : (uint64_t)job->node;
}

static int my_place(const struct topology *t, const struct job *job, struct place *place_p)
{
    hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
    const int rc = current_cpus(t, allowed);
    char *list = NULL;
    if (rc == RB_OK && hwloc_bitmap_list_asprintf(&list, allowed) >= 0)
        *place_p = (struct place){ machine_of(job), hash(list) };
    free(list);
    hwloc_bitmap_free(allowed);
    return rc;
}

int topology_bind_job(const struct topology *t, struct job *job, struct topology_binding *binding_p)
{
    struct place mine = { machine_of(job), 0 };
    RB_TRY(job_agree(job, my_place(t, job, &mine)));
    struct place *all = rb_calloc((size_t)job->nranks, sizeof *all);
    int rc = job_allgather(job, &mine, all, sizeof mine);
    int rank = 0, nranks = 0;
    for (int r = 0; rc == RB_OK && r < job->nranks; r++)
        if (all[r].machine == mine.machine && all[r].cpus == mine.cpus) {
            rank += r < job->rank;
            nranks++;
        }
    if (rc == RB_OK)
        rc = topology_bind_self(t, rank, nranks, binding_p);
    free(all);
    return rc;
}
