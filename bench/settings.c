#include "bench/settings.h"

#include "collectives/schedule.h"
#include "collectives/transport/transport.h"
#include "collectives/types.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <stdlib.h>
#include <string.h>

#define AT(field) OPTION_AT(settings, field)

enum { MOST_THREADS = 64 }; /* ranks of a process */

static const char *const collective_names[] = { "all_reduce", "reduce_scatter", "all_gather", "broadcast", "reduce", "sendrecv",
                                                "alltoall", "all_to_all", "push_pull", "default", "all", NULL };
static const char *const type_names[] = { "int8", "uint8", "int32", "uint32", "int64", "uint64", "half", "float", "double",
                                          "bfloat16", "f8e4m3", "f8e5m2", "all", NULL };
static const char *const op_names[] = { "sum", "prod", "min", "max", "avg", "all", NULL };
static const char *transport_names[16] = { "auto", "all" }; /* and those of the registry: name_transports() */
static const char *const protocol_names[] = { "auto", "slots", "simple", "direct", "ll", "ll128", "all", NULL };
static const char *const baseline_names[] = { "auto", "mpi", "nccl", "none", NULL };
static const char *const nccl_ctas_names[] = { "most", "equal", NULL };
static const char *const cache_names[] = { "rotate", "hot", NULL };
static const char *const compute_by_names[] = { "clock", "gemm", NULL };
static const char *const format_names[] = { "table", "csv", "json", NULL };

