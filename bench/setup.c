#include "bench/setup.h"

#include "bench/buffers.h"
#include "bench/card.h"
#include "bench/environment.h"
#include "bench/gemm_rate.h"
#include "bench/pairs.h"
#include "bench/pcie.h"
#include "collectives/card.h"
#include "collectives/device/gang.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "topo/hosts.h"
#include "topo/memory.h"
#include "workload/compute.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int setup_store(struct session *s, struct store **store_p)
{
    return job_agree(s->job, s->job->rank == 0 ? store_open(store_p, s->settings) : RB_OK);
}

static int usable_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* More ranks than processors: they must give way to each other while they wait. Collective. */
static int find_crowded(struct session *s)
{
    const struct topology *t = s->topology;
    const int cores = (int)topology_count(t, TOPO_CORE), cpus = usable_cpus();
    int ranks;
    RB_TRY(hosts_ranks_here(s->job, &ranks));
    if (ranks > s->job->nlocal)
        rb_note("hosts share this machine: its %d cores serve %d ranks, of which %d are on host %s", cores, ranks, s->job->nlocal,
                s->hosts.of[s->job->rank].name);
    s->crowded = ranks > (cores > 0 && cores > cpus ? cores : cpus) || (cores > 0 && ranks > cores);
    if (s->crowded)
        rb_note("%d ranks share %d cores: they take turns, so expect times far above those of a rank a core", ranks, cores);
    if (!s->crowded && s->job->nthreads > cpus)
        rb_note("the launcher gives the %d threads of a process %d processor%s: they take turns; mpirun --bind-to none gives them all", s->job->nthreads,
                cpus, cpus == 1 ? "" : "s");
    s->crowded = s->crowded || s->job->nthreads > cpus;
    return RB_OK;
}

/* Are the hosts alike, and by which of its interfaces does this one reach the next? */
static int look_at_hosts(struct session *s)
{
    char *words = topology_summary(s->topology);
    const int rc = hosts_gather_conditions(&s->hosts, s->job, words);
    free(words);
    RB_TRY(rc);
    hosts_same_conditions(&s->hosts);
    const int other = hosts_first_rank(&s->hosts, s->job->node == 0 ? 1 : 0);
    if (other >= 0)
        interfaces_route(s->hosts.of[other].addresses, HOST_ADDRESSES, &s->interface);
    return RB_OK;
}

static int order_ring(struct session *s)
{
    s->ring = rb_malloc((size_t)s->job->nranks * sizeof *s->ring);
    if (s->settings->topology == NULL)
        return hosts_ring(s->topology, s->job, s->ring);
    struct topology *recorded = NULL;
    rb_mute(s->job->local_rank != 0);
    const int loaded = topology_load(&recorded, s->settings->topology);
    rb_mute(false);
    int rc = job_agree(s->job, loaded);
    if (rc == RB_OK)
        rc = hosts_ring(recorded, s->job, s->ring);
    if (loaded == RB_OK)
        topology_free(recorded);
    return rc;
}

static int find_topology(struct session *s)
{
    heartbeat_phase(s->heartbeat, PHASE_TOPOLOGY);
    RB_TRY(job_agree(s->job, topology_load(&s->topology, NULL)));
    RB_TRY(look_at_hosts(s));
    RB_TRY(find_crowded(s)); /* before binding: it narrows what may be used */
    s->binding.core = -1;
    if (!s->settings->no_bind && topology_bind_job(s->topology, s->job, &s->binding) != RB_OK)
        s->binding.core = -1; /* said so; unbound ranks measure as well, only less evenly */
    heartbeat_beat(s->heartbeat);
    double GBps = 0;
    RB_TRY(job_barrier(s->job));
    RB_TRY(job_agree(s->job, memory_bandwidth_measure(&GBps)));
    RB_TRY(job_reduce(s->job, &GBps, 1, JOB_MIN));
    topology_set_memory_bandwidth(s->topology, GBps, CEILING_MEASURED);
    heartbeat_beat(s->heartbeat);
    return order_ring(s);
}

/* What a rank multiplies while all ranks do. */
static int own_tflops(void *session, double *tflops_p)
{
    const struct session *s = session;
    struct job *job = s->job;
    struct compute c;
    if (s->on_gpu)
        return gemm_rate_of_rank(s, tflops_p);
    RB_TRY(job_agree(job, compute_open(&c, "auto")));
    *tflops_p = c.flops * 1e-12;
    compute_close(&c);
    return job_reduce(job, tflops_p, 1, JOB_MIN);
}

/* Ranks on GPUs go round by the GPUs' links, not by cores. Stays as it is where the topology does not know them. */
static int order_gpus(struct session *s)
{
    if (s->settings->topology != NULL)
        return RB_OK;
    const struct comm_gpu gpu = comm_gpu(s->channels[0].comm);
    return hosts_ring_devices(s->topology, s->job, gpu.bus != NULL ? topology_find_gpu(s->topology, gpu.bus) : -1, s->ring);
}

