#include "bench/setup.h"

#include "bench/buffers.h"
#include "bench/card.h"
#include "bench/environment.h"
#include "bench/gemm_rate.h"
#include "bench/measure.h"
#include "bench/pairs.h"
#include "bench/pcie.h"
#include "bench/table.h"
#include "bench/version.h"
#include "collectives/card.h"
#include "collectives/device/gang.h"
#include "collectives/transport/transport.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "topo/hosts.h"
#include "topo/memory.h"
#include "workload/compute.h"
#include "workload/gpu_suite.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What a run holds beside the session's data, for its record. */
struct about_rank {
    struct table_rank shown;
    int node;
    char binding[96];
    struct interface interface;
    char rdma[64]; /* port that verbs uses; "": none */
};

static bool is_gpu(const char *name)
{
    const struct transport_ops *ops = transport_find(name);
    return ops != NULL && ops->gpu;
}

/* What auto will take, as far as that is between GPUs: named, so that all that depends on it knows. What computes in a workload are
 * processors. */
static const char *auto_name(const struct session *s)
{
    const char *name = comm_auto(s->job, s->settings->workload.names != NULL && !gpu_suite_can(&s->settings->workload));
    return name != NULL && is_gpu(name) ? name : "auto";
}

/* The buffers of a run are the GPUs' or the host's: the first transport decides. */
static size_t keep_one_kind(struct session *s, const char **names, size_t n)
{
    size_t kept = 0;
    s->on_gpu = n > 0 && is_gpu(names[0]);
    for (size_t i = 0; i < n; i++)
        if (is_gpu(names[i]) == s->on_gpu)
            names[kept++] = names[i];
        else
            rb_note("--transport %s: left out: this run's buffers lie in %s memory; measure it in a run of its own", names[i], s->on_gpu ? "GPU" : "host");
    return kept;
}

/* Threads have GPUs; ranks on processors are processes. */
static int refuse_threads(const struct session *s, const char *transport)
{
    const char *why = "";
    const int threads = (int)s->settings->threads, gpus = (int)s->settings->gpus, processes = s->job->nranks / s->job->nthreads;
    if (s->job->rank != 0)
        return RB_EUSAGE;
    if (comm_transport_usable("cuda_staged", s->job, &why))
        return rb_fail(RB_EUSAGE, "-t %d -g %d: for ranks on GPUs, and --transport %s is between processors, whose ranks are processes: mpirun -n %d", threads,
                       gpus, transport, s->job->nranks);
    return rb_fail(RB_EUSAGE, "-t %d -g %d: %d process%s of %d GPU%s, and here is none: %s; ranks on processors are processes: mpirun -n %d", threads, gpus,
                   processes, processes == 1 ? "" : "es", s->job->nthreads, s->job->nthreads == 1 ? "" : "s", why, s->job->nranks);
}

int setup_transports(struct session *s, const char **names, size_t *count_p)
{
    const char *const asked = s->settings->transports;
    size_t n = 0;
    if (options_list_has(asked, "auto") && !options_list_has(asked, "all"))
        names[n++] = auto_name(s);
    for (size_t i = 0; i < transport_count && n < SESSION_TRANSPORTS; i++) {
        const char *why = "";
        if (!options_list_has(asked, transports[i]->name) || (n > 0 && strcmp(names[0], transports[i]->name) == 0))
            continue;
        const bool mine = comm_transport_usable(transports[i]->name, s->job, &why);
        if (job_agree(s->job, mine ? RB_OK : RB_EUSAGE) == RB_OK)
            names[n++] = transports[i]->name;
        else
            rb_note("--transport %s: refused: %s", transports[i]->name, mine ? "another rank cannot use it" : why);
    }
    for (const struct transport_gap *g = transport_gaps; g->name != NULL; g++)
        if (options_list_has(asked, g->name))
            rb_note("--transport %s: refused: %s", g->name, g->why);
    n = keep_one_kind(s, names, n);
    for (size_t i = 0; i < n; i++)
        s->channels[i].asked = names[i];
    s->nchannels = n;
    *count_p = n;
    if (s->job->nthreads > 1 && !s->on_gpu)
        return refuse_threads(s, n > 0 ? names[0] : "auto");
    if (s->on_gpu && s->settings->workload.names != NULL && !gpu_suite_can(&s->settings->workload))
        return s->job->rank == 0 ? rb_fail(RB_EUSAGE, "--workload %s: GPUs play tp-layer with --compute cublas; the others compute on processors and move host "
                                           "memory: leave --transport %s out", s->settings->workload.names, asked) : RB_EUSAGE;
    if (n > 0)
        return RB_OK;
    return s->job->rank == 0 ? rb_fail(RB_EUSAGE, "--transport %s cannot be used here (above); try auto", asked) : RB_EUSAGE;
}