static const struct option_row rows[] = {
    { .kind = OPTION_TITLE, .help = "What is measured" },
    { 0, "collective", "default", OPTION_LIST, AT(collectives), "default is all_reduce, reduce_scatter, all_gather, push_pull",
      collective_names, 0, 0 },
    { 0, "algorithm", "all", OPTION_TEXT, AT(algorithms), "families or names, see ringbench schedule", NULL, 0, 0 },
    { 0, "transport", "auto", OPTION_LIST, AT(transports), "how data move", transport_names, 0, 0 },
    { 0, "protocol", "auto", OPTION_LIST, AT(protocols), "through slots (NCCL: simple), straight from buffer to buffer; GPUs: ll and ll128, flags beside the data", protocol_names, 0, 0 },
    { 0, "baseline", "auto", OPTION_CHOICE, AT(baseline), "what to compare with, in the same loop; auto is nccl between GPUs, else mpi", baseline_names, 0, 0 },
    { 0, "servers", "auto", OPTION_TEXT, AT(servers), "parameter servers: a list such as 1,2, or all; auto is 1 and all ranks", NULL, 0, 0 },
    { 0, "nodes", NULL, OPTION_COUNT, AT(nodes), "groups of the algorithms with levels (two_level, tree) [one a host]", NULL, 1, 1e6 },
    { 0, "full", NULL, OPTION_FLAG, AT(full), "every collective, type, operator, transport and protocol", NULL, 0, 0 },
    { 0, "pairs", NULL, OPTION_FLAG, AT(pairs), "every ordered pair of ranks instead: latency, one way, both ways", NULL, 0, 0 },
    { 'b', "minbytes", NULL, OPTION_BYTES, AT(min_bytes), "smallest message [64]", NULL, 1, 0 },
    { 'e', "maxbytes", NULL, OPTION_BYTES, AT(max_bytes), "largest message [64M, or -b where that is larger]", NULL, 1, 0 },
    { 'i', "stepbytes", NULL, OPTION_BYTES, AT(step_bytes), "step from size to size, added", NULL, 1, 0 },
    { 'f', "stepfactor", NULL, OPTION_COUNT, AT(step_factor), "step from size to size, multiplied [4]", NULL, 2, 0 },
    { 'd', "datatype", "float", OPTION_LIST, AT(types), "element type", type_names, 0, 0 },
    { 'o', "op", "sum", OPTION_LIST, AT(ops), "reduction", op_names, 0, 0 },
    { 'r', "root", "0", OPTION_TEXT, AT(root), "root of broadcast and reduce: a rank, or all", NULL, 0, 0 },
    { .kind = OPTION_TITLE, .help = "How long" },
    { 'n', "iters", NULL, OPTION_COUNT, AT(iterations), "samples of each case [until precise]", NULL, 1, 1e7 },
    { 0, "precision", "0.02", OPTION_NUMBER, AT(precision), "stop when the 95 % interval of the median is within -+ this share", NULL, 1e-4, 1 },
    { 0, "budget", NULL, OPTION_SECONDS, AT(budget), "stop a case after this [shared out: 40 s for all of them, more for long lists]", NULL, 0, 0 },
    { 'w', "warmup_iters", "5", OPTION_COUNT, AT(warmup), "calls before the clock runs", NULL, 0, 1e6 },
    { 'm', "agg_iters", NULL, OPTION_COUNT, AT(aggregate), "calls in one sample [1; more where a call is too short for the clock]", NULL, 1, 1e6 },
    { 'N', "run_cycles", "1", OPTION_COUNT, AT(cycles), "measure all of it so often; 0: until stopped, with the drift", NULL, 0, 1e9 },
    { 'K', "per_iter_skip", "0", OPTION_COUNT, AT(skip), "samples left out at the start of each case", NULL, 0, 1e6 },
    { 'T', "timeout", "60", OPTION_SECONDS, AT(stall_limit), "give up after this long without progress; 0: never", NULL, 0, 0 },
    { 0, "time-limit", NULL, OPTION_SECONDS, AT(run_limit), "give up after this long in all", NULL, 0, 0 },
    { .kind = OPTION_TITLE, .help = "How" },
    { 'c', "check", "1", OPTION_COUNT, AT(check), "verified calls before and after the clock; 0: none", NULL, 0, 1e6 },
    { 'a', "average", "3", OPTION_COUNT, AT(average), "a sample is that of 0: rank 0, 1: the mean rank, 2: the fastest, 3: the slowest", NULL, 0, 3 },
    { 'z', "blocking", "0", OPTION_COUNT, AT(blocking),
      "with -m, 1: a barrier between calls, inside the sample; 2, 3: as 0, calls return when done", NULL, 0, 3 },
    { 'I', "per_iter_timing", "0", OPTION_COUNT, AT(percentiles), "1: four more columns: min, p95, p99, samples", NULL, 0, 1 },
    { 'S', "report_timestamps", "0", OPTION_COUNT, AT(stamps), "1: date and hour behind each line", NULL, 0, 1 },
    { 't', "nthreads", "1", OPTION_COUNT, AT(threads), "GPUs: as -g, and multiplied with it", NULL, 1, MOST_THREADS },
    { 'g', "ngpus", "1", OPTION_COUNT, AT(gpus), "GPUs of a process: each is a rank, and a thread of it", NULL, 1, MOST_THREADS },
    { 'G', "cudagraph", "0", OPTION_COUNT, AT(graphs), "GPUs: a sample is so many launches of a graph of -m calls [20 calls]; 0: no graph", NULL, 0, 1e6 },
    { 'C', "report_cputime", "0", OPTION_COUNT, AT(cpu_time), "GPUs, 1: times are those of the host until the GPU has the work, not until it is done", NULL, 0, 1 },
    { 0, "ranks-per-gpu", "1", OPTION_COUNT, AT(ranks_per_gpu), "GPUs: as many ranks may share one; one of them launches for all", NULL, 1, 16 },
    { 0, "channels", NULL, OPTION_COUNT, AT(channels), "GPUs: groups of 512 threads a rank [what the GPU has, at most 24 between GPUs]", NULL, 1, 64 },
    { 'V', "device_cta_count", NULL, OPTION_COUNT, AT(channels), "the same as --channels", NULL, 1, 64 },
    { 0, "system-scope", NULL, OPTION_FLAG, AT(system_scope), "ranks of one GPU: flags as between GPUs, to see what that costs", NULL, 0, 0 },
    { 0, "nccl", NULL, OPTION_TEXT, AT(nccl), "this libnccl.so; several by commas take turns [libnccl.so.2 as the system finds it]", NULL, 0, 0 },
    { 0, "nccl-algo", "auto", OPTION_TEXT, AT(nccl_algorithms), "NCCL_ALGO of the baseline; several by commas take turns, such as auto,Ring; auto: its choice", NULL, 0, 0 },
    { 0, "nccl-ctas", "most", OPTION_CHOICE, AT(nccl_ctas), "NCCL's thread blocks a rank: at most as many as --channels (NCCL_MAX_CTAS), or equally many (NCCL_MIN_CTAS too)", nccl_ctas_names, 0, 0 },
    { 'x', "cta_policy", "0", OPTION_COUNT, AT(cta_policy), "NCCL_CTA_POLICY of the baseline, 2.27 and newer; 0: its own", NULL, 0, 2 },
    { 0, "emulate", NULL, OPTION_TEXT, AT(emulate),
      "links no faster than those of this GPU model, or than a rate: H800, H800:0.01 (scaled), 25GB/s, 25GB/s,2us; without a scale the model's FLOP per byte", NULL, 0, 0 },
    { 0, "device", NULL, OPTION_TEXT, AT(device), "verbs: this RDMA device, or device:port, not the nearest", NULL, 0, 0 },
    { 0, "qps", "1", OPTION_COUNT, AT(qps), "verbs: queue pairs of a connection", NULL, 1, 16 },
    { 0, "proxy", NULL, OPTION_FLAG, AT(proxy), "verbs: a thread near the card moves messages", NULL, 0, 0 },
    { 0, "cache", "rotate", OPTION_CHOICE, AT(cache), "buffers in turn, or always the same", cache_names, 0, 0 },
    { 0, "no-bind", NULL, OPTION_FLAG, AT(no_bind), "leave the ranks where the launcher put them", NULL, 0, 0 },
    { 0, "topology", NULL, OPTION_TEXT, AT(topology), "ring order from this file (hwloc XML or nvidia-smi topo -m)", NULL, 0, 0 },
    { .kind = OPTION_TITLE, .help = "Workloads" },
    { 0, "workload", NULL, OPTION_TEXT, AT(workload.names), "training steps and decoding too: names by commas, or all; see ringbench workload --list", NULL, 0, 0 },
    { 0, "model", "llama-2-7b", OPTION_TEXT, AT(workload.model), "shape of the model", NULL, 0, 0 },
    { 0, "scale", NULL, OPTION_NUMBER, AT(workload.scale),
      "layers, hidden size and feed-forward divided by this, tokens by its square [the least power of 2 with 64 MiB of weights; GPUs: 1, two layers]", NULL, 1, 4096 },
    { 0, "grid", NULL, OPTION_TEXT, AT(workload.grid), "3d: tensor x pipeline x data, such as 2x2x2 [from the ranks]", NULL, 0, 0 },
    { 0, "bucket", "25M", OPTION_BYTES, AT(workload.bucket_bytes), "gradients that are reduced together", NULL, 4, 0 },
    { 0, "micro-batches", "8", OPTION_COUNT, AT(workload.micro_batches), "of a step through a pipeline", NULL, 1, 4096 },
    { 0, "batch", "8", OPTION_COUNT, AT(workload.batch), "inference: sequences at once", NULL, 1, 65536 },
    { 0, "generated", "8", OPTION_COUNT, AT(workload.generated), "inference: tokens of a sequence in one sample", NULL, 1, 65536 },
    { 0, "compute", "auto", OPTION_TEXT, AT(workload.compute), "what multiplies: auto, openblas, busy (a loop as long as it would take), cublas (on GPUs; tp-layer only)", NULL, 0, 0 },
    { 0, "compute-type", "bf16", OPTION_TEXT, AT(workload.compute_type), "on GPUs, what is multiplied: bf16, fp16, tf32, fp8", NULL, 0, 0 },
    { 0, "cublas", NULL, OPTION_TEXT, AT(workload.cublas), "this libcublasLt.so [.13 or .12 as the system finds it]", NULL, 0, 0 },
    { 0, "workload-budget", "2", OPTION_SECONDS, AT(workload.budget), "for the samples of one workload", NULL, 0, 0 },
    { 0, "staleness", "0,1,2,inf", OPTION_TEXT, AT(workload.parameter_server.staleness),
      "parameter-server: bounds, a list of iterations that a worker may not have seen, inf for none", NULL, 0, 0 },
    { 0, "compute-time", "1ms", OPTION_SECONDS, AT(workload.parameter_server.compute_sec), "parameter-server: that an iteration computes", NULL, 0, 3600 },
    { 0, "compute-by", "clock", OPTION_CHOICE, AT(workload.parameter_server.compute_by),
      "parameter-server: wait as beside a GPU, or do as many products as take so long alone", compute_by_names, 0, 0 },
    { 0, "slow-worker", "1", OPTION_NUMBER, AT(workload.parameter_server.slow_worker), "parameter-server: worker 0 computes so many times as long", NULL, 1, 1e6 },
    { 0, "workload-only", NULL, OPTION_FLAG, AT(workload_only), "no collectives: what ringbench workload does", NULL, 0, 0 },
    { .kind = OPTION_TITLE, .help = "Results" },
    { 0, "output", "ringbench-out", OPTION_TEXT, AT(output), "folder for records, plots and the report", NULL, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, AT(format), "standard output", format_names, 0, 0 },
    { 'J', "output_file", NULL, OPTION_TEXT, AT(file), "also write the cases here: .json or .csv", NULL, 0, 0 },
    { 0, "osu", NULL, OPTION_FLAG, AT(osu), "tables of latencies as the OSU benchmarks print them", NULL, 0, 0 },
    { 0, "resume", NULL, OPTION_FLAG, AT(resume), "keep the cases that the output folder has, measure the rest", NULL, 0, 0 },
    { 0, "dry-run", NULL, OPTION_FLAG, AT(dry_run), "list the cases and how long they may take", NULL, 0, 0 },
    { 0, "no-report", NULL, OPTION_FLAG, AT(no_report), "records only: no fit, limits and plots", NULL, 0, 0 },
    { 0, "min-busbw", NULL, OPTION_NUMBER, AT(min_busbw), "exit code 7 when a table's best busbw is below this [GB/s]", NULL, 0, 0 },
    { 'p', "parallel_init", "ranks always start side by side", OPTION_REFUSED, 0, NULL, NULL, 0, 0 },
    { 'y', "stream_null", "kernels and NCCL have streams of their own: the null stream waits for all others, and cannot be made a graph", OPTION_REFUSED, 0, NULL, NULL, 0, 0 },
    { 'R', "local_register", "buffers are always shared where the transport can", OPTION_REFUSED, 0, NULL, NULL, 0, 0 },
    { 'D', "device_implementation", "all of ours are; choose by --algorithm, --protocol and --transport", OPTION_REFUSED, 0, NULL, NULL, 0, 0 },
    { 'M', "memory_report", "results.jsonl holds the memory of every run", OPTION_REFUSED, 0, NULL, NULL, 0, 0 },
    { 'u', "unalign", "buffers begin on a cache line; ragged sizes (-b 3 -f 7) move the blocks inside them off it", OPTION_REFUSED, 0, NULL, NULL, 0, 0 },
};