/* What this rank's network card should be near to: the memory that it sends. */
static int place_of_rank(const struct session *s)
{
    struct gpu_facts gpu;
    const int device = s->on_gpu ? gang_device(s->job, (int)s->settings->ranks_per_gpu) : -1;
    const int place = device >= 0 && gpu_api.facts(device, &gpu) == RB_OK ? topology_find_gpu(s->topology, gpu.bus) : -1;
    return place >= 0 ? place : s->binding.core;
}

int setup_comms(struct session *s)
{
    RB_TRY(find_topology(s));
    RB_TRY(emulate_parse(&s->emulation, s->settings->emulate, s->job, own_tflops, s));
    heartbeat_phase(s->heartbeat, PHASE_CONNECT);
    char name[CARD_NAME];
    const char *near = card_near(s, place_of_rank(s), "/sys", name), *asked = s->settings->transports;
    for (size_t i = 0; i < s->nchannels; i++) {
        const struct comm_config config = { .transport = s->channels[i].asked, .yield = s->crowded, .heartbeat = s->heartbeat,
                                            .qps = (int)s->settings->qps, .proxy = s->settings->proxy, .device = s->settings->device, .near_device = near,
                                            .ranks_per_gpu = (int)s->settings->ranks_per_gpu, .channels = (int)s->settings->channels,
                                            .system_scope = s->settings->system_scope, .pace_GBps = s->emulation.GBps,
                                            .pace_latency_sec = s->emulation.latency_sec, .host_memory = !s->on_gpu,
                                            .found = i == 0 && options_list_has(asked, "auto") && !options_list_has(asked, "all") };
        RB_TRY(comm_open(&s->channels[i].comm, s->job, &config));
    }
    if (s->on_gpu)
        RB_TRY(order_gpus(s));
    if (s->on_gpu)
        RB_TRY(pcie_open(&s->pcie, s));
    environment_steal(&s->cpu_ticks, &s->stolen_ticks);
    s->clock_sec = clock_cost();
    RB_TRY(job_reduce(s->job, &s->clock_sec, 1, JOB_MAX));
    heartbeat_phase(s->heartbeat, PHASE_BASELINE);
    return baselines_open(&s->baselines, s->job, s->channels[0].comm);
}

/* Better said now than by the kernel when the pages are touched. */
static int check_memory(struct session *s, size_t need)
{
    const double available = environment_free_bytes(), whole = (double)need * s->job->nlocal;
    double share = available > 0 ? whole / available : 0;
    RB_TRY(job_reduce(s->job, &share, 1, JOB_MAX));
    if (share < 0.9)
        return RB_OK;
    char want[UNITS_TEXT], have[UNITS_TEXT];
    return s->job->rank == 0 ? rb_fail(RB_EUSAGE, "-e: the buffers need %s on this machine, %s of memory are free; take a smaller -e or fewer ranks",
                                       units_bytes(want, (uint64_t)whole), units_bytes(have, (uint64_t)(whole / share)))
                             : RB_EUSAGE;
}

int setup_region(struct session *s, const struct cases *cases)
{
    heartbeat_phase(s->heartbeat, PHASE_ALLOCATE);
    const size_t need = cases != NULL ? buffers_need(cases, s->job->nranks) : pairs_region();
    if (!s->on_gpu)
        RB_TRY(check_memory(s, need));
    const bool hot = cases == NULL || strcmp(s->settings->cache, "hot") == 0;
    double bytes = (double)(hot ? need : buffers_region(need, s->job->nlocal));
    RB_TRY(job_reduce(s->job, &bytes, 1, JOB_MIN));
    s->region_bytes = (size_t)bytes > need ? (size_t)bytes : need;
    void *memory = NULL;
    RB_TRY(comm_allocate(s->channels[0].comm, s->region_bytes, &memory));
    s->region = memory;
    if (s->on_gpu) /* cleared by the driver */
        return job_barrier(s->job);
    /* Touched now, so that no page is made while the clock runs; ordinary numbers in every type. */
    for (size_t at = 0; at < s->region_bytes; at += (size_t)16 << 20) {
        const size_t left = s->region_bytes - at;
        memset(s->region + at, 0x3F, left < (size_t)16 << 20 ? left : (size_t)16 << 20);
        heartbeat_beat(s->heartbeat);
    }
    return job_barrier(s->job);
}

void setup_close(struct session *s)
{
    pcie_close(s->pcie);
    baselines_close(&s->baselines); /* they use the first channel */
    for (size_t i = 0; i < s->nchannels; i++)
        if (s->channels[i].comm != NULL)
            comm_close(s->channels[i].comm);
    topology_free(s->topology);
    free(s->ring);
}