/* One that says something of GPUs alone, or NULL. */
static const char *gpu_option(const struct settings *o)
{
    return o->graphs > 0          ? "-G"
           : o->cpu_time > 0      ? "-C"
           : o->channels > 0      ? "-V (--channels)"
           : o->ranks_per_gpu > 1 ? "--ranks-per-gpu"
           : o->system_scope      ? "--system-scope"
           : o->cta_policy > 0    ? "-x"
                                  : NULL;
}

int setup_gpu_options(const struct session *s)
{
    const char *option = gpu_option(s->settings), *why = "";
    if (option == NULL || s->on_gpu || s->job->rank != 0)
        return option == NULL || s->on_gpu ? RB_OK : RB_EUSAGE;
    const bool has_gpu = comm_transport_usable("cuda_staged", s->job, &why);
    return rb_fail(RB_EUSAGE, "%s: for ranks on GPUs, and this run's are on processors (--transport %s)%s%s", option, s->channels[0].asked,
                   has_gpu ? "" : ": ", has_gpu ? "" : why);
}

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

static struct about_rank about_me(const struct session *s)
{
    struct about_rank me = { .shown = { .pid = (int)getpid(), .thread = s->job->thread, .core = -1, .gpu = -1 }, .node = s->job->node };
    if (gethostname(me.shown.host, sizeof me.shown.host - 1) != 0)
        snprintf(me.shown.host, sizeof me.shown.host, "unknown");
    snprintf(me.shown.device, sizeof me.shown.device, "%.90s", environment_processor());
    const struct comm_gpu gpu = comm_gpu(s->channels[0].comm);
    if (gpu.name != NULL) {
        me.shown.gpu = gpu.device;
        snprintf(me.shown.bus, sizeof me.shown.bus, "%.23s", gpu.bus);
        snprintf(me.shown.device, sizeof me.shown.device, "%.95s", gpu.name);
    }
    snprintf(me.binding, sizeof me.binding, "%s", s->binding.core >= 0 ? s->binding.text : "not bound");
    me.interface = s->interface;
    for (size_t i = 0; i < s->nchannels; i++)
        if (card_port(s->channels[i].comm) != NULL)
            snprintf(me.rdma, sizeof me.rdma, "%s", card_port(s->channels[i].comm));
    if (s->binding.core >= 0)
        me.shown.core = topology_device(s->topology, (size_t)s->binding.core)->number;
    return me;
}

static json_t *ranks_json(const struct about_rank *all, int nranks)
{
    json_t *array = json_array();
    for (int r = 0; r < nranks; r++) {
        const struct interface *i = &all[r].interface;
        json_t *rank = json_pack("{s:i, s:i, s:s, s:i, s:i, s:s, s:s}", "rank", r, "node", all[r].node, "host", all[r].shown.host, "pid", all[r].shown.pid,
                                 "thread", all[r].shown.thread, "device", all[r].shown.device, "binding", all[r].binding);
        json_object_set_new(rank, "gpu", all[r].shown.gpu >= 0 ? json_integer(all[r].shown.gpu) : json_null());
        json_object_set_new(rank, "bus", all[r].shown.bus[0] != '\0' ? json_string(all[r].shown.bus) : json_null());
        json_object_set_new(rank, "nic", i->name[0] != '\0' ? json_string(i->name) : json_null());
        json_object_set_new(rank, "nic_GBps", isfinite(i->GBps) ? json_real(i->GBps) : json_null());
        json_object_set_new(rank, "rdma", all[r].rdma[0] != '\0' ? json_string(all[r].rdma) : json_null());
        json_array_append_new(array, rank);
    }
    return array;
}