const struct option_table run_options = {
    .usage = "mpirun -n N ringbench [run] [options]",
    .about = "Measures collectives between the ranks, then fits the cost of the links and says how far a model can be split\n"
             "across GPUs. Sizes: K, M, G, T are powers of 1024. Bandwidths: GB/s = 1e9 bytes per second, one direction.",
    .rows = rows, .count = RB_LEN(rows),
};

static const uint64_t default_min = 64, default_max = (uint64_t)64 << 20;

static int settle_sizes(struct settings *s)
{
    if (s->step_bytes > 0 && s->step_factor > 0)
        return rb_fail(RB_EUSAGE, "-i %llu and -f %llu: one step or the other", (unsigned long long)s->step_bytes,
                       (unsigned long long)s->step_factor);
    s->workload.parameter_server.servers = s->servers;
    s->workload.parameter_server.iterations = s->iterations;
    s->workload.parameter_server.min_bytes = s->min_bytes; /* as asked for: it has sizes of its own */
    s->workload.parameter_server.max_bytes = s->max_bytes;
    s->workload.parameter_server.step_factor = s->step_factor;
    if (s->step_bytes == 0 && s->step_factor == 0)
        s->step_factor = 4;
    if (s->min_bytes == 0)
        s->min_bytes = s->max_bytes > 0 && s->max_bytes < default_min ? s->max_bytes : default_min;
    if (s->max_bytes == 0)
        s->max_bytes = s->min_bytes > default_max ? s->min_bytes : default_max;
    if (s->min_bytes > s->max_bytes) {
        char low[UNITS_TEXT], high[UNITS_TEXT];
        return rb_fail(RB_EUSAGE, "-b %s is above -e %s", units_bytes(low, s->min_bytes), units_bytes(high, s->max_bytes));
    }
    return RB_OK;
}

