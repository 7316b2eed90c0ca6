#include "bench/setup.h"

#include "collectives/transport/transport.h"
#include "core/error.h"
#include "workload/gpu_suite.h"

#include <string.h>

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
    if (comm_transport_usable(s->job->nnodes > 1 ? "cuda+mpi" : "cuda_staged", s->job, &why))
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