static json_t *ring_json(const struct session *s)
{
    json_t *array = json_array();
    for (int r = 0; r < s->job->nranks; r++)
        json_array_append_new(array, json_integer(s->ring[r]));
    return array;
}

static json_t *run_json(const struct session *s, const struct about_rank *all)
{
    char date[32];
    const time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    const struct ceiling memory = topology_memory_bandwidth(s->topology);
    char *words = topology_summary(s->topology);
    json_t *run = json_object();
    json_object_set_new(run, "program", json_string("ringbench"));
    json_object_set_new(run, "version", json_string(RINGBENCH_VERSION));
    json_object_set_new(run, "date", json_string(date));
    json_object_set_new(run, "ranks", json_integer(s->job->nranks));
    json_object_set_new(run, "nodes", json_integer(s->job->nnodes));
    json_object_set_new(run, "settings", settings_json(s->settings));
    json_object_set_new(run, "transport", json_string(comm_transport(s->channels[0].comm)));
    json_object_set_new(run, "transport_why", json_string(comm_transport_why(s->channels[0].comm)));
    json_object_set_new(run, "baseline", baselines_versions(&s->baselines));
    json_object_set_new(run, "baselines", baselines_json(&s->baselines));
    json_object_set_new(run, "memory_copy_GBps", json_real(memory.GBps));
    json_object_set_new(run, "clock_us", json_real(s->clock_sec * 1e6));
    json_object_set_new(run, "buffer_bytes", json_integer((json_int_t)s->region_bytes));
    json_object_set_new(run, "ring", ring_json(s));
    json_object_set_new(run, "placement", ranks_json(all, s->job->nranks));
    json_object_set_new(run, "machine", environment_machine());
    json_object_set_new(run, "environment", environment_variables());
    json_object_set_new(run, "topology_summary", json_string(words));
    json_object_set_new(run, "topology", topology_json(s->topology));
    free(words);
    return run;
}

static void print_preamble(const struct session *s, const struct about_rank *all)
{
    struct table_rank *ranks = rb_calloc((size_t)s->job->nranks, sizeof *ranks);
    for (int r = 0; r < s->job->nranks; r++)
        ranks[r] = all[r].shown;
    table_preamble(stdout, s->settings, ranks, s->job->nranks);
    free(ranks);
    char *words = topology_summary(s->topology), region[UNITS_TEXT];
    printf("# Machine: %s; one core copies %.3g GB/s while all ranks do\n", words, topology_memory_bandwidth(s->topology).GBps);
    free(words);
    printf("# Ring order:");
    for (int r = 0; r < s->job->nranks; r++)
        printf(" %d", s->ring[r]);
    printf("; buffers %s within %s a rank (--cache)\n", s->settings->cache, units_bytes(region, s->region_bytes));
    for (size_t i = 0; i < s->nchannels; i++)
        printf("# Transport %s\n", comm_transport_why(s->channels[i].comm));
    if (s->emulation.GBps > 0)
        printf("# Emulated: links of %s\n", s->emulation.text);
    printf("#\n");
    fflush(stdout);
}

int setup_record(struct session *s, struct store *store, const struct cases *cases)
{
    const bool pairs = cases == NULL || cases->total == 0;
    const struct about_rank me = about_me(s);
    struct about_rank *all = rb_calloc((size_t)s->job->nranks, sizeof *all);
    int rc = job_allgather(s->job, &me, all, sizeof me);
    if (rc == RB_OK && s->job->rank == 0) {
        json_t *run = run_json(s, all);
        rc = store_add_run(store, run);
        json_decref(run);
        if (strcmp(s->settings->format, "table") == 0 && (!s->settings->osu || pairs))
            print_preamble(s, all);
    }
    free(all);
    return job_agree(s->job, rc);
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