/* Families and names together: either may be given. */
static int check_algorithm(const char *word)
{
    const char **names = rb_calloc(2 * algorithm_count + 1, sizeof *names);
    size_t n = 0;
    bool known = strcmp(word, "all") == 0;
    for (size_t i = 0; i < algorithm_count; i++) {
        names[n++] = algorithms[i]->name;
        names[n++] = algorithms[i]->family;
        known |= strcmp(word, algorithms[i]->name) == 0 || strcmp(word, algorithms[i]->family) == 0;
    }
    const char *near = text_nearest(word, names, n);
    free(names);
    if (known)
        return RB_OK;
    return near != NULL ? rb_fail(RB_EUSAGE, "--algorithm: unknown '%s'; did you mean %s?", word, near)
                        : rb_fail(RB_EUSAGE, "--algorithm: unknown '%s'; ring, direct_one_shot, direct_two_shot, parameter_server or "
                                             "a name that ringbench schedule knows", word);
}

static int check_algorithms(const char *list)
{
    char *copy = rb_strdup(list), *at = copy;
    int rc = RB_OK;
    for (char *word; rc == RB_OK && (word = strsep(&at, ",")) != NULL;)
        rc = check_algorithm(word);
    free(copy);
    return rc;
}

/* "all", "auto" where the option has it, or whole numbers by commas. */
static int check_numbers(const char *label, const char *list, bool has_auto)
{
    if (strcmp(list, "all") == 0 || (has_auto && strcmp(list, "auto") == 0))
        return RB_OK;
    char *copy = rb_strdup(list), *at = copy;
    int rc = RB_OK;
    uint64_t number;
    for (char *word; rc == RB_OK && (word = strsep(&at, ",")) != NULL;)
        if (!units_parse_count(word, &number) || number > 1000000)
            rc = rb_fail(RB_EUSAGE, "%s '%s': not a whole number, nor all%s", label, word, has_auto ? ", nor auto" : "");
    free(copy);
    return rc;
}

static int check_combinations(const struct settings *s)
{
    if (s->threads * s->gpus > MOST_THREADS)
        return rb_fail(RB_EUSAGE, "-t %llu -g %llu: that is %llu ranks a process, at most %d are possible; start more with mpirun -n",
                       (unsigned long long)s->threads, (unsigned long long)s->gpus, (unsigned long long)(s->threads * s->gpus), MOST_THREADS);
    if (s->file != NULL && !text_ends_with(s->file, ".json") && !text_ends_with(s->file, ".csv"))
        return rb_fail(RB_EUSAGE, "-J %s: the name must end in .json or .csv", s->file);
    if (s->output[0] == '\0')
        return rb_fail(RB_EUSAGE, "--output: empty name");
    if (s->graphs > 0 && s->blocking == 1)
        return rb_fail(RB_EUSAGE, "-z 1: there is no barrier between the calls of a graph (-G)");
    if (s->workload_only && (s->workload.names == NULL || s->pairs))
        return rb_fail(RB_EUSAGE, "--workload-only: name the workloads with --workload, without --pairs");
    return RB_OK;
}

/* What --full widens unless the user has said otherwise: the default of an option is the text of its row. */
static void widen(struct settings *s)
{
    if (!s->full)
        return;
    if (strcmp(s->collectives, "default") == 0)
        s->collectives = "all";
    if (strcmp(s->types, "float") == 0)
        s->types = "all";
    if (strcmp(s->ops, "sum") == 0)
        s->ops = "all";
    if (strcmp(s->transports, "auto") == 0)
        s->transports = "all";
    if (strcmp(s->protocols, "auto") == 0)
        s->protocols = "all";
    if (strcmp(s->servers, "auto") == 0)
        s->servers = "all";
}

static void name_transports(void)
{
    size_t n = 0;
    transport_names[n++] = "auto";
    for (size_t i = 0; i < transport_count && n + 2 < RB_LEN(transport_names); i++)
        transport_names[n++] = transports[i]->name;
    for (const struct transport_gap *g = transport_gaps; g->name != NULL && n + 2 < RB_LEN(transport_names); g++)
        transport_names[n++] = g->name; /* refused later, with the reason */
    transport_names[n++] = "all";
    transport_names[n] = NULL;
}

int settings_parse(struct settings *s, int argc, char **argv, bool *help_p)
{
    *s = (struct settings){0};
    name_transports();
    RB_TRY(options_parse(&run_options, s, argc, argv, NULL, 0, NULL, help_p));
    if (*help_p)
        return RB_OK;
    widen(s);
    RB_TRY(settle_sizes(s));
    RB_TRY(check_algorithms(s->algorithms));
    RB_TRY(check_numbers("--servers", s->servers, true));
    RB_TRY(check_numbers("-r", s->root, false));
    if (s->workload.names != NULL)
        RB_TRY(suite_check(&s->workload));
    return check_combinations(s);
}

static void add_member(void *context, const char *name, const char *value)
{
    json_object_set_new(context, name, json_string(value));
}

json_t *settings_json(const struct settings *s)
{
    json_t *object = json_object();
    options_echo(&run_options, s, add_member, object);
    return object;
}

const char *settings_difference(const json_t *a, const json_t *b)
{
    static const char *const names[] = { "iters", "precision", "warmup_iters", "agg_iters", "per_iter_skip", "average", "blocking", "cache",
                                         "no-bind", "topology", "cudagraph", "report_cputime" };
    for (size_t i = 0; i < RB_LEN(names); i++) {
        const json_t *x = json_object_get(a, names[i]), *y = json_object_get(b, names[i]);
        if (x == NULL || y == NULL || !json_equal(x, y))
            return names[i];
    }
    return NULL;
}
